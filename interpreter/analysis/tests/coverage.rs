//! Do the intervals hold the truth as often as they say? Simulated studies of known truth.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{Dice, evidence, model, resampling};
use rlx_analysis::{Design, Estimate, Evidence, Interval, ListingCell, Outcomes, Results, SampleRow, answer};
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

/// A length: e^(6 + 0.5 z) for the problem, times e^(0.3 z) for the response, rounded.
fn length(problem: f64, dice: &mut Dice) -> u32 {
    libm::round(libm::exp(problem + 0.3 * normal(dice))) as u32
}

fn normal(dice: &mut Dice) -> f64 {
    libm::sqrt(-2.0 * libm::log(1.0 - dice.unit())) * libm::cos(core::f64::consts::TAU * dice.unit())
}

fn difficulty(dice: &mut Dice) -> f64 {
    6.0 + 0.5 * normal(dice)
}

/// Mean and 5, 25, 50, 75, 95% points of the lengths of responses, in the order of the listing.
fn lengths(tokens: &[Vec<u32>], seed: u64) -> Vec<Estimate> {
    let problems: Vec<String> = (0..tokens.len()).map(|i| format!("p{i}")).collect();
    let design = Design {
        evaluation: "main".into(),
        benchmark: "bench".into(),
        problems: problems.clone(),
        models: vec!["base".into()],
        samples: tokens[0].len() as u64,
        verdicts: vec!["right".into()],
    };
    let rows = problems.iter().zip(tokens).flat_map(|(problem, tokens)| {
        (0..).zip(tokens).map(move |(sample, &tokens)| SampleRow {
            model: "base",
            problem,
            sample,
            correct: true,
            verdict: "right",
            tokens: u64::from(tokens),
            truncated: false,
            answer: None,
            surprisal: None,
        })
    });
    let outcomes = Outcomes::new(design, rows, []).unwrap();
    let evidence = Evidence {
        evaluations: BTreeMap::from([("main".into(), outcomes)]),
        ..Evidence::default()
    };
    let query = Query::Lengths {
        evaluation: "main".into(),
        of: vec![],
    };
    match answer(&query, &evidence, &resampling(seed, 500), 0.95).unwrap() {
        Results::Listing(found) => found.rows[0][1..7]
            .iter()
            .map(|cell| match cell {
                ListingCell::Estimate { estimate } => *estimate,
                other => panic!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn mean_and_points(mut all: Vec<f64>) -> Vec<f64> {
    all.sort_unstable_by(f64::total_cmp);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let point = |share: f64| all[(share * (all.len() - 1) as f64) as usize];
    std::iter::once(mean)
        .chain([0.05, 0.25, 0.5, 0.75, 0.95].map(point))
        .collect()
}

/// Lengths are skewed and their extreme points few: the ends of the intervals are where a bootstrap is weakest.
#[test]
fn intervals_of_lengths_cover() {
    let mut dice = Dice::new("population of lengths", 0);
    let population = (0..100_000).map(|_| {
        let problem = difficulty(&mut dice);
        f64::from(length(problem, &mut dice))
    });
    let truth = mean_and_points(population.collect());
    let mut held = [[0.0; 2]; 6];
    for study in 0..STUDIES {
        let mut dice = Dice::new("lengths", study);
        let problems: Vec<f64> = (0..40).map(|_| difficulty(&mut dice)).collect();
        let tokens: Vec<Vec<u32>> = problems
            .iter()
            .map(|&problem| (0..16).map(|_| length(problem, &mut dice)).collect())
            .collect();
        let here: Vec<f64> = problems
            .iter()
            .flat_map(|&problem| vec![problem; 200])
            .map(|problem| f64::from(length(problem, &mut dice)))
            .collect();
        let here = mean_and_points(here);
        for (place, estimate) in lengths(&tokens, study).into_iter().enumerate() {
            held[place][0] += f64::from(u8::from(inside(estimate.these_problems, here[place])));
            held[place][1] += f64::from(u8::from(inside(estimate.problems_like_these, truth[place])));
        }
    }
    let shares = held.map(|both| both.map(|held| held / STUDIES as f64));
    eprintln!("lengths: mean, 5, 25, 50, 75, 95%: [these, like these] {shares:?}");
    for [these, like] in shares {
        // The truth for these problems is itself drawn, 200 responses a problem, which costs a point or two.
        assert!((0.88..=0.98).contains(&these), "{these}");
        assert!((0.92..=0.999).contains(&like), "{like}");
    }
}
