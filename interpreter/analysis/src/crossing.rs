//! From which k on one model's pass@k leads another's, up to n.
//!
//! The number itself is read off the exact curves at every k. In resamples it is read off a grid of k, the integers
//! nearest below 2^(i/4) and n, which is the grid of the paper's figures; its intervals are quantiles of those, so that their
//! ends lie on the grid. n + 1 stands for a lead that never begins.

use crate::across::Problems;
use crate::mean_curve::mean_curve;
use crate::measured::{Measured, Single};
use crate::outcomes::Outcomes;
use crate::pass_at_k::PassTable;
use crate::passes::{Complete, pass_of_probability};
use crate::resampling::Resampling;
use crate::undefined::Undefined;
use std::collections::BTreeMap;

/// Smallest difference that is a lead: below it two sums of the same numbers can differ by rounding.
const ROUNDING: f64 = 1e-12;

/// The k from which `leader` leads `other`, measured.
pub(crate) fn measure(
    outcomes: &Outcomes,
    leader: usize,
    other: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let sides = [leader, other].map(|model| Complete::new(outcomes, model));
    let [a, b] = sides;
    let (a, b) = (a?, b?);
    // Beyond the samples of either the curves are not known.
    let n = u64::from(a.n.min(b.n));
    let ks: Vec<u64> = (1..=n).collect();
    let (first, second) = (mean_curve(&a.pairs(), &ks), mean_curve(&b.pairs(), &ks));
    let none = (n + 1) as f64;
    let value = from_which(
        ks.iter().copied(),
        first.iter().zip(&second).map(|(a, b)| a - b),
        none,
    );

    let grid = grid(n);
    let columns = grid.len();
    let table = |of: &Complete| {
        PassTable::new(u64::from(of.n), &grid).map_err(|source| Undefined::PassAtK {
            evaluation: outcomes.design().evaluation.clone(),
            source,
        })
    };
    let (first, second) = (table(&a)?, table(&b)?);
    let differences: Vec<f64> = a
        .right
        .iter()
        .zip(&b.right)
        .flat_map(|(&a, &b)| {
            let pairs = first.row(a as usize).iter().zip(second.row(b as usize));
            pairs.map(|(a, b)| a - b)
        })
        .collect();
    let problems = Problems::of(outcomes);
    let across = problems
        .statistics(resampling, 1, |times, row| {
            let mut sums = vec![0.0; columns];
            for (times, of_problem) in times.iter().zip(differences.chunks(columns)) {
                if *times > 0 {
                    let times = f64::from(*times);
                    sums.iter_mut()
                        .zip(of_problem)
                        .for_each(|(sum, d)| *sum += times * d);
                }
            }
            row[0] = from_which(grid.iter().copied(), sums.into_iter(), none);
        })
        .pop()
        .unwrap_or_default();

    let worlds =
        [(&a, leader), (&b, other)].map(|(complete, model)| complete.worlds(outcomes, model, resampling));
    let truths = worlds.each_ref().map(|worlds| -> Vec<f64> {
        let points = worlds.grid.iter();
        points
            .flat_map(|&p| grid.iter().map(move |&k| pass_of_probability(p, k)))
            .collect()
    });
    let within = resampling
        .series(
            1,
            || vec![0.0; columns],
            |resample, sums, row| {
                sums.fill(0.0);
                for (sign, (worlds, truths)) in [1.0, -1.0].into_iter().zip(worlds.iter().zip(&truths)) {
                    worlds.each(resample, |_, point, _| {
                        let truths = &truths[point * columns..(point + 1) * columns];
                        sums.iter_mut()
                            .zip(truths)
                            .for_each(|(sum, pass)| *sum += sign * pass);
                    });
                }
                row[0] = from_which(grid.iter().copied(), sums.iter().copied(), none);
            },
        )
        .pop()
        .unwrap_or_default();
    let count = a.right.len();
    Ok(Measured {
        value,
        bounds: (1.0, none),
        // The value stands for the estimate and the worlds for the truth: their pivot is the worlds' own quantiles.
        within: (Vec::new(), within),
        across,
        problems: BTreeMap::from([(
            problems.key.clone(),
            Single {
                without: vec![value; count],
                unseen: (value, value),
            },
        )]),
        jumps: true,
    })
}

/// The smallest k from which all differences are above 0.
fn from_which(
    ks: impl DoubleEndedIterator<Item = u64>,
    differences: impl DoubleEndedIterator<Item = f64>,
    none: f64,
) -> f64 {
    let mut first = none;
    for (k, difference) in ks.rev().zip(differences.rev()) {
        if difference <= ROUNDING {
            break;
        }
        first = k as f64;
    }
    first
}

/// floor(2^(i/4)) up to n, and n.
pub(crate) fn grid(n: u64) -> Vec<u64> {
    let mut grid: Vec<u64> = (0..)
        .map(|i| libm::floor(libm::exp2(f64::from(i) / 4.0) + 1e-9) as u64)
        .take_while(|k| *k < n)
        .collect();
    grid.push(n);
    grid.dedup();
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_the_papers() {
        assert_eq!(
            grid(128),
            [
                1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 16, 19, 22, 26, 32, 38, 45, 53, 64, 76, 90, 107, 128
            ]
        );
        assert_eq!(grid(1), [1]);
        assert_eq!(grid(250).last(), Some(&250));
    }

    #[test]
    fn a_lead_has_to_last() {
        let from = |differences: [f64; 4]| from_which([1, 2, 4, 8].into_iter(), differences.into_iter(), 9.0);
        assert_eq!(from([-0.1, 0.1, -0.1, 0.1]), 8.0);
        assert_eq!(from([-0.1, 0.1, 0.1, 0.1]), 2.0);
        assert_eq!(from([0.1, 0.1, 0.1, 0.0]), 9.0, "a tie at the end is no lead");
        assert_eq!(from([0.1; 4]), 1.0);
    }
}
