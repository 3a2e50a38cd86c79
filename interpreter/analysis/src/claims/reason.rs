//! Why a verdict came out: one or two sentences for a reader.

use std::cmp::Ordering;

use rlx_language::{Comparison, Condition, ProblemsExpr, Quantity};

use super::decide::Compared;
use crate::evidence::Evidence;
use crate::queries::{few_problems, large_k};
use crate::results::{ClaimFamily, Estimate, Interval, Needs, Verdict};

/// What a number is counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A share of 1: shown in per cent, differences in points.
    Share,
    /// A bare number that takes its neighbour's unit.
    Any,
    Plain,
}

/// The sentence of a verdict. `verdicts`: for problems like these and for these; `place`: which comparison of how many.
pub(super) fn sentence(
    deciding: &Compared,
    effect: &Estimate,
    confidence: f64,
    (verdict, on_these): (Verdict, Verdict),
    (place, comparisons): (usize, usize),
    caveats: &[String],
) -> String {
    let unit = match (unit(&deciding.sides.0), unit(&deciding.sides.1)) {
        (Unit::Any, other) | (other, Unit::Any) => other,
        (a, b) if a == b => a,
        _ => Unit::Plain,
    };
    let sign = match deciding.comparison {
        Comparison::Less => "<",
        Comparison::LessEqual => "≤",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => "≥",
    };
    let mut text = String::new();
    if comparisons > 1 {
        text += &format!("Comparison {place} of {comparisons} decides: ");
    }
    let (left, right) = deciding.values;
    text += &format!("measured {} {sign} {}", side(left, unit), side(right, unit));
    let percent = 100.0 * confidence;
    let known = deciding.effect.fewest_problems().is_none();
    match (effect.value, effect.problems_like_these) {
        (Some(value), _) if known => {
            text += &format!(
                "; the difference {} has no interval, because its numbers carry none",
                difference(value, unit)
            );
        }
        (Some(value), Some(interval)) => {
            text += &format!(
                "; the difference {} with {percent}% interval {} {} for problems like these",
                difference(value, unit),
                span(interval, unit),
                lies(interval)
            );
        }
        _ => text += "; some resamples leave the difference undefined, so that it has no interval",
    }
    if let Some(problems) = deciding.effect.fewest_problems() {
        text += &format!(" ({problems} problems)");
    }
    text.push('.');
    if deciding.effect.rests_on_few() {
        text += " Few problems carry the difference, so the interval allows for one that was not seen.";
    }
    if on_these != verdict
        && let Some(interval) = effect.these_problems
    {
        text += &format!(
            " For these problems alone the claim {}: {} {}.",
            match on_these {
                Verdict::Holds => "holds",
                Verdict::Refuted => "is refuted",
                Verdict::Inconclusive => "is inconclusive",
                Verdict::Error => "cannot be evaluated",
            },
            span(interval, unit),
            lies(interval)
        );
    }
    for caveat in caveats {
        text += &format!(" Note: {caveat}.");
    }
    text
}

/// That a claim is one of several, and what that does to its level.
pub(super) fn among(family: &ClaimFamily) -> String {
    format!(
        " It is one of the {} claims of `{}`: p {}, corrected by Holm's method {}.",
        family.claims,
        family.name,
        p(family.p),
        p(family.p_holm)
    )
}

/// That a claim would be decided alone and is not among several.
pub(super) fn withdrawn(alone: Verdict, family: &ClaimFamily) -> String {
    let alone = match alone {
        Verdict::Refuted => "would be refuted",
        _ => "would hold",
    };
    format!(
        " Alone it {alone}; as one of the {} claims of `{}` it is not decided: p {}, corrected by Holm's method {}.",
        family.claims,
        family.name,
        p(family.p),
        p(family.p_holm)
    )
}

/// As [`withdrawn`], for these problems alone.
pub(super) fn withdrawn_here(p_holm: f64) -> String {
    format!(
        " For these problems alone, too, it is decided only by itself: corrected p {}.",
        p(p_holm)
    )
}

fn p(p: f64) -> String {
    if p < 0.001 {
        "below 0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// What the effect is counted in, for machines: `points` or nothing.
pub(super) fn unit_name(deciding: &Compared) -> &'static str {
    match (unit(&deciding.sides.0), unit(&deciding.sides.1)) {
        (Unit::Share, _) | (_, Unit::Share) => "points",
        _ => "",
    }
}

/// What would decide an inconclusive claim, in a sentence.
pub(super) fn needs(needs: Needs) -> String {
    match (needs.samples, needs.problems) {
        (Some(samples), Some(problems)) => format!(
            " If the difference stays as it is, about {samples} samples a problem on these problems, or {problems} problems like these, would decide it."
        ),
        (None, Some(problems)) => format!(
            " If the difference stays as it is, about {problems} problems like these would decide it; more samples on the same problems would not."
        ),
        (_, None) => {
            " The difference is so near to the bound that no number of problems would decide it.".to_owned()
        }
    }
}

/// Warnings on the evaluations and the k that a condition uses, each once.
pub(super) fn caveats(condition: &Condition, evidence: &Evidence) -> Vec<String> {
    let mut used = Vec::new();
    conditions(condition, &mut used);
    let mut caveats: Vec<String> = Vec::new();
    for (evaluation, k) in used {
        let Ok(outcomes) = evidence.evaluation(&evaluation) else {
            continue;
        };
        let large = k.and_then(|k| large_k(k, outcomes.design().samples));
        for caveat in few_problems(outcomes).chain(large) {
            if !caveats.contains(&caveat) {
                caveats.push(caveat);
            }
        }
    }
    caveats
}

/// The fewest samples a problem of the evaluations that a condition uses.
pub(super) fn samples(condition: &Condition, evidence: &Evidence) -> Option<u64> {
    let mut used = Vec::new();
    conditions(condition, &mut used);
    used.iter()
        .filter_map(|(evaluation, _)| Some(evidence.evaluation(evaluation).ok()?.design().samples))
        .min()
}

fn conditions(condition: &Condition, used: &mut Vec<(String, Option<u64>)>) {
    match condition {
        Condition::Compare { left, right, .. } => {
            quantities(left, used);
            quantities(right, used);
        }
        Condition::And { left, right } | Condition::Or { left, right } => {
            conditions(left, used);
            conditions(right, used);
        }
        Condition::Not { condition } => conditions(condition, used),
    }
}

fn quantities(quantity: &Quantity, used: &mut Vec<(String, Option<u64>)>) {
    match quantity {
        Quantity::Number { .. }
        | Quantity::Published { .. }
        | Quantity::Logged { .. }
        | Quantity::Temperature { .. } => {}
        Quantity::Pass { evaluation, k, .. } | Quantity::DeltaSe { evaluation, k, .. } => {
            used.push((evaluation.clone(), Some(*k)));
        }
        Quantity::Perplexity { evaluation, .. }
        | Quantity::Crossing { evaluation, .. }
        | Quantity::Majority { evaluation, .. }
        | Quantity::BestOf { evaluation, .. }
        | Quantity::Length { evaluation, .. }
        | Quantity::Truncated { evaluation, .. }
        | Quantity::ValidChains { evaluation, .. }
        | Quantity::Entropy { evaluation, .. } => used.push((evaluation.clone(), None)),
        Quantity::Largest { of } | Quantity::Smallest { of } => {
            of.iter().for_each(|quantity| quantities(quantity, used));
        }
        Quantity::Share { set } | Quantity::Count { set } => sets(set, used),
        Quantity::Contained { set, within } => {
            sets(set, used);
            sets(within, used);
        }
        Quantity::Add { left, right }
        | Quantity::Subtract { left, right }
        | Quantity::Multiply { left, right }
        | Quantity::Divide { left, right } => {
            quantities(left, used);
            quantities(right, used);
        }
    }
}

fn sets(set: &ProblemsExpr, used: &mut Vec<(String, Option<u64>)>) {
    match set {
        ProblemsExpr::Solved { evaluation, .. } | ProblemsExpr::Accuracy { evaluation, .. } => {
            used.push((evaluation.clone(), None));
        }
        ProblemsExpr::Union { left, right }
        | ProblemsExpr::Intersection { left, right }
        | ProblemsExpr::Difference { left, right } => {
            sets(left, used);
            sets(right, used);
        }
    }
}

fn unit(quantity: &Quantity) -> Unit {
    match quantity {
        Quantity::Number { .. } => Unit::Any,
        Quantity::Pass { .. }
        | Quantity::DeltaSe { .. }
        | Quantity::Majority { .. }
        | Quantity::BestOf { .. }
        | Quantity::Truncated { .. }
        | Quantity::ValidChains { .. }
        | Quantity::Contained { .. }
        | Quantity::Share { .. } => Unit::Share,
        // What a published number measures is known from what it is held against; a curve's numbers are shares.
        Quantity::Published { source, .. } if source.contains(" at k = ") => Unit::Share,
        Quantity::Published { .. } => Unit::Any,
        Quantity::Largest { of } | Quantity::Smallest { of } => of.first().map_or(Unit::Any, unit),
        Quantity::Perplexity { .. }
        | Quantity::Crossing { .. }
        | Quantity::Length { .. }
        | Quantity::Entropy { .. }
        | Quantity::Logged { .. }
        | Quantity::Temperature { .. }
        | Quantity::Count { .. }
        | Quantity::Divide { .. } => Unit::Plain,
        Quantity::Add { left, right } | Quantity::Subtract { left, right } => match (unit(left), unit(right))
        {
            (Unit::Any, other) | (other, Unit::Any) => other,
            (a, b) if a == b => a,
            _ => Unit::Plain,
        },
        Quantity::Multiply { left, right } => match (unit(left), unit(right)) {
            (Unit::Any, other) | (other, Unit::Any) => other,
            _ => Unit::Plain,
        },
    }
}

fn side(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{:.1}%", 100.0 * value),
        Unit::Any | Unit::Plain => plain(value),
    }
}

fn difference(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{:+.1} points", tidy(100.0 * value, 0.05)),
        Unit::Any | Unit::Plain => signed(value),
    }
}

fn span(interval: Interval, unit: Unit) -> String {
    match unit {
        Unit::Share => {
            let points = |value: f64| tidy(100.0 * value, 0.05);
            format!("[{:+.1}, {:+.1}]", points(interval.low), points(interval.high))
        }
        Unit::Any | Unit::Plain => format!("[{}, {}]", signed(interval.low), signed(interval.high)),
    }
}

fn lies(Interval { low, high }: Interval) -> &'static str {
    match (low.total_cmp(&0.0), high.total_cmp(&0.0)) {
        (Ordering::Greater, _) => "lies above 0",
        (_, Ordering::Less) => "lies below 0",
        (Ordering::Equal, Ordering::Equal) => "is 0",
        (Ordering::Equal, _) => "begins at 0",
        (_, Ordering::Equal) => "ends at 0",
        _ => "has 0 inside",
    }
}

fn plain(value: f64) -> String {
    if value.abs() < 1e6 && value == libm::trunc(value) {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

fn signed(value: f64) -> String {
    format!("{:+.3}", tidy(value, 0.000_5))
}

/// No minus sign before a number that rounds to 0.
fn tidy(value: f64, half_unit: f64) -> f64 {
    if value.abs() < half_unit { 0.0 } else { value }
}
