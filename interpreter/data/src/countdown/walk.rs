//! Random legal walks: the faulty demonstrations.

use super::paths::{List, OPERATORS, Step, step};
use crate::random::Stream;

/// Share of four-number walks whose second step combines the two numbers that the first left alone.
const SHARE_OF_TREES: f64 = 0.1;

/// A legal path: each step draws an operator by `weights` (of `+ - * /`) among those that some allowed pair admits,
/// then a pair uniformly. In a chain each step takes the last result; in a tree (four numbers only) the second does not.
pub(super) fn random(numbers: &List, weights: &[f64; 4], stream: &mut Stream) -> Vec<Step> {
    let count = numbers.as_slice().len();
    let tree = count > 3 && stream.uniform() < SHARE_OF_TREES;
    let mut list = *numbers;
    let mut path = Vec::with_capacity(3);
    for turn in 0..count.saturating_sub(1) {
        let len = list.as_slice().len();
        let last = len - 1;
        let mut moves: [Vec<Step>; 4] = Default::default();
        for i in 0..len {
            for j in i + 1..len {
                let allowed = match turn {
                    0 => true,
                    1 if tree => j != last,
                    _ => j == last,
                };
                if !allowed {
                    continue;
                }
                for (kind, &operator) in OPERATORS.iter().enumerate() {
                    moves[kind].extend(step(&list, i, j, operator));
                }
            }
        }
        let Some(chosen) = choose(&moves, weights, stream) else {
            // Two equal numbers above 1 divide, two different ones subtract, two ones add: some step always exists.
            break;
        };
        list = list.after(&chosen);
        path.push(chosen);
    }
    path
}

fn choose(moves: &[Vec<Step>; 4], weights: &[f64; 4], stream: &mut Stream) -> Option<Step> {
    let weight = |kind: usize| {
        if moves[kind].is_empty() {
            0.0
        } else {
            weights[kind]
        }
    };
    let total: f64 = (0..4).map(weight).sum();
    let mut point = stream.uniform() * total;
    let mut kind = None;
    for candidate in 0..4 {
        if moves[candidate].is_empty() || (total > 0.0 && weights[candidate] <= 0.0) {
            continue;
        }
        kind = Some(candidate);
        if point < weights[candidate] {
            break;
        }
        point -= weights[candidate];
    }
    let moves = &moves[kind?];
    moves.get(stream.below(moves.len())).copied()
}
