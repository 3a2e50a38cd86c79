//! pass@k over a benchmark as a plain curve: the mean of every problem's unbiased estimate, without intervals.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::pass_at_k::{PassAtKError, check};

/// Mean pass@k at each of `ks` (in any order) over problems with so many samples and right ones. Numbers of samples may
/// differ.
///
/// # Errors
/// When there is no problem, a count cannot be, or a k is 0 or above the samples of a problem.
pub fn pass_mean_curve(counts: &[(u32, u32)], ks: &[u64]) -> Result<Vec<f64>, PassAtKError> {
    if counts.is_empty() {
        return Err(PassAtKError::NoSamples);
    }
    for &(n, c) in counts {
        for &k in ks.iter().min().into_iter().chain(ks.iter().max()) {
            check(u64::from(n), u64::from(c), k)?;
        }
    }
    let mut order: Vec<usize> = (0..ks.len()).collect();
    order.sort_by_key(|&place| ks[place]);
    let ascending: Vec<u64> = order.iter().map(|&place| ks[place]).collect();
    let mut curve = vec![0.0; ks.len()];
    for (place, value) in order.into_iter().zip(mean_curve(counts, &ascending)) {
        curve[place] = value;
    }
    Ok(curve)
}

/// As [`pass_mean_curve`], for `ks` that ascend and fit every count.
pub(crate) fn mean_curve(counts: &[(u32, u32)], ks: &[u64]) -> Vec<f64> {
    let groups = groups(counts);
    let largest = groups.iter().map(|group| group.n).max().unwrap_or(0);
    let reciprocals: Vec<f64> = (0..=largest).map(|i| 1.0 / f64::from(i)).collect();
    // Blocks of a fixed size, added in their order: the same bits on any number of threads.
    let blocks: Vec<Vec<Sum>> = groups
        .par_chunks(BLOCK)
        .map(|block| {
            let mut sums = vec![Sums::default(); ks.len()];
            for group in block {
                group.add(ks, &reciprocals, &mut sums);
            }
            sums.iter().map(Sums::whole).collect()
        })
        .collect();
    let count = counts.len().max(1) as f64;
    (0..ks.len())
        .map(|place| {
            let parts = blocks.iter().map(|block| block[place]);
            parts.fold(Sum::default(), Sum::plus).value() / count
        })
        .collect()
}

/// Counts whose products are built side by side.
const LANES: usize = 8;

/// Groups that one thread adds up.
const BLOCK: usize = 4;

/// Up to [`LANES`] different counts of the same number of samples; lanes that are left over stand for no problem.
struct Group {
    n: u32,
    wrong: [f64; LANES],
    /// Problems with this count.
    times: [f64; LANES],
}

fn groups(counts: &[(u32, u32)]) -> Vec<Group> {
    let mut times: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for &count in counts {
        *times.entry(count).or_insert(0) += 1;
    }
    let distinct: Vec<((u32, u32), u32)> = times.into_iter().collect();
    // Neighbours have like counts, so that a group's lanes reach pass@k = 1 at about the same k.
    distinct
        .chunk_by(|a, b| a.0.0 == b.0.0)
        .flat_map(|of_size| of_size.chunks(LANES))
        .map(|lanes| {
            let mut group = Group {
                n: lanes[0].0.0,
                wrong: [0.0; LANES],
                times: [0.0; LANES],
            };
            for (lane, &((n, c), times)) in lanes.iter().enumerate() {
                group.wrong[lane] = f64::from(n - c);
                group.times[lane] = f64::from(times);
            }
            group
        })
        .collect()
}

impl Group {
    /// Adds every lane's pass@k, times its problems, to the sums of each of `ks`.
    ///
    /// The products of [`crate::pass_at_k::pass_curve`], by multiplication with the reciprocal and a correction from the
    /// exact remainder; what pass@k lacks of 1 is dropped where it is below the last bit.
    fn add(&self, ks: &[u64], reciprocals: &[f64], sums: &mut [Sums]) {
        let (mut high, mut low) = ([1.0_f64; LANES], [0.0_f64; LANES]);
        let mut done = 0_u32;
        for (sums, &k) in sums.iter_mut().zip(ks) {
            while u64::from(done) < k && high != [0.0; LANES] {
                let drawn = f64::from(done);
                let (b, inverse) = (f64::from(self.n) - drawn, reciprocals[(self.n - done) as usize]);
                for lane in 0..LANES {
                    let a = (self.wrong[lane] - drawn).max(0.0);
                    // Halves of 26 bits times whole numbers below 2^27 are exact.
                    let (upper, lower) = halves(high[lane]);
                    let (first, second) = (upper * a, lower * a);
                    let product = first + second;
                    let error = (first - product) + second + low[lane] * a;
                    let quotient = product * inverse;
                    let (upper, lower) = halves(quotient);
                    let rest = (((product - upper * b) - lower * b) + error) * inverse;
                    let sum = quotient + rest;
                    let left = rest - (sum - quotient);
                    let counts = sum >= ONE_TO_THE_LAST_BIT;
                    high[lane] = if counts { sum } else { 0.0 };
                    low[lane] = if counts { left } else { 0.0 };
                }
                done += 1;
            }
            for lane in 0..LANES {
                let whole = 1.0 - high[lane];
                let value = whole + (((1.0 - whole) - high[lane]) - low[lane]);
                let term = value * self.times[lane];
                let sum = sums.sum[lane] + term;
                sums.lost[lane] += lost(sums.sum[lane], term, sum);
                sums.sum[lane] = sum;
            }
        }
    }
}

/// Below it 1 minus a number rounds to 1.
const ONE_TO_THE_LAST_BIT: f64 = 1.0 / 72_057_594_037_927_936.0;

/// A double as a sum of two of at most 26 bits (G. W. Veltkamp 1968).
#[inline]
fn halves(x: f64) -> (f64, f64) {
    let scaled = 134_217_729.0 * x;
    let upper = scaled - (scaled - x);
    (upper, x - upper)
}

/// What rounding took from `a + b = sum` (D. E. Knuth's TwoSum).
#[inline]
fn lost(a: f64, b: f64, sum: f64) -> f64 {
    let back = sum - a;
    (a - (sum - back)) + (b - back)
}

/// Sums lane by lane, each with what rounding took from it: one rounding error in the end, whatever the number of terms
/// (T. Ogita, S. Rump and S. Oishi 2005, "Accurate sum and dot product").
#[derive(Clone, Copy, Default)]
struct Sums {
    sum: [f64; LANES],
    lost: [f64; LANES],
}

impl Sums {
    fn whole(&self) -> Sum {
        let lanes = self.sum.iter().zip(&self.lost);
        lanes.fold(Sum::default(), |sum, (&high, &low)| sum.plus(Sum { high, low }))
    }
}

/// A sum and what rounding took from it.
#[derive(Clone, Copy, Default)]
struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    fn plus(self, other: Sum) -> Sum {
        let high = self.high + other.high;
        Sum {
            high,
            low: self.low + other.low + lost(self.high, other.high, high),
        }
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass_at_k::pass_at_k;

    #[test]
    fn the_plain_curve_is_the_mean_of_single_values() {
        let counts = [
            (1024, 0),
            (1024, 1),
            (1024, 3),
            (1024, 500),
            (1024, 1023),
            (1024, 1024),
            (64, 5),
        ];
        let ks: Vec<u64> = (1..=64).rev().collect();
        let curve = pass_mean_curve(&counts, &ks).unwrap();
        for (k, value) in ks.iter().zip(curve) {
            let single = counts
                .iter()
                .map(|&(n, c)| pass_at_k(u64::from(n), u64::from(c), *k).unwrap().value);
            let mean = single.sum::<f64>() / counts.len() as f64;
            assert!((mean - value).abs() < 4e-16, "k = {k}: {mean} and {value}");
        }
        assert!(pass_mean_curve(&counts, &[65]).is_err());
        assert!(pass_mean_curve(&[(4, 5)], &[1]).is_err());
        assert!(pass_mean_curve(&[], &[1]).is_err());
    }

    #[test]
    fn long_curves_keep_their_precision() {
        let ks: Vec<u64> = (1..=10_000).collect();
        for c in [1, 2, 17, 5_000, 9_999] {
            let curve = pass_mean_curve(&[(10_000, c)], &ks).unwrap();
            for k in [1, 2, 100, 4_999, 9_000, 10_000_u64] {
                let exact = pass_at_k(10_000, u64::from(c), k).unwrap().value;
                let found = curve[k as usize - 1];
                assert!(
                    (exact - found).abs() <= 2.3e-16 * exact.max(0.5),
                    "c = {c}, k = {k}"
                );
            }
        }
    }
}
