//! What readers say of right responses, as a table and in claims.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{evidence, model, resampling};
use rlx_analysis::{
    ClaimVerdict, Evidence, Label, LabelledRow, Listing, ListingCell, Results, Verdict, answer, evaluate,
};
use rlx_language::{Claim, Comparison, Condition, Quantity, Query};

/// Forty samples: `hard` problems with one right response, of which below 5% means one, and twelve that are mostly solved.
fn study(hard: usize, labels: &[(&str, usize, Label)]) -> Evidence {
    let counts: Vec<u64> = [vec![1; hard], vec![30; 12], vec![0; 3]].concat();
    let mut evidence = evidence(40, &[("base", &counts)]);
    let rows = labels.iter().map(|(reader, problem, label)| LabelledRow {
        model: "base".into(),
        problem: format!("p{problem}"),
        sample: 0,
        reader: (*reader).into(),
        label: *label,
    });
    evidence.labels.insert("main".into(), rows.collect());
    evidence
}

fn table(evidence: &Evidence, left_out: bool) -> Listing {
    let query = Query::ReadByHand {
        evaluation: "main".into(),
        of: Vec::new(),
        below: 0.05,
        left_out,
    };
    match answer(&query, evidence, &resampling(1, 2_000), 0.95).unwrap() {
        Results::Listing(listing) => listing,
        other => panic!("{other:?}"),
    }
}

fn number(listing: &Listing, name: &str) -> Option<f64> {
    let at = listing
        .columns
        .iter()
        .position(|column| column.name == name)
        .unwrap();
    match &listing.rows[0][at] {
        ListingCell::Number { value } => *value,
        ListingCell::Estimate { estimate } => estimate.value,
        ListingCell::Text { text } => panic!("{text}"),
    }
}

fn claim(evidence: &Evidence, comparison: Comparison, bound: f64, left_out: bool) -> ClaimVerdict {
    let left = Quantity::ValidChains {
        evaluation: "main".into(),
        model: model("base"),
        below: 0.05,
        left_out,
    };
    let claim = Claim {
        name: "c29".into(),
        statement: "valid".into(),
        condition: Condition::Compare {
            comparison,
            left,
            right: Quantity::Number { value: bound },
        },
        text: String::new(),
        confidence: 0.95,
    };
    evaluate(&claim, evidence, &resampling(1, 10_000))
}

#[test]
fn what_is_not_read_is_an_error_with_its_mend_and_never_a_guess() {
    let partly: Vec<(&str, usize, Label)> = (0..20).map(|problem| ("anna", problem, Label::Valid)).collect();
    let evidence = study(25, &partly);
    let found = claim(&evidence, Comparison::Greater, 0.5, false);
    assert_eq!(found.verdict, Verdict::Error);
    assert!(found.reason.contains("5 of the 25 problems"), "{}", found.reason);
    assert!(found.reason.contains("rlx inspect"), "{}", found.reason);
    let listing = table(&evidence, false);
    let counts = ["problems", "read", "valid", "responses"].map(|name| number(&listing, name).unwrap());
    assert_eq!(counts, [25.0, 20.0, 20.0, 20.0]);
    assert_eq!(number(&listing, "share_valid"), None);
    assert!(
        listing
            .warnings
            .iter()
            .any(|warning| warning.contains("rlx inspect")),
        "{listing:?}"
    );
}

#[test]
fn the_papers_counts_decide_its_claim() {
    // GSM8K, base: 24 of 25 problems have a valid chain.
    let all: Vec<(&str, usize, Label)> = (0..25)
        .map(|problem| {
            (
                "anna",
                problem,
                if problem == 3 { Label::Guess } else { Label::Valid },
            )
        })
        .collect();
    let evidence = study(25, &all);
    let found = claim(&evidence, Comparison::Greater, 0.5, false);
    assert_eq!(found.verdict, Verdict::Holds, "{}", found.reason);
    assert_eq!(found.unit, "points");
    let effect = found.effect.unwrap();
    assert!((effect.value.unwrap() - 0.46).abs() < 1e-12);
    // Clopper and Pearson's interval of 24 of 25 is [79.6, 99.9]; one problem carries it, so this one may be wider.
    let like = effect.problems_like_these.unwrap();
    assert!(like.low > 0.2 && like.low < 0.3 && like.high > 0.485, "{like:?}");
    let these = effect.these_problems.unwrap();
    assert!(these.low < 0.46 && these.low >= like.low - 0.05, "{these:?}");
    assert_eq!(
        claim(&evidence, Comparison::Greater, 0.96, false).verdict,
        Verdict::Inconclusive
    );
    assert_eq!(
        claim(&evidence, Comparison::Less, 0.5, false).verdict,
        Verdict::Refuted
    );
}

#[test]
fn ambiguous_problems_count_against_or_are_left_out() {
    // Filtered AIME24, base: seven problems, one ambiguous, five of the others valid.
    let mut all: Vec<(&str, usize, Label)> = (0..5).map(|problem| ("anna", problem, Label::Valid)).collect();
    all.extend([("anna", 5, Label::Guess), ("anna", 6, Label::Ambiguous)]);
    let evidence = study(7, &all);
    let share = |left_out| number(&table(&evidence, left_out), "share_valid").unwrap();
    assert!((share(false) - 5.0 / 7.0).abs() < 1e-12);
    assert!((share(true) - 5.0 / 6.0).abs() < 1e-12);
    let difference = claim(&evidence, Comparison::Greater, 0.0, true)
        .effect
        .unwrap()
        .value
        .unwrap();
    assert!((difference - 5.0 / 6.0).abs() < 1e-12);
}

#[test]
fn readers_who_differ_leave_it_open_and_agree_by_kappa() {
    use Label::{Ambiguous, Guess, Valid};
    let labels = [
        ("anna", 0, Valid),
        ("ben", 0, Valid),
        ("anna", 1, Valid),
        ("ben", 1, Guess),
        ("anna", 2, Guess),
        ("ben", 2, Guess),
        ("anna", 3, Ambiguous),
    ];
    let listing = table(&study(4, &labels), false);
    let counts =
        ["read", "valid", "ambiguous", "guessed", "twice"].map(|name| number(&listing, name).unwrap());
    assert_eq!(counts, [4.0, 1.0, 2.0, 1.0, 3.0]);
    // Two of three agree; by chance (2 · 1 + 1 · 2) / 9.
    let kappa = number(&listing, "kappa").unwrap();
    assert!(
        (kappa - (2.0 / 3.0 - 4.0 / 9.0) / (5.0 / 9.0)).abs() < 1e-12,
        "{kappa}"
    );
    let one = table(&study(4, &labels[..1]), false);
    assert_eq!(number(&one, "kappa"), None);
}

#[test]
fn without_hard_problems_there_is_no_share() {
    let found = claim(&study(0, &[]), Comparison::Greater, 0.5, false);
    assert_eq!(found.verdict, Verdict::Error);
    assert!(found.reason.contains("solves no problem"), "{}", found.reason);
}
