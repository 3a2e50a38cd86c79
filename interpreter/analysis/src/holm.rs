//! Many comparisons at once: Holm's step-down correction (S. Holm 1979, "A simple sequentially rejective multiple test
//! procedure"), which holds the chance of any false finding at its level whatever hangs together among them.

use crate::resampling::Resampling;
use crate::special::{normal_cdf, normal_quantile};

/// The smallest level at which something is `decided`, no smaller than the resamples can tell; 1 where at none it is.
///
/// Of an interval that leaves a value out this is the p-value (the interval inverted).
pub(crate) fn smallest_level(resampling: &Resampling, decided: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (2.0 / f64::from(resampling.resamples()), 1.0);
    if decided(low) {
        return low;
    }
    // Halving on the logarithmic scale: eighteen steps tell it to 1 in 10,000.
    for _ in 0..18 {
        let middle = libm::sqrt(low * high);
        if decided(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Two-sided p of a number that is `value` from 0, whose interval at `confidence` reaches `arm` towards 0, as of a normal
/// distribution: below 1 - `confidence` exactly where the interval leaves 0 out.
pub fn p_of_interval(value: f64, arm: f64, confidence: f64) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    // No arm at all: the number is known.
    let z = normal_quantile(0.5 + confidence / 2.0) * (value / arm).abs();
    2.0 * normal_cdf(-z)
}

/// Holm's corrected p-values, in the order given.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    holm_among(ps, ps.len())
}

/// As [`holm`], where `ps` are some of `comparisons` that were looked at: the others' could only rank them later, which makes
/// their factors smaller.
pub(crate) fn holm_among(ps: &[f64], comparisons: usize) -> Vec<f64> {
    let comparisons = comparisons.max(ps.len());
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let mut corrected = vec![1.0; ps.len()];
    let mut largest: f64 = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max(ps[at] * (comparisons - rank) as f64).min(1.0);
        corrected[at] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_just_leaves_0_out_has_its_level() {
        assert!((p_of_interval(-2.0, 2.0, 0.95) - 0.05).abs() < 1e-9);
        // 2 (1 - Phi(2 x 1.959964)) by R's pnorm.
        assert!((p_of_interval(2.0, 1.0, 0.95) - 8.857_5e-5).abs() < 1e-8);
        assert_eq!(
            (p_of_interval(0.0, 0.0, 0.95), p_of_interval(0.1, 0.0, 0.95)),
            (1.0, 0.0)
        );
    }

    #[test]
    fn holms_correction_steps_down() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (found, expected) in corrected.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{corrected:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
        let some = holm_among(&[0.005, 0.01], 4);
        assert!(
            (some[0] - 0.02).abs() < 1e-15 && (some[1] - 0.03).abs() < 1e-15,
            "{some:?}"
        );
    }
}
