//! Two judges beside each other.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{evidence, model, resampling};
use rlx_analysis::{Disputes, JudgedTwice, Listing, ListingCell, Results, Said, answer};
use rlx_language::{Judge, Query};

fn said(verdict: &str, answer: Option<&str>) -> Said {
    Said {
        verdict: verdict.into(),
        solved: verdict == "correct",
        answer: answer.map(str::to_owned),
    }
}

fn row(model: &str, problem: &str, sample: u64, first: Said, second: Said) -> JudgedTwice {
    JudgedTwice {
        model: model.into(),
        problem: problem.into(),
        sample,
        first,
        second,
    }
}

fn table(rows: Vec<JudgedTwice>) -> Listing {
    let mut evidence = evidence(4, &[("base", &[4, 2]), ("rl@4", &[0, 1])]);
    evidence.disputes.push(Disputes {
        evaluation: "main".into(),
        judges: ["math".into(), "math_paper".into()],
        rows,
    });
    let query = Query::Disagreements {
        evaluation: "main".into(),
        of: vec![model("base"), model("rl@4")],
        by: Judge::MathPaper,
    };
    match answer(&query, &evidence, &resampling(1, 1000), 0.95).unwrap() {
        Results::Listing(listing) => listing,
        other => panic!("{other:?}"),
    }
}

fn words(listing: &Listing) -> Vec<Vec<String>> {
    let word = |cell: &ListingCell| match cell {
        ListingCell::Text { text } => text.clone(),
        ListingCell::Number { value } => value.map_or("none".into(), |value| value.to_string()),
        ListingCell::Estimate { .. } => panic!("no estimates here"),
    };
    listing
        .rows
        .iter()
        .map(|row| row.iter().map(word).collect())
        .collect()
}

#[test]
fn disagreements_are_counted_by_pairs_of_verdicts_with_examples() {
    let right = || said("correct", Some("1/2"));
    let listing = table(vec![
        row("base", "p0", 0, right(), said("wrong", Some("0.5\n  exactly"))),
        row("base", "p0", 1, right(), said("wrong", Some("0.5"))),
        row("base", "p0", 2, right(), right()),
        row("base", "p0", 3, said("wrong", None), said("unparsed", None)),
        row("base", "p1", 0, right(), said("wrong", Some("other"))),
        row("base", "p1", 1, said("wrong", None), right()),
        row("base", "p1", 2, right(), right()),
        row("base", "p1", 3, right(), right()),
        row("rl@4", "p0", 0, right(), right()),
    ]);
    let rows = words(&listing);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        rows[0],
        [
            "base",
            "correct",
            "wrong",
            "3",
            "0.375",
            "2",
            "p0 #0: 1/2 | 0.5 exactly; p1 #0: 1/2 | other"
        ]
    );
    assert_eq!(
        rows[1],
        ["base", "wrong", "correct", "1", "0.125", "1", "p1 #1: – | 1/2"]
    );
    assert_eq!(
        listing.notes,
        [
            "base: math calls 75.0% of 8 responses right, math_paper 50.0%; they agree on 50.0%.",
            "rl@4: math calls 100.0% of 1 responses right, math_paper 100.0%; they agree on 100.0%.",
        ]
    );
    assert!(listing.warnings.is_empty());
}

#[test]
fn a_model_that_was_not_judged_twice_is_said_to_be() {
    let listing = table(Vec::new());
    assert!(listing.rows.is_empty());
    assert_eq!(listing.warnings.len(), 2, "{:?}", listing.warnings);
}

#[test]
fn the_best_of_k_is_one_that_the_other_judge_accepts() {
    // Problem 0: four samples, two right; the other judge accepts one right and one wrong one. Problem 1: none accepted.
    let mut evidence = evidence(4, &[("base", &[2, 1])]);
    let said = |verdict: &str, solved: bool| Said {
        verdict: verdict.into(),
        solved,
        answer: None,
    };
    let twice = |problem: &str, sample: u64, accepted: bool| JudgedTwice {
        model: "base".into(),
        problem: problem.into(),
        sample,
        first: said("correct", true),
        second: said("correct", accepted),
    };
    // The simulated rows have their right samples first.
    let rows = |accepted: [bool; 4]| -> Vec<JudgedTwice> {
        let first = (0..)
            .zip(accepted)
            .map(|(sample, accepted)| twice("p0", sample, accepted));
        first
            .chain((0..4).map(|sample| twice("p1", sample, false)))
            .collect()
    };
    evidence.disputes.push(Disputes {
        evaluation: "main".into(),
        judges: ["math".into(), "exact".into()],
        rows: rows([true, false, true, false]),
    });
    let query = Query::BestJudged {
        evaluation: "main".into(),
        of: vec![model("base")],
        by: Judge::Exact,
        k: vec![1, 2, 4],
    };
    let values = |evidence: &rlx_analysis::Evidence| -> Vec<Option<f64>> {
        match answer(&query, evidence, &resampling(1, 1000), 0.95).unwrap() {
            Results::PassAtK(found) => found.curves[0]
                .points
                .iter()
                .map(|point| point.pass.value)
                .collect(),
            other => panic!("{other:?}"),
        }
    };
    // k = 1 is a sample: (1/2 + 1/4) / 2. k = 2: of the six pairs of problem 0 five have an accepted one, which is right in
    // half of them by symmetry; the sixth is not accepted and right in half. k = 4: one of the two accepted, or any.
    let found = values(&evidence);
    let wanted = [0.375, (0.5 + 0.25) / 2.0, (0.5 + 0.25) / 2.0];
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found.unwrap() - wanted).abs() < 1e-12, "{found:?} and {wanted}");
    }
    // A judge that accepts the right ones alone makes best of k what pass@k is, where it accepts any.
    evidence.disputes[0].rows = rows([true, true, false, false]);
    let found = values(&evidence);
    assert!(
        (found[1].unwrap() - (5.0 / 6.0 + 0.25) / 2.0).abs() < 1e-12,
        "{found:?}"
    );
    assert!(
        (found[2].unwrap() - (1.0 + 0.25) / 2.0).abs() < 1e-12,
        "{found:?}"
    );
    // Rows that the other judge has not seen leave it undefined.
    evidence.disputes[0].rows.pop();
    assert_eq!(values(&evidence), [None, None, None]);
}
