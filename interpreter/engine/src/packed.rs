//! Sequences laid end to end, without padding: what the trainer runs.
//!
//! Everything but attention works token by token, so all tokens of a batch form one matrix. Attention runs over the sequences of
//! equal length together, each of which sees itself alone.

use tch::{Kind, Tensor};

use crate::EngineError;
use crate::forward::{Keep, Mask, Pass};
use crate::layers::rms_norm;
use crate::model::LanguageModel;

/// Neighbouring sequences of equal length.
pub(crate) struct Run {
    start: i64,
    count: i64,
    length: i64,
    /// Where queries may look in layers with a window that is narrower than the sequences.
    windowed: Option<Tensor>,
}

/// Causal attention of queries [1,heads,N,D], keys and values [1,kv heads,N,D] inside of each sequence: [1,N,heads * D].
pub(crate) fn attend(
    [q, k, v]: [&Tensor; 3],
    runs: &[Run],
    window: Option<i64>,
    grouped: bool,
) -> Result<Tensor, EngineError> {
    let mut parts = Vec::with_capacity(runs.len());
    for run in runs {
        let rows = |t: &Tensor| -> Result<Tensor, EngineError> {
            Ok(t.f_narrow(2, run.start, run.count * run.length)?
                .f_unflatten(2, [run.count, run.length])?
                .f_squeeze_dim(0)?
                .f_transpose(0, 1)?)
        };
        let mask = run.windowed.as_ref().filter(|_| window.is_some());
        let (q, k, v) = (rows(q)?, rows(k)?, rows(v)?);
        let part =
            Tensor::f_scaled_dot_product_attention(&q, &k, &v, mask, 0.0, mask.is_none(), None, grouped)?;
        parts.push(
            part.f_transpose(1, 2)?
                .f_reshape([1, run.count * run.length, -1])?,
        );
    }
    match parts.as_slice() {
        [one] => Ok(one.shallow_clone()),
        _ => Ok(Tensor::f_cat(&parts, 1)?),
    }
}

/// The way back through a pass whose activations were not kept: each layer is run again when its gradient is made.
pub struct Replay {
    ids: Tensor,
    pass: Pass,
    /// What each layer read, [1,N,H], and last what the final norm read.
    inputs: Vec<Tensor>,
    /// The result, a leaf that collects its gradient.
    hidden: Tensor,
}

impl LanguageModel {
    /// Hidden states after the final norm, [N,H], of sequences that lie end to end in `ids` [N]; `lengths` says where each
    /// ends. A sequence sees itself alone, and positions begin anew with each. Differentiable.
    ///
    /// # Errors
    /// [`EngineError::InvalidRequest`] where the lengths are not those of `ids`.
    pub fn hidden_packed(&self, ids: &Tensor, lengths: &[i64]) -> Result<Tensor, EngineError> {
        let (ids, pass) = self.pack(ids, lengths)?;
        let mut x = Tensor::f_embedding(&self.weights.embedding, &ids, -1, false, false)?;
        for layer in &self.weights.layers {
            x = self.block(layer, &x, &pass, Keep::Nothing)?;
        }
        Ok(rms_norm(&x, &self.weights.norm, self.config.eps)?.f_squeeze_dim(0)?)
    }

    /// As [`LanguageModel::hidden_packed`], with memory for one vector a token and layer: the result is a leaf, and once it
    /// has its gradient [`Replay::backward`] runs the layers again, last to first (Chen et al. 2016, arXiv:1604.06174).
    ///
    /// # Errors
    /// As of [`LanguageModel::hidden_packed`].
    pub fn hidden_replayed(&self, ids: &Tensor, lengths: &[i64]) -> Result<(Tensor, Replay), EngineError> {
        let (ids, pass) = self.pack(ids, lengths)?;
        let mut inputs = Vec::with_capacity(self.weights.layers.len() + 1);
        let hidden = {
            let _no_grad = tch::no_grad_guard();
            let mut x = Tensor::f_embedding(&self.weights.embedding, &ids, -1, false, false)?;
            for layer in &self.weights.layers {
                inputs.push(x.shallow_clone());
                x = self.block(layer, &x, &pass, Keep::Nothing)?;
            }
            inputs.push(x.shallow_clone());
            rms_norm(&x, &self.weights.norm, self.config.eps)?.f_squeeze_dim(0)?
        };
        let hidden = hidden.f_set_requires_grad(true)?;
        let result = hidden.shallow_clone();
        Ok((
            result,
            Replay {
                ids,
                pass,
                inputs,
                hidden,
            },
        ))
    }

    fn pack(&self, ids: &Tensor, lengths: &[i64]) -> Result<(Tensor, Pass), EngineError> {
        let total: i64 = lengths.iter().sum();
        if ids.size() != [total] || lengths.iter().any(|&length| length < 1) {
            return Err(EngineError::invalid(
                format!(
                    "ids of shape {:?} for sequences of {total} tokens in all",
                    ids.size()
                ),
                "give each sequence at least one token, and ids and lengths of the same tokens",
            ));
        }
        let device = self.device();
        let width = self.config.sliding.as_ref().map(|s| s.width);
        let mut runs: Vec<Run> = Vec::new();
        let mut start = 0;
        for &length in lengths {
            match runs.last_mut() {
                Some(run) if run.length == length => run.count += 1,
                _ => runs.push(Run {
                    start,
                    count: 1,
                    length,
                    windowed: width
                        .filter(|&width| width < length)
                        .map(|width| window(length, width, device))
                        .transpose()?,
                }),
            }
            start += length;
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let (cos, sin) = self.config.rope.tables(longest, self.config.head_dim, device)?;
        let places: Vec<i64> = lengths.iter().flat_map(|&length| 0..length).collect();
        let places = Tensor::f_from_slice(&places)?.f_to_device(device)?;
        let of = |table: &Tensor| -> Result<Tensor, EngineError> {
            Ok(table.f_index_select(0, &places)?.f_to_kind(self.kind())?)
        };
        let pass = Pass {
            batch: 1,
            length: total,
            cos: of(&cos)?,
            sin: of(&sin)?,
            full: Mask::Causal,
            windowed: Mask::Causal,
            packed: runs,
        };
        Ok((ids.f_to_device(device)?.f_unsqueeze(0)?, pass))
    }
}

impl Replay {
    /// Takes the gradient of the hidden states to the model's parameters.
    ///
    /// # Errors
    /// [`EngineError::InvalidRequest`] where the hidden states have no gradient yet.
    pub fn backward(self, model: &LanguageModel) -> Result<(), EngineError> {
        let gradient = self.hidden.f_grad()?;
        if !gradient.defined() {
            return Err(EngineError::invalid(
                "a way back before the hidden states have a gradient",
                "report this defect",
            ));
        }
        let mut gradient = gradient.f_unsqueeze(0)?;
        let mut inputs = self.inputs.into_iter().rev();
        let missing = || EngineError::invalid("a pass without layers", "report this defect");
        let last = inputs.next().ok_or_else(missing)?;
        gradient = back(&last, &gradient, |x| {
            rms_norm(x, &model.weights.norm, model.config.eps)
        })?;
        for (layer, input) in model.weights.layers.iter().rev().zip(inputs) {
            gradient = back(&input, &gradient, |x| {
                model.block(layer, x, &self.pass, Keep::Nothing)
            })?;
        }
        if model.weights.embedding.requires_grad() {
            let embedded = Tensor::f_embedding(&model.weights.embedding, &self.ids, -1, false, false)?;
            embedded.f_mul(&gradient)?.f_sum(Kind::Float)?.f_backward()?;
        }
        Ok(())
    }
}

/// Runs a part again on `input` and takes `gradient`, that of its result, through it: the gradient of `input`.
fn back(
    input: &Tensor,
    gradient: &Tensor,
    part: impl FnOnce(&Tensor) -> Result<Tensor, EngineError>,
) -> Result<Tensor, EngineError> {
    let leaf = input.f_detach()?.f_set_requires_grad(true)?;
    // The gradient of the sum with respect to the result is `gradient`, whatever the sum itself comes to.
    part(&leaf)?.f_mul(gradient)?.f_sum(Kind::Float)?.f_backward()?;
    Ok(leaf.f_grad()?)
}

/// True where a query of a sequence of `length` may look through a window of `width`.
fn window(length: i64, width: i64, device: tch::Device) -> Result<Tensor, EngineError> {
    let ones = Tensor::f_ones([length, length], (Kind::Bool, device))?;
    Ok(ones.f_tril(0)?.f_logical_and(&ones.f_triu(1 - width)?)?)
}
