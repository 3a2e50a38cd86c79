//! Accuracy histograms: how many problems a model gets right how often, in the twelve bins of "limit of RLVR" (figures 5 and
//! 13): exactly 0, ten of a tenth that hold their upper ends (the last one without 1), exactly 1.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, models};
use crate::across::Problems;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes::{Complete, mean_of};
use crate::results::{Histogram, HistogramSeries};
use crate::special::binomial_masses;
use crate::undefined::Undefined;

const BINS: [&str; 12] = [
    "0",
    "(0, 0.1]",
    "(0.1, 0.2]",
    "(0.2, 0.3]",
    "(0.3, 0.4]",
    "(0.4, 0.5]",
    "(0.5, 0.6]",
    "(0.6, 0.7]",
    "(0.7, 0.8]",
    "(0.8, 0.9]",
    "(0.9, 1)",
    "1",
];

/// The bin of `right` samples out of `n`, in whole numbers.
fn bin(right: u32, n: u32) -> usize {
    match right {
        0 => 0,
        right if right >= n => 11,
        right => (10 * u64::from(right)).div_ceil(u64::from(n)) as usize,
    }
}

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    setting: &Setting<'_>,
) -> Result<Histogram, Undefined> {
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len());
    let mut series = Vec::new();
    for (label, model) in models {
        let counts = match measure(outcomes, model, setting) {
            Ok(measured) => measured.iter().map(|bin| setting.estimate(bin)).collect(),
            Err(reason) => {
                warnings.undefined(&reason);
                vec![UNDEFINED; BINS.len()]
            }
        };
        series.push(HistogramSeries { model: label, counts });
    }
    Ok(Histogram {
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        problems: design.problems.len(),
        samples: outcomes.fewest_samples(),
        confidence: setting.confidence,
        bins: BINS.map(str::to_owned).to_vec(),
        series,
        warnings: warnings.finish(),
    })
}

/// Problems in each bin; in simulated worlds the truth is the number that n samples put there on average.
fn measure(outcomes: &Outcomes, model: usize, setting: &Setting<'_>) -> Result<Vec<Measured>, Undefined> {
    let complete = Complete::new(outcomes, model)?;
    let bins = BINS.len();
    let worlds = complete.worlds(outcomes, model, setting.resampling);
    let places: Vec<usize> = (0..=complete.n).map(|right| bin(right, complete.n)).collect();
    let mut expected = vec![0.0; worlds.grid.len() * bins];
    for (row, &p) in expected.chunks_mut(bins).zip(&worlds.grid) {
        for (mass, &place) in binomial_masses(complete.n, p).into_iter().zip(&places) {
            row[place] += mass;
        }
    }
    let simulated = setting.resampling.series(
        2 * bins,
        || (),
        |resample, (), row| {
            row.fill(0.0);
            let (estimate, truth) = row.split_at_mut(bins);
            worlds.each(resample, |_, point, right| {
                estimate[places[right]] += 1.0;
                let expected = &expected[point * bins..(point + 1) * bins];
                truth
                    .iter_mut()
                    .zip(expected)
                    .for_each(|(sum, mass)| *sum += mass);
            });
        },
    );
    let problems = Problems::of(outcomes);
    let values: Vec<f64> = complete
        .right
        .iter()
        .flat_map(|&right| (0..bins).map(move |place| f64::from(u8::from(place == bin(right, complete.n)))))
        .collect();
    let count = complete.right.len() as f64;
    let across = problems.means(setting.resampling, bins, &values);
    let shares = across.into_iter().enumerate().map(|(place, across)| {
        let of_each: Vec<f64> = values.iter().skip(place).step_by(bins).copied().collect();
        let scaled = |series: &Vec<f64>| series.iter().map(|sum| sum / count).collect();
        let share = Measured {
            within: (scaled(&simulated[place]), scaled(&simulated[bins + place])),
            ..mean_of(&problems, &of_each, across)
        };
        share.times(&Measured::constant(count))
    });
    Ok(shares.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_their_upper_ends() {
        let bins = [0, 1, 10, 11, 20, 90, 91, 99, 100].map(|right| bin(right, 100));
        assert_eq!(bins, [0, 1, 1, 2, 2, 9, 10, 10, 11]);
        assert_eq!(bin(1, 1), 11);
        assert_eq!([1, 102, 103].map(|right| bin(right, 1024)), [1, 1, 2]);
    }
}
