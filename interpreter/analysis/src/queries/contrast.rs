//! p-values of differences, as the tables of comparisons hold them.

use super::Setting;
use crate::holm::{holm_among, smallest_level};
use crate::intervals::Intervals;
use crate::measured::Measured;
use crate::resampling::Resampling;
use crate::results::Estimate;
use crate::special::binomial_masses;

/// A difference with its intervals, and its two-sided p: the level at which the one for problems like these just reaches 0.
pub(super) fn tested(difference: &Measured, setting: &Setting<'_>) -> (Estimate, f64) {
    let intervals = difference.intervals(setting.resampling);
    let p = p_value(&intervals, setting.resampling);
    (intervals.estimate(setting.confidence), p)
}

fn p_value(intervals: &Intervals, resampling: &Resampling) -> f64 {
    smallest_level(resampling, |alpha| {
        intervals
            .problems_like_these(1.0 - alpha)
            .is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
    })
}

/// One-sided, of a difference that is said to be above 0.
pub(super) fn p_above(difference: &Measured, resampling: &Resampling) -> f64 {
    let two_sided = p_value(&difference.intervals(resampling), resampling);
    if difference.value > 0.0 {
        two_sided / 2.0
    } else {
        1.0 - two_sided / 2.0
    }
}

/// Two-sided exact sign test of `more` against `less` changes, each as likely as the other if nothing changed (Q. McNemar
/// 1947 for two sets over the same problems; ties say nothing).
pub(super) fn sign_test(more: usize, less: usize) -> f64 {
    let masses = binomial_masses((more + less) as u32, 0.5);
    let tail: f64 = masses.iter().take(more.min(less) + 1).sum();
    (2.0 * tail).min(1.0)
}

/// Holm's correction of those that there are, each at its place, among so many `comparisons`.
pub(super) fn corrected(ps: &[Option<f64>], comparisons: usize) -> Vec<Option<f64>> {
    let known: Vec<f64> = ps.iter().copied().flatten().collect();
    let mut holm = holm_among(&known, comparisons).into_iter();
    ps.iter().map(|p| p.and_then(|_| holm.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R's `binom.test`.
    #[test]
    fn the_sign_test_is_exact() {
        assert!((sign_test(0, 6) - 0.031_25).abs() < 1e-12);
        assert!((sign_test(9, 2) - 0.065_429_687_5).abs() < 1e-12);
        assert!((sign_test(4, 4) - 1.0).abs() < 1e-12);
        assert!((sign_test(0, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_not_tested_is_not_counted() {
        assert_eq!(
            corrected(&[Some(0.01), None, Some(0.04)], 2),
            [Some(0.02), None, Some(0.04)]
        );
    }
}
