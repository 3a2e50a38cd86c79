//! Block formats of ggml: how many bytes a block has and what numbers it stands for.

use half::{bf16, f16};

/// A storage type of GGUF that the engine reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

impl Storage {
    /// The type of a tensor's `ggml_type` number.
    pub(crate) fn of_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// Elements of one block and its bytes.
    pub(crate) fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }

    /// The numbers of whole blocks; a trailing part of a block is ignored (sizes are checked before).
    pub(crate) fn dequantise(self, bytes: &[u8]) -> Vec<f32> {
        let (elements, size) = self.block();
        let mut out = Vec::with_capacity(bytes.len() / size * elements);
        for block in bytes.chunks_exact(size) {
            match self {
                Self::F32 => out.extend(
                    block
                        .iter()
                        .as_slice()
                        .first_chunk::<4>()
                        .map(|b| f32::from_le_bytes(*b)),
                ),
                Self::F16 => out.push(half(block, 0)),
                Self::Bf16 => out.extend(block.first_chunk::<2>().map(|b| bf16::from_le_bytes(*b).to_f32())),
                Self::Q4_0 => {
                    let d = half(block, 0);
                    let (_, q) = block.split_at(2);
                    out.extend(q.iter().map(|b| d * (f32::from(b & 15) - 8.0)));
                    out.extend(q.iter().map(|b| d * (f32::from(b >> 4) - 8.0)));
                }
                Self::Q4_1 => {
                    let (d, m) = (half(block, 0), half(block, 2));
                    let (_, q) = block.split_at(4);
                    out.extend(q.iter().map(|b| d * f32::from(b & 15) + m));
                    out.extend(q.iter().map(|b| d * f32::from(b >> 4) + m));
                }
                Self::Q5_0 => {
                    let d = half(block, 0);
                    q5(block.split_at(2).1, |q| d * (f32::from(q) - 16.0), &mut out);
                }
                Self::Q5_1 => {
                    let (d, m) = (half(block, 0), half(block, 2));
                    q5(block.split_at(4).1, |q| d * f32::from(q) + m, &mut out);
                }
                Self::Q8_0 => {
                    let d = half(block, 0);
                    let (_, q) = block.split_at(2);
                    out.extend(q.iter().map(|b| d * f32::from(*b as i8)));
                }
                Self::Q4K => q45k(block, false, &mut out),
                Self::Q5K => q45k(block, true, &mut out),
                Self::Q6K => q6k(block, &mut out),
            }
        }
        out
    }
}

fn half(block: &[u8], at: usize) -> f32 {
    block
        .get(at..)
        .and_then(|b| b.first_chunk::<2>())
        .map_or(0.0, |b| f16::from_le_bytes(*b).to_f32())
}

/// Numbers of five bits: a word of fifth bits, then nibbles.
fn q5(rest: &[u8], number: impl Fn(u8) -> f32, out: &mut Vec<f32>) {
    let (fifth, nibbles) = rest.split_at(4);
    let fifth = fifth.first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b));
    let high = |i: usize| ((fifth >> i & 1) << 4) as u8;
    out.extend(nibbles.iter().enumerate().map(|(i, b)| number(b & 15 | high(i))));
    out.extend(
        nibbles
            .iter()
            .enumerate()
            .map(|(i, b)| number(b >> 4 | high(i + 16))),
    );
}

/// Super-block of 8 sub-blocks of 32 with 6-bit scales and minima packed into 12 bytes; `five` has the fifth
/// bits of its numbers in 32 bytes before the nibbles.
fn q45k(block: &[u8], five: bool, out: &mut Vec<f32>) {
    let (d, min) = (half(block, 0), half(block, 2));
    let (packed, rest) = block.split_at(4).1.split_at(12);
    let (fifth, quants) = rest.split_at(if five { 32 } else { 0 });
    let at = |i: usize| packed.get(i).copied().unwrap_or(0);
    let scale = |j: usize| {
        let (s, m) = if j < 4 {
            (at(j) & 63, at(j + 4) & 63)
        } else {
            (
                at(j + 4) & 15 | (at(j - 4) >> 6) << 4,
                at(j + 4) >> 4 | (at(j) >> 6) << 4,
            )
        };
        (d * f32::from(s), min * f32::from(m))
    };
    let high = |i: usize, sub: usize| (fifth.get(i).copied().unwrap_or(0) >> sub & 1) << 4;
    for (pair, q) in quants.chunks_exact(32).enumerate() {
        let (first, second) = (2 * pair, 2 * pair + 1);
        let (low, upper) = (scale(first), scale(second));
        let nibbles = || q.iter().enumerate();
        out.extend(nibbles().map(|(i, b)| low.0 * f32::from(b & 15 | high(i, first)) - low.1));
        out.extend(nibbles().map(|(i, b)| upper.0 * f32::from(b >> 4 | high(i, second)) - upper.1));
    }
}

/// Super-block of 16 sub-blocks of 16: 4 low bits, 2 high bits, 8-bit scales.
fn q6k(block: &[u8], out: &mut Vec<f32>) {
    let d = half(block, 208);
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (scales, _) = rest.split_at(16);
    for ((low, high), scales) in low
        .chunks_exact(64)
        .zip(high.chunks_exact(32))
        .zip(scales.chunks_exact(8))
    {
        let (first, second) = low.split_at(32);
        let scale = |i: usize| d * f32::from(scales.get(i).copied().unwrap_or(0) as i8);
        let quarters: [(&[u8], u32, u32); 4] = [(first, 0, 0), (second, 0, 2), (first, 4, 4), (second, 4, 6)];
        for (quarter, (nibbles, shift, high_shift)) in quarters.into_iter().enumerate() {
            for (l, (nibble, bits)) in nibbles.iter().zip(high).enumerate() {
                let q = i16::from(nibble >> shift & 15 | (bits >> high_shift & 3) << 4) - 32;
                out.push(scale(quarter * 2 + l / 16) * f32::from(q));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums that the Python package gguf 0.19 gives for the same bytes: an order-sensitive one (the probe of
    /// the fixtures' README) and that of the absolute values.
    #[test]
    fn every_storage_type_gives_the_numbers_of_the_gguf_package() {
        let cases: [(Storage, usize, &[usize], f64, f64); 10] = [
            (Storage::F16, 64, &[0], -0.18560724029701703, 2.987884521484375),
            (
                Storage::Bf16,
                64,
                &[0],
                -8.357612501837451e-13,
                2.26064722497199e-11,
            ),
            (Storage::Q4_0, 4, &[0], 1.0518544443603446, 25.87054443359375),
            (Storage::Q4_1, 4, &[0, 2], 0.3596935602197888, 43.368255615234375),
            (Storage::Q5_0, 4, &[0], 0.0800480385738922, 49.059661865234375),
            (Storage::Q5_1, 4, &[0, 2], -0.5181867250206977, 101.26104736328125),
            (Storage::Q5K, 4, &[0, 2], -183.36355730306556, 31461.716064453125),
            (Storage::Q8_0, 4, &[0], 15.936715417782345, 352.1670837402344),
            (Storage::Q4K, 4, &[0, 2], -45.22003173379659, 13727.798583984375),
            (Storage::Q6K, 4, &[208], -910.3548552731734, 64974.98059082031),
        ];
        for (storage, blocks, scales, probe, sum) in cases {
            let (elements, size) = storage.block();
            let mut state = 1u32;
            let mut bytes: Vec<u8> = (0..blocks * size)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            // The high bytes of scales: finite and of middling size.
            for block in bytes.chunks_mut(size) {
                for &at in scales {
                    block[at + 1] = block[at + 1] & 0x83 | 0x28;
                }
            }
            let values = storage.dequantise(&bytes);
            assert_eq!(values.len(), blocks * elements);
            let weight = |i: usize| {
                let mixed = (2_654_435_761u64.wrapping_mul(i as u64) + 12_345) % (1 << 32);
                mixed as f64 / 4_294_967_296.0 - 0.5
            };
            let ours: f64 = values
                .iter()
                .enumerate()
                .map(|(i, x)| f64::from(*x) * weight(i))
                .sum();
            let total: f64 = values.iter().map(|x| f64::from(x.abs())).sum();
            // Only the order of the f64 sums differs.
            assert!(
                (ours - probe).abs() <= 1e-10 * sum,
                "{storage:?}: {ours}, not {probe}"
            );
            assert!(
                (total - sum).abs() <= 1e-10 * sum,
                "{storage:?}: {total}, not {sum}"
            );
        }
    }
}
