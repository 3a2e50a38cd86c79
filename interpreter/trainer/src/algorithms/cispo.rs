//! CISPO: a clipped importance weight, without gradient, times the log-prob.

use tch::{TchError, Tensor};

use super::ppo::{Clip, PolicyTerms, clamped_log_ratio};

/// CISPO's loss per token: `-stop_gradient(clamp(ratio, 1-low, 1+high)) A log_prob`. `clipped` says where the clamp changed
/// the ratio; the dual clip is not used.
pub fn cispo(old: &Tensor, new: &Tensor, advantages: &Tensor, clip: &Clip) -> Result<PolicyTerms, TchError> {
    let log_ratio = clamped_log_ratio(old, new)?;
    detached_weight(&log_ratio, new, advantages, Some(1.0 - clip.low), 1.0 + clip.high)
}

/// The same from the log of any ratio `[B, T]`, with the weight's bounds themselves (TRL has an upper one alone).
pub fn detached_weight(
    log_ratio: &Tensor,
    new: &Tensor,
    advantages: &Tensor,
    low: Option<f64>,
    high: f64,
) -> Result<PolicyTerms, TchError> {
    let log_ratio = log_ratio.f_detach()?;
    let ratio = log_ratio.f_exp()?;
    let weight = ratio.f_clamp(low.unwrap_or(f64::NEG_INFINITY), high)?;
    let clipped = ratio.f_ne_tensor(&weight)?.f_to_kind(new.kind())?;
    let loss = weight.f_mul(advantages)?.f_mul(new)?.f_neg()?;
    Ok(PolicyTerms {
        clipped_lower: clipped.f_zeros_like()?,
        loss,
        clipped,
        log_ratio,
    })
}
