//! Attention of new tokens over a paged cache.
//!
//! Positions are taken 64 at a time with an online softmax (Milakov and Gimelshein, 2018), the borders lying at
//! multiples of 64 of the absolute position: so a token's sums have the same order whether it is read with its
//! prompt, decoded in any batch, or read again after its pages were given up. Rows that share pages stand side by
//! side, and find what the first of them has brought into the cache of the CPU.

use std::ops::Range;

use super::isa::{BLOCK, CHUNK_BLOCKS, Isa, for_each_unit};
use super::pages::{Shape, Table};
use super::team::Places;
use crate::kernels::{Element, exp_scalar, fma, max_lanes, sum_lanes, turn_head_body};

/// Positions of one step of the softmax.
const CHUNK: usize = BLOCK * CHUNK_BLOCKS;

/// Queries that one call of the inner loops takes: their sums over a chunk fill the registers.
const QUERIES: usize = 6;

/// Rows of one piece of work at most.
pub(crate) const GROUP_ROWS: usize = 16;

/// A token to be computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) id: u32,
    /// Its place in its sequence.
    pub(crate) position: usize,
    /// The row of the rotation's tables that turns it: its position, but behind and within pictures.
    pub(crate) turn: usize,
    /// Which of the batch's tables holds its sequence.
    pub(crate) table: usize,
}

/// What one layer's attention reads.
pub(crate) struct Attention<'a, E> {
    pub(crate) shape: Shape,
    pub(crate) layer: usize,
    /// Positions that a token looks back over, its own included.
    pub(crate) window: usize,
    /// Query heads per kv head.
    pub(crate) group: usize,
    pub(crate) eps: f32,
    /// Norm of the query heads, where the family has one.
    pub(crate) norm: Option<&'a [f32]>,
    /// Cosines and sines of each position, half a head wide.
    pub(crate) cos: &'a [f32],
    pub(crate) sin: &'a [f32],
    pub(crate) tokens: &'a [Token],
    pub(crate) tables: &'a [Table<E>],
    /// Rows [q | k | v] as the projection leaves them.
    pub(crate) qkv: &'a [f32],
    /// Rows of all query heads.
    pub(crate) out: &'a Places<'a, E>,
    /// Numbers of a row of `out`.
    pub(crate) out_stride: usize,
}

/// Working memory of one thread.
pub(crate) struct Scratch<E> {
    queries: Vec<E>,
    turned: Vec<f32>,
    sums: Vec<f32>,
    /// Largest score so far and sum of the weights, of each query.
    state: Vec<(f32, f32)>,
}

impl<E> Default for Scratch<E> {
    fn default() -> Self {
        Self {
            queries: Vec::new(),
            turned: Vec::new(),
            sums: Vec::new(),
            state: Vec::new(),
        }
    }
}

for_each_unit! {
    /// Attention of `rows` (at most [`GROUP_ROWS`] of them) in the heads that share kv head `head`.
    attend, attend_body, (a: &Attention<'_, E>, rows: Range<usize>, head: usize, scratch: &mut Scratch<E>)
}

#[inline(always)]
fn attend_body<E: Element, I: Isa<E>, const FUSED: bool>(
    a: &Attention<'_, E>,
    rows: Range<usize>,
    head: usize,
    scratch: &mut Scratch<E>,
) {
    let Shape {
        kv_heads, dim, width, ..
    } = a.shape;
    let heads = a.group;
    let row_width = kv_heads * (heads + 2) * dim;
    let scale = 1.0 / (dim as f32).sqrt();
    let half = dim / 2;
    let tokens = a.tokens.get(rows.clone()).unwrap_or_default();
    let count = tokens.len() * heads;
    let Scratch {
        queries,
        turned,
        sums,
        state,
    } = scratch;
    queries.clear();
    queries.resize(count * dim, E::default());
    turned.resize(dim, 0.0);
    sums.clear();
    sums.resize(count * width, 0.0);
    state.clear();
    state.resize(count, (f32::NEG_INFINITY, 0.0));
    for ((token, row), queries) in tokens
        .iter()
        .zip(rows.clone())
        .zip(queries.chunks_exact_mut(heads * dim))
    {
        let angle = token.turn * half..(token.turn + 1) * half;
        let cos = a.cos.get(angle.clone()).unwrap_or_default();
        let sin = a.sin.get(angle).unwrap_or_default();
        let start = row * row_width + head * heads * dim;
        let q = a.qkv.get(start..start + heads * dim).unwrap_or_default();
        for (q, query) in q.chunks_exact(dim).zip(queries.chunks_exact_mut(dim)) {
            turn_head_body::<f32, FUSED>(q, a.norm, a.eps, cos, sin, turned);
            for (to, from) in query.iter_mut().zip(turned.iter()) {
                *to = E::narrow(from * scale);
            }
        }
    }
    let longest = tokens.iter().map(|t| t.position + 1).max().unwrap_or(0);
    for chunk in 0..longest.div_ceil(CHUNK) {
        // Positions of this chunk that a token sees: up to its own, and none before its window.
        let view = |token: &Token| View {
            hidden: (token.position + 1)
                .saturating_sub(a.window)
                .saturating_sub(chunk * CHUNK),
            seen: (token.position + 1).saturating_sub(chunk * CHUNK).min(CHUNK),
        };
        let mut start = 0;
        while let Some(token) = tokens.get(start) {
            if view(token).is_empty() {
                start += 1;
                continue;
            }
            // Rows of one sequence read the same keys and values, and are worked on together.
            let run = tokens.iter().skip(start);
            let run = run.take_while(|t| t.table == token.table && !view(t).is_empty());
            let end = start + run.count();
            let run = tokens.get(start..end).unwrap_or_default();
            let blocks = run
                .iter()
                .map(|t| view(t).seen)
                .max()
                .unwrap_or(1)
                .div_ceil(BLOCK);
            let (mut keys, mut values) = ([std::ptr::null(); CHUNK_BLOCKS], [std::ptr::null(); CHUNK_BLOCKS]);
            let pages = a.tables.get(token.table).map(Vec::as_slice).unwrap_or_default();
            for (block, (key, value)) in keys.iter_mut().zip(&mut values).enumerate() {
                // Scores are taken of two or four blocks: the last one stands for those that are not there.
                let Some(page) = pages.get(chunk * CHUNK_BLOCKS + block.min(blocks - 1)) else {
                    return;
                };
                let (k, v) = page.head(&a.shape, a.layer, head);
                *key = k.as_ptr();
                *value = v.as_ptr();
            }
            // The next sequence's keys come while this one is worked on, values while scores are.
            prefetch(&values, blocks, width * BLOCK);
            if let Some(next) = tokens.get(end) {
                let pages = a.tables.get(next.table).map(Vec::as_slice).unwrap_or_default();
                for page in pages.iter().skip(chunk * CHUNK_BLOCKS).take(CHUNK_BLOCKS) {
                    let (k, _) = page.head(&a.shape, a.layer, head);
                    prefetch(&[k.as_ptr()], 1, k.len());
                }
            }
            let mut first = 0;
            let total = run.len() * heads;
            while first < total {
                // Calls of like size: seven queries are four and three.
                let left = total - first;
                let n = left.div_ceil(left.div_ceil(QUERIES));
                let mut views = [View {
                    hidden: 0,
                    seen: CHUNK,
                }; QUERIES];
                for (q, v) in views.iter_mut().take(n).enumerate() {
                    if let Some(token) = run.get((first + q) / heads) {
                        *v = view(token);
                    }
                }
                let from = start * heads + first;
                let (Some(queries), Some(sums), Some(state)) = (
                    queries.get(from * dim..(from + n) * dim),
                    sums.get_mut(from * width..(from + n) * width),
                    state.get_mut(from..from + n),
                ) else {
                    return;
                };
                let step = Step {
                    keys: &keys,
                    values: &values,
                    dim,
                    width,
                    blocks,
                    views: &views,
                };
                match n {
                    6 => chunk_of::<E, I, 6, FUSED>(&step, queries, sums, state),
                    5 => chunk_of::<E, I, 5, FUSED>(&step, queries, sums, state),
                    4 => chunk_of::<E, I, 4, FUSED>(&step, queries, sums, state),
                    3 => chunk_of::<E, I, 3, FUSED>(&step, queries, sums, state),
                    2 => chunk_of::<E, I, 2, FUSED>(&step, queries, sums, state),
                    _ => chunk_of::<E, I, 1, FUSED>(&step, queries, sums, state),
                }
                first += n;
            }
            start = end;
        }
    }
    for ((row, sums), state) in rows
        .zip(sums.chunks_exact(heads * width))
        .zip(state.chunks_exact(heads))
    {
        // SAFETY: pieces are disjoint in rows or heads.
        #[allow(unsafe_code)]
        let out = unsafe { a.out.part(row * a.out_stride + head * heads * dim, heads * dim) };
        for ((out, sums), (_, total)) in out.chunks_exact_mut(dim).zip(sums.chunks_exact(width)).zip(state) {
            let inverse = 1.0 / total;
            for (o, s) in out.iter_mut().zip(sums) {
                *o = E::narrow(s * inverse);
            }
        }
    }
}

/// Asks for the first `blocks` runs of `count` numbers to be brought into the CPU's cache.
#[inline(always)]
fn prefetch<E>(runs: &[*const E], blocks: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for run in runs.iter().take(blocks) {
        for line in 0..(count * size_of::<E>()).div_ceil(64) {
            // SAFETY: a prefetch reads nothing as far as the program can see, whatever the address.
            #[allow(unsafe_code)]
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                    run.cast::<i8>().wrapping_add(line * 64),
                );
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (runs, blocks, count);
}

/// Positions of a chunk that a token sees: `hidden..seen`.
#[derive(Clone, Copy)]
struct View {
    hidden: usize,
    seen: usize,
}

impl View {
    fn is_empty(self) -> bool {
        self.hidden >= self.seen
    }
}

/// One chunk of positions of one sequence.
struct Step<'a, E> {
    keys: &'a [*const E; CHUNK_BLOCKS],
    values: &'a [*const E; CHUNK_BLOCKS],
    dim: usize,
    width: usize,
    /// Blocks that any query sees.
    blocks: usize,
    /// Of each query.
    views: &'a [View; QUERIES],
}

/// Q queries of one sequence over a chunk: scores, softmax so far, weighted values. What a query does not see has a
/// weight of zero, and a zero times a page's number, which is finite, adds nothing.
#[inline(always)]
fn chunk_of<E: Element, I: Isa<E>, const Q: usize, const FUSED: bool>(
    step: &Step<'_, E>,
    queries: &[E],
    sums: &mut [f32],
    state: &mut [(f32, f32)],
) {
    let Step {
        keys,
        values,
        dim,
        width,
        blocks,
        views,
    } = *step;
    let mut scores = [[f32::NEG_INFINITY; CHUNK]; Q];
    // SAFETY: `queries` holds Q rows of dim numbers; all pointers are those of whole pages (what lies behind
    // `seen` is not looked at); this code
    // runs on the unit that I stands for.
    #[allow(unsafe_code)]
    unsafe {
        let queries = queries.as_ptr();
        if blocks > 2 {
            I::dots::<Q, 4>(queries, dim, keys, &mut scores);
        } else {
            I::dots::<Q, 2>(queries, dim, keys, &mut scores);
        }
    }
    let mut weights = [[E::default(); CHUNK]; Q];
    for ((((scores, weights), state), sums), view) in scores
        .iter_mut()
        .zip(&mut weights)
        .zip(state.iter_mut())
        .zip(sums.chunks_exact_mut(width))
        .zip(views)
    {
        // Positions that the token does not see.
        for score in scores.iter_mut().skip(view.seen) {
            *score = f32::NEG_INFINITY;
        }
        for score in scores.iter_mut().take(view.hidden) {
            *score = f32::NEG_INFINITY;
        }
        let mut best = [f32::NEG_INFINITY; 16];
        for part in scores.as_chunks::<16>().0 {
            for (b, s) in best.iter_mut().zip(part) {
                *b = if *s > *b { *s } else { *b };
            }
        }
        let (before, total) = *state;
        // A NaN score is no larger than anything and makes its weight NaN, and so the row.
        let largest = max_lanes(best);
        let max = if largest > before { largest } else { before };
        let mut lanes = [0f32; 16];
        for (scores, weights) in scores
            .as_chunks::<16>()
            .0
            .iter()
            .zip(weights.as_chunks_mut::<16>().0)
        {
            for ((lane, s), w) in lanes.iter_mut().zip(scores).zip(weights) {
                let e = exp_scalar::<FUSED>(s - max);
                *lane += e;
                *w = E::narrow(e);
            }
        }
        let fresh = sum_lanes(lanes);
        let shrink = if before == f32::NEG_INFINITY {
            0.0
        } else {
            exp_scalar::<FUSED>(before - max)
        };
        *state = (max, fma::<FUSED>(total, shrink, fresh));
        if shrink != 1.0 {
            for s in sums {
                *s *= shrink;
            }
        }
    }
    // SAFETY: `sums` has Q rows of `width`, a multiple of 16; value blocks are whole pages.
    #[allow(unsafe_code)]
    unsafe {
        let out = sums.as_mut_ptr();
        let mut from = 0;
        while from + 64 <= width {
            I::mix::<Q, 4>(&weights, values, blocks, width, from, out);
            from += 64;
        }
        while from + 16 <= width {
            I::mix::<Q, 1>(&weights, values, blocks, width, from, out);
            from += 16;
        }
    }
}
