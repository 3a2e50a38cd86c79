//! The inner loops of the CPU path, made ready to be timed by `benches/kernels.rs`. Not part of the library's interface.

use std::hint::black_box;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use half::bf16;

use crate::cpu::{
    Attention, AttentionScratch, BLOCK, GROUP_ROWS, Into, Packed, Path, Places, Pool, Shape, Table, Team,
    Token, attend,
};
use crate::kernels::{Element, exp_sums, norm_row, turn_head};
use crate::sampling::{Past, Scratch, draw};
use crate::{Precision, SamplingParams};

/// One call is one measured piece of work.
pub type Work = Box<dyn FnMut()>;

fn wave(count: usize, step: f32) -> impl Iterator<Item = f32> {
    (0..count).map(move |i| (i as f32 * step).sin())
}

fn narrow<E: Element>(count: usize, step: f32) -> Vec<E> {
    wave(count, step).map(E::narrow).collect()
}

/// Rows [rows, inputs] times a packed matrix [outputs, inputs]: 2 * rows * inputs * outputs operations.
pub fn product(precision: Precision, rows: usize, inputs: usize, outputs: usize, threads: usize) -> Work {
    match precision {
        Precision::Bf16 => product_of::<bf16>(rows, inputs, outputs, threads),
        _ => product_of::<f32>(rows, inputs, outputs, threads),
    }
}

fn product_of<E: Element>(rows: usize, inputs: usize, outputs: usize, threads: usize) -> Work {
    let mut matrix = Packed::<E>::zeros(inputs, outputs);
    let weights: Vec<f32> = wave(inputs, 0.37).collect();
    for output in 0..outputs {
        matrix.put(output, &weights);
    }
    let (team, path) = (Team::new(threads), Path::detect());
    let input = narrow::<E>(rows * matrix.stride(), 0.11);
    let mut out = vec![0f32; rows * outputs];
    Box::new(move || matrix.multiply(path, &team, &input, Into::Store(black_box(&mut out))))
}

/// Heads of an attention and their width.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Key and value heads, a divisor of `queries`.
    pub kv: usize,
    /// Numbers of one head.
    pub width: usize,
}

/// One new token in each of `rows` sequences, over `context` cached positions of its own.
pub fn attention(precision: Precision, rows: usize, context: usize, heads: Heads, threads: usize) -> Work {
    match precision {
        Precision::Bf16 => attention_of::<bf16>(rows, context, heads, threads),
        _ => attention_of::<f32>(rows, context, heads, threads),
    }
}

fn attention_of<E: Element>(rows: usize, context: usize, heads: Heads, threads: usize) -> Work {
    let shape = Shape {
        layers: 1,
        kv_heads: heads.kv,
        dim: heads.width,
        width: heads.width.next_multiple_of(16),
    };
    let mut pool = Pool::<E>::new(shape, usize::MAX);
    let mut tables: Vec<Table<E>> = vec![Table::new(); rows];
    let key: Vec<f32> = wave(heads.width, 0.7).collect();
    for table in &mut tables {
        let _ = pool.extend(table, 0, context);
        for position in 0..context {
            let page = table.get_mut(position / BLOCK).and_then(std::sync::Arc::get_mut);
            let Some(page) = page else { continue };
            for head in 0..heads.kv {
                page.put(&shape, 0, head, position % BLOCK, &key, &key);
            }
        }
    }
    let position = context.saturating_sub(1);
    let tokens: Vec<Token> = (0..rows)
        .map(|table| Token {
            id: 0,
            position,
            turn: 0,
            table,
        })
        .collect();
    let (cos, sin) = (vec![1f32; heads.width / 2], vec![0f32; heads.width / 2]);
    let qkv: Vec<f32> = wave(rows * (heads.queries + 2 * heads.kv) * heads.width, 0.13).collect();
    let stride = heads.queries * heads.width;
    let mut out = vec![E::default(); rows * stride];
    let (team, path) = (Team::new(threads), Path::detect());
    let scratch: Vec<Mutex<AttentionScratch<E>>> = (0..team.size()).map(|_| Mutex::default()).collect();
    let pieces: Vec<Range<usize>> = (0..rows)
        .step_by(GROUP_ROWS)
        .map(|start| start..(start + GROUP_ROWS).min(rows))
        .collect();
    Box::new(move || {
        let places = Places::new(black_box(&mut out));
        let attention = Attention {
            shape,
            layer: 0,
            window: usize::MAX,
            group: heads.queries / heads.kv,
            eps: 1e-6,
            norm: None,
            cos: &cos,
            sin: &sin,
            tokens: &tokens,
            tables: &tables,
            qkv: &qkv,
            out: &places,
            out_stride: stride,
        };
        team.each(pieces.len() * heads.kv, |worker, piece| {
            if let (Some(rows), Some(scratch)) = (pieces.get(piece / heads.kv), scratch.get(worker)) {
                let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
                attend(path, &attention, rows.clone(), piece % heads.kv, &mut scratch);
            }
        });
    })
}

/// RMS norm of [rows, width] into the given precision.
pub fn norm(precision: Precision, rows: usize, width: usize) -> Work {
    fn of<E: Element>(rows: usize, width: usize) -> Work {
        let (x, weight) = (wave(rows * width, 0.1).collect::<Vec<f32>>(), vec![1f32; width]);
        let mut out = vec![E::default(); rows * width];
        Box::new(move || {
            for (x, out) in x
                .chunks_exact(width)
                .zip(black_box(&mut out).chunks_exact_mut(width))
            {
                norm_row(x, &weight, 1e-6, out);
            }
        })
    }
    match precision {
        Precision::Bf16 => of::<bf16>(rows, width),
        _ => of::<f32>(rows, width),
    }
}

/// Rotary embedding of `heads` heads of `width` numbers.
pub fn rotation(heads: usize, width: usize) -> Work {
    let head: Vec<f32> = wave(heads * width, 0.1).collect();
    let (cos, sin) = (vec![0.6f32; width / 2], vec![0.8f32; width / 2]);
    let mut out = vec![0f32; width];
    Box::new(move || {
        for head in head.chunks_exact(width) {
            turn_head(head, None, 1e-6, &cos, &sin, black_box(&mut out));
        }
    })
}

/// A row of logits whose weights fall off as those of a language model do: a few large ones, a long tail.
fn logits(vocab: usize) -> Vec<f32> {
    (0..vocab)
        .map(|i| 6.0 * (i as f32 * 0.37).sin() + 4.0 * (i as f32 * 0.011).cos())
        .collect()
}

/// The sum of exponentials over a row of logits.
pub fn exponentials(vocab: usize) -> Work {
    let (row, mut sums) = (logits(vocab), Vec::new());
    Box::new(move || {
        black_box(exp_sums(&row, 10.0, 1.0, &mut sums));
    })
}

/// One token drawn from a row of logits.
pub fn drawing(vocab: usize, params: SamplingParams) -> Work {
    let (row, mut scratch) = (logits(vocab), Scratch::default());
    Box::new(move || {
        black_box(draw(&row, &params, Past::default(), 0.37, &mut scratch));
    })
}
