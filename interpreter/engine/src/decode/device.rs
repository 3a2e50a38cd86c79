//! The decoder for accelerators: every step is tensor operations on the device; a step uploads the rows'
//! uniform numbers and downloads their tokens. Runs on the CPU too, where tests hold it to the other one.

use tch::{Device, Kind, Tensor};

use super::{Sequence, prefill_groups};
use crate::forward::KeysValues;
use crate::layers::{Projection, rms_norm};
use crate::rope::rotate;
use crate::sampling::{Draw, Past, Scratch, draw};
use crate::{EngineError, LanguageModel, SamplingParams, uniform};

/// See the module.
pub(crate) struct DeviceDecoder {
    model: LanguageModel,
    params: SamplingParams,
    streams: Vec<u64>,
    /// Prompt and tokens of each row, where the parameters look at them.
    pasts: Vec<(Vec<u32>, Vec<u32>)>,
    drawn: u64,
    /// Per layer [rows, kv heads, capacity, D]; written in place.
    cache: Vec<KeysValues>,
    /// Prompt length of each row [rows] i64.
    lengths: Tensor,
    longest: i64,
    cos: Tensor,
    sin: Tensor,
    /// Rows of the cache that are in use, where some have ended: indices [active] i64.
    compacted: usize,
    active: Vec<i64>,
}

impl DeviceDecoder {
    pub(crate) fn new(model: LanguageModel, params: SamplingParams) -> Self {
        Self {
            model,
            params,
            streams: Vec::new(),
            pasts: Vec::new(),
            drawn: 0,
            cache: Vec::new(),
            lengths: Tensor::new(),
            longest: 0,
            cos: Tensor::new(),
            sin: Tensor::new(),
            compacted: 0,
            active: Vec::new(),
        }
    }

    /// Draws one token for each row of `logits` [n,V]; `slots` says which of the cache's rows count.
    fn draw(&self, logits: &Tensor, streams: &[u64]) -> Result<Vec<Option<Draw>>, EngineError> {
        let uniforms: Vec<f64> = streams.iter().map(|&s| uniform(s, self.drawn)).collect();
        if self.params.is_special() {
            return self.draw_on_cpu(logits, &uniforms);
        }
        let (tokens, logprobs) = draw_rows(logits, &self.params, &uniforms)?;
        let both = Tensor::f_stack(
            &[
                &tokens.f_to_kind(Kind::Double)?,
                &logprobs.f_to_kind(Kind::Double)?,
            ],
            1,
        )?;
        let both = both.f_to_device(Device::Cpu)?.f_contiguous()?;
        let mut values = vec![0f64; both.numel()];
        let count = values.len();
        both.f_copy_data(&mut values, count)?;
        Ok(values
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&[token, logprob]| {
                logprob.is_finite().then_some(Draw {
                    token: token as u32,
                    logprob: logprob as f32,
                })
            })
            .collect())
    }

    /// As `draw`, for parameters that look at single tokens: row by row on the CPU.
    fn draw_on_cpu(&self, logits: &Tensor, uniforms: &[f64]) -> Result<Vec<Option<Draw>>, EngineError> {
        let logits = logits
            .f_to_kind(Kind::Float)?
            .f_to_device(Device::Cpu)?
            .f_contiguous()?;
        let mut values = vec![0f32; logits.numel()];
        let count = values.len();
        logits.f_copy_data(&mut values, count)?;
        let vocab = usize::try_from(self.model.config.vocab).unwrap_or(1).max(1);
        let mut scratch = Scratch::default();
        Ok(values
            .chunks(vocab)
            .zip(&self.pasts)
            .zip(uniforms)
            .map(|((row, (prompt, drawn)), &u)| {
                draw(row, &self.params, Past { prompt, drawn }, u, &mut scratch)
            })
            .collect())
    }

    /// Drops the cache rows of ended sequences.
    fn compact(&mut self) -> Result<(), EngineError> {
        let index = Tensor::f_from_slice(&self.active)?.f_to_device(self.model.device())?;
        for layer in &mut self.cache {
            layer.k = layer.k.f_index_select(0, &index)?;
            layer.v = layer.v.f_index_select(0, &index)?;
        }
        self.lengths = self.lengths.f_index_select(0, &index)?;
        self.compacted = self.active.len();
        self.active = (0..self.compacted as i64).collect();
        Ok(())
    }

    /// One token of every cache row through all layers: logits [rows, V].
    fn forward(&mut self, ids: &Tensor) -> Result<Tensor, EngineError> {
        let Self {
            model,
            cache,
            lengths,
            cos,
            sin,
            ..
        } = self;
        let config = &model.config;
        let device = model.device();
        let rows = ids.size().first().copied().unwrap_or(0);
        let group = config.heads / config.kv_heads;
        let step = self.drawn as i64 - 1;
        let width = self.longest + step + 1;
        // Prompts are padded on the right, to the length of the longest; new tokens follow at the same place
        // in every row, and the gap between is masked.
        let place = self.longest + step;
        let positions = lengths.f_add_scalar(step)?;
        let cos = cos.f_index_select(0, &positions)?.f_unsqueeze(1)?;
        let sin = sin.f_index_select(0, &positions)?.f_unsqueeze(1)?;
        let columns = Tensor::f_arange(width, (Kind::Int64, device))?.f_unsqueeze(0)?;
        let prompt = columns.f_lt_tensor(&lengths.f_unsqueeze(1)?)?;
        let allowed = prompt
            .f_logical_or(&columns.f_ge(self.longest)?)?
            .f_reshape([rows, 1, 1, width])?;
        let mut x = Tensor::f_embedding(&model.weights.embedding, ids, -1, false, false)?;
        for (layer, kv) in model.weights.layers.iter().zip(cache) {
            let normed = rms_norm(&x, &layer.input_norm, config.eps)?;
            let qkv = fused(&layer.qkv, &normed)?;
            let qkv = qkv.f_reshape([rows, config.heads + 2 * config.kv_heads, config.head_dim])?;
            let v = qkv.f_narrow(1, config.heads + config.kv_heads, config.kv_heads)?;
            let turned = match &layer.head_norms {
                None => rotate(&qkv.f_narrow(1, 0, config.heads + config.kv_heads)?, &cos, &sin)?,
                Some(norms) => {
                    let q = rms_norm(&qkv.f_narrow(1, 0, config.heads)?, &norms.q, config.eps)?;
                    let k = rms_norm(
                        &qkv.f_narrow(1, config.heads, config.kv_heads)?,
                        &norms.k,
                        config.eps,
                    )?;
                    rotate(&Tensor::f_cat(&[q, k], 1)?, &cos, &sin)?
                }
            };
            let k = turned.f_narrow(1, config.heads, config.kv_heads)?;
            kv.k.f_select(2, place)?.f_copy_(&k)?;
            kv.v.f_select(2, place)?.f_copy_(&v)?;
            // The query heads of one kv head stand where query positions would: no key is repeated.
            let q = turned.f_narrow(1, 0, config.heads)?.f_reshape([
                rows,
                config.kv_heads,
                group,
                config.head_dim,
            ])?;
            let (k, v) = (kv.k.f_narrow(2, 0, width)?, kv.v.f_narrow(2, 0, width)?);
            let attended =
                Tensor::f_scaled_dot_product_attention(&q, &k, &v, Some(&allowed), 0.0, false, None, false)?;
            let attended = attended.f_reshape([rows, config.heads * config.head_dim])?;
            let mut out = layer.o.apply(&attended)?;
            x = out.f_add_(&x)?;
            let normed = rms_norm(&x, &layer.post_norm, config.eps)?;
            let gate_up = fused(&layer.gate_up, &normed)?;
            let mut gate = gate_up.f_narrow(-1, 0, config.ff)?;
            let mut gate = gate.f_silu_()?;
            let mut down = layer
                .down
                .apply(&gate.f_mul_(&gate_up.f_narrow(-1, config.ff, config.ff)?)?)?;
            x = down.f_add_(&x)?;
        }
        let x = rms_norm(&x, &model.weights.norm, config.eps)?;
        model.logits(&x)
    }
}

impl DeviceDecoder {
    /// Reads the prompts, each once, and draws the first token of every sequence. `None` where a row's logits are not
    /// finite.
    pub(crate) fn start(
        &mut self,
        prompts: &[&[u32]],
        sequences: &[Sequence],
        max_tokens: usize,
    ) -> Result<Vec<Option<Draw>>, EngineError> {
        let config = &self.model.config;
        let (device, kind) = (self.model.device(), self.model.kind());
        let longest = prompts.iter().map(|p| p.len()).max().unwrap_or(0);
        let capacity = (longest + max_tokens) as i64;
        let rows = sequences.len() as i64;
        let (cos, sin) = config.rope.tables(capacity, config.head_dim, device)?;
        (self.cos, self.sin) = (cos.f_to_kind(kind)?, sin.f_to_kind(kind)?);
        self.cache.clear();
        for _ in 0..config.layers {
            let shape = [rows, config.kv_heads, capacity, config.head_dim];
            // Zeros, not empty memory: masked positions must be finite.
            self.cache.push(KeysValues {
                k: Tensor::f_zeros(shape, (kind, device))?,
                v: Tensor::f_zeros(shape, (kind, device))?,
            });
        }
        let mut first = Tensor::f_zeros([rows, config.vocab], (kind, device))?;
        for group in prefill_groups(prompts) {
            let width = group
                .iter()
                .filter_map(|&i| prompts.get(i))
                .map(|p| p.len())
                .max()
                .unwrap_or(0);
            let (mut ids, mut ends) = (Vec::new(), Vec::new());
            for (row, prompt) in group.iter().filter_map(|&i| prompts.get(i)).enumerate() {
                ids.extend(prompt.iter().map(|&t| i64::from(t)));
                ids.resize((row + 1) * width, 0);
                ends.push((row * width + prompt.len()) as i64 - 1);
            }
            let ids = Tensor::f_from_slice(&ids)?.f_reshape([group.len() as i64, width as i64])?;
            let (hidden, read) = self.model.prefill(&ids)?;
            let ends = Tensor::f_from_slice(&ends)?.f_to_device(device)?;
            let logits = self
                .model
                .logits(&hidden.f_flatten(0, 1)?.f_index_select(0, &ends)?)?;
            // Which cache row takes which row of this group.
            let (mut to, mut from) = (Vec::new(), Vec::new());
            for (row, sequence) in sequences.iter().enumerate() {
                if let Some(place) = group.iter().position(|&i| i == sequence.prompt) {
                    to.push(row as i64);
                    from.push(place as i64);
                }
            }
            let to = Tensor::f_from_slice(&to)?.f_to_device(device)?;
            let from = Tensor::f_from_slice(&from)?.f_to_device(device)?;
            let _ = first.f_index_copy_(0, &to, &logits.f_index_select(0, &from)?)?;
            for (own, read) in self.cache.iter().zip(read) {
                for (own, read) in [(&own.k, read.k), (&own.v, read.v)] {
                    let mut part = own.f_narrow(2, 0, width as i64)?;
                    let _ = part.f_index_copy_(0, &to, &read.f_index_select(0, &from)?)?;
                }
            }
        }
        let lengths: Vec<i64> = sequences
            .iter()
            .map(|s| prompts.get(s.prompt).map_or(0, |p| p.len() as i64))
            .collect();
        self.lengths = Tensor::f_from_slice(&lengths)?.f_to_device(device)?;
        self.longest = longest as i64;
        self.streams = sequences.iter().map(|s| s.stream).collect();
        self.drawn = 0;
        self.pasts.clear();
        if self.params.is_special() {
            let prompt = |s: &Sequence| prompts.get(s.prompt).map(|p| p.to_vec()).unwrap_or_default();
            self.pasts = sequences.iter().map(|s| (prompt(s), Vec::new())).collect();
        }
        self.active = (0..rows).collect();
        self.compacted = sequences.len();
        let draws = self.draw(&first, &self.streams)?;
        self.drawn = 1;
        Ok(draws)
    }

    /// Continues the rows `keep` (slots of the previous call's result, rising) with their `last` tokens and draws
    /// the next of each; the others have ended.
    pub(crate) fn step(&mut self, keep: &[usize], last: &[u32]) -> Result<Vec<Option<Draw>>, EngineError> {
        self.active = keep
            .iter()
            .filter_map(|&slot| self.active.get(slot).copied())
            .collect();
        self.streams = keep
            .iter()
            .filter_map(|&slot| self.streams.get(slot).copied())
            .collect();
        if !self.pasts.is_empty() {
            self.pasts = keep
                .iter()
                .filter_map(|&slot| self.pasts.get_mut(slot).map(std::mem::take))
                .collect();
            for ((_, drawn), &token) in self.pasts.iter_mut().zip(last) {
                drawn.push(token);
            }
        }
        // Moving the cache pays once a quarter of its rows have ended.
        if self.active.len() * 4 <= self.compacted * 3 {
            self.compact()?;
        }
        let mut ids = vec![0i64; self.compacted];
        for (&row, &token) in self.active.iter().zip(last) {
            if let Some(place) = usize::try_from(row).ok().and_then(|r| ids.get_mut(r)) {
                *place = i64::from(token);
            }
        }
        let device = self.model.device();
        let logits = self.forward(&Tensor::f_from_slice(&ids)?.f_to_device(device)?)?;
        let logits = if self.active.len() == self.compacted {
            logits
        } else {
            logits.f_index_select(0, &Tensor::f_from_slice(&self.active)?.f_to_device(device)?)?
        };
        let draws = self.draw(&logits, &self.streams)?;
        self.drawn += 1;
        Ok(draws)
    }
}

fn fused(projection: &Projection, x: &Tensor) -> Result<Tensor, EngineError> {
    match &projection.fused {
        Some((weight, bias)) => Ok(x.f_linear(weight, bias.as_ref())?),
        None => Ok(Tensor::f_cat(&projection.apply(x)?, -1)?),
    }
}

/// Tokens [n] i64 and their log-probs [n] f32 for logits [n,V]; NaN log-probs where logits are not finite.
pub(super) fn draw_rows(
    logits: &Tensor,
    params: &SamplingParams,
    uniforms: &[f64],
) -> Result<(Tensor, Tensor), EngineError> {
    let device = logits.device();
    let logits = logits.f_to_kind(Kind::Float)?;
    let temperature = if params.temperature == 0.0 {
        1.0
    } else {
        params.temperature
    };
    let all = logits.f_div_scalar(temperature)?.f_log_softmax(-1, Kind::Float)?;
    let tokens = if params.temperature == 0.0 {
        logits.f_argmax(-1, false)?
    } else {
        let (weights, ids) = filter_rows(&all, params)?;
        let sums = weights.f_cumsum(-1, Kind::Double)?;
        let uniforms = Tensor::f_from_slice(uniforms)?
            .f_to_device(device)?
            .f_unsqueeze(1)?;
        let last = sums.size().last().copied().unwrap_or(1) - 1;
        let targets = uniforms.f_mul(&sums.f_narrow(-1, last, 1)?)?;
        let places = targets
            .f_searchsorted(&sums, false, true, "right", None::<&Tensor>)?
            .f_clamp_max(last)?;
        match ids {
            None => places.f_squeeze_dim(1)?,
            Some(ids) => ids.f_gather(1, &places, false)?.f_squeeze_dim(1)?,
        }
    };
    let logprobs = all
        .f_gather(1, &tokens.f_unsqueeze(1)?, false)?
        .f_squeeze_dim(1)?;
    // One NaN logit makes the whole row's softmax NaN, whichever token was taken.
    Ok((tokens, logprobs))
}

/// Weights of the tokens that stay: over the vocabulary (ids `None`), or sorted with their ids.
fn filter_rows(logprobs: &Tensor, params: &SamplingParams) -> Result<(Tensor, Option<Tensor>), EngineError> {
    let vocab = logprobs.size().last().copied().unwrap_or(0);
    let k = params
        .top_k
        .and_then(|k| i64::try_from(k).ok())
        .filter(|&k| k > 0 && k < vocab);
    if k.is_none() && params.top_p >= 1.0 {
        return Ok((logprobs.f_exp()?, None));
    }
    let (sorted, ids) = match k {
        Some(k) => logprobs.f_topk(k, -1, true, true)?,
        None => logprobs.f_sort(-1, true)?,
    };
    let weights = sorted.f_softmax(-1, Kind::Double)?;
    let before = weights.f_cumsum(-1, Kind::Double)?.f_sub(&weights)?;
    let cut = before.f_ge(params.top_p)?;
    // The first token stays whatever its mass.
    let _ = cut.f_select(-1, 0)?.f_fill_(0.0)?;
    let weights = if params.top_p < 1.0 {
        weights.f_masked_fill(&cut, 0.0)?
    } else {
        weights
    };
    Ok((weights, Some(ids)))
}
