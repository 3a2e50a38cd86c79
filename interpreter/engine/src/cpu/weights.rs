//! The weights of a model as the CPU's loops read them.

use std::marker::PhantomData;

use tch::{Device, Kind, Tensor};

use super::gemm::{Packed, gate_place};
use crate::EngineError;
use crate::kernels::Element;
use crate::layers::{self, Linear, Projection};

/// Rows that are converted at a time, so that packing needs little memory beside its result.
const ROWS: i64 = 4096;

/// One decoder block.
pub(super) struct Block<E> {
    pub(super) input_norm: Vec<f32>,
    pub(super) qkv: Packed<E>,
    /// Norms of the query and key heads.
    pub(super) head_norms: Option<(Vec<f32>, Vec<f32>)>,
    pub(super) o: Packed<E>,
    pub(super) post_norm: Vec<f32>,
    pub(super) gate_up: Packed<E>,
    pub(super) down: Packed<E>,
    /// Positions that attention looks back over, the token's own included.
    pub(super) window: usize,
}

/// All of a model.
pub(super) struct Weights<E> {
    /// Where the head is not the embedding.
    embedding: Option<Embedding<E>>,
    pub(super) blocks: Vec<Block<E>>,
    pub(super) norm: Vec<f32>,
    pub(super) head: Packed<E>,
}

impl<E: Element> Weights<E> {
    /// Packs weights, whether projections are fused or not. Each layer is let go when it is packed, so that tensors
    /// that nobody else holds never stand beside the whole of what is made of them.
    pub(super) fn of(weights: layers::Weights) -> Result<Self, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let layers::Weights {
            embedding,
            layers,
            norm,
            head,
            tied,
            ..
        } = weights;
        let mut blocks = Vec::with_capacity(layers.len());
        for layer in layers {
            let head_norms = match &layer.head_norms {
                Some(norms) => Some((floats(&norms.q)?, floats(&norms.k)?)),
                None => None,
            };
            blocks.push(Block {
                input_norm: floats(&layer.input_norm)?,
                qkv: stacked(&layer.qkv)?,
                head_norms,
                o: packed(std::slice::from_ref(&layer.o), Packed::zeros, |o| o)?,
                post_norm: floats(&layer.post_norm)?,
                gate_up: gated(&layer.gate_up)?,
                down: packed(std::slice::from_ref(&layer.down), Packed::zeros, |o| o)?,
                window: layer
                    .window
                    .and_then(|w| usize::try_from(w).ok())
                    .unwrap_or(usize::MAX)
                    .max(1),
            });
        }
        let embedding = if tied {
            None
        } else {
            Some(Embedding::of(&embedding)?)
        };
        let head = Linear {
            name: String::new(),
            weight: head,
            bias: None,
            change: None,
        };
        Ok(Self {
            embedding,
            blocks,
            norm: floats(&norm)?,
            head: packed(&[head], Packed::zeros, |o| o)?,
        })
    }

    /// Writes the embedding of one token.
    pub(super) fn embed(&self, id: u32, out: &mut [f32]) {
        match &self.embedding {
            Some(embedding) => embedding.read(id, out),
            None => self.head.get(id as usize, out),
        }
    }
}

/// The rows of an embedding, which stay the model's.
struct Embedding<E> {
    tensor: Tensor,
    width: usize,
    element: PhantomData<E>,
}

impl<E: Element> Embedding<E> {
    fn of(weight: &Tensor) -> Result<Self, EngineError> {
        let kind = if E::GROUP == 2 {
            Kind::BFloat16
        } else {
            Kind::Float
        };
        Ok(Self {
            tensor: weight
                .f_detach()?
                .f_to_device(Device::Cpu)?
                .f_to_kind(kind)?
                .f_contiguous()?,
            width: size(weight).1,
            element: PhantomData,
        })
    }

    /// Writes the row of one token.
    fn read(&self, id: u32, out: &mut [f32]) {
        let (rows, width) = (size(&self.tensor).0, self.width);
        let id = id as usize;
        if id >= rows {
            return;
        }
        // SAFETY: `of` made the tensor contiguous, on the CPU and of E's kind, with rows of `width` numbers; it is
        // alive as long as `self`, and nobody writes a model's weights while it draws or scores.
        #[allow(unsafe_code)]
        let row =
            unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast::<E>().add(id * width), width) };
        for (o, x) in out.iter_mut().zip(row) {
            *o = x.wide();
        }
    }
}

fn stacked<E: Element>(projection: &Projection) -> Result<Packed<E>, EngineError> {
    packed(&projection.parts, Packed::zeros, |o| o)
}

fn gated<E: Element>(projection: &Projection) -> Result<Packed<E>, EngineError> {
    let units = projection.parts.first().map_or(0, |p| size(&p.weight).0);
    packed(
        &projection.parts,
        |inputs, outputs| Packed::gated_zeros(inputs, outputs / 2),
        |row| {
            if row < units {
                gate_place(row, false)
            } else {
                gate_place(row - units, true)
            }
        },
    )
}

/// Matrices below one another; row r of all becomes output `place(r)`.
fn packed<E: Element>(
    parts: &[Linear],
    zeros: impl Fn(usize, usize) -> Packed<E>,
    place: impl Fn(usize) -> usize,
) -> Result<Packed<E>, EngineError> {
    let inputs = parts.first().map_or(1, |p| size(&p.weight).1);
    let outputs = parts.iter().map(|p| size(&p.weight).0).sum();
    let mut matrix = zeros(inputs, outputs);
    let mut output = 0;
    for part in parts {
        let rows = part.weight.size().first().copied().unwrap_or(0);
        let mut row = 0;
        let start = output;
        while row < rows {
            let count = ROWS.min(rows - row);
            for weights in floats(&part.weight.f_narrow(0, row, count)?)?.chunks_exact(inputs.max(1)) {
                matrix.put(place(output), weights);
                output += 1;
            }
            row += count;
        }
        if let Some(bias) = &part.bias {
            for (offset, bias) in floats(bias)?.into_iter().enumerate() {
                matrix.put_bias(place(start + offset), bias);
            }
        }
    }
    Ok(matrix)
}

/// Rows and columns.
fn size(weight: &Tensor) -> (usize, usize) {
    let at = |i: usize| {
        weight
            .size()
            .get(i)
            .and_then(|&n| usize::try_from(n).ok())
            .unwrap_or(0)
    };
    (at(0), at(1))
}

/// The elements of a tensor as fp32.
pub(super) fn floats(t: &Tensor) -> Result<Vec<f32>, EngineError> {
    let t = t.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let count = t.numel();
    let mut out = vec![0f32; count];
    t.f_copy_data(&mut out, count)?;
    Ok(out)
}
