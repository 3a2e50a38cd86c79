//! Activations that both libtorch's multiplications and plain loops work on.

use std::marker::PhantomData;

use tch::{Device, Tensor};

use super::matrices::Matrix;
use crate::EngineError;
use crate::kernels::Element;

/// A row-major matrix on the CPU whose storage belongs to this value alone: the tensor never leaves it, so
/// slices of its memory follow Rust's borrowing rules.
pub(crate) struct Buffer<E> {
    tensor: Tensor,
    rows: usize,
    width: usize,
    element: PhantomData<E>,
}

impl<E: Element> Buffer<E> {
    pub(crate) fn new(rows: usize, width: usize) -> Result<Self, EngineError> {
        let tensor = Tensor::f_zeros([rows as i64, width as i64], (E::KIND, Device::Cpu))?;
        Ok(Self {
            tensor,
            rows,
            width,
            element: PhantomData,
        })
    }

    /// The first `rows` rows.
    #[allow(unsafe_code)]
    pub(crate) fn slice(&self, rows: usize) -> &[E] {
        let count = rows.min(self.rows) * self.width;
        // SAFETY: `new` made the tensor contiguous, on the CPU, of kind E::KIND with rows * width elements,
        // zeroed; nobody else holds its storage; `&self` keeps it alive and unwritten.
        unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast::<E>(), count) }
    }

    /// The first `rows` rows, to write.
    #[allow(unsafe_code)]
    pub(crate) fn slice_mut(&mut self, rows: usize) -> &mut [E] {
        let count = rows.min(self.rows) * self.width;
        // SAFETY: as in `slice`; `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast::<E>(), count) }
    }

    /// Writes `input · weightᵀ + bias` for the first `rows` rows of `input`; `scratch` is working memory.
    pub(crate) fn multiply(
        &mut self,
        rows: usize,
        input: &Buffer<E>,
        matrix: &Matrix,
        scratch: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        let rows = rows.min(self.rows).min(input.rows);
        let (weight, bias) = match matrix {
            Matrix::Packed(packed) => {
                packed.multiply(input.slice(rows), self.slice_mut(rows), scratch);
                return Ok(());
            }
            Matrix::Torch { weight, bias } => (weight, bias),
        };
        let from = input.tensor.f_narrow(0, 0, rows as i64)?;
        let to = self.tensor.f_narrow(0, 0, rows as i64)?;
        let transposed = weight.f_transpose(0, 1)?;
        let _ = match bias {
            Some(bias) => bias.f_addmm_out(&to, &from, &transposed)?,
            None => from.f_mm_out(&to, &transposed)?,
        };
        Ok(())
    }

    /// Copies rows of a tensor [n, width] in.
    pub(crate) fn fill(&mut self, from: &Tensor) -> Result<(), EngineError> {
        let rows = from.size().first().copied().unwrap_or(0).min(self.rows as i64);
        self.tensor.f_narrow(0, 0, rows)?.f_copy_(from)?;
        Ok(())
    }
}
