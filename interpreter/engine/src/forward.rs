//! The differentiable forward pass over whole sequences.

use tch::{Kind, Tensor};

use crate::EngineError;
use crate::layers::{Layer, rms_norm};
use crate::model::LanguageModel;
use crate::packed::{Run, attend};
use crate::rope::rotate;
use crate::vision::Pixels;

/// Elements of one chunk of fp32 logits (64 MiB): bounds the memory of teacher forcing.
const LOGITS_CHUNK: i64 = 1 << 24;

/// What every layer of one pass shares.
pub(crate) struct Pass {
    pub(crate) batch: i64,
    pub(crate) length: i64,
    pub(crate) cos: Tensor,
    pub(crate) sin: Tensor,
    /// Of layers that look back to the beginning.
    pub(crate) full: Mask,
    /// Of layers with a sliding window.
    pub(crate) windowed: Mask,
    /// Where sequences lie end to end in one row: who sees whom. Empty for sequences in rows of their own.
    pub(crate) packed: Vec<Run>,
}

/// Where queries may look.
pub(crate) enum Mask {
    /// At everything up to themselves.
    Causal,
    /// Where the tensor, which broadcasts to [B,1,queries,keys], is true.
    Allowed(Tensor),
}

/// What happens to the keys and values that a layer makes.
pub(crate) enum Keep<'a> {
    Nothing,
    /// Appended for a later cache, one entry a layer.
    Collect(&'a mut Vec<KeysValues>),
    /// Written into the layer's cache at this column; queries see all columns up to their own end.
    Write(&'a KeysValues, i64),
}

/// Keys after rotation and values of one layer, each [B, kv heads, T, D].
pub(crate) struct KeysValues {
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
}

impl LanguageModel {
    /// Hidden states after the final norm, [B,T,H].
    ///
    /// `ids` [B,T] i64. `attention_mask` [B,T] is 1 at real tokens and 0 at padding, left or right; `None`
    /// means all real. Position ids restart at the first real token. Padding positions of the result are
    /// finite and mean nothing. Differentiable where the parameters require gradients.
    pub fn hidden(&self, ids: &Tensor, attention_mask: Option<&Tensor>) -> Result<Tensor, EngineError> {
        self.run(ids, attention_mask, &[], None, None)
    }

    /// As [`LanguageModel::hidden`], with pictures in the places of the image tokens, in the order of the rows
    /// and of the places in a row. Every picture's tokens are written out ([`crate::ImageProcessor::expand`]).
    pub fn hidden_with(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        pictures: &[&Pixels],
    ) -> Result<Tensor, EngineError> {
        self.run(ids, attention_mask, pictures, None, None)
    }

    /// The embedding, the output of every layer but the last, and the state after the final norm:
    /// layers + 1 tensors [B,T,H], as transformers' `output_hidden_states` has them.
    pub fn hidden_states(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        pictures: &[&Pixels],
    ) -> Result<Vec<Tensor>, EngineError> {
        let mut states = Vec::new();
        let last = self.run(ids, attention_mask, pictures, Some(&mut states), None)?;
        states.push(last);
        Ok(states)
    }

    /// The LM head: hidden [..,H] to logits [..,V] in the model's precision.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor, EngineError> {
        Ok(hidden.f_linear(&self.weights.head, None::<&Tensor>)?)
    }

    /// Teacher-forced log-probs [B,T-1] in fp32 of `ids[:, 1:]` at `temperature` and, when asked, the
    /// entropies (nats) of the distributions they were taken from.
    ///
    /// Entries whose predicting or predicted token is padding are zero and cost nothing. Logits are made in
    /// chunks of rows, so without gradients [B*T,V] is never held at once.
    pub fn token_logprobs(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        temperature: f64,
        entropy: bool,
    ) -> Result<(Tensor, Option<Tensor>), EngineError> {
        self.token_logprobs_with(ids, attention_mask, &[], temperature, entropy)
    }

    /// As [`LanguageModel::token_logprobs`], with pictures as in [`LanguageModel::hidden_with`].
    pub fn token_logprobs_with(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        pictures: &[&Pixels],
        temperature: f64,
        entropy: bool,
    ) -> Result<(Tensor, Option<Tensor>), EngineError> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(EngineError::invalid(
                format!("a temperature of {temperature} defines no log-probabilities"),
                "use a temperature above 0",
            ));
        }
        let (batch, length) = size2(ids)?;
        let ids = ids.f_to_device(self.device())?;
        let hidden = self.hidden_with(&ids, attention_mask, pictures)?;
        let width = (length - 1).max(0);
        if width == 0 {
            let empty = Tensor::f_zeros([batch, 0], (Kind::Float, self.device()))?;
            let entropies = if entropy {
                Some(empty.f_zeros_like()?)
            } else {
                None
            };
            return Ok((empty, entropies));
        }
        let mut rows = hidden.f_narrow(1, 0, width)?.f_reshape([batch * width, -1])?;
        let mut targets = ids.f_narrow(1, 1, width)?.f_reshape([batch * width])?;
        let chosen = match attention_mask {
            None => None,
            Some(mask) => {
                let mask = mask.f_to_device(self.device())?.f_ne(0)?;
                let both = mask
                    .f_narrow(1, 0, width)?
                    .f_logical_and(&mask.f_narrow(1, 1, width)?)?;
                let chosen = both.f_reshape([-1])?.f_nonzero()?.f_squeeze_dim(1)?;
                rows = rows.f_index_select(0, &chosen)?;
                targets = targets.f_index_select(0, &chosen)?;
                Some(chosen)
            }
        };
        let count = targets.size().first().copied().unwrap_or(0);
        let chunk = (LOGITS_CHUNK / self.config.vocab.max(1)).max(1);
        let (mut logprobs, mut entropies) = (Vec::new(), Vec::new());
        let mut start = 0;
        while start < count {
            let size = chunk.min(count - start);
            let logits = self
                .logits(&rows.f_narrow(0, start, size)?)?
                .f_to_kind(Kind::Float)?;
            let logits = if temperature == 1.0 {
                logits
            } else {
                logits.f_div_scalar(temperature)?
            };
            let all = logits.f_log_softmax(-1, Kind::Float)?;
            let target = targets.f_narrow(0, start, size)?.f_unsqueeze(1)?;
            logprobs.push(all.f_gather(1, &target, false)?.f_squeeze_dim(1)?);
            if entropy {
                entropies.push(
                    all.f_exp()?
                        .f_mul(&all)?
                        .f_sum_dim_intlist(-1, false, Kind::Float)?
                        .f_neg()?,
                );
            }
            start += size;
        }
        let gather = |parts: Vec<Tensor>| -> Result<Tensor, EngineError> {
            let flat = if parts.is_empty() {
                Tensor::f_zeros([0], (Kind::Float, self.device()))?
            } else {
                Tensor::f_cat(&parts, 0)?
            };
            let flat =
                match &chosen {
                    None => flat,
                    Some(chosen) => Tensor::f_zeros([batch * width], (Kind::Float, self.device()))?
                        .f_index_put(&[Some(chosen)], &flat, false)?,
                };
            Ok(flat.f_reshape([batch, width])?)
        };
        let logprobs = gather(logprobs)?;
        let entropies = if entropy { Some(gather(entropies)?) } else { None };
        Ok((logprobs, entropies))
    }

    pub(crate) fn run(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        pictures: &[&Pixels],
        mut states: Option<&mut Vec<Tensor>>,
        mut cache: Option<&mut Vec<KeysValues>>,
    ) -> Result<Tensor, EngineError> {
        let ids = ids.f_to_device(self.device())?;
        let pass = self.pass(&ids, attention_mask, pictures)?;
        let mut x = Tensor::f_embedding(&self.weights.embedding, &ids, -1, false, false)?;
        if !pictures.is_empty() {
            x = self.place_pictures(&x, &ids, pictures)?;
        }
        for layer in &self.weights.layers {
            if let Some(states) = &mut states {
                states.push(x.shallow_clone());
            }
            let keep = match cache.as_deref_mut() {
                Some(cache) => Keep::Collect(cache),
                None => Keep::Nothing,
            };
            x = self.block(layer, &x, &pass, keep)?;
        }
        rms_norm(&x, &self.weights.norm, self.config.eps)
    }

    fn pass(
        &self,
        ids: &Tensor,
        attention_mask: Option<&Tensor>,
        pictures: &[&Pixels],
    ) -> Result<Pass, EngineError> {
        let (batch, length) = size2(ids)?;
        if length == 0 || batch == 0 {
            return Err(EngineError::invalid(
                "a batch without tokens",
                "give every row at least one token",
            ));
        }
        let device = self.device();
        let mask = match attention_mask {
            None => None,
            Some(mask) if mask.size() == ids.size() => Some(mask.f_to_device(device)?.f_ne(0)?),
            Some(mask) => {
                return Err(EngineError::invalid(
                    format!(
                        "an attention mask of shape {:?} for ids of shape {:?}",
                        mask.size(),
                        ids.size()
                    ),
                    "give both the same shape",
                ));
            }
        };
        // Padding on the right only: causality alone keeps it away from real tokens.
        let mask = match mask {
            Some(mask) => {
                let falls = mask
                    .f_narrow(1, 0, length - 1)?
                    .f_logical_or(&mask.f_narrow(1, 1, length - 1)?.f_logical_not()?)?;
                Some((falls.f_all()?.f_int64_value(&[])? == 0, mask))
            }
            None => None,
        };
        let leading = mask
            .as_ref()
            .filter(|(leading, _)| *leading)
            .map(|(_, mask)| mask);
        let (cos, sin) = if !pictures.is_empty() {
            self.picture_rotation(ids, mask.as_ref().map(|(_, mask)| mask), pictures)?
        } else {
            let (cos, sin) = self.config.rope.tables(length, self.config.head_dim, device)?;
            match leading {
                None => (cos, sin),
                Some(mask) => {
                    let positions = mask.f_cumsum(1, Kind::Int64)?.f_sub_scalar(1)?.f_clamp_min(0)?;
                    let pick = |table: &Tensor| -> Result<Tensor, EngineError> {
                        Ok(table
                            .f_index_select(0, &positions.f_reshape([-1])?)?
                            .f_reshape([batch, 1, length, -1])?)
                    };
                    (pick(&cos)?, pick(&sin)?)
                }
            }
        };
        let width = self.config.sliding.as_ref().map(|s| s.width);
        let allowed = |width: Option<i64>| -> Result<Mask, EngineError> {
            let width = width.filter(|&w| w < length);
            if leading.is_none() && width.is_none() {
                return Ok(Mask::Causal);
            }
            let ones = Tensor::f_ones([length, length], (Kind::Bool, device))?;
            let mut allowed = ones.f_tril(0)?;
            if let Some(width) = width {
                allowed = allowed.f_logical_and(&ones.f_triu(1 - width)?)?;
            }
            if let Some(mask) = leading {
                // Every position may look at itself, or the softmax of a leading padding row would have no term.
                let own = Tensor::f_eye(length, (Kind::Bool, device))?;
                allowed = allowed
                    .f_logical_and(&mask.f_reshape([batch, 1, 1, length])?)?
                    .f_logical_or(&own)?;
            }
            Ok(Mask::Allowed(allowed))
        };
        Ok(Pass {
            batch,
            length,
            cos: cos.f_to_kind(self.kind())?,
            sin: sin.f_to_kind(self.kind())?,
            full: allowed(None)?,
            windowed: allowed(width)?,
            packed: Vec::new(),
        })
    }

    /// The forward pass over prompts padded on the right, with the keys and values of every layer.
    pub(crate) fn prefill(&self, ids: &Tensor) -> Result<(Tensor, Vec<KeysValues>), EngineError> {
        let mut cache = Vec::with_capacity(self.weights.layers.len());
        let hidden = self.run(ids, None, &[], None, Some(&mut cache))?;
        Ok((hidden, cache))
    }

    pub(crate) fn block(
        &self,
        layer: &Layer,
        x: &Tensor,
        pass: &Pass,
        keep: Keep<'_>,
    ) -> Result<Tensor, EngineError> {
        let config = &self.config;
        let normed = rms_norm(x, &layer.input_norm, config.eps)?;
        let qkv = layer.qkv.apply(&normed)?;
        let [q, k, v] = qkv.as_slice() else {
            return Err(EngineError::invalid(
                "a block without q, k and v",
                "report this defect",
            ));
        };
        let heads = |t: &Tensor, count: i64| t.f_reshape([pass.batch, pass.length, count, config.head_dim]);
        let (mut q, mut k) = (heads(q, config.heads)?, heads(k, config.kv_heads)?);
        let mut v = heads(v, config.kv_heads)?.f_transpose(1, 2)?;
        if let Some(norms) = &layer.head_norms {
            q = rms_norm(&q, &norms.q, config.eps)?;
            k = rms_norm(&k, &norms.k, config.eps)?;
        }
        let q = rotate(&q.f_transpose(1, 2)?, &pass.cos, &pass.sin)?;
        let mut k = rotate(&k.f_transpose(1, 2)?, &pass.cos, &pass.sin)?;
        match keep {
            Keep::Nothing => {}
            Keep::Collect(cache) => cache.push(KeysValues {
                k: k.shallow_clone(),
                v: v.shallow_clone(),
            }),
            Keep::Write(cache, column) => {
                let end = column + pass.length;
                cache.k.f_narrow(2, column, pass.length)?.f_copy_(&k)?;
                cache.v.f_narrow(2, column, pass.length)?.f_copy_(&v)?;
                (k, v) = (cache.k.f_narrow(2, 0, end)?, cache.v.f_narrow(2, 0, end)?);
            }
        }
        let mask = if layer.window.is_some() {
            &pass.windowed
        } else {
            &pass.full
        };
        let (allowed, causal) = match mask {
            Mask::Causal => (None, true),
            Mask::Allowed(allowed) => (Some(allowed), false),
        };
        let grouped = config.heads != config.kv_heads;
        let attended = if pass.packed.is_empty() {
            Tensor::f_scaled_dot_product_attention(&q, &k, &v, allowed, 0.0, causal, None, grouped)?
                .f_transpose(1, 2)?
                .f_reshape([pass.batch, pass.length, -1])?
        } else {
            attend([&q, &k, &v], &pass.packed, layer.window, grouped)?
        };
        let x = x.f_add(&layer.o.apply(&attended)?)?;
        let normed = rms_norm(&x, &layer.post_norm, config.eps)?;
        let gate_up = layer.gate_up.apply(&normed)?;
        let [gate, up] = gate_up.as_slice() else {
            return Err(EngineError::invalid(
                "a block without gate and up",
                "report this defect",
            ));
        };
        Ok(x.f_add(&layer.down.apply(&gate.f_silu()?.f_mul(up)?)?)?)
    }
}

/// Batch and length of a two-dimensional tensor.
pub(crate) fn size2(ids: &Tensor) -> Result<(i64, i64), EngineError> {
    match ids.size().as_slice() {
        &[batch, length] => Ok((batch, length)),
        other => Err(EngineError::invalid(
            format!("ids of shape {other:?}"),
            "give ids of shape [batch, length]",
        )),
    }
}
