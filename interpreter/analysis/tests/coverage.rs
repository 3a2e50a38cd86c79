//! Do the intervals hold the truth as often as they say? Simulated studies of known truth.

mod common;

use common::{Dice, evidence, model, resampling};
use rlx_analysis::{Estimate, Interval, Results, answer};
use rlx_language::Query;

const STUDIES: u64 = 400;
const PROBLEMS: usize = 60;

fn points(n: u64, right: &[u64], ks: &[u64], seed: u64) -> Vec<Estimate> {
    let query = Query::PassAtK {
        evaluation: "main".into(),
        of: vec![model("base")],
        k: ks.to_vec(),
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
    1.0 - (1.0 - p).powi(k as i32)
}

/// Shares of studies whose two intervals hold their truths, by k.
fn coverage(
    n: u64,
    ks: &[u64],
    difficulty: impl Fn(&mut Dice) -> f64,
    mean: impl Fn(u64) -> f64,
) -> Vec<[f64; 2]> {
    let mut held = vec![[0.0; 2]; ks.len()];
    for study in 0..STUDIES {
        let mut dice = Dice::new("coverage", study);
        let truth: Vec<f64> = (0..PROBLEMS).map(|_| difficulty(&mut dice)).collect();
        let right: Vec<u64> = truth.iter().map(|&p| dice.binomial(n, p)).collect();
        for ((k, estimate), held) in ks.iter().zip(points(n, &right, ks, study)).zip(&mut held) {
            let here = truth.iter().map(|&p| pass(p, *k)).sum::<f64>() / PROBLEMS as f64;
            held[0] += f64::from(u8::from(inside(estimate.these_problems, here)));
            held[1] += f64::from(u8::from(inside(estimate.problems_like_these, mean(*k))));
        }
    }
    held.iter()
        .map(|[these, like]| [these / STUDIES as f64, like / STUDIES as f64])
        .collect()
}

#[test]
fn intervals_cover_for_k_up_to_half_the_samples() {
    let (n, ks) = (64, [1, 4, 16, 32]);
    // The mean over the population of `Dice::difficulty`, by quadrature.
    let mean = |k| {
        let steps = 20_000;
        let at = |i: i32| pass(((f64::from(i) + 0.5) / f64::from(steps)).powi(3), k);
        0.9 * (0..steps).map(at).sum::<f64>() / f64::from(steps)
    };
    let found = coverage(n, &ks, Dice::difficulty, mean);
    eprintln!("{found:?}");
    for (k, [these, like]) in ks.iter().zip(found) {
        // 92 to 98% is what is promised; 400 studies see 95% as 92.8 to 97.2 (two standard errors).
        assert!((0.92..=0.98).contains(&these), "these problems, k = {k}: {these}");
        assert!(
            (0.92..=0.98).contains(&like),
            "problems like these, k = {k}: {like}"
        );
    }
}
