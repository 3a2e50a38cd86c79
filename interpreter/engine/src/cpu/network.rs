//! The forward pass on CPUs: tokens of any sequences, each at any position, through all layers at once.
//!
//! There is one pass for reading prompts, decoding and scoring. A row of the batch is one token; nothing but
//! attention looks beyond its own row, and attention looks only at its own sequence's pages. The residual stream is
//! fp32 in either precision; in bf16 the inputs of products, keys and values are rounded, sums are not.

use std::sync::{Mutex, PoisonError};

use super::attention::{Attention, GROUP_ROWS, Scratch, Token, attend};
use super::gemm::Into;
use super::isa::{BLOCK, Path};
use super::pages::{Shape, Table};
use super::team::{Places, Team};
use super::weights::{Weights, floats};
use crate::kernels::{Element, norm_row, turn_head};
use crate::vision::VECTORS;
use crate::{Config, EngineError, layers};

/// Rows of one piece of a loop over rows.
const LOOP_ROWS: usize = 8;

/// Numbers of one block of logits (16 MiB).
const LOGITS: usize = 1 << 22;

/// A model with its weights packed, and the working memory of a pass.
pub(crate) struct Network<E> {
    weights: Weights<E>,
    pub(crate) shape: Shape,
    path: Path,
    team: Team,
    heads: usize,
    ff: usize,
    vocab: usize,
    eps: f32,
    rope: crate::Rope,
    /// Rows of the tables that are those of positions; behind them are those of pictures.
    reached: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
    /// What stands in the places of image tokens, a row each.
    vectors: Vec<f32>,
    residual: Vec<f32>,
    normed: Vec<E>,
    qkv: Vec<f32>,
    attended: Vec<E>,
    active: Vec<E>,
    logits: Vec<f32>,
    scratch: Vec<Mutex<Scratch<E>>>,
}

impl<E: Element> Network<E> {
    /// Packs weights for `threads` threads.
    pub(crate) fn new(
        c: &Config,
        weights: layers::Weights,
        threads: usize,
        path: Path,
    ) -> Result<Self, EngineError> {
        let size = |n: i64| usize::try_from(n).unwrap_or(0);
        let team = Team::new(threads.max(1));
        Ok(Self {
            weights: Weights::of(weights)?,
            shape: Shape {
                layers: size(c.layers),
                kv_heads: size(c.kv_heads),
                dim: size(c.head_dim),
                width: size(c.head_dim).next_multiple_of(16),
            },
            path,
            heads: size(c.heads),
            ff: size(c.ff),
            vocab: size(c.vocab),
            eps: c.eps as f32,
            rope: c.rope.clone(),
            reached: 0,
            cos: Vec::new(),
            sin: Vec::new(),
            vectors: Vec::new(),
            residual: Vec::new(),
            normed: Vec::new(),
            qkv: Vec::new(),
            attended: Vec::new(),
            active: Vec::new(),
            logits: Vec::new(),
            scratch: (0..team.size()).map(|_| Mutex::default()).collect(),
            team,
        })
    }

    /// Works with this many threads from now on.
    pub(crate) fn set_threads(&mut self, threads: usize) {
        if threads.max(1) != self.team.size() {
            self.team = Team::new(threads.max(1));
            self.scratch.resize_with(self.team.size(), Mutex::default);
        }
    }

    pub(crate) fn team(&self) -> &Team {
        &self.team
    }

    pub(crate) fn vocab(&self) -> usize {
        self.vocab
    }

    /// Rows of the tables that are those of positions: from here on [`Network::show`] puts those of pictures.
    pub(crate) fn reached(&self) -> usize {
        self.reached
    }

    /// Takes vectors for the ids from [`VECTORS`] on in the place of earlier ones, and rows of the rotation, half a head
    /// wide, behind those of positions.
    pub(crate) fn show(&mut self, vectors: Vec<f32>, cos: &[f32], sin: &[f32]) {
        let own = self.reached * (self.shape.dim / 2);
        self.vectors = vectors;
        self.cos.truncate(own);
        self.sin.truncate(own);
        self.cos.extend_from_slice(cos);
        self.sin.extend_from_slice(sin);
    }

    /// Makes rope tables for positions below `positions`; where they have to grow, rows of pictures are let go.
    pub(crate) fn reach(&mut self, positions: usize) -> Result<(), EngineError> {
        let half = self.shape.dim / 2;
        if self.reached < positions {
            // A table that doubles is made anew rarely, however a caller's lengths grow.
            let positions = positions.next_power_of_two();
            let (cos, sin) = self
                .rope
                .tables(positions as i64, self.shape.dim as i64, tch::Device::Cpu)?;
            self.cos = floats(&cos.f_narrow(1, 0, half as i64)?)?;
            self.sin = floats(&sin.f_narrow(1, 0, half as i64)?)?;
            self.reached = positions;
        }
        Ok(())
    }

    /// Runs `tokens` through all layers and leaves their residual rows for [`Network::logits`]. Tokens of one table
    /// stand together, in the order of their positions, and no two ranges belong to one table; the tables have pages
    /// for them, those that are written belonging to them alone.
    pub(crate) fn forward(&mut self, tokens: &[Token], tables: &mut [Table<E>]) {
        let rows = tokens.len();
        let hidden = self.weights.norm.len();
        self.residual.resize(rows * hidden, 0.0);
        for (token, row) in tokens.iter().zip(self.residual.chunks_exact_mut(hidden.max(1))) {
            match token.id.checked_sub(VECTORS) {
                None => self.weights.embed(token.id, row),
                Some(number) => {
                    let vector = self.vectors.chunks_exact(hidden.max(1)).nth(number as usize);
                    if let Some(vector) = vector {
                        row.copy_from_slice(vector);
                    }
                }
            }
        }
        let stride = self.weights.head.stride();
        let (kv_heads, dim) = (self.shape.kv_heads, self.shape.dim);
        let group = self.heads / kv_heads.max(1);
        let out_stride = (self.heads * dim).next_multiple_of(E::GROUP);
        let ff_stride = self.ff.next_multiple_of(E::GROUP);
        self.normed.resize(rows * stride, E::default());
        self.qkv.resize(rows * (self.heads + 2 * kv_heads) * dim, 0.0);
        self.attended.resize(rows * out_stride, E::default());
        self.active.resize(rows * ff_stride, E::default());
        let spans = spans(tokens);
        let pieces: Vec<std::ops::Range<usize>> = spans
            .chunk_by(|a, b| a.len() == 1 && b.len() == 1)
            .flat_map(|run| {
                let (start, end) = (
                    run.first().map_or(0, |r| r.start),
                    run.last().map_or(0, |r| r.end),
                );
                (start..end)
                    .step_by(GROUP_ROWS)
                    .map(move |from| from..(from + GROUP_ROWS).min(end))
            })
            .collect();
        let Self {
            weights,
            shape,
            path,
            team,
            eps,
            cos,
            sin,
            residual,
            normed,
            qkv,
            attended,
            active,
            scratch,
            ..
        } = self;
        let (shape, path, eps, team) = (*shape, *path, *eps, &*team);
        for (layer, block) in weights.blocks.iter().enumerate() {
            norm_rows(team, residual, &block.input_norm, eps, normed, hidden, stride);
            block.qkv.multiply(path, team, normed, Into::Store(qkv));
            let norms = block.head_norms.as_ref();
            {
                // Each table's new keys and values, before anybody looks at them.
                let mut each: Vec<Mutex<(&mut Table<E>, std::ops::Range<usize>)>> = Vec::new();
                let mut wanted = spans.iter().peekable();
                for (number, table) in tables.iter_mut().enumerate() {
                    if let Some(span) =
                        wanted.next_if(|s| tokens.get(s.start).is_some_and(|t| t.table == number))
                    {
                        each.push(Mutex::new((table, span.clone())));
                    }
                }
                let qkv = &*qkv;
                let (cos, sin) = (&*cos, &*sin);
                let per = each.len().div_ceil(4 * team.size()).max(1);
                team.each(each.len().div_ceil(per), |_, piece| {
                    for own in each.iter().skip(piece * per).take(per) {
                        let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
                        let (table, span) = &mut *own;
                        let place = Keys {
                            shape,
                            layer,
                            group,
                            norm: norms.map(|(_, k)| k.as_slice()),
                            eps,
                            cos,
                            sin,
                        };
                        place.put(tokens, span.clone(), qkv, table);
                    }
                });
            }
            let places = Places::new(attended);
            let attention = Attention {
                shape,
                layer,
                window: block.window,
                group,
                eps,
                norm: norms.map(|(q, _)| q.as_slice()),
                cos,
                sin,
                tokens,
                tables,
                qkv,
                out: &places,
                out_stride,
            };
            team.each(pieces.len() * kv_heads, |worker, piece| {
                let Some(rows) = pieces.get(piece / kv_heads) else {
                    return;
                };
                let Some(scratch) = scratch.get(worker) else {
                    return;
                };
                let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
                attend(path, &attention, rows.clone(), piece % kv_heads, &mut scratch);
            });
            block.o.multiply(path, team, attended, Into::Add(residual));
            norm_rows(team, residual, &block.post_norm, eps, normed, hidden, stride);
            block
                .gate_up
                .multiply(path, team, normed, Into::Gate(active, ff_stride));
            block.down.multiply(path, team, active, Into::Add(residual));
        }
    }

    /// Logits of some rows of the last pass, a block at a time: `each` gets the place in `rows` of the block's first
    /// row, and the logits.
    pub(crate) fn logits(&mut self, rows: &[usize], each: &mut dyn FnMut(&Team, usize, &[f32])) {
        let hidden = self.weights.norm.len();
        let stride = self.weights.head.stride();
        let most = (LOGITS / self.vocab.max(1)).clamp(1, 1024).next_multiple_of(6);
        let mut chosen = Vec::new();
        for (number, part) in rows.chunks(most).enumerate() {
            chosen.clear();
            for row in part {
                chosen.extend_from_slice(
                    self.residual
                        .get(row * hidden..(row + 1) * hidden)
                        .unwrap_or_default(),
                );
            }
            self.normed.resize(part.len() * stride, E::default());
            self.logits.resize(part.len() * self.vocab, 0.0);
            norm_rows(
                &self.team,
                &mut chosen,
                &self.weights.norm,
                self.eps,
                &mut self.normed,
                hidden,
                stride,
            );
            self.weights
                .head
                .multiply(self.path, &self.team, &self.normed, Into::Store(&mut self.logits));
            each(&self.team, number * most, &self.logits);
        }
    }
}

/// Runs of tokens of one table.
fn spans(tokens: &[Token]) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    tokens
        .chunk_by(|a, b| a.table == b.table)
        .map(|run| {
            let span = start..start + run.len();
            start = span.end;
            span
        })
        .collect()
}

fn norm_rows<E: Element>(
    team: &Team,
    rows: &mut [f32],
    weight: &[f32],
    eps: f32,
    out: &mut [E],
    hidden: usize,
    stride: usize,
) {
    let count = rows.len() / hidden.max(1);
    let (rows, out) = (Places::new(rows), Places::new(out));
    team.each(count.div_ceil(LOOP_ROWS), |_, piece| {
        for row in piece * LOOP_ROWS..((piece + 1) * LOOP_ROWS).min(count) {
            // SAFETY: every row belongs to one piece.
            #[allow(unsafe_code)]
            let (row, out) = unsafe { (rows.part(row * hidden, hidden), out.part(row * stride, hidden)) };
            norm_row(row, weight, eps, out);
        }
    });
}

/// What writing keys and values of one layer needs.
struct Keys<'a> {
    shape: Shape,
    layer: usize,
    group: usize,
    norm: Option<&'a [f32]>,
    eps: f32,
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Keys<'_> {
    fn put<E: Element>(
        &self,
        tokens: &[Token],
        span: std::ops::Range<usize>,
        qkv: &[f32],
        table: &mut Table<E>,
    ) {
        let Shape { kv_heads, dim, .. } = self.shape;
        let width = kv_heads * (self.group + 2) * dim;
        let half = dim / 2;
        let mut turned = vec![0f32; dim];
        for row in span {
            let (Some(token), Some(qkv)) = (tokens.get(row), qkv.get(row * width..(row + 1) * width)) else {
                return;
            };
            let angle = token.turn * half..(token.turn + 1) * half;
            let cos = self.cos.get(angle.clone()).unwrap_or_default();
            let sin = self.sin.get(angle).unwrap_or_default();
            let (_, kv) = qkv.split_at(kv_heads * self.group * dim);
            let (keys, values) = kv.split_at(kv_heads * dim);
            // Pages that are written belong to the table alone, as `Pool::extend` sees to.
            let Some(page) = table
                .get_mut(token.position / BLOCK)
                .and_then(std::sync::Arc::get_mut)
            else {
                return;
            };
            for (head, (key, value)) in keys.chunks_exact(dim).zip(values.chunks_exact(dim)).enumerate() {
                turn_head(key, self.norm, self.eps, cos, sin, &mut turned);
                page.put(
                    &self.shape,
                    self.layer,
                    head,
                    token.position % BLOCK,
                    &turned,
                    value,
                );
            }
        }
    }
}
