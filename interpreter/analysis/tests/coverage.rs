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
        more: vec![],
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

/// As grade-school sums: most problems nearly always solved, p = logistic(2.5 + 2 z) with z normal.
const EASY: Population = Population {
    difficulty: |dice| {
        let z =
            libm::sqrt(-2.0 * libm::log(1.0 - dice.unit())) * libm::cos(core::f64::consts::TAU * dice.unit());
        logistic(2.5 + 2.0 * z)
    },
    mean: |k| {
        // Over z, weighted by the normal density.
        let (mut sum, mut weights) = (0.0, 0.0);
        for i in -8_000..=8_000 {
            let z = f64::from(i) / 1_000.0;
            let weight = libm::exp(-0.5 * z * z);
            sum += weight * pass(logistic(2.5 + 2.0 * z), k);
            weights += weight;
        }
        sum / weights
    },
};

/// Eight problems in a hundred at a chance of at most 5%, the others at 90% and more.
const STEPPED: Population = Population {
    difficulty: |dice| {
        if dice.unit() < 0.92 {
            0.9 + 0.1 * dice.unit()
        } else {
            0.05 * dice.unit()
        }
    },
    mean: |k| 0.92 * mean_of(|u| 0.9 + 0.1 * u, k) + 0.08 * mean_of(|u| 0.05 * u, k),
};

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// At least 92% is what is promised for k up to half the samples; `STUDIES` see 95% as 92.8 to 97.2 (two standard errors).
/// Where few problems carry the number the interval for problems like these is wider than 95% asks for: no method that
/// knows only the bounds can be narrower everywhere.
fn check(problems: usize, n: u64, ks: &[u64], population: &Population) {
    let found = coverage(problems, n, ks, population);
    eprintln!("{problems} problems, {n} samples, k = {ks:?}: [these, like these] {found:?}");
    for (k, [these, like]) in ks.iter().zip(found).filter(|(k, _)| 2 * **k <= n) {
        assert!((0.92..=0.98).contains(&these), "these problems, k = {k}: {these}");
        assert!(
            (0.92..=0.999).contains(&like),
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

/// The populations were not used to choose the method; pass@k is 0.83 to 0.998 on the one and 0.88 to 0.98 on the other.
#[test]
fn intervals_cover_where_pass_is_near_one() {
    for (problems, population) in [(30, &EASY), (60, &EASY), (60, &STEPPED)] {
        let found = coverage(problems, 64, &[1, 4, 32], population);
        eprintln!("{problems} easy problems: [these, like these] {found:?}");
        for [these, like] in found {
            // For these problems the promise is not wholly kept near 1: 89 to 92% at half the samples.
            assert!(these >= 0.86, "{these}");
            assert!(like >= 0.92, "{like}");
        }
    }
}
