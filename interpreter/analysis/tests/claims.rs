//! Verdicts: what they say, and that they keep silent when there is nothing to say.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Dice, claim, compare, evidence, number, pass, resampling, share, solved, without};
use rlx_analysis::{Evidence, Verdict, evaluate, evaluate_all};
use rlx_language::Comparison::{Greater, GreaterEqual, Less, LessEqual};
use rlx_language::{Condition, Quantity};

fn verdict(condition: Condition, evidence: &Evidence) -> (Verdict, String) {
    let found = evaluate(&claim(condition), evidence, &resampling(7, 2_000));
    (found.verdict, found.reason)
}

/// 100 problems of 32 samples: `strong` is right on 20 of 32 everywhere, `weak` on 2 to 5, and unsolved on the last ten.
fn clear() -> Evidence {
    let strong: Vec<u64> = (0..100).map(|i| 18 + i % 5).collect();
    let weak: Vec<u64> = (0..100).map(|i| if i < 90 { 2 + i % 4 } else { 0 }).collect();
    evidence(32, &[("strong", &strong), ("weak", &weak)])
}

#[test]
fn clear_differences_are_decided_both_ways() {
    let evidence = clear();
    let (strong, weak) = (pass("strong", 1), pass("weak", 1));
    let expect = |comparison, expected| {
        let (found, reason) = verdict(compare(strong.clone(), comparison, weak.clone()), &evidence);
        assert_eq!(found, expected, "{comparison:?}: {reason}");
    };
    expect(Greater, Verdict::Holds);
    expect(GreaterEqual, Verdict::Holds);
    expect(Less, Verdict::Refuted);
    expect(LessEqual, Verdict::Refuted);
}

#[test]
fn the_reason_gives_effect_interval_and_problems() {
    let found = evaluate(
        &claim(compare(pass("strong", 1), Greater, pass("weak", 1))),
        &clear(),
        &resampling(7, 2_000),
    );
    let effect = found.effect.unwrap();
    let interval = effect.problems_like_these.unwrap();
    assert!(interval.low < effect.value.unwrap() && effect.value.unwrap() < interval.high);
    for part in ["points", "95% interval", "lies above 0", "(100 problems)"] {
        assert!(found.reason.contains(part), "{part} in {}", found.reason);
    }
}

#[test]
fn a_number_between_the_intervals_is_inconclusive() {
    let (found, reason) = verdict(compare(pass("weak", 1), Greater, number(0.098)), &clear());
    assert_eq!(found, Verdict::Inconclusive, "{reason}");
    assert!(reason.contains("has 0 inside"), "{reason}");
}

#[test]
fn undefined_numbers_are_errors_with_their_reason() {
    let evidence = clear();
    let error = |quantity: Quantity, part: &str| {
        let (found, reason) = verdict(compare(quantity, Greater, number(0.0)), &evidence);
        assert_eq!(found, Verdict::Error);
        assert!(reason.contains(part), "{part} in {reason}");
    };
    error(pass("strong", 33), "draw at least 33");
    error(pass("nobody", 1), "does not sample `nobody`");
    error(
        Quantity::Share {
            set: rlx_language::ProblemsExpr::Solved {
                evaluation: "other".into(),
                model: common::model("strong"),
            },
        },
        "`other`",
    );
    let nothing = share(without(solved("strong"), solved("strong")));
    error(
        Quantity::Divide {
            left: Box::new(number(1.0)),
            right: Box::new(nothing),
        },
        "denominator is 0",
    );
    // Kleene would let a refuted part settle this; an undefined part never does.
    let refuted = compare(pass("weak", 1), Greater, pass("strong", 1));
    let undefined = compare(pass("weak", 99), Greater, number(0.0));
    let both = Condition::And {
        left: Box::new(refuted),
        right: Box::new(undefined),
    };
    assert_eq!(verdict(both, &evidence).0, Verdict::Error);
}

#[test]
fn connectives_combine_verdicts() {
    let evidence = clear();
    let holds = || Box::new(compare(pass("strong", 1), Greater, pass("weak", 1)));
    let refuted = || Box::new(compare(pass("strong", 4), Less, pass("weak", 4)));
    let open = || Box::new(compare(pass("weak", 1), Greater, number(0.098)));
    let expect = |condition, expected| assert_eq!(verdict(condition, &evidence).0, expected);
    expect(
        Condition::And {
            left: holds(),
            right: holds(),
        },
        Verdict::Holds,
    );
    expect(
        Condition::And {
            left: holds(),
            right: open(),
        },
        Verdict::Inconclusive,
    );
    expect(
        Condition::And {
            left: open(),
            right: refuted(),
        },
        Verdict::Refuted,
    );
    expect(
        Condition::Or {
            left: refuted(),
            right: open(),
        },
        Verdict::Inconclusive,
    );
    expect(
        Condition::Or {
            left: open(),
            right: holds(),
        },
        Verdict::Holds,
    );
    expect(Condition::Not { condition: refuted() }, Verdict::Holds);
    let (_, reason) = verdict(
        Condition::And {
            left: holds(),
            right: refuted(),
        },
        &evidence,
    );
    assert!(reason.starts_with("Comparison 2 of 2 decides"), "{reason}");
}

/// No problem is solved by `few` alone. With 64 problems that leaves room for up to 5.6% (Clopper and Pearson), with 200
/// for 1.8%: an empty set is no proof of "less than 5%" until there are enough problems.
#[test]
fn nothing_seen_is_not_nothing_there() {
    for (problems, expected) in [(64, Verdict::Inconclusive), (200, Verdict::Holds)] {
        let many: Vec<u64> = (0..problems).map(|i| 5 + i % 20).collect();
        let few: Vec<u64> = (0..problems).map(|i| if i % 3 == 0 { 0 } else { 30 }).collect();
        let evidence = evidence(32, &[("many", &many), ("few", &few)]);
        let beyond = compare(share(without(solved("few"), solved("many"))), Less, number(0.05));
        let (found, reason) = verdict(beyond, &evidence);
        assert_eq!(found, expected, "{problems} problems: {reason}");
    }
    let all = vec![32; 100];
    let evidence = evidence(32, &[("a", &all), ("b", &all)]);
    let (found, reason) = verdict(compare(pass("a", 1), Greater, pass("b", 1)), &evidence);
    assert_eq!(found, Verdict::Inconclusive, "two perfect models: {reason}");
}

/// Five problems changed sides, all one way: the sign test gives p = 0.06; six give 0.03.
#[test]
fn a_difference_of_solved_sets_agrees_with_the_sign_test() {
    for (flips, expected) in [
        (4, Verdict::Inconclusive),
        (5, Verdict::Inconclusive),
        (7, Verdict::Holds),
    ] {
        let one: Vec<u64> = (0..64).map(|i| if i < 40 { 9 } else { 0 }).collect();
        let other: Vec<u64> = (0..64).map(|i| if i < 40 - flips { 9 } else { 0 }).collect();
        let evidence = evidence(32, &[("one", &one), ("other", &other)]);
        let (found, reason) = verdict(
            compare(share(solved("one")), Greater, share(solved("other"))),
            &evidence,
        );
        assert_eq!(found, expected, "{flips} flips: {reason}");
    }
}

/// A/A: two draws of one simulated model. A strict comparison may be decided, either way, in at most 5% of studies; the
/// bound adds three standard errors of a count of 400.
#[test]
fn two_draws_of_one_model_are_rarely_told_apart() {
    let (studies, n) = (400_u64, 32);
    let bound = 0.05 * studies as f64 + 3.0 * (studies as f64 * 0.05 * 0.95).sqrt();
    let mut decided = [0_u32; 4];
    for study in 0..studies {
        let mut dice = Dice::new("a/a", study);
        let truth: Vec<f64> = (0..64).map(|_| dice.difficulty()).collect();
        let mut draw = || -> Vec<u64> { truth.iter().map(|&p| dice.binomial(n, p)).collect() };
        let (a, b) = (draw(), draw());
        let evidence = evidence(n, &[("a", &a), ("b", &b)]);
        let conditions = [
            compare(pass("a", 1), Greater, pass("b", 1)),
            compare(pass("a", 8), Less, pass("b", 8)),
            compare(pass("a", n), Greater, pass("b", n)),
            compare(
                share(without(solved("a"), solved("b"))),
                Less,
                share(without(solved("b"), solved("a"))),
            ),
        ];
        for (condition, decided) in conditions.into_iter().zip(&mut decided) {
            let found = evaluate(&claim(condition), &evidence, &resampling(study, 400));
            *decided += u32::from(found.verdict != Verdict::Inconclusive);
        }
    }
    eprintln!("decided of {studies}: {decided:?}, at most {bound:.0}");
    assert!(
        decided.iter().all(|&count| f64::from(count) <= bound),
        "{decided:?} above {bound}"
    );
}

/// A real difference of five points in pass@1 is found nearly always: the verdicts are not silent either.
#[test]
fn a_real_difference_is_found() {
    let (studies, n) = (60_u64, 64);
    let mut found = 0;
    for study in 0..studies {
        let mut dice = Dice::new("power", study);
        let truth: Vec<f64> = (0..64).map(|_| dice.difficulty()).collect();
        let a: Vec<u64> = truth
            .iter()
            .map(|&p| dice.binomial(n, p + 0.08 * (1.0 - p)))
            .collect();
        let b: Vec<u64> = truth.iter().map(|&p| dice.binomial(n, p)).collect();
        let evidence = evidence(n, &[("a", &a), ("b", &b)]);
        let claim = claim(compare(pass("a", 1), Greater, pass("b", 1)));
        found += u32::from(evaluate(&claim, &evidence, &resampling(study, 600)).verdict == Verdict::Holds);
    }
    assert!(found >= 57, "found in {found} of {studies}");
}

#[test]
fn claims_of_a_family_are_corrected_for_their_number() {
    let evidence = clear();
    let resampling = resampling(7, 2_000);
    let named = |name: &str, threshold: f64| rlx_language::Claim {
        name: name.to_owned(),
        ..claim(compare(pass("weak", 1), Greater, number(threshold)))
    };
    // The largest threshold that the claim clears alone: just below the interval's lower end.
    let alone = |threshold: f64| evaluate(&named("one", threshold), &evidence, &resampling).verdict;
    let barely = (0..200)
        .map(|step| 0.10 - f64::from(step) * 0.0001)
        .find(|threshold| alone(*threshold) == Verdict::Holds)
        .unwrap();
    let middle = 0.098;
    let among = |names: [&str; 3], thresholds: [f64; 3]| {
        let claims: Vec<_> = names
            .into_iter()
            .zip(thresholds)
            .map(|(n, t)| named(n, t))
            .collect();
        evaluate_all(&claims, &evidence, &resampling)
    };
    let family = ["f[a]", "f[b]", "f[c]"];
    let found = among(family, [barely, middle, middle]);
    assert_eq!(found[0].verdict, Verdict::Inconclusive, "{}", found[0].reason);
    for part in ["Alone it would hold", "3 claims of `f`", "Holm"] {
        assert!(found[0].reason.contains(part), "{part} in {}", found[0].reason);
    }
    let of = found[0].family.as_ref().unwrap();
    assert!(of.p <= 0.05 && of.p_holm > 0.05 && of.claims == 3, "{of:?}");
    assert!((of.p_holm - 3.0 * of.p).abs() < 1e-12);
    // What is clear stays decided, and Holm's method asks the less the more of the others are.
    let found = among(family, [barely, 0.0, 0.0]);
    assert!(found.iter().all(|claim| claim.verdict == Verdict::Holds));
    assert!(found[0].reason.contains("corrected by Holm's method"));
    // Claims that are no family are not one question asked again.
    let found = among(["f", "g", "h"], [barely, middle, middle]);
    assert_eq!(found[0].verdict, Verdict::Holds);
    assert!(found.iter().all(|claim| claim.family.is_none()));
    // A claim that could not be measured is none of them.
    let mut claims = vec![named("f[a]", barely), named("f[b]", 0.0)];
    claims[1].condition = compare(pass("nobody", 1), Greater, number(0.0));
    let found = evaluate_all(&claims, &evidence, &resampling);
    assert_eq!(found[0].verdict, Verdict::Holds);
    assert_eq!(found[1].verdict, Verdict::Error);
}
