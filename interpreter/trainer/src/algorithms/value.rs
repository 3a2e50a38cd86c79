//! The clipped value loss of PPO.

use tch::{TchError, Tensor};

use super::aggregation::{Aggregation, Normalisers, aggregate};
use super::masked_mean;

/// `0.5 aggregate(max((v - R)^2, (clamp(v, old - range, old + range) - R)^2))`, and the share of tokens where the clipped
/// branch is the larger.
pub fn value_loss(
    predictions: &Tensor,
    old_values: &Tensor,
    returns: &Tensor,
    mask: &Tensor,
    range: f64,
    aggregation: Aggregation,
    normalisers: &Normalisers,
) -> Result<(Tensor, f64), TchError> {
    let lower = old_values.f_sub_scalar(range)?;
    let upper = old_values.f_add_scalar(range)?;
    let clipped = predictions.f_maximum(&lower)?.f_minimum(&upper)?;
    let free = predictions.f_sub(returns)?.f_square()?;
    let bounded = clipped.f_sub(returns)?.f_square()?;
    let active = bounded.f_gt_tensor(&free)?.f_to_kind(free.kind())?;
    let fraction = masked_mean(&active, mask)?.f_double_value(&[])?;
    let loss = aggregate(&free.f_maximum(&bounded)?, mask, aggregation, normalisers)?;
    Ok((loss.f_mul_scalar(0.5)?, fraction))
}
