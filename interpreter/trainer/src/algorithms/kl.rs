//! Estimates of the KL divergence to a reference policy from the log-probs of sampled tokens.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{TensorResult, masked_mean};

/// A per-token estimator, with `d = log_prob - reference log_prob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// `d`: unbiased, may be negative.
    K1,
    /// `|d|`.
    Abs,
    /// `d^2 / 2`: its gradient is that of the KL divergence.
    K2,
    /// `exp(-d) + d - 1`, clamped to +-10 (with `d` to +-20): unbiased, low variance. The field's usual choice.
    K3,
}

/// An estimator, by itself or with the gradient of K2 ("straight-through", a `+` after the name in verl).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KlEstimate {
    pub estimator: Estimator,
    pub straight_through: bool,
}

impl KlEstimate {
    /// The estimate per token `[B, T]`, differentiable in `log_prob`.
    pub fn penalty(&self, log_prob: &Tensor, reference: &Tensor) -> TensorResult {
        let forward = estimate(self.estimator, log_prob, reference)?;
        if !self.straight_through {
            return Ok(forward);
        }
        let backward = estimate(Estimator::K2, log_prob, reference)?;
        backward.f_sub(&backward.f_detach()?)?.f_add(&forward.f_detach()?)
    }
}

fn estimate(estimator: Estimator, log_prob: &Tensor, reference: &Tensor) -> TensorResult {
    let difference = log_prob.f_sub(reference)?;
    match estimator {
        Estimator::K1 => Ok(difference),
        Estimator::Abs => difference.f_abs(),
        Estimator::K2 => difference.f_square()?.f_mul_scalar(0.5),
        Estimator::K3 => {
            let q = difference.f_neg()?.f_clamp(-20.0, 20.0)?;
            q.f_exp()?.f_sub(&q)?.f_sub_scalar(1.0)?.f_clamp(-10.0, 10.0)
        }
    }
}

/// K3 without clamps (TRL).
pub fn k3_unclamped(log_prob: &Tensor, reference: &Tensor) -> TensorResult {
    let q = reference.f_sub(log_prob)?;
    q.f_exp()?.f_sub(&q)?.f_sub_scalar(1.0)
}

/// The coefficient of a KL penalty in the reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Controller {
    Fixed,
    /// After each use the coefficient is multiplied by `1 + clip(current/target - 1, -0.2, 0.2) * rows / horizon`.
    Adaptive {
        target: f64,
        horizon: f64,
    },
}

/// What [`penalise_rewards`] gives.
#[derive(Debug)]
pub struct PenalisedRewards {
    /// Token rewards `[B, T]`.
    pub rewards: Tensor,
    /// Mean over rows of the row's mean estimate.
    pub current: f64,
    /// The coefficient for the next batch.
    pub next_coefficient: f64,
}

/// Token scores `[B, T]` minus `coefficient * KL` on the tokens of the mask.
pub fn penalise_rewards(
    token_scores: &Tensor,
    old: &Tensor,
    reference: &Tensor,
    mask: &Tensor,
    estimate: KlEstimate,
    coefficient: f64,
    controller: Controller,
) -> Result<PenalisedRewards, TchError> {
    let kl = super::masked(&estimate.penalty(old, reference)?, mask)?;
    let rewards = token_scores.f_sub(&kl.f_mul_scalar(coefficient)?)?;
    let rows = kl.size().first().copied().unwrap_or(0);
    let mut current = 0.0;
    for row in 0..rows {
        current += masked_mean(&kl.f_get(row)?, &mask.f_get(row)?)?.f_double_value(&[])?;
    }
    current /= rows.max(1) as f64;
    let next_coefficient = match controller {
        Controller::Fixed => coefficient,
        Controller::Adaptive { target, horizon } => {
            let error = (current / target - 1.0).clamp(-0.2, 0.2);
            coefficient * (1.0 + error * rows as f64 / horizon)
        }
    };
    Ok(PenalisedRewards {
        rewards,
        current,
        next_coefficient,
    })
}
