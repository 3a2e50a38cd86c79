//! Advantages of whole responses relative to the other responses to the same prompt (their group).
//!
//! Plain f64 arithmetic over one score per response: a group is any set of rows with the same group number, of any size
//! and in any order. A score of NaN means "could not be judged": it takes no part in a mean and its advantage is 0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Rows of each group, judged ones only.
fn judged_groups(scores: &[f64], groups: &[usize]) -> BTreeMap<usize, Group> {
    let mut map: BTreeMap<usize, Group> = BTreeMap::new();
    for (row, (&score, &group)) in scores.iter().zip(groups).enumerate() {
        let entry = map.entry(group).or_default();
        entry.size += 1;
        if !score.is_nan() {
            entry.rows.push(row);
        }
    }
    map
}

#[derive(Default)]
struct Group {
    /// Number of rows, unjudged ones included.
    size: usize,
    rows: Vec<usize>,
}

fn mean(scores: &[f64], rows: &[usize]) -> f64 {
    rows.iter().map(|&row| scores[row]).sum::<f64>() / rows.len() as f64
}

fn all_equal(scores: &[f64], rows: &[usize]) -> bool {
    rows.windows(2).all(|pair| scores[pair[0]] == scores[pair[1]])
}

/// What a group of one response gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lone {
    /// Its raw score (verl's mean 0 and standard deviation 1 for a group of one).
    Raw,
    /// 0.
    Zero,
}

/// Applies `advantage(scores, rows) -> one value per row` to every group that has something to compare.
///
/// A group of one gets what `lone` says; a larger group of which a single response could be judged gets 0 (nothing to
/// compare with), and so does, exactly, a group whose scores are all equal.
fn per_group(
    scores: &[f64],
    groups: &[usize],
    lone: impl Fn(f64) -> f64,
    advantage: impl Fn(&[usize]) -> Vec<f64>,
) -> Vec<f64> {
    let mut out = vec![0.0; scores.len()];
    for group in judged_groups(scores, groups).values() {
        match group.rows.as_slice() {
            [] => {}
            [row] if group.size == 1 => out[*row] = lone(scores[*row]),
            rows if rows.len() == 1 || all_equal(scores, rows) => {}
            rows => {
                for (&row, value) in rows.iter().zip(advantage(rows)) {
                    out[row] = value;
                }
            }
        }
    }
    out
}

/// What centred scores are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Nothing (Dr. GRPO).
    None,
    /// The standard deviation of the group's scores (GRPO).
    Group,
    /// The standard deviation of all scores of the batch.
    Batch,
}

/// Standard deviation with ddof 1 of the judged scores among `rows`; 0 where there are fewer than two.
fn deviation(scores: &[f64], rows: &[usize]) -> f64 {
    if rows.len() < 2 || all_equal(scores, rows) {
        return 0.0;
    }
    let mean = mean(scores, rows);
    let squares: f64 = rows.iter().map(|&row| (scores[row] - mean).powi(2)).sum();
    (squares / (rows.len() as f64 - 1.0)).sqrt()
}

/// `(s - mean of the group) / (std + epsilon)`, standard deviation with ddof 1. A group of one has mean 0 and standard
/// deviation 1 where `lone` keeps raw scores. `scores` and `groups` hold one entry per response.
pub fn centred(scores: &[f64], groups: &[usize], scale: Scale, epsilon: f64, lone: Lone) -> Vec<f64> {
    let judged: Vec<usize> = (0..scores.len()).filter(|&row| !scores[row].is_nan()).collect();
    let batch = match scale {
        Scale::Batch => deviation(scores, &judged) + epsilon,
        _ => 1.0,
    };
    let lone = |score| match (lone, scale) {
        (Lone::Zero, _) => 0.0,
        (Lone::Raw, Scale::None) => score,
        (Lone::Raw, Scale::Group) => score / (1.0 + epsilon),
        (Lone::Raw, Scale::Batch) => score / batch,
    };
    per_group(scores, groups, lone, |rows| {
        let mean = mean(scores, rows);
        let scale = match scale {
            Scale::None => 1.0,
            Scale::Group => deviation(scores, rows) + epsilon,
            Scale::Batch => batch,
        };
        rows.iter().map(|&row| (scores[row] - mean) / scale).collect()
    })
}

/// GRPO as verl has it; `normalize_std: false` is Dr. GRPO. A group of one keeps its raw score.
pub fn grpo(scores: &[f64], groups: &[usize], normalize_std: bool, epsilon: f64) -> Vec<f64> {
    let scale = if normalize_std { Scale::Group } else { Scale::None };
    centred(scores, groups, scale, epsilon, Lone::Raw)
}

/// `(x - mean) / (std + epsilon)` over the whole batch, standard deviation with ddof 1; exactly 0 where all are equal.
/// NaN (not judged) stays out and becomes 0.
pub fn standardised(values: &[f64], epsilon: f64) -> Vec<f64> {
    let judged: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
    if all_equal(values, &judged) {
        return vec![0.0; values.len()];
    }
    let (mean, scale) = (mean(values, &judged), deviation(values, &judged) + epsilon);
    let standard = |value: &f64| {
        if value.is_nan() {
            0.0
        } else {
            (value - mean) / scale
        }
    };
    values.iter().map(standard).collect()
}

/// RLOO: the score minus the mean of the group's other scores, which is `n/(n-1) (s - mean)`.
pub fn rloo(scores: &[f64], groups: &[usize], lone: Lone) -> Vec<f64> {
    let lone = |score| match lone {
        Lone::Raw => score,
        Lone::Zero => 0.0,
    };
    per_group(scores, groups, lone, |rows| {
        let n = rows.len() as f64;
        let mean = mean(scores, rows);
        rows.iter()
            .map(|&row| (scores[row] - mean) * n / (n - 1.0))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_give_exactly_zero() {
        let scores = [0.3; 7];
        let out = grpo(&scores, &[0; 7], true, 1e-6);
        assert!(out.iter().all(|&a| a.to_bits() == 0.0_f64.to_bits()), "{out:?}");
    }

    #[test]
    fn unjudged_rows_are_left_out() {
        let with = grpo(&[1.0, f64::NAN, 0.0, 0.0], &[4, 4, 4, 4], true, 1e-6);
        let without = grpo(&[1.0, 0.0, 0.0], &[4, 4, 4], true, 1e-6);
        assert_eq!(with, [without[0], 0.0, without[1], without[2]]);
        // A lone judged row of a larger group has nothing to be compared with.
        assert_eq!(grpo(&[1.0, f64::NAN], &[0, 0], true, 1e-6), [0.0, 0.0]);
        assert_eq!(rloo(&[f64::NAN], &[0], Lone::Raw), [0.0]);
    }
}
