//! One answer out of k samples: the commonest one, or the likeliest under a model.
//!
//! Both are means over all subsets of k of a problem's n samples, as pass@k is. The likeliest is exact: the response of
//! rank r is the best of a subset with probability C(n-1-r, k-1) / C(n, k). The vote is averaged over random orders of the
//! samples (each prefix of k is a subset), as many as a fixed amount of work allows; at k = 1 and k = n it is exact.
//!
//! Sampling noise is that of a U-statistic: a quarter of the squared difference between the values of the even
//! and of the odd samples, summed over problems; it exists for k up to n/2.

use rayon::prelude::*;

use crate::across::Problems;
use crate::measured::Measured;
use crate::outcomes::{NO_ANSWER, Outcomes};
use crate::passes::{Complete, mean_of};
use crate::resampling::Resampling;
use crate::rng::{Stream, below, open_unit};
use crate::special::sum;
use crate::undefined::Undefined;

/// Samples put in order for the votes of one model, over all problems.
const WORK: usize = 1 << 26;

/// How often the commonest answer of k samples is right, at each of `ks` (ascending, at most n).
pub(crate) fn majority(
    outcomes: &Outcomes,
    model: usize,
    ks: &[u64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    Complete::new(outcomes, model)?;
    let design = outcomes.design();
    // Right samples vote together however they are written; wrong ones with their answer.
    let ballots: Vec<Vec<u32>> = outcomes
        .samples_by_problem(model)
        .map(|samples| {
            let samples = samples.iter().flatten();
            samples
                .map(|sample| if sample.correct { RIGHT } else { sample.answer })
                .collect()
        })
        .collect();
    if ballots.iter().flatten().all(|ballot| *ballot == NO_ANSWER) {
        return Err(Undefined::NoAnswers {
            evaluation: design.evaluation.clone(),
            of: design.models[model].clone(),
        });
    }
    let samples = design.samples as usize;
    let orders = (WORK / (ballots.len() * samples).max(1)).clamp(32, 2_000) as u32;
    let stream = Stream::new(
        resampling.seed(),
        &["votes", &design.evaluation, &design.models[model]],
    );
    let value =
        |problem: usize, ballots: &[u32], ks: &[u64]| votes(&stream, problem as u32, ballots, ks, orders);
    measure(outcomes, model, &ballots, ks, resampling, value)
}

/// How often the likeliest of k samples (lowest perplexity under `by`) is right, at each of `ks`.
pub(crate) fn best_of(
    outcomes: &Outcomes,
    model: usize,
    by: &str,
    ks: &[u64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    Complete::new(outcomes, model)?;
    let design = outcomes.design();
    let (groups, missing) = outcomes.perplexities(model, by, false);
    if missing > 0 {
        return Err(Undefined::MissingPerplexities {
            evaluation: design.evaluation.clone(),
            of: design.models[model].clone(),
            under: by.to_owned(),
            missing,
        });
    }
    let scored: Vec<Vec<(f64, bool)>> = outcomes
        .samples_by_problem(model)
        .zip(groups)
        .map(|(samples, perplexities)| {
            let right = samples.iter().flatten().map(|sample| sample.correct);
            perplexities.into_iter().zip(right).collect()
        })
        .collect();
    measure(outcomes, model, &scored, ks, resampling, |_, scored, ks| {
        likeliest(scored, ks)
    })
}

/// How often one of k samples is right that another judge accepts, any of them where it accepts none, at each of `ks`.
/// `says`: whether it accepts a problem's sample.
///
/// A judge's yes or no is a score with two values, and samples of one value share their ranks evenly.
pub(crate) fn best_judged(
    outcomes: &Outcomes,
    model: usize,
    says: impl Fn(usize, u64) -> Option<bool>,
    ks: &[u64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    Complete::new(outcomes, model)?;
    let design = outcomes.design();
    let mut missing = 0;
    let scored: Vec<Vec<(f64, bool)>> = outcomes
        .samples_by_problem(model)
        .enumerate()
        .map(|(problem, samples)| {
            let samples = (0..).zip(samples.iter().flatten());
            samples
                .map(|(number, sample)| {
                    let accepted = says(problem, number);
                    missing += usize::from(accepted.is_none());
                    (f64::from(u8::from(accepted != Some(true))), sample.correct)
                })
                .collect()
        })
        .collect();
    if missing > 0 {
        return Err(Undefined::MissingRows {
            evaluation: design.evaluation.clone(),
            model: design.models[model].clone(),
            missing,
            expected: scored.iter().map(Vec::len).sum(),
        });
    }
    measure(outcomes, model, &scored, ks, resampling, |_, scored, ks| {
        likeliest(scored, ks)
    })
}

/// A vote for the right answer.
const RIGHT: u32 = u32::MAX - 1;

/// Measures a mean over problems of values that are symmetric in each problem's samples.
fn measure<T: Clone + Send + Sync>(
    outcomes: &Outcomes,
    model: usize,
    samples: &[Vec<T>],
    ks: &[u64],
    resampling: &Resampling,
    value: impl Fn(usize, &[T], &[u64]) -> Vec<f64> + Sync,
) -> Result<Vec<Measured>, Undefined> {
    let half: Vec<u64> = {
        let smallest = samples.iter().map(Vec::len).min().unwrap_or(0) as u64 / 2;
        ks.iter().copied().filter(|k| *k <= smallest).collect()
    };
    let computed: Vec<(Vec<f64>, Vec<f64>)> = samples
        .par_iter()
        .enumerate()
        .map(|(problem, samples)| {
            let whole = value(problem, samples, ks);
            let part = |odd: usize| -> Vec<T> { samples.iter().skip(odd).step_by(2).cloned().collect() };
            let (even, odd) = (value(problem, &part(0), &half), value(problem, &part(1), &half));
            let noise = even
                .iter()
                .zip(&odd)
                .map(|(a, b)| (a - b) * (a - b) / 4.0)
                .collect();
            (whole, noise)
        })
        .collect();
    let columns = ks.len();
    let values: Vec<f64> = computed.iter().flat_map(|(whole, _)| whole).copied().collect();
    let problems = Problems::of(outcomes);
    let across = problems.means(resampling, columns, &values);
    let design = outcomes.design();
    let count = samples.len() as f64;
    Ok(across
        .into_iter()
        .enumerate()
        .map(|(column, across)| {
            let of_each: Vec<f64> = values.iter().skip(column).step_by(columns).copied().collect();
            let measured = mean_of(&problems, &of_each, across);
            let truths = if column < half.len() {
                let noise = sum(computed.iter().map(|(_, noise)| noise[column]));
                let deviation = libm::sqrt(noise) / count;
                let k = ks[column].to_string();
                let names = ["vote noise", &design.evaluation, &design.models[model], &k];
                let stream = Stream::new(resampling.seed(), &names);
                let draw = |resample| measured.value + deviation * normal(&stream, resample);
                (0..resampling.resamples()).map(draw).collect()
            } else {
                vec![f64::NAN]
            };
            Measured {
                within: (Vec::new(), truths),
                ..measured
            }
        })
        .collect())
}

/// A standard normal number (G. E. P. Box and M. E. Muller 1958).
fn normal(stream: &Stream, resample: u32) -> f64 {
    let [a, b, ..] = stream.block(resample, 0, 0);
    let radius = libm::sqrt(-2.0 * libm::log(open_unit(a)));
    radius * libm::cos(core::f64::consts::TAU * open_unit(b))
}

/// Mean over random orders of: the share of the commonest answers among the first k that is right (ties split evenly).
fn votes(stream: &Stream, problem: u32, ballots: &[u32], ks: &[u64], orders: u32) -> Vec<f64> {
    // Answers by small numbers, so that a vote is an index.
    let mut answers: Vec<u32> = ballots
        .iter()
        .copied()
        .filter(|ballot| *ballot != NO_ANSWER)
        .collect();
    answers.sort_unstable();
    answers.dedup();
    let right = answers.iter().position(|answer| *answer == RIGHT);
    let Some(right) = right else {
        return vec![0.0; ks.len()];
    };
    let mut cast: Vec<Option<u32>> = ballots
        .iter()
        .map(|ballot| answers.binary_search(ballot).ok().map(|place| place as u32))
        .collect();
    let largest = ks.last().copied().unwrap_or(0).min(cast.len() as u64) as usize;
    let mut sums = vec![0.0; ks.len()];
    let mut counts = vec![0_u32; answers.len()];
    // How many answers have each number of votes, so that ties are known at once.
    let mut with = vec![0_u32; cast.len() + 1];
    // All orders of the whole are one subset, and one vote needs no order.
    let orders = if largest <= 1 { 1 } else { orders };
    for order in 0..orders {
        counts.fill(0);
        with.fill(0);
        let (mut top, mut next) = (0, 0);
        for drawn in 0..largest {
            let word = stream.block(order, drawn as u32 / 4, problem)[drawn % 4];
            let from = drawn + below(word, (cast.len() - drawn) as u32) as usize;
            cast.swap(drawn, from);
            if let Some(answer) = cast[drawn] {
                let count = &mut counts[answer as usize];
                *count += 1;
                with[*count as usize] += 1;
                top = top.max(*count);
            }
            while next < ks.len() && ks[next] as usize == drawn + 1 {
                // `with[top]` counts every answer that ever reached `top`, and none went beyond.
                if top > 0 && counts[right] == top {
                    sums[next] += 1.0 / f64::from(with[top as usize]);
                }
                next += 1;
            }
        }
    }
    let mut values: Vec<f64> = sums.into_iter().map(|sum| sum / f64::from(orders)).collect();
    let right_votes = ballots.iter().filter(|ballot| **ballot == RIGHT).count();
    if let (Some(first), Some(1)) = (values.first_mut(), ks.first()) {
        *first = right_votes as f64 / ballots.len().max(1) as f64;
    }
    values
}

/// The likeliest of k: weights of ranks, from the best one on.
fn likeliest(scored: &[(f64, bool)], ks: &[u64]) -> Vec<f64> {
    let mut ranked = scored.to_vec();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = ranked.len() as f64;
    ks.iter()
        .map(|&k| {
            let k = k as f64;
            let (mut weight, mut total) = (k / n, 0.0);
            let mut start = 0;
            while start < ranked.len() {
                // Equal scores share their ranks' weights evenly.
                let same = ranked[start..]
                    .iter()
                    .take_while(|(score, _)| *score == ranked[start].0)
                    .count();
                let mut group = 0.0;
                for rank in start..start + same {
                    group += weight;
                    let left = n - 1.0 - rank as f64;
                    weight = if left > 0.0 {
                        weight * (left - (k - 1.0)).max(0.0) / left
                    } else {
                        0.0
                    };
                }
                let right = ranked[start..start + same]
                    .iter()
                    .filter(|(_, right)| *right)
                    .count();
                total += group * right as f64 / same as f64;
                start += same;
            }
            total
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_of_one_is_a_sample_and_of_all_the_best() {
        let scored = [(1.3, true), (1.1, false), (1.2, true), (1.9, false)];
        let values = likeliest(&scored, &[1, 2, 3, 4]);
        assert!((values[0] - 0.5).abs() < 1e-15);
        assert_eq!(values[3], 0.0, "the best of all is wrong");
        // Pairs: (1.1 wins in 3 of 6), (1.2 in 2), (1.3 in 1).
        assert!((values[1] - 0.5).abs() < 1e-15);
        let tied = likeliest(&[(1.0, true), (1.0, false)], &[2]);
        assert_eq!(tied, [0.5]);
    }

    #[test]
    fn votes_follow_all_subsets() {
        let stream = Stream::new(1, &["test"]);
        // Three right ones, two of one wrong answer, one without an answer.
        let ballots = [RIGHT, RIGHT, RIGHT, 4, 4, NO_ANSWER];
        let ks = [1, 2, 3, 6];
        let values = votes(&stream, 0, &ballots, &ks, 20_000);
        assert_eq!(values[0], 0.5);
        assert_eq!(values[3], 1.0);
        // By hand over the 15 pairs: RR 3, R4 6 halves, R- 3, 44 1, 4- 2: (3 + 3 + 3) / 15.
        assert!((values[1] - 9.0 / 15.0).abs() < 0.012, "{}", values[1]);
        assert_eq!(votes(&stream, 0, &[4, 4], &[1, 2], 10), [0.0, 0.0]);
    }
}
