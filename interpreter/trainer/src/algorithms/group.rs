//! Advantages of whole responses relative to the other responses to the same prompt (their group).
//!
//! Plain f64 arithmetic over one score per response: a group is any set of rows with the same group number, of any size
//! and in any order. A score of NaN means "could not be judged": it takes no part in a mean and its advantage is 0.

use std::collections::BTreeMap;

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

/// GRPO: `(s - mean) / (std + epsilon)`, standard deviation with ddof 1. `normalize_std: false` is Dr. GRPO's
/// `s - mean`. A group of one keeps its raw score, divided by `1 + epsilon` when normalised.
/// `scores` and `groups` hold one entry per response.
pub fn grpo(scores: &[f64], groups: &[usize], normalize_std: bool, epsilon: f64) -> Vec<f64> {
    let lone = |score| {
        if normalize_std {
            score / (1.0 + epsilon)
        } else {
            score
        }
    };
    per_group(scores, groups, lone, |rows| {
        let mean = mean(scores, rows);
        let scale = if normalize_std {
            let squares: f64 = rows.iter().map(|&row| (scores[row] - mean).powi(2)).sum();
            (squares / (rows.len() as f64 - 1.0)).sqrt() + epsilon
        } else {
            1.0
        };
        rows.iter().map(|&row| (scores[row] - mean) / scale).collect()
    })
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
