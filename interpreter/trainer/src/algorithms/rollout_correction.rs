//! Correction of the mismatch between the engine that sampled and the engine that trains: importance weights that are
//! truncated or zeroed, rejection of tokens and responses, and what is worth logging about the mismatch.
//!
//! Throughout `log w = old - rollout`, the training engine's log-prob before the update less the one at sampling, both
//! `[B, T]`. Formulas and the names of the measures are those of verl's `rollout_corr_helper`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{TensorResult, masked, masked_mean, row_sum};

/// Log-ratios are clamped to +- this before they are exponentiated.
const BOUND: f64 = 20.0;

/// What a ratio is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Token,
    /// One ratio for the whole response: the product over its tokens.
    Sequence,
}

/// Importance weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    pub level: Level,
    /// `Some`: weights outside `[low, high]` become 0 (IcePop). `None`: weights are truncated at `high` (TIS).
    pub low: Option<f64>,
    pub high: f64,
    /// Divide by the mean, so that the weights have mean 1 over the batch.
    pub normalize: bool,
}

/// How per-token divergences are reduced before they are compared with a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    Token,
    SeqSum,
    SeqMean,
    SeqMax,
}

/// A per-token divergence of `log w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Divergence {
    /// `-log w`.
    K1,
    /// `(log w)^2 / 2`.
    K2,
    /// `w - 1 - log w`.
    K3,
}

/// One criterion of rejection; a token stays where all criteria let it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    pub reduction: Reduction,
    pub divergence: Divergence,
    /// For K1: the bounds of the ratio `exp(k1)`; `None` is `1 / high`. Other divergences have an upper bound alone.
    pub low: Option<f64>,
    pub high: f64,
}

/// Importance weights `[B, T]`, 0 outside the mask, without gradient; and what is measured of them, by verl's names.
///
/// # Errors
/// Of libtorch; an empty mask gives weights of 0 and measures of 0.
pub fn weights(
    old: &Tensor,
    rollout: &Tensor,
    mask: &Tensor,
    how: &Weights,
) -> Result<(Tensor, BTreeMap<&'static str, f64>), TchError> {
    let log_ratio = old.f_detach()?.f_sub(&rollout.f_detach()?)?;
    let log_ratio = match how.level {
        Level::Token => log_ratio,
        Level::Sequence => row_sum(&masked(&log_ratio, mask)?)?.f_expand_as(mask)?,
    };
    let raw = masked(&log_ratio.f_clamp(-BOUND, BOUND)?.f_exp()?, mask)?;
    let (low, high) = (how.low.unwrap_or(1.0 / how.high), how.high);
    let (above, below) = match how.level {
        Level::Token => {
            let above = raw.f_gt(high)?.f_to_kind(raw.kind())?;
            let below = raw.f_lt(low)?.f_to_kind(raw.kind())?;
            (
                number(&masked_mean(&above, mask)?)?,
                number(&masked_mean(&below, mask)?)?,
            )
        }
        Level::Sequence => {
            let rows = log_ratio.f_select(-1, 0)?;
            let share = |tensor: Tensor| -> Result<f64, TchError> {
                number(&tensor.f_to_kind(rows.kind())?.f_mean(rows.kind())?)
            };
            (share(rows.f_gt(high.ln())?)?, share(rows.f_lt(low.ln())?)?)
        }
    };
    let mut measures = BTreeMap::from([
        ("rollout_is_ratio_fraction_high", above),
        ("rollout_is_ratio_fraction_low", below),
    ]);
    let mut applied = match how.low {
        None => raw.f_clamp_max(high)?,
        Some(low) => {
            let outside = raw.f_lt(low)?.f_logical_or(&raw.f_gt(high)?)?;
            let share = masked_mean(&outside.f_to_kind(raw.kind())?, mask)?;
            measures.insert("rollout_is_oob_ratio", number(&share)?);
            raw.f_masked_fill(&outside, 0.0)?
        }
    };
    let mean = number(&masked_mean(&applied, mask)?)?;
    let square = number(&masked_mean(&applied.f_square()?, mask)?)?;
    measures.insert("rollout_is_mean", mean);
    let tokens = number(&mask.f_sum(raw.kind())?)?;
    let variance = if tokens > 1.0 { square - mean * mean } else { 0.0 };
    measures.insert("rollout_is_std", variance.max(0.0).sqrt());
    let relative = square / (mean + 1e-8).powi(2);
    let effective = if relative > 0.0 { 1.0 / relative } else { 0.0 };
    measures.insert("rollout_is_eff_sample_size", effective);
    if how.normalize {
        let factor = match how.level {
            Level::Token => mean,
            Level::Sequence => {
                let lengths = row_sum(mask)?;
                let rows = row_sum(&applied)?.f_div(&lengths.f_add_scalar(1e-8)?)?;
                let count = number(&lengths.f_gt(0)?.f_sum(raw.kind())?)?;
                number(&rows.f_sum(raw.kind())?)? / count.max(1e-8)
            }
        };
        let factor = if factor > 1e-8 { factor } else { 1.0 };
        applied = applied.f_div_scalar(factor)?;
        measures.insert("rollout_is_batch_norm_factor", factor);
    }
    Ok((applied, measures))
}

/// The mask without the tokens that a criterion rejects. They leave the denominators too.
pub fn reject(old: &Tensor, rollout: &Tensor, mask: &Tensor, criteria: &[Rejection]) -> TensorResult {
    let log_ratio = old
        .f_detach()?
        .f_sub(&rollout.f_detach()?)?
        .f_clamp(-BOUND, BOUND)?;
    let mut kept = mask.shallow_clone();
    for criterion in criteria {
        let tokens = match criterion.divergence {
            Divergence::K1 => log_ratio.f_neg()?,
            Divergence::K2 => log_ratio.f_square()?.f_mul_scalar(0.5)?,
            Divergence::K3 => log_ratio.f_exp()?.f_sub_scalar(1.0)?.f_sub(&log_ratio)?,
        };
        let value = match criterion.reduction {
            Reduction::Token => tokens,
            Reduction::SeqSum => row_sum(&masked(&tokens, mask)?)?,
            Reduction::SeqMean => {
                row_sum(&masked(&tokens, mask)?)?.f_div(&row_sum(mask)?.f_add_scalar(1e-8)?)?
            }
            Reduction::SeqMax => {
                let outside = mask.f_eq(0)?;
                let most = tokens
                    .f_masked_fill(&outside, f64::NEG_INFINITY)?
                    .f_amax([-1], true)?;
                let nothing = most.f_eq(f64::NEG_INFINITY)?;
                most.f_masked_fill(&nothing, 0.0)?
            }
        };
        let keep = match criterion.divergence {
            Divergence::K1 => {
                let low = criterion.low.unwrap_or(1.0 / criterion.high);
                value
                    .f_ge(low.ln())?
                    .f_logical_and(&value.f_le(criterion.high.ln())?)?
            }
            Divergence::K2 | Divergence::K3 => value.f_le(criterion.high)?,
        };
        kept = kept.f_mul(&keep.f_to_kind(mask.kind())?)?;
    }
    Ok(kept)
}

/// How far the two engines are apart, by verl's names: perplexities of the responses under both, KL from rollout to
/// training (k1 and k3), and chi-square divergences of tokens and of whole responses.
pub fn mismatch(
    old: &Tensor,
    rollout: &Tensor,
    mask: &Tensor,
) -> Result<BTreeMap<&'static str, f64>, TchError> {
    let (old, rollout) = (old.f_detach()?, rollout.f_detach()?);
    let kind = old.kind();
    let lengths = row_sum(mask)?.f_add_scalar(1e-8)?;
    let row_mean = |x: &Tensor| -> TensorResult { row_sum(&masked(x, mask)?)?.f_div(&lengths)?.f_neg() };
    let (training, sampling) = (row_mean(&old)?, row_mean(&rollout)?);
    let apart = training.f_sub(&sampling)?;
    let mean = |x: &Tensor| -> Result<f64, TchError> { number(&x.f_mean(kind)?) };
    let over_tokens = |x: &Tensor| -> Result<f64, TchError> { number(&masked_mean(x, mask)?) };
    let log_ratio = old.f_sub(&rollout)?;
    let k3 = log_ratio.f_exp()?.f_sub(&log_ratio)?.f_sub_scalar(1.0)?;
    let token = log_ratio.f_clamp(-BOUND, BOUND)?.f_mul_scalar(2.0)?.f_exp()?;
    let whole = row_sum(&masked(&log_ratio, mask)?)?
        .f_clamp(-BOUND, BOUND)?
        .f_mul_scalar(2.0)?
        .f_exp()?;
    Ok(BTreeMap::from([
        ("training_ppl", mean(&training.f_exp()?)?),
        ("training_log_ppl", mean(&training)?),
        ("rollout_ppl", mean(&sampling.f_exp()?)?),
        ("rollout_log_ppl", mean(&sampling)?),
        ("kl", -over_tokens(&log_ratio)?),
        ("k3_kl", over_tokens(&k3)?),
        ("log_ppl_diff", mean(&apart)?),
        ("log_ppl_abs_diff", mean(&apart.f_abs()?)?),
        ("ppl_ratio", mean(&apart.f_exp()?)?),
        ("chi2_token", over_tokens(&token)? - 1.0),
        ("chi2_seq", mean(&whole)? - 1.0),
    ]))
}

fn number(tensor: &Tensor) -> Result<f64, TchError> {
    tensor.f_double_value(&[])
}
