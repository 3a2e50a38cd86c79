//! The matrices of a model as the CPU decoder multiplies by them.

use std::sync::Arc;

use tch::{Kind, Tensor};

use crate::gemm::Packed;
use crate::layers::Projection;
use crate::{EngineError, LanguageModel, Precision};

/// Models up to this many parameters are packed: their matrices are small enough that libtorch's calls, which
/// lay them out anew each time, cost more than the arithmetic.
const PACKED_UP_TO: u64 = 20_000_000;

/// One matrix.
pub(super) enum Matrix {
    /// libtorch multiplies.
    Torch { weight: Tensor, bias: Option<Tensor> },
    /// The engine multiplies; shared by all lanes.
    Packed(Arc<Packed>),
}

impl Matrix {
    fn new(weight: &Tensor, bias: Option<&Tensor>, packed: bool) -> Result<Self, EngineError> {
        if !packed {
            return Ok(Self::Torch {
                weight: weight.shallow_clone(),
                bias: bias.map(Tensor::shallow_clone),
            });
        }
        let inputs = weight
            .size()
            .last()
            .and_then(|&n| usize::try_from(n).ok())
            .unwrap_or(1);
        let bias = match bias {
            Some(bias) => floats(bias)?,
            None => Vec::new(),
        };
        Ok(Self::Packed(Arc::new(Packed::new(
            &floats(weight)?,
            &bias,
            inputs,
        ))))
    }

    fn fused(projection: &Projection, packed: bool) -> Result<Self, EngineError> {
        match &projection.fused {
            Some((weight, bias)) => Self::new(weight, bias.as_ref(), packed),
            None => Err(EngineError::invalid(
                "a model whose projections are not fused",
                "report this defect",
            )),
        }
    }

    fn shallow(&self) -> Self {
        match self {
            Self::Torch { weight, bias } => Self::Torch {
                weight: weight.shallow_clone(),
                bias: bias.as_ref().map(Tensor::shallow_clone),
            },
            Self::Packed(packed) => Self::Packed(packed.clone()),
        }
    }
}

/// The four of one block.
pub(super) struct BlockMatrices {
    pub(super) qkv: Matrix,
    pub(super) o: Matrix,
    pub(super) gate_up: Matrix,
    pub(super) down: Matrix,
}

/// All of a model.
pub(crate) struct Matrices {
    pub(super) blocks: Vec<BlockMatrices>,
    pub(super) head: Matrix,
}

impl Matrices {
    /// Of a fused model, packed where that pays.
    pub(crate) fn of(model: &LanguageModel) -> Result<Self, EngineError> {
        Self::with(
            model,
            model.precision() == Precision::Fp32 && model.config.parameters() <= PACKED_UP_TO,
        )
    }

    pub(super) fn with(model: &LanguageModel, packed: bool) -> Result<Self, EngineError> {
        let mut blocks = Vec::with_capacity(model.weights.layers.len());
        for layer in &model.weights.layers {
            blocks.push(BlockMatrices {
                qkv: Matrix::fused(&layer.qkv, packed)?,
                o: Matrix::new(&layer.o.weight, layer.o.bias.as_ref(), packed)?,
                gate_up: Matrix::fused(&layer.gate_up, packed)?,
                down: Matrix::new(&layer.down.weight, layer.down.bias.as_ref(), packed)?,
            });
        }
        Ok(Self {
            blocks,
            head: Matrix::new(&model.weights.head, None, packed)?,
        })
    }

    /// The same matrices for another thread.
    pub(crate) fn shallow(&self) -> Self {
        let blocks = self.blocks.iter().map(|b| BlockMatrices {
            qkv: b.qkv.shallow(),
            o: b.o.shallow(),
            gate_up: b.gate_up.shallow(),
            down: b.down.shallow(),
        });
        Self {
            blocks: blocks.collect(),
            head: self.head.shallow(),
        }
    }
}

/// The elements of a tensor as fp32.
pub(super) fn floats(t: &Tensor) -> Result<Vec<f32>, EngineError> {
    let t = t.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let count = t.numel();
    let mut out = vec![0f32; count];
    t.f_copy_data(&mut out, count)?;
    Ok(out)
}
