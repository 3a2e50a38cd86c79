//! The log of the probability ratio between new and old policy, per token or for the whole response.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{TensorResult, masked, row_sum};

/// What the ratio of a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ratio {
    /// That of the token itself (PPO, GRPO).
    Token,
    /// The geometric mean over the response's tokens, with the gradient through all of them (TRL's GSPO).
    SequenceMean,
    /// The product over the response's tokens: the ratio of whole responses (TRL's RLOO).
    SequenceProduct,
}

impl Ratio {
    /// `log ratio`, `[B, T]`; the same in all columns for the ratios of a sequence.
    pub fn log(self, old: &Tensor, new: &Tensor, mask: &Tensor) -> TensorResult {
        let log_ratio = new.f_sub(old)?;
        let sum = || row_sum(&masked(&log_ratio, mask)?);
        match self {
            Ratio::Token => Ok(log_ratio),
            Ratio::SequenceMean => sum()?
                .f_div(&row_sum(mask)?.f_clamp_min(1.0)?)?
                .f_expand_as(&log_ratio),
            Ratio::SequenceProduct => sum()?.f_expand_as(&log_ratio),
        }
    }
}
