//! The sampling-efficiency gap: pass@k of the base minus pass@1 of a model.

use rlx_language::ModelRef;

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
        });
        gaps.extend(gap);
    }
    gaps.iter().for_each(|gap| warnings.saw(gap));
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
