//! Token log-probs and entropies from logits.

use tch::Tensor;

use super::TensorResult;

/// Log-probs `[..]` of the labels (i64, `[..]`) under logits `[.., V]`.
pub fn log_probs(logits: &Tensor, labels: &Tensor) -> TensorResult {
    logits
        .f_log_softmax(-1, logits.kind())?
        .f_gather(-1, &labels.f_unsqueeze(-1)?, false)?
        .f_squeeze_dim(-1)
}

/// Entropy in nats `[..]` of the distributions with logits `[.., V]`: `logsumexp(z) - sum softmax(z) z`.
pub fn entropy(logits: &Tensor) -> TensorResult {
    let kind = logits.kind();
    let mean = logits
        .f_softmax(-1, kind)?
        .f_mul(logits)?
        .f_sum_dim_intlist(-1, false, kind)?;
    logits.f_logsumexp([-1], false)?.f_sub(&mean)
}
