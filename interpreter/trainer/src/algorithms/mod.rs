//! The formulas of the field as pure functions: advantage estimators, policy losses, aggregation, KL, entropy.
//!
//! Nothing here knows a model, a file or a run. Tensors are `[B, T]` (rows are responses, columns their
//! tokens, right-padded) in one floating-point kind, f32 or f64, which the functions keep. A mask is 1 where a
//! token counts and 0 elsewhere; rows may be empty and may have holes. Each function is held against the numbers of the
//! reference libraries (`tests/reference_algorithms.rs`).

pub mod actor;
pub mod aggregation;
pub mod cispo;
pub mod distillation;
pub mod dynamic_sampling;
pub mod entropy;
pub mod gae;
pub mod group;
pub mod gspo;
pub mod kl;
pub mod overlong;
pub mod ppo;
pub mod ratio;
pub mod reinforce;
pub mod returns;
pub mod rollout_correction;
pub mod sft;
pub mod value;
pub mod whiten;

use tch::{TchError, Tensor};

/// Result of a tensor formula; the only failure is libtorch's own (shapes that do not fit, memory).
pub type TensorResult = Result<Tensor, TchError>;

/// `x` where the mask is 1, exactly 0 elsewhere, whatever stands there (NaN too). The gradient is 0 outside.
pub(crate) fn masked(x: &Tensor, mask: &Tensor) -> TensorResult {
    x.f_where_self(&mask.f_ne(0)?, &x.f_zeros_like()?)
}

/// Mean of `x` over the tokens of the mask, with the 1e-8 of the reference in the divisor; 0 for an empty mask.
pub fn masked_mean(x: &Tensor, mask: &Tensor) -> TensorResult {
    let sum = masked(x, mask)?.f_sum(x.kind())?;
    sum.f_div(&mask.f_sum(x.kind())?.f_add_scalar(1e-8)?)
}

/// Sum over the tokens of each row, `[B, 1]`.
pub(crate) fn row_sum(x: &Tensor) -> TensorResult {
    x.f_sum_dim_intlist(-1, true, x.kind())
}
