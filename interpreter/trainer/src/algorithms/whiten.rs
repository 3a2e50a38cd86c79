//! Whitening over the tokens of a batch.

use tch::{TchError, Tensor};

use super::{TensorResult, masked, masked_mean};

/// `(x - mean) / sqrt(variance + 1e-8)` over the tokens of the mask, variance with ddof 1, all tokens weighted equally.
/// Values outside the mask are shifted and scaled too; multiply by the mask where they must be 0.
///
/// # Errors
/// A mask of fewer than two tokens has no variance.
pub fn whiten(x: &Tensor, mask: &Tensor) -> TensorResult {
    let count = mask.f_sum(x.kind())?.f_double_value(&[])?;
    if count < 2.0 {
        return Err(TchError::Shape(format!(
            "whitening needs at least two tokens to have a variance, the mask has {count}"
        )));
    }
    let mean = masked_mean(x, mask)?;
    let centred = x.f_sub(&mean)?;
    let variance = masked(&centred, mask)?
        .f_square()?
        .f_sum(x.kind())?
        .f_div_scalar(count + 1e-8)?
        .f_mul_scalar(count / (count - 1.0))?;
    centred.f_mul(&variance.f_add_scalar(1e-8)?.f_rsqrt()?)
}
