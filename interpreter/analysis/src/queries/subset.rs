//! Which problems each model solves, against another model's.

use rlx_language::ModelRef;

use super::contrast::{corrected, sign_test};
use super::{Setting, UNDEFINED, Warnings, models};
use crate::evidence;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::results::{Subset, SubsetRow};
use crate::sets;
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    within: &ModelRef,
    setting: &Setting<'_>,
) -> Result<Subset, Undefined> {
    let models = models(outcomes, of)?;
    let base_model = evidence::model(outcomes, within)?;
    let base = sets::solved(outcomes, base_model);
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len() + 1);
    let mut compared = models.clone();
    compared.push((within.label(), base_model));
    warnings.uneven(outcomes, &compared);
    let redraw = sets::redraw(outcomes, base_model, setting.resampling);
    let mut rows = Vec::new();
    let mut ps = Vec::new();
    for (label, model) in models {
        let own = sets::solved(outcomes, model);
        let those = |in_base: bool, in_own: bool| -> Vec<String> {
            let pairs = base.iter().zip(&own).zip(&design.problems);
            pairs
                .filter(|((base, own), _)| **base == in_base && **own == in_own)
                .map(|(_, id)| id.clone())
                .collect()
        };
        let contained = match contained(outcomes, model, base_model, setting) {
            Ok(measured) => {
                warnings.saw(&measured);
                setting.estimate(&measured)
            }
            Err(Undefined::DivisionByZero) => {
                warnings.say(format!(
                    "undefined: {label} solves no problem, so no share of them is inside {}",
                    within.label()
                ));
                UNDEFINED
            }
            Err(reason) => {
                warnings.undefined(&reason);
                UNDEFINED
            }
        };
        let (only_within, only_model) = (those(true, false), those(false, true));
        ps.push((model != base_model).then(|| sign_test(only_model.len(), only_within.len())));
        rows.push(SubsetRow {
            model: label,
            both: those(true, true),
            only_within,
            only_model,
            neither: those(false, false).len(),
            contained,
            redraw: redraw.as_ref().ok().copied(),
            p_holm: None,
        });
    }
    for (row, p_holm) in rows.iter_mut().zip(corrected(&ps, 0)) {
        row.p_holm = p_holm;
    }
    Ok(Subset {
        evaluation: design.evaluation.clone(),
        within: within.label(),
        problems: design.problems.len(),
        samples: outcomes.fewest_samples(),
        confidence: setting.confidence,
        rows,
        blind_below: 1.0 - libm::pow(0.05, 1.0 / outcomes.fewest_samples().max(1) as f64),
        warnings: warnings.finish(),
    })
}

/// |model ∩ within| / |model|
fn contained(
    outcomes: &Outcomes,
    model: usize,
    within: usize,
    setting: &Setting<'_>,
) -> Result<Measured, Undefined> {
    let [both, own] = sets::both_and_own(outcomes, model, within, setting.resampling)?;
    if own.value == 0.0 {
        return Err(Undefined::DivisionByZero);
    }
    Ok(both.over(&own).bounded(0.0, 1.0))
}
