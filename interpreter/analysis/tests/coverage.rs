//! Do the intervals hold the truth as often as they say? Simulated studies of known truth.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Dice, evidence, model, resampling};
use rlx_analysis::{Estimate, Interval, Results, answer};
use rlx_language::Query;

const STUDIES: u64 = 400;

fn points(n: u64, right: &[u64], ks: &[u64], seed: u64) -> Vec<Estimate> {
    let query = Query::PassAtK {
        evaluation: "main".into(),
        of: vec![model("base")],
        k: ks.to_vec(),
        folded: false,
    };
    match answer(
        &query,
        &evidence(n, &[("base", right)]),
        &resampling(seed, 500),
        0.95,
    )
    .unwrap()
    {
        Results::PassAtK(found) => found.curves[0].points.iter().map(|point| point.pass).collect(),
        other => panic!("{other:?}"),
    }
}

fn inside(interval: Option<Interval>, truth: f64) -> bool {
    interval.is_some_and(|interval| interval.low <= truth && truth <= interval.high)
}

fn pass(p: f64, k: u64) -> f64 {
    1.0 - libm::pow(1.0 - p, k as f64)
}

/// A population of problems: how hard one is, and pass@k over all of them.
struct Population {
    difficulty: fn(&mut Dice) -> f64,
    mean: fn(u64) -> f64,
}

/// A tenth never solved, the others p = u^3 with u even in 0..1; the mean by quadrature.
const MIXED: Population = Population {
    difficulty: Dice::difficulty,
    mean: |k| 0.9 * mean_of(|u| libm::pow(u, 3.0), k),
};

/// As a competition: a quarter never solved, most of the others hardly ever.
const HARD: Population = Population {
    difficulty: |dice| {
        if dice.unit() < 0.25 {
            0.0
        } else {
            libm::pow(dice.unit(), 5.0)
        }
    },
    mean: |k| 0.75 * mean_of(|u| libm::pow(u, 5.0), k),
};

fn mean_of(p: impl Fn(f64) -> f64, k: u64) -> f64 {
    let steps = 20_000;
    (0..steps)
        .map(|i| pass(p((f64::from(i) + 0.5) / f64::from(steps)), k))
        .sum::<f64>()
        / f64::from(steps)
}

/// Shares of studies whose two intervals hold their truths, by k.
fn coverage(problems: usize, n: u64, ks: &[u64], population: &Population) -> Vec<[f64; 2]> {
    let means: Vec<f64> = ks.iter().map(|&k| (population.mean)(k)).collect();
    let mut held = vec![[0.0; 2]; ks.len()];
    for study in 0..STUDIES {
        let mut dice = Dice::new("coverage", study);
        let truth: Vec<f64> = (0..problems)
            .map(|_| (population.difficulty)(&mut dice))
            .collect();
        let right: Vec<u64> = truth.iter().map(|&p| dice.binomial(n, p)).collect();
        let found = points(n, &right, ks, study);
        for (((k, estimate), mean), held) in ks.iter().zip(found).zip(&means).zip(&mut held) {
            let here = truth.iter().map(|&p| pass(p, *k)).sum::<f64>() / problems as f64;
            held[0] += f64::from(u8::from(inside(estimate.these_problems, here)));
            held[1] += f64::from(u8::from(inside(estimate.problems_like_these, *mean)));
        }
    }
    held.iter()
        .map(|[these, like]| [these / STUDIES as f64, like / STUDIES as f64])
        .collect()
}

/// 92 to 98% is what is promised for k up to half the samples; `STUDIES` see 95% as 92.8 to 97.2 (two standard errors).
fn check(problems: usize, n: u64, ks: &[u64], population: &Population) {
    let found = coverage(problems, n, ks, population);
    eprintln!("{problems} problems, {n} samples, k = {ks:?}: [these, like these] {found:?}");
    for (k, [these, like]) in ks.iter().zip(found).filter(|(k, _)| 2 * **k <= n) {
        assert!((0.92..=0.98).contains(&these), "these problems, k = {k}: {these}");
        assert!(
            (0.92..=0.98).contains(&like),
            "problems like these, k = {k}: {like}"
        );
    }
}

#[test]
fn intervals_cover_on_sixty_mixed_problems() {
    check(60, 64, &[1, 4, 16, 32, 64], &MIXED);
}

#[test]
fn intervals_cover_on_thirty_hard_problems() {
    check(30, 128, &[1, 8, 32, 64, 128], &HARD);
}
