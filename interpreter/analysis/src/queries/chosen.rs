//! Curves of one answer chosen out of k samples.

use std::collections::BTreeMap;

use rlx_language::{Judge, ModelRef};

use super::{Setting, UNDEFINED, Warnings, models};
use crate::evidence::{self, Evidence};
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

/// Best of k by another judge's verdicts, which the evidence has beside those of the benchmark's own.
pub(super) fn best_judged(
    evidence: &Evidence,
    evaluation: &str,
    of: &[ModelRef],
    by: Judge,
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<PassAtK, Undefined> {
    let outcomes = evidence.evaluation(evaluation)?;
    let places: BTreeMap<&str, usize> = outcomes
        .design()
        .problems
        .iter()
        .enumerate()
        .map(|(place, problem)| (problem.as_str(), place))
        .collect();
    // By model, problem and sample: whether the other judge accepts it.
    let mut accepted: BTreeMap<(&str, usize, u64), bool> = BTreeMap::new();
    let named = |disputes: &&crate::Disputes| {
        disputes.evaluation == evaluation && disputes.judges.last().is_some_and(|name| name == by.name())
    };
    for row in evidence
        .disputes
        .iter()
        .filter(named)
        .flat_map(|disputes| &disputes.rows)
    {
        if let Some(place) = places.get(row.problem.as_str()) {
            accepted.insert((&row.model, *place, row.sample), row.second.solved);
        }
    }
    let measure = Measure::BestJudged {
        by: by.name().to_owned(),
    };
    curves(outcomes, of, ks, setting, measure, |model, ks| {
        let label = outcomes.design().models[model].as_str();
        let says = |problem: usize, sample: u64| accepted.get(&(label, problem, sample)).copied();
        votes::best_judged(outcomes, model, says, ks, setting.resampling)
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
        let own = warnings.reached(outcomes, &label, model, &ks);
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
        curves.push(Curve {
            model: label,
            of: None,
            points,
        });
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
