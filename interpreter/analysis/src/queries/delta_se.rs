//! The sampling-efficiency gap: pass@k of the base minus pass@1 of a model.
//!
//! Gaps to one base differ by pass@1 alone. Each is held against the smallest of the table; which one that is was seen in
//! the same rows, so the correction counts all pairs.

use rayon::prelude::*;
use rlx_language::ModelRef;

use super::contrast::{corrected, tested};
use super::{Setting, UNDEFINED, Warnings, models};
use crate::evidence;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes;
use crate::results::{DeltaSe, DeltaSeRow, Estimate};
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    against: &ModelRef,
    k: u64,
    setting: &Setting<'_>,
) -> Result<DeltaSe, Undefined> {
    let models = models(outcomes, of)?;
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len() + 1);
    warnings.k(outcomes, &[k]);
    let mut measure =
        |model: usize, ks: &[u64]| match passes::measure(outcomes, model, ks, setting.resampling) {
            Ok(measured) => measured,
            Err(reason) => {
                warnings.undefined(&reason);
                Vec::new()
            }
        };
    let base = measure(evidence::model(outcomes, against)?, &[k]).pop();
    let estimate = |measured: Option<&Measured>| -> Estimate {
        measured.map_or(UNDEFINED, |measured| setting.estimate(measured))
    };
    let mut rows = Vec::new();
    let mut gaps = Vec::new();
    let mut firsts = Vec::new();
    for (label, model) in models {
        // pass@1 is defined where pass@k is not, so they are measured apart when k is out of reach.
        let mut both = measure(model, &[1, k]);
        let pass_k = both.pop();
        let pass_1 = both.pop().or_else(|| measure(model, &[1]).pop());
        let gap = base
            .as_ref()
            .zip(pass_1.as_ref())
            .map(|(base, pass_1)| base.minus(pass_1));
        rows.push(DeltaSeRow {
            model: label,
            pass_1: estimate(pass_1.as_ref()),
            pass_k: estimate(pass_k.as_ref()),
            delta_se: estimate(gap.as_ref()),
            over_smallest: None,
            p_holm: None,
        });
        gaps.extend(gap);
        firsts.push(pass_1.filter(|_| base.is_some()));
    }
    gaps.iter().for_each(|gap| warnings.saw(gap));
    over_smallest(&mut rows, &firsts, setting);
    Ok(DeltaSe {
        evaluation: outcomes.design().evaluation.clone(),
        against: against.label(),
        k,
        confidence: setting.confidence,
        against_pass_k: estimate(base.as_ref()),
        rows,
        warnings: warnings.finish(),
    })
}

/// Holds each gap against the smallest, by pass@1 of the models.
fn over_smallest(rows: &mut [DeltaSeRow], firsts: &[Option<Measured>], setting: &Setting<'_>) {
    let known = firsts
        .iter()
        .enumerate()
        .filter_map(|(at, first)| Some((at, first.as_ref()?)));
    let Some((smallest, best)) = known.clone().rev().max_by(|a, b| a.1.value.total_cmp(&b.1.value)) else {
        return;
    };
    let number = known.count();
    let found: Vec<Option<(Estimate, f64)>> = firsts
        .par_iter()
        .enumerate()
        .map(|(at, first)| {
            let difference = best.minus(first.as_ref().filter(|_| at != smallest)?);
            Some(tested(&difference, setting))
        })
        .collect();
    let ps: Vec<Option<f64>> = found.iter().map(|found| found.map(|(_, p)| p)).collect();
    let corrected = corrected(&ps, number * number.saturating_sub(1) / 2);
    for ((row, found), p_holm) in rows.iter_mut().zip(found).zip(corrected) {
        row.over_smallest = found.map(|(difference, _)| difference);
        row.p_holm = p_holm;
    }
}
