//! Multiplication of a few rows by a small constant matrix, packed once and used at every decode step.
//!
//! General libraries copy the matrix into their own layout at each call. For matrices of some hundred rows
//! and columns that copy, and the choice of a kernel for older CPUs, costs as much as the arithmetic.

use crate::kernels::{Element, fma};

/// Columns of one panel: two AVX-512 registers, four of AVX2.
const PANEL: usize = 32;

/// A matrix [outputs, inputs] in panels [inputs][PANEL], the last one padded with zeros.
pub(crate) struct Packed {
    panels: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Packed {
    /// Packs a row-major matrix [outputs, inputs] and its bias, which may be empty.
    pub(crate) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let inputs = inputs.max(1);
        let outputs = weight.len() / inputs;
        let padded = outputs.next_multiple_of(PANEL);
        let mut panels = vec![0.0; padded * inputs];
        for (row, values) in weight.chunks_exact(inputs).enumerate() {
            let start = row / PANEL * PANEL * inputs + row % PANEL;
            for (value, place) in values.iter().zip(panels.iter_mut().skip(start).step_by(PANEL)) {
                *place = *value;
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        Self {
            panels,
            bias,
            inputs,
            outputs,
        }
    }

    /// Writes `input · weightᵀ + bias` for rows of `inputs` numbers into rows of `outputs`.
    pub(crate) fn multiply<E: Element>(&self, input: &[E], out: &mut [E], scratch: &mut Vec<f32>) {
        multiply(self, input, out, scratch);
    }
}

crate::kernels::kernel! {
    /// [`Packed::multiply`] for the CPU at hand.
    multiply, multiply_body<E>, (matrix: &Packed, input: &[E], out: &mut [E], scratch: &mut Vec<f32>)
}

#[inline(always)]
fn multiply_body<E: Element, const FUSED: bool>(
    matrix: &Packed,
    input: &[E],
    out: &mut [E],
    scratch: &mut Vec<f32>,
) {
    let rows = input.len() / matrix.inputs;
    let (tall, rest) = (rows / 12, rows % 12);
    let block = 12 * matrix.inputs;
    // Rows side by side, so that one step of the inner loop reads neighbours.
    scratch.clear();
    for rows in input.chunks_exact(block) {
        interleave::<E, 12>(rows, matrix.inputs, scratch);
    }
    let tail = input.get(tall * block..).unwrap_or_default();
    for rows in tail.chunks_exact(4 * matrix.inputs) {
        interleave::<E, 4>(rows, matrix.inputs, scratch);
    }
    for row in tail
        .get(rest / 4 * 4 * matrix.inputs..)
        .unwrap_or_default()
        .chunks_exact(matrix.inputs)
    {
        interleave::<E, 1>(row, matrix.inputs, scratch);
    }
    let panels = matrix
        .panels
        .chunks_exact(PANEL * matrix.inputs)
        .zip(matrix.bias.as_chunks::<PANEL>().0);
    for (number, (panel, bias)) in panels.enumerate() {
        let column = number * PANEL;
        let mut row = 0;
        let (blocks, small) = scratch.split_at((tall * block).min(scratch.len()));
        for rows in blocks.chunks_exact(block) {
            let sums = dot_block::<12, FUSED>(rows, panel, bias);
            store(&sums, matrix.outputs, row, column, out);
            row += 12;
        }
        let (fours, ones) = small.split_at(rest / 4 * 4 * matrix.inputs);
        for rows in fours.chunks_exact(4 * matrix.inputs) {
            let sums = dot_block::<4, FUSED>(rows, panel, bias);
            store(&sums, matrix.outputs, row, column, out);
            row += 4;
        }
        for one in ones.chunks_exact(matrix.inputs) {
            let sums = dot_block::<1, FUSED>(one, panel, bias);
            store(&sums, matrix.outputs, row, column, out);
            row += 1;
        }
    }
}

#[inline(always)]
fn interleave<E: Element, const ROWS: usize>(rows: &[E], width: usize, into: &mut Vec<f32>) {
    let start = into.len();
    into.resize(start + ROWS * width, 0.0);
    let (_, into) = into.split_at_mut(start);
    for (r, row) in rows.chunks_exact(width).enumerate() {
        for (place, x) in into.iter_mut().skip(r).step_by(ROWS).zip(row) {
            *place = x.wide();
        }
    }
}

/// The sums of ROWS rows with one panel; small enough to stay in registers.
#[inline(always)]
fn dot_block<const ROWS: usize, const FUSED: bool>(
    rows: &[f32],
    panel: &[f32],
    bias: &[f32; PANEL],
) -> [[f32; PANEL]; ROWS] {
    let mut sums = [*bias; ROWS];
    for (a, b) in rows
        .as_chunks::<ROWS>()
        .0
        .iter()
        .zip(panel.as_chunks::<PANEL>().0)
    {
        for r in 0..ROWS {
            for j in 0..PANEL {
                sums[r][j] = fma::<FUSED>(a[r], b[j], sums[r][j]);
            }
        }
    }
    sums
}

#[inline(always)]
fn store<E: Element, const ROWS: usize>(
    sums: &[[f32; PANEL]; ROWS],
    width: usize,
    row: usize,
    column: usize,
    out: &mut [E],
) {
    for (r, sums) in sums.iter().enumerate() {
        let start = (row + r) * width + column;
        let end = (row + r) * width + (column + PANEL).min(width);
        for (place, sum) in out.get_mut(start..end).unwrap_or_default().iter_mut().zip(sums) {
            *place = E::narrow(*sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, inputs, outputs) in [(1, 8, 5), (7, 16, 32), (12, 24, 33), (29, 31, 100)] {
            let weight: Vec<f32> = (0..inputs * outputs).map(|i| (i as f32 * 0.37).sin()).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| (i as f32).cos()).collect();
            let input: Vec<f32> = (0..rows * inputs).map(|i| (i as f32 * 0.11).cos()).collect();
            let mut out = vec![0f32; rows * outputs];
            Packed::new(&weight, &bias, inputs).multiply(&input, &mut out, &mut Vec::new());
            for (i, &ours) in out.iter().enumerate() {
                let (r, o) = (i / outputs, i % outputs);
                let want: f32 = bias[o]
                    + (0..inputs)
                        .map(|k| input[r * inputs + k] * weight[o * inputs + k])
                        .sum::<f32>();
                assert!(
                    (ours - want).abs() < 1e-4,
                    "{rows} {inputs} {outputs}: {ours}, not {want}"
                );
            }
        }
    }
}
