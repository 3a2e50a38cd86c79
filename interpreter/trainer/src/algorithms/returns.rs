//! Token rewards and returns as OpenRLHF makes them: a reward on the last token, a KL penalty on every token, and
//! returns in which holes of the mask are not skipped (they have reward and value 0, and are discounted over).

use tch::{Kind, TchError, Tensor};

use super::{TensorResult, masked, masked_mean};

/// Token rewards `[B, T]`: `-coefficient * kl`, plus the response's reward (`[B]`, clipped to `bounds`) on its last token.
pub fn token_rewards(
    rewards: &Tensor,
    kl: &Tensor,
    mask: &Tensor,
    coefficient: f64,
    bounds: Option<[f64; 2]>,
) -> TensorResult {
    let rewards = match bounds {
        None => rewards.shallow_clone(),
        Some([low, high]) => rewards.f_clamp(low, high)?,
    };
    // The last token is where the count of tokens from the right is 1 for the first time.
    let behind = mask.f_flip([-1])?.f_cumsum(-1, Kind::Double)?.f_flip([-1])?;
    let last = behind.f_eq(1)?.f_logical_and(&mask.f_ne(0)?)?;
    let placed = rewards.f_unsqueeze(-1)?.f_mul(&last.f_to_kind(rewards.kind())?)?;
    placed.f_sub(&kl.f_mul_scalar(coefficient.max(0.0))?)
}

/// Discounted return-to-go over all columns, rewards outside the mask counting as 0.
pub fn cumulative(rewards: &Tensor, mask: &Tensor, gamma: f64) -> TensorResult {
    scan(&masked(rewards, mask)?, gamma)
}

/// GAE over all columns, rewards and values outside the mask counting as 0. Returns `(advantages, returns)`, not whitened.
pub fn gae(
    rewards: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    gamma: f64,
    lambda: f64,
) -> Result<(Tensor, Tensor), TchError> {
    let (rewards, values) = (masked(rewards, mask)?, masked(values, mask)?);
    let (_, columns) = values.size2()?;
    let next = values.f_roll([-1], [1])?;
    let column = Tensor::f_arange(columns, (Kind::Int64, values.device()))?;
    let next = masked(&next, &column.f_lt(columns - 1)?.f_expand_as(&next)?)?;
    let deltas = rewards.f_add(&next.f_mul_scalar(gamma)?)?.f_sub(&values)?;
    let advantages = scan(&deltas, gamma * lambda)?;
    let returns = advantages.f_add(&values)?;
    Ok((advantages, returns))
}

/// `y_t = x_t + decay * y_{t+1}` over the columns.
fn scan(x: &Tensor, decay: f64) -> TensorResult {
    let (_, columns) = x.size2()?;
    let mut running = x.f_select(1, 0)?.f_zeros_like()?;
    let mut out = Vec::new();
    for column in (0..columns).rev() {
        running = x.f_select(1, column)?.f_add(&running.f_mul_scalar(decay)?)?;
        out.push(running.shallow_clone());
    }
    out.reverse();
    Tensor::f_stack(&out, 1)
}

/// `(x - mean) / std` over the tokens of the mask, with the population variance, which is at least 1e-8. `scale: false`
/// takes off the mean alone.
pub fn standardise(x: &Tensor, mask: &Tensor, scale: bool) -> TensorResult {
    let centred = x.f_sub(&masked_mean(x, mask)?)?;
    if !scale {
        return Ok(centred);
    }
    let variance = masked_mean(&centred.f_square()?, mask)?;
    centred.f_mul(&variance.f_clamp_min(1e-8)?.f_rsqrt()?)
}
