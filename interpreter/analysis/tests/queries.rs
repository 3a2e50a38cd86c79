//! Answers of figures and tables over known rows.

#![allow(clippy::unwrap_used)]

mod common;

use common::{evidence, model, outcomes, resampling};
use proptest::prelude::*;
use rlx_analysis::{
    Design, Estimate, Evidence, Outcomes, PerplexityRow, Results, SampleRow, Undefined, answer, pass_at_k,
};
use rlx_language::Query;

fn ask(query: &Query, evidence: &Evidence) -> Results {
    answer(query, evidence, &resampling(11, 1_000), 0.95).unwrap()
}

fn main() -> String {
    "main".into()
}

fn check(estimate: &Estimate, expected: f64) {
    let value = estimate.value.unwrap();
    assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
    for interval in [
        estimate.these_problems.unwrap(),
        estimate.problems_like_these.unwrap(),
    ] {
        assert!(
            interval.low <= value && value <= interval.high,
            "{value} in {interval:?}"
        );
    }
}

#[test]
fn curves_are_means_of_the_unbiased_estimator() {
    let (base, rl) = ([0, 1, 4, 16, 9], [0, 0, 16, 16, 12]);
    let evidence = evidence(16, &[("base", &base), ("rl@5", &rl)]);
    let query = Query::PassAtK {
        evaluation: main(),
        of: vec![],
        k: vec![1, 4, 16, 64],
        more: vec![],
        folded: false,
    };
    let Results::PassAtK(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    assert_eq!((found.problems, found.samples), (5, 16));
    for (curve, counts) in found.curves.iter().zip([base, rl]) {
        for point in &curve.points[..3] {
            let mean = counts
                .iter()
                .map(|&c| pass_at_k(16, c, point.k).unwrap().value)
                .sum::<f64>()
                / 5.0;
            check(&point.pass, mean);
        }
        assert_eq!(curve.points[3].pass.value, None, "pass@64 of 16 samples");
    }
    assert_eq!(found.crossings[0].k, Some(16));
    for part in ["fewer than 30", "above half", "pass@64"] {
        assert!(
            found.warnings.iter().any(|warning| warning.contains(part)),
            "{part} in {:?}",
            found.warnings
        );
    }
}

#[test]
fn the_gap_is_pass_k_of_the_base_minus_pass_1() {
    let evidence = evidence(8, &[("base", &[1, 2, 0, 8]), ("rl@5", &[4, 4, 0, 8])]);
    let query = Query::DeltaSe {
        evaluation: main(),
        of: vec![model("rl@5")],
        against: model("base"),
        k: 4,
    };
    let Results::DeltaSe(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    let base = [1, 2, 0, 8]
        .map(|c| pass_at_k(8, c, 4).unwrap().value)
        .iter()
        .sum::<f64>()
        / 4.0;
    check(&found.against_pass_k, base);
    check(&found.rows[0].pass_1, 0.5);
    check(&found.rows[0].delta_se, base - 0.5);
}

/// Two models far apart and one that cannot be told from the better: three pairs, so a factor of three on the surest.
#[test]
fn gaps_are_held_against_the_smallest_and_corrected_for_all_pairs() {
    let counts = |right: fn(u64) -> u64| -> Vec<u64> { (0..60).map(right).collect() };
    let (base, best) = (counts(|i| 1 + i % 3), counts(|i| 8 + i % 5));
    let (near, worse) = (counts(|i| 8 + (i + 1) % 5), counts(|i| 4 + i % 4));
    let evidence = evidence(
        16,
        &[
            ("base", &base),
            ("best", &best),
            ("near", &near),
            ("worse", &worse),
        ],
    );
    let query = Query::DeltaSe {
        evaluation: main(),
        of: ["near", "best", "worse"].map(model).to_vec(),
        against: model("base"),
        k: 4,
    };
    let Results::DeltaSe(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    let [near, best, worse] = &found.rows[..] else {
        panic!("{:?}", found.rows)
    };
    // Equal gaps: the first of them counts as the smallest.
    assert_eq!((near.over_smallest, near.p_holm), (None, None));
    check(&best.over_smallest.unwrap(), 0.0);
    assert!(best.p_holm.unwrap() > 0.5, "{best:?}");
    let apart = best.pass_1.value.unwrap() - worse.pass_1.value.unwrap();
    check(&worse.over_smallest.unwrap(), apart);
    // 1,000 resamples tell no level below 0.002.
    assert!((worse.p_holm.unwrap() - 0.006).abs() < 1e-12, "{worse:?}");
}

/// R's `binom.test` gives 0.0312 for six against none and 1 for two against two.
#[test]
fn how_many_each_solves_alone_is_tested_and_corrected() {
    let sets = |shift: usize, size: usize| -> Vec<u64> {
        (0..40)
            .map(|i| u64::from((shift..shift + size).contains(&i)))
            .collect()
    };
    let (base, fewer, shifted) = (sets(0, 20), sets(0, 14), sets(2, 20));
    let query = Query::Subset {
        evaluation: main(),
        of: ["base", "fewer", "shifted"].map(model).to_vec(),
        within: model("base"),
    };
    let evidence = evidence(4, &[("base", &base), ("fewer", &fewer), ("shifted", &shifted)]);
    let Results::Subset(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    let ps: Vec<f64> = found.rows.iter().filter_map(|row| row.p_holm).collect();
    assert_eq!(found.rows[0].p_holm, None, "a model is not held against itself");
    assert!(
        (ps[0] - 0.0625).abs() < 1e-12 && (ps[1] - 1.0).abs() < 1e-12,
        "{ps:?}"
    );
}

#[test]
fn solved_sets_are_compared_problem_by_problem() {
    let evidence = evidence(4, &[("base", &[1, 1, 0, 0, 2]), ("rl@5", &[4, 0, 1, 0, 4])]);
    let query = Query::Subset {
        evaluation: main(),
        of: vec![model("rl@5")],
        within: model("base"),
    };
    let Results::Subset(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    let row = &found.rows[0];
    assert_eq!(
        (&row.both[..], &row.only_within[..]),
        (&["p0".into(), "p4".into()][..], &["p1".into()][..])
    );
    assert_eq!((&row.only_model[..], row.neither), (&["p2".into()][..], 1));
    check(&row.contained, 2.0 / 3.0);
}

/// 19 of 19 inside: the lower limit is Clopper and Pearson's for 19 problems, 82.4%, within what 1,000 draws resolve.
#[test]
fn a_perfect_subset_keeps_room_for_an_exception() {
    let base: Vec<u64> = (0..30).map(|i| if i < 23 { 6 } else { 0 }).collect();
    let rl: Vec<u64> = (0..30).map(|i| if i < 19 { 16 } else { 0 }).collect();
    let query = Query::Subset {
        evaluation: main(),
        of: vec![model("rl@5")],
        within: model("base"),
    };
    let Results::Subset(found) = ask(&query, &evidence(16, &[("base", &base), ("rl@5", &rl)])) else {
        panic!("another kind")
    };
    let contained = found.rows[0].contained;
    assert_eq!(contained.value, Some(1.0));
    let low = contained.problems_like_these.unwrap().low;
    assert!((0.76..0.88).contains(&low), "{low}");
}

#[test]
fn the_summary_counts_rows() {
    let evidence = evidence(4, &[("base", &[1, 0, 4])]);
    let Results::Summary(found) = ask(
        &Query::Summary {
            evaluation: main(),
            of: vec![],
        },
        &evidence,
    ) else {
        panic!("another kind")
    };
    let row = &found.rows[0];
    check(&row.pass_1, 5.0 / 12.0);
    check(&row.solved, 2.0 / 3.0);
    // All are of one length, which says nothing of how long others may be.
    assert_eq!(
        (row.mean_tokens.value, row.mean_tokens.problems_like_these),
        (Some(10.0), None)
    );
    for ((name, share), (expected, value)) in row
        .verdicts
        .iter()
        .zip([("right", 5.0 / 12.0), ("wrong", 7.0 / 12.0)])
    {
        assert_eq!(name, expected);
        check(share, value);
    }
}

/// One evaluation of two problems with two samples, scored under the model itself, with some rows left out.
fn scored(rows: usize, scores: usize) -> Evidence {
    let design = Design {
        evaluation: main(),
        benchmark: "bench".into(),
        problems: vec!["a".into(), "b".into()],
        models: vec!["base".into()],
        samples: 2,
        verdicts: vec![],
    };
    let cells = [
        ("a", 0, true, 1.1),
        ("a", 1, false, 1.9),
        ("b", 0, true, 1.3),
        ("b", 1, true, 1.5),
    ];
    let sample = |(problem, sample, correct, _): (&'static str, u64, bool, f64)| {
        let verdict = if correct { "right" } else { "wrong" };
        SampleRow {
            model: "base",
            problem,
            sample,
            correct,
            verdict,
            tokens: 4,
            truncated: false,
            answer: None,
            surprisal: None,
        }
    };
    let score = |(problem, sample, _, perplexity)| PerplexityRow {
        of: "base",
        under: "base",
        problem,
        sample,
        perplexity,
    };
    let outcomes = Outcomes::new(
        design,
        cells.into_iter().take(rows).map(sample),
        cells.into_iter().take(scores).map(score),
    );
    Evidence {
        evaluations: [(main(), outcomes.unwrap())].into(),
        trainings: vec![],
        ..Evidence::default()
    }
}

#[test]
fn perplexities_are_pooled_over_responses() {
    let query = |only_correct| Query::Perplexity {
        evaluation: main(),
        of: vec![model("base")],
        under: vec![model("base")],
        only_correct,
    };
    let Results::Perplexity(all) = ask(&query(false), &scored(4, 4)) else {
        panic!("another kind")
    };
    check(&all.groups[0].median, 1.4);
    check(&all.groups[0].mean, 1.45);
    assert_eq!(all.groups[0].responses, 4);
    let Results::Perplexity(right) = ask(&query(true), &scored(4, 4)) else {
        panic!("another kind")
    };
    check(&right.groups[0].median, 1.3);
    let Results::Perplexity(partial) = ask(&query(false), &scored(4, 3)) else {
        panic!("another kind")
    };
    assert!(
        partial.groups.is_empty()
            && partial
                .warnings
                .iter()
                .any(|warning| warning.contains("1 perplexities"))
    );
}

#[test]
fn a_missing_row_makes_numbers_undefined_not_smaller() {
    let evidence = scored(3, 4);
    let query = Query::PassAtK {
        evaluation: main(),
        of: vec![],
        k: vec![1],
        more: vec![],
        folded: false,
    };
    let Results::PassAtK(found) = ask(&query, &evidence) else {
        panic!("another kind")
    };
    assert_eq!(found.curves[0].points[0].pass.value, None);
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.contains("1 of 4 rows")),
        "{:?}",
        found.warnings
    );
    let Results::Summary(found) = ask(
        &Query::Summary {
            evaluation: main(),
            of: vec![],
        },
        &evidence,
    ) else {
        panic!("another kind")
    };
    assert_eq!(
        (
            found.rows[0].pass_1.value,
            found.rows[0].solved.value,
            found.samples
        ),
        (None, None, 1)
    );
    let unknown = Query::Summary {
        evaluation: "other".into(),
        of: vec![],
    };
    assert!(matches!(
        answer(&unknown, &evidence, &resampling(1, 200), 0.95),
        Err(Undefined::UnknownEvaluation { .. })
    ));
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let counts: Vec<u64> = (0..70).map(|i| (i * i) % 33).collect();
    let other: Vec<u64> = (0..70).map(|i| (i * 7) % 33).collect();
    let evidence = evidence(32, &[("base", &counts), ("rl@5", &other)]);
    let queries = [
        Query::PassAtK {
            evaluation: main(),
            of: vec![],
            k: vec![1, 8, 32],
            more: vec![],
            folded: false,
        },
        Query::Subset {
            evaluation: main(),
            of: vec![model("rl@5")],
            within: model("base"),
        },
    ];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            queries
                .iter()
                .map(|query| ask(query, &evidence))
                .collect::<Vec<_>>()
        })
    };
    let alone = run(1);
    assert_eq!(alone, run(2));
    assert_eq!(alone, run(7));
}

/// The same models and rows under another evaluation's name.
fn renamed(outcomes: Vec<(&str, &[u64])>, name: &str, problems: usize) -> Outcomes {
    let problems: Vec<String> = (0..problems).map(|i| format!("p{i}")).collect();
    let design = Design {
        evaluation: name.into(),
        benchmark: "bench".into(),
        problems: problems.clone(),
        models: outcomes.iter().map(|(label, _)| (*label).into()).collect(),
        samples: 16,
        verdicts: vec!["right".into(), "wrong".into()],
    };
    let mut rows = Vec::new();
    for (label, right) in &outcomes {
        for (problem, &c) in problems.iter().zip(*right) {
            rows.extend((0..16).map(|sample| SampleRow {
                model: label,
                problem,
                sample,
                correct: sample < c,
                verdict: if sample < c { "right" } else { "wrong" },
                tokens: 10,
                truncated: false,
                answer: None,
                surprisal: None,
            }));
        }
    }
    Outcomes::new(design, rows, []).unwrap()
}

#[test]
fn curves_of_several_evaluations_share_a_figure() {
    let (base, rl, raised) = ([0, 1, 4, 16, 9], [0, 0, 16, 16, 12], [0, 1, 10, 16, 12]);
    let mut evidence = evidence(16, &[("base", &base), ("rl@5", &rl)]);
    evidence
        .evaluations
        .insert("raised".into(), renamed(vec![("rl@5", &raised)], "raised", 5));
    evidence
        .evaluations
        .insert("other".into(), renamed(vec![("rl@5", &raised[..4])], "other", 4));
    evidence
        .evaluations
        .insert("again".into(), renamed(vec![("rl@5", &rl)], "again", 5));
    let query = |more: &[(&str, &str)]| Query::PassAtK {
        evaluation: main(),
        of: vec![model("base"), model("rl@5")],
        more: more
            .iter()
            .map(|(evaluation, label)| rlx_language::Asked {
                evaluation: (*evaluation).into(),
                of: vec![model(label)],
            })
            .collect(),
        k: vec![1, 4, 16],
        folded: false,
    };
    let curves = |query: &Query| match ask(query, &evidence) {
        Results::PassAtK(found) => found,
        _ => panic!("another kind"),
    };
    let alone = curves(&query(&[]));
    let both = curves(&query(&[("raised", "rl@5")]));
    let labels: Vec<&str> = both.curves.iter().map(|curve| curve.model.as_str()).collect();
    assert_eq!(labels, ["base · main", "rl@5 · main", "rl@5 · raised"]);
    assert_eq!(alone.curves[1].model, "rl@5");
    assert_eq!(alone.curves[1].of, None);
    // A curve's numbers are the same whatever stands beside it.
    assert_eq!(alone.curves[1].points, both.curves[1].points);
    let of = both.curves[2].of.clone().unwrap();
    assert_eq!(
        (of.evaluation.as_str(), of.model.as_str(), of.samples),
        ("raised", "rl@5", 16)
    );
    assert!(
        both.crossings
            .iter()
            .any(|crossing| (crossing.above.as_str(), crossing.below.as_str())
                == ("rl@5 · raised", "rl@5 · main")
                && crossing.k == Some(4)),
        "{:?}",
        both.crossings
    );
    // One list of problems, one draw of it: equal rows have equal intervals over problems like these.
    let again = curves(&query(&[("again", "rl@5")]));
    for (one, other) in again.curves[1].points.iter().zip(&again.curves[2].points) {
        assert_eq!(one.pass.problems_like_these, other.pass.problems_like_these);
    }
    let refused = answer(
        &query(&[("other", "rl@5")]),
        &evidence,
        &resampling(11, 1_000),
        0.95,
    );
    assert_eq!(
        refused.unwrap_err(),
        Undefined::OtherProblems {
            left: main(),
            right: "other".into()
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Which of its samples are right does not matter, only how many.
    #[test]
    fn samples_are_exchangeable(counts in prop::collection::vec(0_u64..=8, 1..12), turn in 0_u64..8) {
        let straight = outcomes(8, &[("base", &counts)]);
        let problems = straight.design().problems.clone();
        let mut rows = Vec::new();
        for (problem, &c) in problems.iter().zip(&counts) {
            for sample in 0..8 {
                let correct = (sample + turn) % 8 < c;
                let verdict = if correct { "right" } else { "wrong" };
                rows.push(SampleRow { model: "base", problem, sample, correct, verdict, tokens: 10, truncated: false, answer: None, surprisal: None });
            }
        }
        rows.reverse();
        let turned = Outcomes::new(straight.design().clone(), rows, []).unwrap();
        let query = Query::PassAtK { evaluation: main(), of: vec![], k: vec![1, 2, 8], more: vec![], folded: false };
        let of = |outcomes| {
            let evidence = Evidence { evaluations: [(main(), outcomes)].into(), trainings: vec![], ..Evidence::default() };
            answer(&query, &evidence, &resampling(1, 200), 0.95).unwrap()
        };
        prop_assert_eq!(of(straight), of(turned));
    }

    /// Curves rise with k, stay within 0 and 1 with their intervals, and a higher confidence never narrows one.
    #[test]
    fn curves_rise_and_intervals_nest(counts in prop::collection::vec(0_u64..=16, 1..40)) {
        let evidence = evidence(16, &[("base", &counts)]);
        let query = Query::PassAtK { evaluation: main(), of: vec![], k: vec![1, 2, 4, 8, 16], more: vec![], folded: false };
        let at = |confidence| match answer(&query, &evidence, &resampling(1, 400), confidence).unwrap() {
            Results::PassAtK(found) => found.curves[0].points.clone(),
            _ => Vec::new(),
        };
        let (narrow, wide) = (at(0.8), at(0.99));
        for pair in narrow.windows(2) {
            prop_assert!(pair[0].pass.value <= pair[1].pass.value);
        }
        for (narrow, wide) in narrow.iter().zip(&wide) {
            let of = |estimate: &Estimate| [estimate.these_problems.unwrap(), estimate.problems_like_these.unwrap()];
            for (narrow, wide) in of(&narrow.pass).into_iter().zip(of(&wide.pass)) {
                prop_assert!(0.0 <= wide.low && wide.low <= narrow.low && narrow.high <= wide.high && wide.high <= 1.0);
            }
        }
    }
}
