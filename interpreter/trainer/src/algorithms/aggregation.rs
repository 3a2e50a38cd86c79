//! How a matrix of token losses becomes one number.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{TensorResult, masked, row_sum};

/// The aggregation of token losses `[B, T]` to a scalar. Names as in verl's `agg_loss`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Sum over tokens divided by the number of tokens: every token weighs the same (DAPO).
    TokenMean,
    /// Sum over tokens.
    TokenSum,
    /// Mean over rows of the row's sum.
    SeqMeanTokenSum,
    /// Mean over rows of the row's mean: every response weighs the same (the GRPO paper).
    SeqMeanTokenMean,
    /// [`Self::SeqMeanTokenSum`] divided by a constant length (Dr. GRPO). `None` takes the padded width of the batch,
    /// as the reference does; training always gives a length, because a padded width depends on the batch.
    SeqMeanTokenSumNorm { length: Option<f64> },
}

/// The denominators of a whole mini-batch. A micro-batch that is aggregated with them gives its share of the loss, so
/// that the shares (and their gradients) add up to those of the un-split batch. `None`: taken from the tensor at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisers {
    /// Number of tokens that count.
    pub tokens: Option<f64>,
    /// Number of rows with at least one such token.
    pub sequences: Option<f64>,
    /// Factor on the result: the number of data-parallel workers whose gradients are averaged afterwards.
    pub workers: f64,
}

impl Normalisers {
    /// Denominators from the tensor at hand, one worker.
    pub const LOCAL: Self = Self {
        tokens: None,
        sequences: None,
        workers: 1.0,
    };

    /// The denominators of a mini-batch of `tokens` tokens in `sequences` non-empty rows.
    pub fn global(tokens: usize, sequences: usize) -> Self {
        Self {
            tokens: Some(tokens as f64),
            sequences: Some(sequences as f64),
            workers: 1.0,
        }
    }
}

/// Aggregates token losses `[B, T]`. Rows without a token are left out of sums and counts. An empty mask without global
/// denominators gives NaN (0/0), which the training loop skips.
pub fn aggregate(
    loss: &Tensor,
    mask: &Tensor,
    aggregation: Aggregation,
    normalisers: &Normalisers,
) -> TensorResult {
    let kind = loss.kind();
    let loss = masked(loss, mask)?;
    let over_rows = |rows: &Tensor| -> TensorResult {
        let sum = rows.f_sum(kind)?;
        match normalisers.sequences {
            Some(count) => sum.f_div_scalar(count),
            None => {
                let count = row_sum(mask)?.f_gt(0)?.f_sum(kind)?;
                sum.f_div(&count)
            }
        }
    };
    let value = match aggregation {
        Aggregation::TokenMean => {
            let sum = loss.f_sum(kind)?;
            match normalisers.tokens {
                Some(count) => sum.f_div_scalar(count)?,
                None => sum.f_div(&mask.f_sum(kind)?)?,
            }
        }
        Aggregation::TokenSum => loss.f_sum(kind)?,
        Aggregation::SeqMeanTokenSum => over_rows(&row_sum(&loss)?)?,
        Aggregation::SeqMeanTokenMean => {
            let lengths = row_sum(mask)?.f_add_scalar(1e-8)?;
            over_rows(&row_sum(&loss)?.f_div(&lengths)?)?
        }
        Aggregation::SeqMeanTokenSumNorm { length } => {
            let width = *loss.size().last().unwrap_or(&1) as f64;
            over_rows(&row_sum(&loss)?)?.f_div_scalar(length.unwrap_or(width))?
        }
    };
    value.f_mul_scalar(normalisers.workers)
}
