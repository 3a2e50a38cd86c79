//! Claims: from a condition over measured quantities to a verdict.
//!
//! A comparison is decided by the interval of left minus right at the claim's confidence, for problems like these:
//! *holds* when the whole interval is on the claim's side of 0, *refuted* when it is on the other, *inconclusive*
//! otherwise. The interval comes from resamples in which both sides are drawn together, so a difference is paired by
//! problem, and it is two-sided: where there is nothing to find, holds and refuted together come out in at most
//! 1 - confidence of all studies.
//!
//! `and`, `or` and `not` are Kleene's. Where one comparison out of m is enough to decide (an `or` that holds, an `and` that
//! is refuted), each is held to 1 - (1 - confidence) / m, so that many tries do not make a finding (Bonferroni). An
//! undefined number makes the whole claim an error: it is never decided around the gap.
//!
//! The claims of a family (`claim better for algo in …`) ask one question several times. Each has a level at which its
//! intervals begin to decide it; Holm's step-down method corrects these levels for the number of claims, and a verdict
//! stands only where the corrected level is within the claim's own.

mod decide;
mod reason;

use std::collections::BTreeMap;

use rlx_language::Claim;

use crate::evidence::Evidence;
use crate::holm::{holm, smallest_level};
use crate::resampling::Resampling;
use crate::results::{ClaimFamily, ClaimVerdict, Estimate, Interval, Needs, Verdict};
use decide::{Tree, View};

/// Evaluates the claims of a study; those of one family are corrected for their number.
pub fn evaluate_all<'c>(
    claims: impl IntoIterator<Item = &'c Claim>,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Vec<ClaimVerdict> {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (place, claim) in claims.into_iter().enumerate() {
        if let Some((family, _)) = claim.name.split_once('[') {
            families.entry(family).or_default().push(place);
        }
        let (answer, tree) = one(claim, evidence, resampling);
        found.push((claim.confidence, answer, tree));
    }
    for (name, places) in families {
        correct(name, &places, &mut found, resampling);
    }
    found.into_iter().map(|(_, answer, _)| answer).collect()
}

/// Holds the claims of a family at `places` to their level together.
fn correct(
    name: &str,
    places: &[usize],
    found: &mut [(f64, ClaimVerdict, Option<Tree>)],
    resampling: &Resampling,
) {
    let measured: Vec<usize> = places
        .iter()
        .copied()
        .filter(|place| found.get(*place).is_some_and(|(.., tree)| tree.is_some()))
        .collect();
    if measured.len() < 2 {
        return;
    }
    let levels = |view: View| -> Vec<f64> {
        let trees = measured.iter().filter_map(|place| found[*place].2.as_ref());
        trees
            .map(|tree| {
                smallest_level(resampling, |alpha| {
                    tree.verdict(view, alpha) != Verdict::Inconclusive
                })
            })
            .collect()
    };
    let like = levels(View::ProblemsLikeThese);
    let these = holm(&levels(View::TheseProblems));
    let corrected = holm(&like);
    for (rank, place) in measured.iter().enumerate() {
        let (confidence, answer, _) = &mut found[*place];
        let alpha = 1.0 - *confidence;
        let family = ClaimFamily {
            name: name.to_owned(),
            claims: measured.len(),
            p: like[rank],
            p_holm: corrected[rank],
        };
        let decided_here = answer.on_these_problems != Verdict::Inconclusive;
        let withdrawn_here = these[rank] > alpha && decided_here;
        if withdrawn_here {
            answer.on_these_problems = Verdict::Inconclusive;
        }
        if corrected[rank] > alpha && answer.verdict != Verdict::Inconclusive {
            answer.reason += &reason::withdrawn(answer.verdict, &family);
            answer.verdict = Verdict::Inconclusive;
        } else {
            answer.reason += &reason::among(&family);
        }
        if withdrawn_here {
            answer.reason += &reason::withdrawn_here(these[rank]);
        }
        answer.family = Some(family);
    }
}

/// Evaluates a claim. What cannot be evaluated is the verdict *error* with its reason, not a failure of the study.
pub fn evaluate(claim: &Claim, evidence: &Evidence, resampling: &Resampling) -> ClaimVerdict {
    one(claim, evidence, resampling).0
}

/// The verdict on a claim by itself, and its comparisons as far as they could be measured.
fn one(claim: &Claim, evidence: &Evidence, resampling: &Resampling) -> (ClaimVerdict, Option<Tree>) {
    let answer = |verdict, effect, reason, on_these_problems| ClaimVerdict {
        name: claim.name.clone(),
        statement: claim.statement.clone(),
        text: claim.text.clone(),
        verdict,
        confidence: claim.confidence,
        effect,
        reason,
        on_these_problems,
        unit: String::new(),
        warnings: Vec::new(),
        needs: None,
        family: None,
    };
    if !(claim.confidence > 0.0 && claim.confidence < 1.0) {
        let reason = format!("a confidence of {} is not between 0 and 1", claim.confidence);
        return (answer(Verdict::Error, None, reason, Verdict::Error), None);
    }
    let tree = match Tree::measure(&claim.condition, evidence, resampling) {
        Ok(tree) => tree,
        Err(undefined) => {
            let reason = undefined.to_string();
            return (answer(Verdict::Error, None, reason, Verdict::Error), None);
        }
    };
    let alpha = 1.0 - claim.confidence;
    let like = View::ProblemsLikeThese;
    let verdict = tree.verdict(like, alpha);
    let on_these = tree.verdict(View::TheseProblems, alpha);
    let (place, deciding) = tree.deciding(verdict, like, alpha);
    let effect = deciding.intervals.estimate(claim.confidence);
    let caveats = reason::caveats(&claim.condition, evidence);
    let needs = (verdict == Verdict::Inconclusive)
        .then(|| lacking(&effect, deciding, evidence, claim))
        .flatten();
    let mut reason = reason::sentence(
        deciding,
        &effect,
        claim.confidence,
        (verdict, on_these),
        (place, tree.comparisons()),
        &caveats,
    );
    if let Some(needs) = needs {
        reason += &reason::needs(needs);
    }
    let found = ClaimVerdict {
        unit: reason::unit_name(deciding).to_owned(),
        warnings: caveats,
        needs,
        ..answer(verdict, Some(effect), reason, on_these)
    };
    (found, Some(tree))
}

/// How many samples or problems would move the interval off 0 if the effect stayed: half-widths shrink with the root of
/// the number of problems; of the width for problems like these, the part that is sampling noise (as the width for
/// these problems shows it) shrinks with the root of the number of samples.
fn lacking(
    effect: &Estimate,
    deciding: &decide::Compared,
    evidence: &Evidence,
    claim: &Claim,
) -> Option<Needs> {
    let problems = deciding.effect.fewest_problems()? as f64;
    let (value, like) = (effect.value?, effect.problems_like_these?);
    // The half of the interval that reaches over 0.
    let reach = |interval: Interval| {
        if value >= 0.0 {
            value - interval.low
        } else {
            interval.high - value
        }
    };
    let (wide, size) = (reach(like), value.abs());
    if !(wide > 0.0 && wide.is_finite()) {
        return None;
    }
    if size < wide / 1_000.0 {
        return Some(Needs {
            samples: None,
            problems: None,
        });
    }
    let ratio = wide / size;
    let wanted = libm::ceil(problems * ratio * ratio * 1.02) as u64;
    let drawn = reason::samples(&claim.condition, evidence)? as f64;
    let noise = effect.these_problems.map_or(0.0, reach).min(wide);
    let rest = wide * wide - noise * noise;
    let left = size * size - rest;
    let samples = (left > 0.0 && noise > 0.0)
        .then(|| libm::ceil(drawn * noise * noise / left * 1.02) as u64)
        .filter(|samples| *samples as f64 > drawn && *samples < 1_000_000)
        // With more samples other problems are the hardest ones.
        .filter(|_| claim.condition.read_by_hand().is_empty());
    Some(Needs {
        samples,
        problems: Some(wanted),
    })
}
