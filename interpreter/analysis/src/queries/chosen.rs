//! Curves of one answer chosen out of k samples.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, models};
use crate::evidence;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::results::{Curve, CurvePoint, Measure, PassAtK};
use crate::undefined::Undefined;
use crate::votes;

pub(super) fn majority(
    outcomes: &Outcomes,
    of: &[ModelRef],
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<PassAtK, Undefined> {
    curves(outcomes, of, ks, setting, Measure::Majority, |model, ks| {
        votes::majority(outcomes, model, ks, setting.resampling)
    })
}

pub(super) fn best_of(
    outcomes: &Outcomes,
    of: &[ModelRef],
    by: &ModelRef,
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<PassAtK, Undefined> {
    evidence::model(outcomes, by)?;
    let label = by.label();
    let measure = Measure::BestOf { by: label.clone() };
    curves(outcomes, of, ks, setting, measure, |model, ks| {
        votes::best_of(outcomes, model, &label, ks, setting.resampling)
    })
}

fn curves(
    outcomes: &Outcomes,
    of: &[ModelRef],
    ks: &[u64],
    setting: &Setting<'_>,
    measure: Measure,
    answer: impl Fn(usize, &[u64]) -> Result<Vec<Measured>, Undefined>,
) -> Result<PassAtK, Undefined> {
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len());
    let ks: Vec<u64> = ks
        .iter()
        .copied()
        .filter(|k| (1..=design.samples).contains(k))
        .collect();
    let mut curves = Vec::new();
    for (label, model) in models {
        let samples = outcomes.samples(model);
        let own: Vec<u64> = ks.iter().copied().filter(|k| *k <= samples).collect();
        if own.len() < ks.len() {
            warnings.say(format!(
                "there are {samples} responses of {label} to each problem: its curve ends there"
            ));
        }
        let measured = answer(model, &own).unwrap_or_else(|reason| {
            warnings.undefined(&reason);
            Vec::new()
        });
        let points = ks
            .iter()
            .enumerate()
            .map(|(place, &k)| CurvePoint {
                k,
                pass: measured
                    .get(place)
                    .map_or(UNDEFINED, |measured| setting.estimate(measured)),
            })
            .collect();
        curves.push(Curve { model: label, points });
    }
    Ok(PassAtK {
        measure,
        folded: false,
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        problems: design.problems.len(),
        samples: outcomes.fewest_samples(),
        confidence: setting.confidence,
        curves,
        crossings: Vec::new(),
        warnings: warnings.finish(),
    })
}
