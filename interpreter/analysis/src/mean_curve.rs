//! pass@k over a benchmark as a plain curve: the mean of every problem's unbiased estimate, without intervals.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::pass_at_k::{PassAtKError, check, pass_values};

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
    let mut times: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for &count in counts {
        *times.entry(count).or_insert(0) += 1;
    }
    let largest = times.keys().map(|(n, _)| *n).max().unwrap_or(0);
    let reciprocals: Vec<f64> = (0..=largest).map(|i| 1.0 / f64::from(i)).collect();
    let distinct: Vec<((u32, u32), u32)> = times.into_iter().collect();
    let mut curves = vec![0.0; distinct.len() * ks.len()];
    curves
        .par_chunks_mut(ks.len().max(1))
        .zip(&distinct)
        .for_each(|(values, ((n, c), _))| pass_values(*n, *c, ks, &reciprocals, values));
    // One rounding error a k, whatever the number of problems (A. Neumaier 1974).
    let mut sums = vec![(0.0_f64, 0.0_f64); ks.len()];
    for (values, (_, times)) in curves.chunks(ks.len().max(1)).zip(&distinct) {
        for ((sum, lost), value) in sums.iter_mut().zip(values) {
            let term = value * f64::from(*times);
            let next = *sum + term;
            *lost += if *sum >= term {
                (*sum - next) + term
            } else {
                (term - next) + *sum
            };
            *sum = next;
        }
    }
    let count = counts.len().max(1) as f64;
    sums.into_iter().map(|(sum, lost)| (sum + lost) / count).collect()
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
