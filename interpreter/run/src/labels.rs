//! What readers said of responses, as rows of an evaluation.

use crate::RunError;
use rlx_analysis::{Label, LabelledRow};
use rlx_language::{Evaluation, ModelRef, Query, Study};
use rlx_plan::Plan;
use rlx_store::Store;
use std::collections::BTreeMap;

/// The labels on an evaluation's samples, those of joined evaluations too, numbered as the evaluation numbers them.
pub(crate) fn labels(
    evaluation: &Evaluation,
    plan: &Plan,
    store: &Store,
) -> Result<Vec<LabelledRow>, RunError> {
    let mut rows = Vec::new();
    for model in &evaluation.models {
        let model = model.label();
        for (part, samples, from) in evaluation.parts() {
            let Some(drawn) = plan.step(&format!("sample {part} {model}")) else {
                continue;
            };
            for ((reader, problem, sample), row) in store.labels().of(&drawn.key.folder())? {
                let label = row.label.as_deref().and_then(Label::by_name);
                if let Some(label) = label.filter(|_| sample < samples) {
                    rows.push(LabelledRow {
                        model: model.clone(),
                        problem,
                        sample: sample + from,
                        reader,
                        label,
                    });
                }
            }
        }
    }
    Ok(rows)
}

/// What a study has read by hand for its tables and claims: evaluation, label of the model, and the accuracy below which. Of
/// several bounds the largest: what is read for it is enough for the others.
pub fn read_by_hand(study: &Study) -> BTreeMap<(String, String), f64> {
    let mut found: BTreeMap<(String, String), f64> = BTreeMap::new();
    let mut add = |evaluation: &str, model: &ModelRef, below: f64| {
        let bound = found
            .entry((evaluation.to_owned(), model.label()))
            .or_insert(below);
        *bound = bound.max(below);
    };
    for output in study.outputs.values() {
        match &output.query {
            Query::ReadByHand {
                evaluation,
                of,
                below,
                ..
            } => of.iter().for_each(|model| add(evaluation, model, *below)),
            Query::Beside { rows } => {
                let read = rows.iter().flat_map(|row| row.measured.read_by_hand());
                read.for_each(|(evaluation, model, below)| add(evaluation, model, below));
            }
            _ => {}
        }
    }
    for claim in study.claims.values() {
        let read = claim.condition.read_by_hand().into_iter();
        read.for_each(|(evaluation, model, below)| add(evaluation, model, below));
    }
    found
}
