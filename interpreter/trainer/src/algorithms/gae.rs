//! Generalised advantage estimation (PPO).

use tch::{TchError, Tensor};

use super::whiten::whiten;

/// GAE over the tokens of the mask: `delta = r + gamma V' - V`, `A = delta + gamma lambda A'`, where `V'` and `A'` are those
/// of the next token of the mask (0 after the last), so holes are skipped. Returns `(whitened A, A + V)`, `[B, T]`; both
/// are meaningful where the mask is 1.
pub fn gae(
    token_rewards: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    gamma: f64,
    lambda: f64,
) -> Result<(Tensor, Tensor), TchError> {
    let (advantages, returns) = estimate(token_rewards, values, mask, gamma, lambda)?;
    Ok((whiten(&advantages, mask)?, returns))
}

/// The same without whitening.
pub fn estimate(
    token_rewards: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    gamma: f64,
    lambda: f64,
) -> Result<(Tensor, Tensor), TchError> {
    let (_, columns) = token_rewards.size2()?;
    let zero = values.f_select(1, 0)?.f_zeros_like()?;
    let (mut next_value, mut next_advantage) = (zero.shallow_clone(), zero);
    let mut out = Vec::new();
    for column in (0..columns).rev() {
        let value = values.f_select(1, column)?;
        let valid = mask.f_select(1, column)?.f_ne(0)?;
        let delta = token_rewards
            .f_select(1, column)?
            .f_add(&next_value.f_mul_scalar(gamma)?)?
            .f_sub(&value)?;
        let advantage = delta.f_add(&next_advantage.f_mul_scalar(gamma * lambda)?)?;
        next_value = value.f_where_self(&valid, &next_value)?;
        next_advantage = advantage.f_where_self(&valid, &next_advantage)?;
        out.push(next_advantage.shallow_clone());
    }
    out.reverse();
    let advantages = Tensor::f_stack(&out, 1)?;
    let returns = advantages.f_add(values)?;
    Ok((advantages, returns))
}
