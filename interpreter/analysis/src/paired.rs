//! Two draws over the same problems, problem by problem: another seed, another engine, another model.
//!
//! The mean difference has a t interval over the problems, each being its own pair; the noise of the samples alone comes
//! from the binomial variance of each problem, with one success and one failure added (A. Agresti and B. Caffo 2000), so
//! that a problem that is never or always solved still has some. Single problems are compared by Fisher's exact test,
//! corrected over all of them by Holm's method.

use crate::holm::holm;
use crate::results::{Estimate, Interval};
use crate::special::{normal_quantile, sum, t_quantile};

/// With fewer problems no t interval is given.
const FEWEST: usize = 6;

/// How often a problem was solved in either draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemCounts<'a> {
    pub id: &'a str,
    /// Right samples and all samples.
    pub left: (u64, u64),
    pub right: (u64, u64),
}

/// What two draws over the same problems differ by.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedDifference {
    pub problems: usize,
    /// Mean accuracy, right minus left, in -1..=1.
    pub difference: Estimate,
    /// Level at which the interval over problems like these reaches 0; None with fewer than six problems.
    pub p: Option<f64>,
    /// Problems that the right draw solves more, less and equally often.
    pub more: usize,
    pub less: usize,
    pub same: usize,
    /// Problems that changed by more than noise at the confidence asked for, the surest first.
    pub changed: Vec<ChangedProblem>,
}

/// A problem whose accuracy is not the same in both draws.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedProblem {
    pub id: String,
    /// Shares of right samples.
    pub left: f64,
    pub right: f64,
    /// Fisher's exact test, corrected for all problems by Holm's method.
    pub p_holm: f64,
}

/// Compares two draws; problems without samples on either side are left out. None if no problem is left.
pub fn paired(counts: &[ProblemCounts<'_>], confidence: f64) -> Option<PairedDifference> {
    let counts: Vec<&ProblemCounts<'_>> = counts
        .iter()
        .filter(|row| {
            row.left.1 > 0 && row.right.1 > 0 && row.left.0 <= row.left.1 && row.right.0 <= row.right.1
        })
        .collect();
    if counts.is_empty() {
        return None;
    }
    let share = |(right, all): (u64, u64)| right as f64 / all as f64;
    let moved: Vec<f64> = counts
        .iter()
        .map(|row| share(row.right) - share(row.left))
        .collect();
    let number = counts.len() as f64;
    let mean = sum(moved.iter().copied()) / number;
    let noise = libm::sqrt(sum(counts
        .iter()
        .map(|row| variance(row.left) + variance(row.right))))
        / number;
    let half = normal_quantile(0.5 + confidence / 2.0) * noise;
    let mut p = None;
    let mut like = None;
    if counts.len() >= FEWEST {
        let squares = sum(moved.iter().map(|value| (value - mean) * (value - mean)));
        // Draws that happen to agree are no surer than their samples.
        let error = libm::sqrt(squares / (number - 1.0) / number).max(noise);
        like = Some(around(
            mean,
            t_quantile(0.5 + confidence / 2.0, number - 1.0) * error,
        ));
        p = Some(level(mean.abs() / error, number - 1.0));
    }
    let tests: Vec<f64> = counts.iter().map(|row| fisher(row.left, row.right)).collect();
    let mut changed: Vec<ChangedProblem> = counts
        .iter()
        .zip(holm(&tests))
        .filter(|(_, p)| *p < 1.0 - confidence)
        .map(|(row, p_holm)| ChangedProblem {
            id: row.id.to_owned(),
            left: share(row.left),
            right: share(row.right),
            p_holm,
        })
        .collect();
    changed.sort_by(|a, b| a.p_holm.total_cmp(&b.p_holm));
    let tally = |keep: fn(f64) -> bool| moved.iter().filter(|value| keep(**value)).count();
    Some(PairedDifference {
        problems: counts.len(),
        difference: Estimate {
            value: Some(mean),
            these_problems: Some(around(mean, half)),
            problems_like_these: like,
        },
        p,
        more: tally(|value| value > 0.0),
        less: tally(|value| value < 0.0),
        same: tally(|value| value == 0.0),
        changed,
    })
}

fn around(middle: f64, half: f64) -> Interval {
    Interval {
        low: (middle - half).max(-1.0),
        high: (middle + half).min(1.0),
    }
}

/// Variance of a share of samples.
fn variance((right, all): (u64, u64)) -> f64 {
    let (right, all) = (right as f64, all as f64);
    let share = (right + 1.0) / (all + 2.0);
    share * (1.0 - share) / all
}

/// Two-sided level of a t statistic, by bisection of its quantile.
fn level(t: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (1e-12, 1.0);
    for _ in 0..60 {
        let middle = libm::sqrt(low * high);
        if t_quantile(1.0 - middle / 2.0, freedom) > t {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Two-sided level of R. A. Fisher's exact test: the tables with the same margins that are no likelier than the one seen.
fn fisher(left: (u64, u64), right: (u64, u64)) -> f64 {
    let (hits, all) = (left.0 + right.0, left.1 + right.1);
    let lowest = hits.saturating_sub(right.1);
    let highest = hits.min(left.1);
    // Relative to the lowest table, in logarithms: thousands of samples stay inside the range of a double.
    let mut logs = vec![0.0];
    for c in lowest..highest {
        let last = logs.last().copied().unwrap_or(0.0);
        let up = (left.1 - c) as f64 * (hits - c) as f64;
        let down = (c + 1) as f64 * ((all + c + 1) - left.1 - hits) as f64;
        logs.push(last + libm::log(up / down));
    }
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let seen = logs.get((left.0 - lowest) as usize).copied().unwrap_or(largest);
    let mass = |keep: &dyn Fn(f64) -> bool| {
        sum(logs
            .iter()
            .filter(|log| keep(**log))
            .map(|log| libm::exp(log - largest)))
    };
    (mass(&|log| log <= seen + 1e-9) / mass(&|_| true)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R's `fisher.test`.
    #[test]
    fn fisher_is_that_of_the_tables() {
        assert!((fisher((3, 4), (1, 4)) - 0.485_714_285_7).abs() < 1e-9);
        assert!((fisher((8, 10), (1, 6)) - 0.034_965_034_97).abs() < 1e-9);
        assert!((fisher((0, 5), (0, 5)) - 1.0).abs() < 1e-12);
        assert!(fisher((0, 1024), (1024, 1024)) < 1e-100);
    }

    fn rows(pairs: &[(u64, u64)]) -> Vec<ProblemCounts<'static>> {
        pairs
            .iter()
            .map(|&(left, right)| ProblemCounts {
                id: "p",
                left: (left, 16),
                right: (right, 16),
            })
            .collect()
    }

    #[test]
    fn the_mean_has_its_t_interval() {
        let found = paired(
            &rows(&[(0, 4), (2, 4), (8, 8), (4, 8), (16, 14), (1, 5), (3, 3), (9, 13)]),
            0.95,
        )
        .unwrap();
        // Differences in sixteenths: 4 2 0 4 -2 4 0 4: mean 2, deviation 2.390457, error 0.845154, t of 7 is 2.364624.
        let half = 2.364_624 * 0.845_154 / 16.0;
        let like = found.difference.problems_like_these.unwrap();
        assert!((found.difference.value.unwrap() - 2.0 / 16.0).abs() < 1e-12);
        assert!((like.low - (0.125 - half)).abs() < 2e-4, "{like:?}");
        assert_eq!((found.more, found.less, found.same), (5, 1, 2));
        let p = found.p.unwrap();
        assert!((p - 0.0499).abs() < 3e-3, "{p}");
        assert!(found.changed.is_empty());
    }

    #[test]
    fn equal_draws_still_have_noise_and_one_big_change_is_found() {
        let same = paired(&rows(&[(0, 0); 20]), 0.95).unwrap();
        assert!(same.difference.problems_like_these.unwrap().high > 0.0);
        assert!(same.p.unwrap() > 0.999);
        let mut pairs = vec![(8, 8); 30];
        pairs.push((0, 16));
        let found = paired(&rows(&pairs), 0.95).unwrap();
        assert_eq!(found.changed.len(), 1);
        assert!(paired(&[], 0.95).is_none());
    }
}
