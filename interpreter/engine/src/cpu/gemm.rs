//! Multiplication of rows by a constant matrix, packed once.
//!
//! The matrix lies in panels of 64 outputs, within which all numbers of one step stand side by side: the inner loop
//! reads it in one stream, and six rows at a time share what is read.

use std::ops::Range;

use super::isa::{Isa, PANEL, Path, TILE_ROWS, for_each_unit};
use super::team::{Places, Team};
use crate::kernels::{Element, exp_scalar};

/// Rows of one piece of work: their numbers stay in the second-level cache while panels pass by.
const PIECE_ROWS: usize = 11 * TILE_ROWS;

/// A matrix [outputs, inputs] with its bias, in panels, padded with zeros.
pub(crate) struct Packed<E> {
    panels: Vec<E>,
    bias: Vec<[f32; PANEL]>,
    /// Inputs, padded to a whole number of groups.
    inputs: usize,
    outputs: usize,
}

/// Where products go.
pub(crate) enum Into<'a, E> {
    /// Rows of `outputs` numbers.
    Store(&'a mut [f32]),
    /// Added to rows of `outputs` numbers.
    Add(&'a mut [f32]),
    /// For a matrix of gates and ups: silu(gate) * up, in rows of the given width; an odd one out becomes zero.
    Gate(&'a mut [E], usize),
}

/// [`Into`], shared among the pieces of a job.
pub(super) enum To<'a, E> {
    Store(Places<'a, f32>),
    Add(Places<'a, f32>),
    Gate(Places<'a, E>, usize),
}

impl<E: Element> Packed<E> {
    /// A matrix of zeros.
    pub(crate) fn zeros(inputs: usize, outputs: usize) -> Self {
        let padded = inputs.max(1).next_multiple_of(E::GROUP);
        let count = outputs.div_ceil(PANEL);
        Self {
            panels: vec![E::default(); count * PANEL * padded],
            bias: vec![[0f32; PANEL]; count],
            inputs: padded,
            outputs,
        }
    }

    /// Sets the weights of one output.
    pub(crate) fn put(&mut self, output: usize, weights: &[f32]) {
        let start = output / PANEL * PANEL * self.inputs + output % PANEL * E::GROUP;
        let groups = self.panels.get_mut(start..).unwrap_or_default();
        for (place, weights) in groups.chunks_mut(PANEL * E::GROUP).zip(weights.chunks(E::GROUP)) {
            for (to, from) in place.iter_mut().zip(weights) {
                *to = E::narrow(*from);
            }
        }
    }

    /// Reads the weights of one output, as far as `out` reaches.
    pub(crate) fn get(&self, output: usize, out: &mut [f32]) {
        if output >= self.outputs {
            return;
        }
        let start = output / PANEL * PANEL * self.inputs + output % PANEL * E::GROUP;
        let groups = self.panels.get(start..).unwrap_or_default();
        for (out, place) in out.chunks_mut(E::GROUP).zip(groups.chunks(PANEL * E::GROUP)) {
            for (to, from) in out.iter_mut().zip(place) {
                *to = from.wide();
            }
        }
    }

    /// Sets the bias of one output.
    pub(crate) fn put_bias(&mut self, output: usize, bias: f32) {
        if let Some(place) = self
            .bias
            .get_mut(output / PANEL)
            .and_then(|b| b.get_mut(output % PANEL))
        {
            *place = bias;
        }
    }

    /// Zeros for `[gate; up]` of `ff` units each; see [`gate_place`].
    pub(crate) fn gated_zeros(inputs: usize, ff: usize) -> Self {
        Self::zeros(inputs, ff.div_ceil(PANEL / 2) * PANEL)
    }

    /// Numbers in a row of input: the matrix's inputs, padded to whole groups with anything finite.
    pub(crate) fn stride(&self) -> usize {
        self.inputs
    }

    /// Multiplies rows of [`Packed::stride`] numbers.
    pub(crate) fn multiply(&self, path: Path, team: &Team, input: &[E], into: Into<'_, E>) {
        let rows = input.len() / self.inputs;
        let panels = self.bias.len();
        let blocks = rows.div_ceil(PIECE_ROWS);
        // Pieces small enough that threads end together, large enough that handing them out costs nothing.
        let group = (panels * blocks).div_ceil(16 * team.size()).clamp(1, 16);
        let groups = panels.div_ceil(group);
        let to = match into {
            Into::Store(out) => To::Store(Places::new(out)),
            Into::Add(out) => To::Add(Places::new(out)),
            Into::Gate(out, width) => To::Gate(Places::new(out), width),
        };
        team.each(blocks * groups, |_, piece| {
            // Neighbouring pieces share panels.
            let (block, part) = (piece % blocks, piece / blocks);
            let rows = block * PIECE_ROWS..((block + 1) * PIECE_ROWS).min(rows);
            let panels = part * group..((part + 1) * group).min(panels);
            piece_of(path, self, input, rows, panels, &to);
        });
    }
}

for_each_unit! {
    /// Some rows times some panels.
    piece_of, piece_body, (matrix: &Packed<E>, input: &[E], rows: Range<usize>, panels: Range<usize>, to: &To<'_, E>)
}

#[inline(always)]
fn piece_body<E: Element, I: Isa<E>, const FUSED: bool>(
    matrix: &Packed<E>,
    input: &[E],
    rows: Range<usize>,
    panels: Range<usize>,
    to: &To<'_, E>,
) {
    for number in panels {
        let size = PANEL * matrix.inputs;
        let (Some(panel), Some(bias)) = (
            matrix.panels.get(number * size..(number + 1) * size),
            matrix.bias.get(number),
        ) else {
            return;
        };
        let mut row = rows.start;
        while row < rows.end {
            let count = (rows.end - row).min(TILE_ROWS);
            let Some(a) = input.get(row * matrix.inputs..(row + count) * matrix.inputs) else {
                return;
            };
            match count {
                6 => tile::<E, I, 6, FUSED>(matrix, a, panel, bias, row, number, to),
                5 => tile::<E, I, 5, FUSED>(matrix, a, panel, bias, row, number, to),
                4 => tile::<E, I, 4, FUSED>(matrix, a, panel, bias, row, number, to),
                3 => tile::<E, I, 3, FUSED>(matrix, a, panel, bias, row, number, to),
                2 => tile::<E, I, 2, FUSED>(matrix, a, panel, bias, row, number, to),
                _ => tile::<E, I, 1, FUSED>(matrix, a, panel, bias, row, number, to),
            }
            row += count;
        }
    }
}

#[inline(always)]
fn tile<E: Element, I: Isa<E>, const R: usize, const FUSED: bool>(
    matrix: &Packed<E>,
    a: &[E],
    panel: &[E],
    bias: &[f32; PANEL],
    row: usize,
    number: usize,
    to: &To<'_, E>,
) {
    let mut sums = [[0f32; PANEL]; R];
    // SAFETY: `a` holds R rows of `inputs` numbers and `panel` `inputs * PANEL`, as sliced by the caller; this code
    // runs on the unit that I stands for.
    #[allow(unsafe_code)]
    unsafe {
        I::tile::<R>(
            a.as_ptr(),
            matrix.inputs,
            panel.as_ptr(),
            matrix.inputs,
            bias,
            &mut sums,
        );
    }
    let column = number * PANEL;
    for (r, sums) in sums.iter().enumerate() {
        match to {
            To::Store(out) | To::Add(out) => {
                let width = PANEL.min(matrix.outputs - column);
                // SAFETY: pieces are disjoint in rows or panels.
                #[allow(unsafe_code)]
                let out = unsafe { out.part((row + r) * matrix.outputs + column, width) };
                if let To::Store(_) = to {
                    for (o, s) in out.iter_mut().zip(sums) {
                        *o = *s;
                    }
                } else {
                    for (o, s) in out.iter_mut().zip(sums) {
                        *o += *s;
                    }
                }
            }
            To::Gate(out, width) => {
                let start = column / 2;
                let count = (PANEL / 2).min(width - start);
                // SAFETY: as above.
                #[allow(unsafe_code)]
                let out = unsafe { out.part((row + r) * width + start, count) };
                let mut products = [E::default(); PANEL / 2];
                let (gates, ups) = sums.split_at(PANEL / 2);
                for ((p, g), u) in products.iter_mut().zip(gates).zip(ups) {
                    // e^-|g| never overflows; both signs of g follow from it.
                    let e = exp_scalar::<FUSED>(-g.abs());
                    let sigmoid = if *g >= 0.0 { 1.0 } else { e } / (1.0 + e);
                    *p = E::narrow(g * sigmoid * u);
                }
                out.copy_from_slice(products.get(..count).unwrap_or_default());
            }
        }
    }
}

/// The output of a gated matrix that holds the gate or up of `unit`: a panel holds 32 gates and then the 32 ups
/// they belong to, so that both are at hand together.
pub(crate) fn gate_place(unit: usize, up: bool) -> usize {
    let half = PANEL / 2;
    unit / half * PANEL + unit % half + if up { half } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    fn wave(n: usize, f: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * f).sin()).collect()
    }

    fn paths() -> Vec<Path> {
        let best = Path::detect();
        [Path::Wide, Path::Middle, Path::Portable]
            .into_iter()
            .skip_while(|p| *p != best)
            .collect()
    }

    fn products<E: Element>(rows: usize, inputs: usize, outputs: usize, tolerance: f64) {
        let round = |x: &f32| f64::from(E::narrow(*x).wide());
        let (weight, bias) = (wave(inputs * outputs, 0.37), wave(outputs, 1.3));
        let plain = wave(rows * inputs, 0.11);
        let mut packed = Packed::<E>::zeros(inputs, outputs);
        for (output, (weights, bias)) in weight.chunks(inputs).zip(&bias).enumerate() {
            packed.put(output, weights);
            packed.put_bias(output, *bias);
            let mut back = vec![0f32; inputs];
            packed.get(output, &mut back);
            assert!(back.iter().zip(weights).all(|(b, w)| f64::from(*b) == round(w)));
        }
        let mut input = vec![E::default(); rows * packed.stride()];
        for (to, from) in input.chunks_mut(packed.stride()).zip(plain.chunks(inputs)) {
            for (t, f) in to.iter_mut().zip(from) {
                *t = E::narrow(*f);
            }
        }
        for path in paths() {
            for threads in [1, 3] {
                let team = Team::new(threads);
                let mut out = vec![1f32; rows * outputs];
                packed.multiply(path, &team, &input, Into::Add(&mut out));
                for (i, ours) in out.iter().enumerate() {
                    let (r, o) = (i / outputs, i % outputs);
                    let want: f64 = (0..inputs)
                        .map(|k| round(&plain[r * inputs + k]) * round(&weight[o * inputs + k]))
                        .sum::<f64>()
                        + f64::from(bias[o])
                        + 1.0;
                    assert!(
                        (f64::from(*ours) - want).abs() < tolerance,
                        "{path:?} {rows} {inputs} {outputs} at {i}: {ours}, not {want}"
                    );
                }
                // Every row alone gives the same bits.
                let mut alone = vec![0f32; outputs];
                let mut together = vec![0f32; rows * outputs];
                packed.multiply(path, &team, &input, Into::Store(&mut together));
                for (row, want) in input.chunks(packed.stride()).zip(together.chunks(outputs)) {
                    packed.multiply(path, &team, row, Into::Store(&mut alone));
                    assert_eq!(alone, want);
                }
            }
        }
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, inputs, outputs) in [(1, 8, 5), (7, 17, 64), (12, 24, 65), (70, 31, 200)] {
            // Sums of at most 31 products of numbers up to 1, each rounded to 24 bits.
            products::<f32>(rows, inputs, outputs, 1e-5);
            products::<bf16>(rows, inputs, outputs, 1e-5);
        }
    }

    #[test]
    fn gates_meet_their_ups() {
        let (rows, inputs, ff) = (9, 12, 45);
        let weight = wave(2 * ff * inputs, 0.21);
        let input = wave(rows * inputs, 0.17);
        let mut packed = Packed::<f32>::gated_zeros(inputs, ff);
        for (row, weights) in weight.chunks(inputs).enumerate() {
            packed.put(gate_place(row % ff, row >= ff), weights);
        }
        for path in paths() {
            let mut out = vec![0f32; rows * ff];
            packed.multiply(path, &Team::new(2), &input, Into::Gate(&mut out, ff));
            for (i, ours) in out.iter().enumerate() {
                let (r, o) = (i / ff, i % ff);
                let dot = |row: usize| -> f64 {
                    (0..inputs)
                        .map(|k| f64::from(input[r * inputs + k]) * f64::from(weight[row * inputs + k]))
                        .sum()
                };
                let (gate, up) = (dot(o), dot(ff + o));
                let want = gate / (1.0 + (-gate).exp()) * up;
                assert!(
                    // Gates and ups reach 10 each.
                    (f64::from(*ours) - want).abs() < 1e-5 * want.abs().max(1.0),
                    "{path:?} {i}: {ours}, not {want}"
                );
            }
        }
    }
}
