//! Masked cross-entropy of supervised fine-tuning.

use tch::Tensor;

use super::aggregation::{Aggregation, Normalisers, aggregate};
use super::{TensorResult, entropy};

/// Negative mean log-prob over the tokens of the mask; `tokens` is the global count when the batch is split.
pub fn from_log_probs(log_probs: &Tensor, mask: &Tensor, normalisers: &Normalisers) -> TensorResult {
    aggregate(&log_probs.f_neg()?, mask, Aggregation::TokenMean, normalisers)
}

/// The transformers form: logits `[B, T, V]` at position `i` predict `labels[i + 1]`, labels of -100 are left out.
pub fn from_logits(logits: &Tensor, labels: &Tensor, normalisers: &Normalisers) -> TensorResult {
    let width = labels.size().last().copied().unwrap_or(0);
    let logits = logits.f_narrow(1, 0, width - 1)?;
    let labels = labels.f_narrow(1, 1, width - 1)?;
    let mask = labels.f_ne(-100)?.f_to_kind(logits.kind())?;
    let log_probs = entropy::log_probs(&logits, &labels.f_clamp_min(0)?)?;
    from_log_probs(&log_probs, &mask, normalisers)
}

/// OpenRLHF's per-sample form: mean over non-empty rows of the row's mean.
pub fn per_sample(log_probs: &Tensor, mask: &Tensor) -> TensorResult {
    aggregate(
        &log_probs.f_neg()?,
        mask,
        Aggregation::SeqMeanTokenMean,
        &Normalisers::LOCAL,
    )
}
