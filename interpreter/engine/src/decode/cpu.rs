//! The decoder for CPUs: libtorch multiplies, everything between the multiplications is one pass over the
//! rows in fused loops. The residual stream is fp32 in either precision.

use tch::Tensor;

use super::buffer::Buffer;
use super::cache::{Prompt, Row, Segment};
use super::matrices::{Matrices, floats};
use super::{Decoder, Sequence, prefill_groups};
use crate::kernels::{
    Element, TILE, add_norm, dot_tiles, fast_exp, row_max, silu_mul, turn_head, weighted_sum, widen,
};
use crate::sampling::{Draw, Scratch, draw};
use crate::{EngineError, LanguageModel, SamplingParams, uniform};

/// fp32 copies of the small weights that loops read.
struct Norms {
    input: Vec<f32>,
    post: Vec<f32>,
    heads: Option<(Vec<f32>, Vec<f32>)>,
}

struct Buffers<E> {
    residual: Buffer<f32>,
    normed: Buffer<E>,
    qkv: Buffer<E>,
    attended: Buffer<E>,
    delta: Buffer<E>,
    gate_up: Buffer<E>,
    active: Buffer<E>,
    logits: Buffer<E>,
}

/// See the module.
pub(crate) struct CpuDecoder<E> {
    model: LanguageModel,
    matrices: Matrices,
    params: SamplingParams,
    norms: Vec<Norms>,
    final_norm: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    prompts: Vec<Prompt<E>>,
    rows: Vec<Row<E>>,
    buffers: Option<Buffers<E>>,
    scratch: Scratch,
    wide: Vec<f32>,
    scores: Vec<f32>,
    products: Vec<f32>,
}

/// Sizes as the loops want them.
#[derive(Clone, Copy)]
struct Dims {
    heads: usize,
    kv_heads: usize,
    dim: usize,
    ff: usize,
    vocab: usize,
}

impl<E: Element> CpuDecoder<E> {
    pub(crate) fn new(model: LanguageModel, matrices: Matrices, params: SamplingParams) -> Self {
        Self {
            model,
            matrices,
            params,
            norms: Vec::new(),
            final_norm: Vec::new(),
            cos: Vec::new(),
            sin: Vec::new(),
            prompts: Vec::new(),
            rows: Vec::new(),
            buffers: None,
            scratch: Scratch::default(),
            wide: Vec::new(),
            scores: Vec::new(),
            products: Vec::new(),
        }
    }

    fn dims(&self) -> Dims {
        let c = &self.model.config;
        let size = |n: i64| usize::try_from(n).unwrap_or(0);
        Dims {
            heads: size(c.heads),
            kv_heads: size(c.kv_heads),
            dim: size(c.head_dim),
            ff: size(c.ff),
            vocab: size(c.vocab),
        }
    }

    /// Copies small weights, makes rope tables for `positions` and buffers for `rows`.
    fn prepare(&mut self, rows: usize, positions: usize) -> Result<(), EngineError> {
        let d = self.dims();
        if self.norms.is_empty() {
            for layer in &self.model.weights.layers {
                let heads = match &layer.head_norms {
                    Some(norms) => Some((floats(&norms.q)?, floats(&norms.k)?)),
                    None => None,
                };
                self.norms.push(Norms {
                    input: floats(&layer.input_norm)?,
                    post: floats(&layer.post_norm)?,
                    heads,
                });
            }
            self.final_norm = floats(&self.model.weights.norm)?;
        }
        if self.cos.len() < positions * d.dim / 2 {
            let config = &self.model.config;
            let (cos, sin) = config
                .rope
                .tables(positions as i64, config.head_dim, tch::Device::Cpu)?;
            let half = |t: Tensor| -> Result<Vec<f32>, EngineError> {
                floats(&t.f_narrow(1, 0, config.head_dim / 2)?)
            };
            (self.cos, self.sin) = (half(cos)?, half(sin)?);
        }
        let hidden = self.final_norm.len();
        self.buffers = Some(Buffers {
            residual: Buffer::new(rows, hidden)?,
            normed: Buffer::new(rows, hidden)?,
            qkv: Buffer::new(rows, (d.heads + 2 * d.kv_heads) * d.dim)?,
            attended: Buffer::new(rows, d.heads * d.dim)?,
            delta: Buffer::new(rows, hidden)?,
            gate_up: Buffer::new(rows, 2 * d.ff)?,
            active: Buffer::new(rows, d.ff)?,
            logits: Buffer::new(rows, d.vocab)?,
        });
        Ok(())
    }

    /// Reads the prompts; returns their last hidden states' logits, one row of `vocab` each.
    fn read_prompts(&mut self, prompts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let d = self.dims();
        self.prompts.clear();
        let mut read: Vec<Option<(Prompt<E>, Vec<f32>)>> = prompts.iter().map(|_| None).collect();
        for group in prefill_groups(prompts) {
            let width = group
                .iter()
                .filter_map(|&i| prompts.get(i))
                .map(|p| p.len())
                .max()
                .unwrap_or(0);
            let mut ids = Vec::with_capacity(group.len() * width);
            let mut ends = Vec::with_capacity(group.len());
            for (row, prompt) in group.iter().filter_map(|&i| prompts.get(i)).enumerate() {
                ids.extend(prompt.iter().map(|&t| i64::from(t)));
                ids.resize((row + 1) * width, 0);
                ends.push((row * width + prompt.len()) as i64 - 1);
            }
            let ids = Tensor::f_from_slice(&ids)?.f_reshape([group.len() as i64, width as i64])?;
            let (hidden, cache) = self.model.prefill(&ids)?;
            let last = hidden
                .f_flatten(0, 1)?
                .f_index_select(0, &Tensor::f_from_slice(&ends)?)?;
            let logits = floats(&self.model.logits(&last)?)?;
            let mut segments: Vec<Vec<Segment<E>>> = group.iter().map(|_| Vec::new()).collect();
            for layer in cache {
                let keys = floats(&layer.k)?;
                let values = floats(&layer.v)?;
                for (row, segments) in segments.iter_mut().enumerate() {
                    let length = group
                        .get(row)
                        .and_then(|&i| prompts.get(i))
                        .map_or(0, |p| p.len());
                    let mut segment = Segment::new(d.kv_heads, d.dim, length);
                    let mut value = vec![E::default(); d.dim];
                    for head in 0..d.kv_heads {
                        for position in 0..length {
                            let start = ((row * d.kv_heads + head) * width + position) * d.dim;
                            let part = start..start + d.dim;
                            for (to, from) in
                                value.iter_mut().zip(values.get(part.clone()).unwrap_or_default())
                            {
                                *to = E::narrow(*from);
                            }
                            segment.put(head, d.dim, position, keys.get(part).unwrap_or_default(), &value);
                        }
                    }
                    segments.push(segment);
                }
            }
            for ((i, layers), logits) in group.into_iter().zip(segments).zip(logits.chunks(d.vocab.max(1))) {
                if let (Some(place), Some(prompt)) = (read.get_mut(i), prompts.get(i)) {
                    *place = Some((
                        Prompt {
                            length: prompt.len(),
                            layers,
                        },
                        logits.to_vec(),
                    ));
                }
            }
        }
        let mut all = Vec::with_capacity(prompts.len());
        for (prompt, logits) in read.into_iter().flatten() {
            self.prompts.push(prompt);
            all.push(logits);
        }
        Ok(all)
    }

    /// Attention of every row's new token; writes keys and values to the rows' caches.
    fn attend(&mut self, layer: usize, count: usize) {
        let d = self.dims();
        let Self {
            prompts,
            rows,
            buffers,
            norms,
            cos,
            sin,
            scores,
            model,
            ..
        } = self;
        let Some(buffers) = buffers else { return };
        let Some(norms) = norms.get(layer) else { return };
        let eps = model.config.eps as f32;
        let group = d.heads / d.kv_heads.max(1);
        let scale = 1.0 / (d.dim as f32).sqrt();
        let half = d.dim / 2;
        let width = (d.heads + 2 * d.kv_heads) * d.dim;
        let Buffers { qkv, attended, .. } = buffers;
        let mut turned = vec![0f32; d.dim];
        let mut sum = vec![0f32; d.dim];
        let out_rows = attended.slice_mut(count).chunks_exact_mut(d.heads * d.dim);
        for ((row, qkv), out) in rows
            .iter_mut()
            .zip(qkv.slice(count).chunks_exact(width))
            .zip(out_rows)
        {
            let Some(prompt) = prompts.get(row.prompt) else {
                continue;
            };
            let (Some(before), Some(own)) = (prompt.layers.get(layer), row.layers.get_mut(layer)) else {
                continue;
            };
            // The token that is read now was drawn last.
            let place = row.drawn - 1;
            let angle = (prompt.length + place) * half;
            let (Some(cos), Some(sin)) = (cos.get(angle..angle + half), sin.get(angle..angle + half)) else {
                continue;
            };
            let (q, kv) = qkv.split_at(d.heads * d.dim);
            let (k, v) = kv.split_at(d.kv_heads * d.dim);
            let (q_norm, k_norm) = match &norms.heads {
                Some((q, k)) => (Some(q.as_slice()), Some(k.as_slice())),
                None => (None, None),
            };
            let old = prompt.length.next_multiple_of(TILE);
            let new = (place + 1).next_multiple_of(TILE);
            scores.resize(old + new, 0.0);
            let heads = k
                .chunks_exact(d.dim)
                .zip(v.chunks_exact(d.dim))
                .zip(q.chunks_exact(group * d.dim));
            let outs = out.chunks_exact_mut(group * d.dim);
            for (head, (((k, v), q), out)) in heads.zip(outs).enumerate() {
                turn_head(k, k_norm, eps, cos, sin, &mut turned);
                own.put(head, d.dim, place, &turned, v);
                let (old_keys, new_keys) = (
                    before.keys(head, d.dim, prompt.length),
                    own.keys(head, d.dim, place + 1),
                );
                let old_values = before.values(head, d.dim, prompt.length);
                let new_values = own.values(head, d.dim, place + 1);
                for (q, out) in q.chunks_exact(d.dim).zip(out.chunks_exact_mut(d.dim)) {
                    turn_head(q, q_norm, eps, cos, sin, &mut turned);
                    for x in &mut turned {
                        *x *= scale;
                    }
                    let (first, second) = scores.split_at_mut(old);
                    dot_tiles(&turned, old_keys, first);
                    dot_tiles(&turned, new_keys, second);
                    // Tiles reach beyond the last position.
                    first
                        .get_mut(prompt.length..)
                        .unwrap_or_default()
                        .fill(f32::NEG_INFINITY);
                    second
                        .get_mut(place + 1..)
                        .unwrap_or_default()
                        .fill(f32::NEG_INFINITY);
                    // Without a finite maximum the weights become NaN, and so does the row.
                    let max = row_max(scores).map_or(f32::NAN, |(_, max)| max);
                    fast_exp(scores, max, 1.0);
                    let total: f32 = scores.iter().sum();
                    sum.fill(0.0);
                    let (first, second) = scores.split_at(old);
                    weighted_sum(
                        first.get(..prompt.length).unwrap_or_default(),
                        old_values,
                        &mut sum,
                    );
                    weighted_sum(second.get(..place + 1).unwrap_or_default(), new_values, &mut sum);
                    let inverse = 1.0 / total;
                    for (o, s) in out.iter_mut().zip(&sum) {
                        *o = E::narrow(s * inverse);
                    }
                }
            }
        }
    }

    /// One token of every row through all layers; leaves the logits in their buffer.
    fn forward(&mut self, last: &[u32]) -> Result<(), EngineError> {
        let d = self.dims();
        let count = last.len();
        let eps = self.model.config.eps as f32;
        let ids: Vec<i64> = last.iter().map(|&t| i64::from(t)).collect();
        let embedded = self
            .model
            .weights
            .embedding
            .f_index_select(0, &Tensor::f_from_slice(&ids)?)?;
        if let Some(b) = &mut self.buffers {
            b.residual.fill(&embedded)?;
        }
        for layer in 0..self.matrices.blocks.len() {
            {
                let Self {
                    buffers,
                    matrices,
                    norms,
                    products,
                    ..
                } = self;
                let (Some(b), Some(m), Some(norms)) = (buffers, matrices.blocks.get(layer), norms.get(layer))
                else {
                    continue;
                };
                let delta = (layer > 0).then(|| b.delta.slice(count));
                add_norm(
                    b.residual.slice_mut(count),
                    delta,
                    &norms.input,
                    eps,
                    b.normed.slice_mut(count),
                );
                b.qkv.multiply(count, &b.normed, &m.qkv, products)?;
            }
            self.attend(layer, count);
            let Self {
                buffers,
                matrices,
                norms,
                products,
                ..
            } = self;
            let (Some(b), Some(m), Some(norms)) = (buffers, matrices.blocks.get(layer), norms.get(layer))
            else {
                continue;
            };
            b.delta.multiply(count, &b.attended, &m.o, products)?;
            let delta = Some(b.delta.slice(count));
            add_norm(
                b.residual.slice_mut(count),
                delta,
                &norms.post,
                eps,
                b.normed.slice_mut(count),
            );
            b.gate_up.multiply(count, &b.normed, &m.gate_up, products)?;
            silu_mul(b.gate_up.slice(count), d.ff, b.active.slice_mut(count));
            b.delta.multiply(count, &b.active, &m.down, products)?;
        }
        let Self {
            buffers,
            matrices,
            products,
            final_norm,
            ..
        } = self;
        if let Some(b) = buffers {
            let delta = Some(b.delta.slice(count));
            add_norm(
                b.residual.slice_mut(count),
                delta,
                final_norm,
                eps,
                b.normed.slice_mut(count),
            );
            b.logits.multiply(count, &b.normed, &matrices.head, products)?;
        }
        Ok(())
    }
}

impl<E: Element> Decoder for CpuDecoder<E> {
    fn start(
        &mut self,
        prompts: &[&[u32]],
        sequences: &[Sequence],
        max_tokens: usize,
    ) -> Result<Vec<Option<Draw>>, EngineError> {
        let d = self.dims();
        let longest = prompts.iter().map(|p| p.len()).max().unwrap_or(0);
        self.prepare(sequences.len(), longest + max_tokens)?;
        let logits = self.read_prompts(prompts)?;
        let layers = self.model.weights.layers.len();
        let mut draws = Vec::with_capacity(sequences.len());
        self.rows.clear();
        for sequence in sequences {
            let logits = logits.get(sequence.prompt).map(Vec::as_slice).unwrap_or_default();
            draws.push(draw(
                logits,
                &self.params,
                uniform(sequence.stream, 0),
                &mut self.scratch,
            ));
            let segments = (0..layers)
                .map(|_| Segment::new(d.kv_heads, d.dim, max_tokens))
                .collect();
            self.rows.push(Row {
                prompt: sequence.prompt,
                stream: sequence.stream,
                drawn: 1,
                layers: segments,
            });
        }
        Ok(draws)
    }

    fn step(&mut self, keep: &[usize], last: &[u32]) -> Result<Vec<Option<Draw>>, EngineError> {
        if keep.len() < self.rows.len() {
            let mut wanted = keep.iter().copied().peekable();
            let mut slot = 0;
            self.rows.retain(|_| {
                let kept = wanted.next_if_eq(&slot).is_some();
                slot += 1;
                kept
            });
        }
        self.forward(last)?;
        let vocab = self.dims().vocab;
        let Some(buffers) = &self.buffers else {
            return Ok(Vec::new());
        };
        let mut draws = Vec::with_capacity(self.rows.len());
        self.wide.resize(vocab, 0.0);
        for (row, logits) in self
            .rows
            .iter_mut()
            .zip(buffers.logits.slice(last.len()).chunks_exact(vocab.max(1)))
        {
            widen(logits, &mut self.wide);
            draws.push(draw(
                &self.wide,
                &self.params,
                uniform(row.stream, row.drawn as u64),
                &mut self.scratch,
            ));
            row.drawn += 1;
        }
        Ok(draws)
    }
}
