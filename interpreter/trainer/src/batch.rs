//! Sequences of unequal length end to end, without padding, split into micro-batches by a token budget.

use rlx_engine::{LanguageModel, Precision};
use tch::{Device, Kind, TchError, Tensor};

use crate::algorithms::TensorResult;

/// Memory that the activations of one micro-batch may take.
pub(crate) const ACTIVATION_BYTES: i64 = 7 << 27;

/// The same where responses are drawn by the model that learns: what drawing took beside it does not all come back.
pub(crate) const RL_ACTIVATION_BYTES: i64 = 5 << 27;

/// Tokens beyond which a larger micro-batch is no faster on a CPU, because its activations leave the caches.
const USEFUL_TOKENS: usize = 4096;

/// A prompt and the response whose tokens carry the loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    pub(crate) prompt: &'a [u32],
    pub(crate) response: &'a [u32],
}

impl Sequence<'_> {
    /// Tokens that go through the model: the last one is only predicted.
    pub(crate) fn width(&self) -> usize {
        (self.prompt.len() + self.response.len()).saturating_sub(1)
    }
}

/// Tokens of one micro-batch of this model: what fits into `memory` bytes for activations. A token keeps about 14 vectors
/// of the hidden width and 4 of the feed-forward width a layer for the backward pass, and the norms keep some in fp32
/// whatever the precision; with `checkpointing`, one vector a layer and the rest for one layer at a time. The head is
/// bounded by itself.
pub(crate) fn token_budget(model: &LanguageModel, checkpointing: bool, memory: i64) -> usize {
    let config = &model.config;
    let bytes = match model.precision() {
        Precision::Fp32 => 4,
        Precision::Bf16 => 2,
    };
    let layer = bytes * (14 * config.hidden + 4 * config.ff) + (4 - bytes) * 8 * config.hidden;
    let token = if checkpointing {
        config.layers * bytes * config.hidden + layer
    } else {
        config.layers * layer
    };
    usize::try_from(memory / token.max(1)).map_or(1, |fit| fit.clamp(1, USEFUL_TOKENS))
}

/// Splits sequences, longest first, into groups that stay within `budget` tokens (a single sequence may exceed it). Returns
/// indices into `widths`; the split depends on the widths only.
pub(crate) fn split(widths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(widths[index]), index));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut taken = 0_usize;
    for index in order {
        taken = taken.saturating_add(widths[index]);
        match groups.last_mut() {
            Some(group) if taken <= budget => group.push(index),
            _ => {
                taken = widths[index];
                groups.push(vec![index]);
            }
        }
    }
    groups
}

/// A micro-batch of `B` sequences with `T` tokens in all, `R` response tokens at most and `N` in all.
pub(crate) struct MicroBatch {
    /// `[T]` i64: the sequences end to end.
    pub(crate) ids: Tensor,
    /// Their lengths.
    pub(crate) lengths: Vec<i64>,
    /// `[N]`: the position in `T` whose output predicts the token.
    pub(crate) positions: Tensor,
    /// `[N]`: the token.
    pub(crate) targets: Tensor,
    /// `[N]`: its position in `B * R`.
    slots: Tensor,
    /// `[B, R]`, 1 where there is a response token.
    pub(crate) mask: Tensor,
    /// Response tokens, N.
    pub(crate) tokens: usize,
    shape: [i64; 2],
}

impl MicroBatch {
    pub(crate) fn new(sequences: &[Sequence<'_>], device: Device) -> Result<Self, TchError> {
        let longest = sequences.iter().map(|s| s.response.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(sequences.iter().map(Sequence::width).sum());
        let (mut positions, mut targets, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        let mut mask = vec![0_f32; sequences.len() * longest];
        for (row, sequence) in sequences.iter().enumerate() {
            let start = ids.len();
            let tokens = sequence.prompt.iter().chain(sequence.response);
            ids.extend(tokens.take(sequence.width()).map(|&token| i64::from(token)));
            for (column, &token) in sequence.response.iter().enumerate() {
                positions.push((start + sequence.prompt.len() + column - 1) as i64);
                targets.push(i64::from(token));
                slots.push((row * longest + column) as i64);
                mask[row * longest + column] = 1.0;
            }
        }
        let rows = sequences.len() as i64;
        let shape = [rows, longest as i64];
        Ok(Self {
            ids: Tensor::f_from_slice(&ids)?.f_to_device(device)?,
            lengths: sequences.iter().map(|sequence| sequence.width() as i64).collect(),
            positions: Tensor::f_from_slice(&positions)?.f_to_device(device)?,
            tokens: targets.len(),
            targets: Tensor::f_from_slice(&targets)?.f_to_device(device)?,
            slots: Tensor::f_from_slice(&slots)?.f_to_device(device)?,
            mask: Tensor::f_from_slice(&mask)?.f_view(shape)?.f_to_device(device)?,
            shape,
        })
    }

    /// Spreads one value per response token `[N]` over the matrix `[B, R]`; 0 elsewhere. Differentiable.
    pub(crate) fn matrix(&self, values: &Tensor) -> TensorResult {
        let flat = Tensor::f_zeros([self.shape[0] * self.shape[1]], (values.kind(), values.device()))?;
        flat.f_scatter(0, &self.slots, values)?.f_view(self.shape)
    }

    /// Spreads values given row by row, in the order of the sequences, over the matrix `[B, R]`.
    pub(crate) fn matrix_of(&self, rows: &[&[f32]]) -> TensorResult {
        let flat: Vec<f32> = rows.iter().flat_map(|row| row.iter().copied()).collect();
        self.matrix(&Tensor::f_from_slice(&flat)?.f_to_device(self.mask.device())?)
    }
}

/// The values of a tensor `[N]` as numbers.
pub(crate) fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let flat = tensor
        .f_detach()?
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let mut out = vec![0.0; flat.numel()];
    let count = out.len();
    flat.f_copy_data(&mut out, count)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_every_sequence_within_the_budget() {
        let widths = [3, 9, 4, 4, 30, 1];
        let groups = split(&widths, 16);
        assert_eq!(groups, [vec![4], vec![1, 2], vec![3, 0, 5]]);
    }

    #[test]
    fn responses_land_in_their_cells() {
        let sequences = [
            Sequence {
                prompt: &[5, 6],
                response: &[7, 8],
            },
            Sequence {
                prompt: &[9],
                response: &[3],
            },
        ];
        let batch = MicroBatch::new(&sequences, Device::Cpu).unwrap();
        assert_eq!(Vec::<i64>::try_from(&batch.ids).unwrap(), [5, 6, 7, 9]);
        assert_eq!(batch.lengths, [3, 1]);
        assert_eq!(Vec::<i64>::try_from(&batch.positions).unwrap(), [1, 2, 3]);
        assert_eq!(Vec::<i64>::try_from(&batch.targets).unwrap(), [7, 8, 3]);
        let matrix = batch.matrix_of(&[&[0.1, 0.2], &[0.3]]).unwrap();
        assert_eq!(
            Vec::<f32>::try_from(&matrix.view([-1])).unwrap(),
            [0.1, 0.2, 0.3, 0.0]
        );
    }
}
