//! A second judge's verdicts beside those of the benchmark's own.

use crate::{
    RunError,
    evidence::{ModelRows, solved},
    world::World,
};
use rlx_analysis::{Disputes, JudgedTwice, Said};
use rlx_language::{Evaluation, Judge, Query, Study};
use rlx_plan::{Plan, judged_by};
use rlx_store::{Store, VerdictRow};
use std::collections::BTreeMap;

/// The judges that a study asks for beside that of the evaluation's benchmark.
pub(crate) fn second_judges(study: &Study, evaluation: &str) -> Vec<Judge> {
    let mut found = Vec::new();
    for output in study.outputs.values() {
        if let Query::Disagreements {
            evaluation: asked,
            by,
            ..
        }
        | Query::BestJudged {
            evaluation: asked,
            by,
            ..
        } = &output.query
            && asked == evaluation
            && !found.contains(by)
        {
            found.push(*by);
        }
    }
    found
}

/// The responses of an evaluation that both its benchmark's judge and `by` have judged.
pub(crate) fn disputes(
    evaluation: &Evaluation,
    by: Judge,
    models: &[ModelRows],
    plan: &Plan,
    store: &Store,
    world: &World,
) -> Result<Disputes, RunError> {
    let said = |row: &VerdictRow| Said {
        verdict: row.verdict.clone(),
        solved: solved(&row.verdict),
        answer: row.extracted.clone(),
    };
    let places: BTreeMap<&str, usize> = world
        .problems(&evaluation.benchmark)?
        .iter()
        .enumerate()
        .map(|(place, problem)| (problem.id.as_str(), place))
        .collect();
    let mut rows = Vec::new();
    for (model, reference) in models.iter().zip(&evaluation.models) {
        let mut seconds = Vec::new();
        for (part, samples, from) in evaluation.parts() {
            if let Some(step) = plan.step(&judged_by(part, reference, by)) {
                let rows = store.verdicts(&step.key.folder()).read()?.into_iter();
                seconds.extend(rows.filter(|row| row.sample < samples).map(|row| VerdictRow {
                    sample: row.sample + from,
                    ..row
                }));
            }
        }
        let mut own = Vec::new();
        for second in seconds {
            let at = (second.problem.clone(), second.sample);
            let counts = second.sample < evaluation.samples;
            if let (true, Some(place), Some(first)) =
                (counts, places.get(at.0.as_str()), model.verdicts.get(&at))
            {
                let row = JudgedTwice {
                    model: model.label.clone(),
                    problem: at.0,
                    sample: at.1,
                    first: said(first),
                    second: said(&second),
                };
                own.push((*place, row));
            }
        }
        own.sort_by_key(|(place, row)| (*place, row.sample));
        rows.extend(own.into_iter().map(|(_, row)| row));
    }
    let own = world.set(&evaluation.benchmark)?.judge;
    Ok(Disputes {
        evaluation: evaluation.name.clone(),
        judges: [own.name().to_owned(), by.name().to_owned()],
        rows,
    })
}
