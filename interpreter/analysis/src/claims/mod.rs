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

mod decide;
mod reason;

use rlx_language::Claim;

use crate::evidence::Evidence;
use crate::resampling::Resampling;
use crate::results::{ClaimVerdict, Verdict};
use decide::{Tree, View};

/// Evaluates a claim. What cannot be evaluated is the verdict *error* with its reason, not a failure of the study.
pub fn evaluate(claim: &Claim, evidence: &Evidence, resampling: &Resampling) -> ClaimVerdict {
    let answer = |verdict, effect, reason, on_these_problems| ClaimVerdict {
        name: claim.name.clone(),
        statement: claim.statement.clone(),
        text: claim.text.clone(),
        verdict,
        confidence: claim.confidence,
        effect,
        reason,
        on_these_problems,
    };
    if !(claim.confidence > 0.0 && claim.confidence < 1.0) {
        let reason = format!("a confidence of {} is not between 0 and 1", claim.confidence);
        return answer(Verdict::Error, None, reason, Verdict::Error);
    }
    let tree = match Tree::measure(&claim.condition, evidence, resampling) {
        Ok(tree) => tree,
        Err(undefined) => return answer(Verdict::Error, None, undefined.to_string(), Verdict::Error),
    };
    let alpha = 1.0 - claim.confidence;
    let like = View::ProblemsLikeThese(resampling);
    let verdict = tree.verdict(&like, alpha);
    let on_these = tree.verdict(&View::TheseProblems, alpha);
    let (place, deciding) = tree.deciding(verdict, &like, alpha);
    let effect = deciding.effect.estimate(claim.confidence, resampling);
    let caveats = reason::caveats(&claim.condition, evidence);
    let reason = reason::sentence(
        deciding,
        &effect,
        claim.confidence,
        (verdict, on_these),
        (place, tree.comparisons()),
        &caveats,
    );
    answer(verdict, Some(effect), reason, on_these)
}
