//! REINFORCE++ with and without a group baseline, and ReMax.

use tch::{TchError, Tensor};

use super::TensorResult;
use super::whiten::whiten;

/// Discounted return-to-go `[B, T]` over the tokens of the mask. A hole in the mask is skipped: no reward is taken there,
/// no discount applied, and the running return is carried across it.
pub fn return_to_go(rewards: &Tensor, mask: &Tensor, gamma: f64) -> TensorResult {
    let (_, columns) = rewards.size2()?;
    let mut running = rewards.f_select(1, 0)?.f_zeros_like()?;
    let mut out = Vec::new();
    for column in (0..columns).rev() {
        let reward = rewards.f_select(1, column)?;
        let valid = mask.f_select(1, column)?.f_ne(0)?;
        let next = reward.f_add(&running.f_mul_scalar(gamma)?)?;
        running = next.f_where_self(&valid, &running)?;
        out.push(next.f_where_self(&valid, &running.f_zeros_like()?)?);
    }
    out.reverse();
    Tensor::f_stack(&out, 1)
}

/// REINFORCE++: return-to-go, whitened over all tokens, 0 outside the mask. Returns `(advantages, returns)`, `[B, T]`.
pub fn reinforce_plus_plus(
    token_rewards: &Tensor,
    mask: &Tensor,
    gamma: f64,
) -> Result<(Tensor, Tensor), TchError> {
    let returns = return_to_go(token_rewards, mask, gamma)?;
    let advantages = whiten(&returns, mask)?.f_mul(mask)?;
    Ok((advantages, returns))
}

/// REINFORCE++-baseline: the response's group-relative score (`group::grpo` without the standard deviation) on each of its
/// tokens, whitened over all tokens. `centred` is `[B]`, the result `[B, T]`, 0 outside the mask.
pub fn reinforce_plus_plus_baseline(centred: &Tensor, mask: &Tensor) -> TensorResult {
    let spread = centred.f_unsqueeze(-1)?.f_mul(mask)?;
    whiten(&spread, mask)?.f_mul(mask)
}

/// ReMax: return-to-go (undiscounted) minus the reward of the greedy response to the same prompt.
/// `baselines` is `[B]`. Returns `(advantages, returns)`, `[B, T]`; no whitening.
pub fn remax(
    token_rewards: &Tensor,
    mask: &Tensor,
    baselines: &Tensor,
) -> Result<(Tensor, Tensor), TchError> {
    let kept = token_rewards.f_mul(mask)?;
    let returns = kept.f_flip([-1])?.f_cumsum(-1, kept.kind())?.f_flip([-1])?;
    let advantages = returns.f_sub(&baselines.f_unsqueeze(-1)?.f_mul(mask)?)?;
    Ok((advantages, returns))
}
