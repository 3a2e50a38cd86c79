//! GSPO: the clipped loss with one probability ratio for the whole response.

use tch::{TchError, Tensor};

use super::ppo::{Clip, PolicyTerms, clipped_surrogate};
use super::{masked, row_sum};

/// GSPO's loss per token. The ratio of a response is `exp(mean over its tokens of new - old)`; every token of the row has
/// that value and the gradient of its own log-prob. The combined log-ratio is at most 10; the dual clip is not used.
/// With [`super::aggregation::Aggregation::SeqMeanTokenMean`] the gradient is the paper's.
pub fn gspo(
    old: &Tensor,
    new: &Tensor,
    advantages: &Tensor,
    mask: &Tensor,
    clip: &Clip,
) -> Result<PolicyTerms, TchError> {
    let log_ratio = new.f_sub(old)?;
    let lengths = row_sum(mask)?.f_clamp_min(1.0)?;
    let sequence = row_sum(&masked(&log_ratio, mask)?)?.f_div(&lengths)?;
    let combined = new
        .f_sub(&new.f_detach()?)?
        .f_add(&sequence.f_detach()?)?
        .f_clamp_max(10.0)?;
    let (loss, clipped) = clipped_surrogate(&combined.f_exp()?, advantages, clip)?;
    Ok(PolicyTerms {
        clipped_lower: clipped.f_zeros_like()?,
        loss,
        clipped,
        log_ratio: log_ratio.f_detach()?,
    })
}
