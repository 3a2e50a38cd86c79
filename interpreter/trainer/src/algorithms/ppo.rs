//! The clipped policy loss of PPO with asymmetric bounds (clip-higher) and dual clip.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{TensorResult, masked_mean};

/// Bounds on the probability ratio: `[1 - low, 1 + high]`, and for negative advantages the cap `-A * dual` on the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    pub low: f64,
    pub high: f64,
    pub dual: Option<f64>,
    /// The unclipped ratio is at most this, whatever the sign of the advantage (TRL's two-sided clipping, `delta`).
    #[serde(default)]
    pub ceiling: Option<f64>,
}

/// A policy loss per token, before aggregation, with what is measured along the way. All `[B, T]`.
#[derive(Debug)]
pub struct PolicyTerms {
    /// Loss of each token; carries the gradient with respect to the new log-probs.
    pub loss: Tensor,
    /// 1 where the clipped branch is in force.
    pub clipped: Tensor,
    /// 1 where the dual clip is in force.
    pub clipped_lower: Tensor,
    /// New minus old log-prob, as far as the loss sees it (clamped), detached.
    pub log_ratio: Tensor,
}

impl PolicyTerms {
    /// Multiplies the losses by importance weights `[B, T]` (rollout correction).
    pub fn weighted(mut self, weights: &Tensor) -> Result<Self, TchError> {
        self.loss = self.loss.f_mul(weights)?;
        Ok(self)
    }

    /// `(clip fraction, KL of old to new, dual-clip fraction)`, means over the tokens of the mask.
    pub fn measures(&self, mask: &Tensor) -> Result<(f64, f64, f64), TchError> {
        Ok((
            masked_mean(&self.clipped, mask)?.f_double_value(&[])?,
            -masked_mean(&self.log_ratio, mask)?.f_double_value(&[])?,
            masked_mean(&self.clipped_lower, mask)?.f_double_value(&[])?,
        ))
    }
}

/// `new - old`, clamped to +-20 so that its exponential stays finite; entries beyond have no gradient.
pub fn clamped_log_ratio(old: &Tensor, new: &Tensor) -> TensorResult {
    new.f_sub(old)?.f_clamp(-20.0, 20.0)
}

/// `max(-A ratio, -A clamp(ratio))`, and where the clipped branch is the larger.
pub(crate) fn clipped_surrogate(
    ratio: &Tensor,
    advantages: &Tensor,
    clip: &Clip,
) -> Result<(Tensor, Tensor), TchError> {
    let negative = advantages.f_neg()?;
    let free = match clip.ceiling {
        None => negative.f_mul(ratio)?,
        Some(ceiling) => negative.f_mul(&ratio.f_clamp_max(ceiling)?)?,
    };
    let bounded = negative.f_mul(&ratio.f_clamp(1.0 - clip.low, 1.0 + clip.high)?)?;
    let active = bounded.f_gt_tensor(&free)?.f_to_kind(ratio.kind())?;
    Ok((free.f_maximum(&bounded)?, active))
}

/// PPO's clipped loss per token: `max(-A r, -A clamp(r, 1-low, 1+high))` with `r = exp(new - old)`; where `A < 0` and a
/// dual clip `c` is set, at most `-A c`.
pub fn ppo(old: &Tensor, new: &Tensor, advantages: &Tensor, clip: &Clip) -> Result<PolicyTerms, TchError> {
    from_log_ratio(&clamped_log_ratio(old, new)?, advantages, clip)
}

/// The same from the log of any ratio `[B, T]`.
pub fn from_log_ratio(log_ratio: &Tensor, advantages: &Tensor, clip: &Clip) -> Result<PolicyTerms, TchError> {
    let (loss, clipped) = clipped_surrogate(&log_ratio.f_exp()?, advantages, clip)?;
    let (loss, clipped_lower) = match clip.dual {
        None => {
            let zeros = clipped.f_zeros_like()?;
            (loss, zeros)
        }
        Some(cap) => {
            let cap = advantages.f_mul_scalar(-cap)?;
            let negative = advantages.f_lt(0)?;
            let lower = loss
                .f_gt_tensor(&cap)?
                .f_logical_and(&negative)?
                .f_to_kind(loss.kind())?;
            (loss.f_minimum(&cap)?.f_where_self(&negative, &loss)?, lower)
        }
    };
    Ok(PolicyTerms {
        loss,
        clipped,
        clipped_lower,
        log_ratio: log_ratio.f_detach()?,
    })
}
