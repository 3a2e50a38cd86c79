//! What readers said of responses, as rows of an evaluation.

use crate::RunError;
use rlx_analysis::{Label, LabelledRow};
use rlx_language::{Evaluation, Study};
use rlx_plan::Plan;
use rlx_store::Store;

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

/// The accuracy below which a study has right responses read by hand; None where it asks for no labels. Of several the
/// largest: what is read for it is enough for the others.
pub fn read_below(study: &Study) -> Option<f64> {
    let queries = study.outputs.values().flat_map(|output| match &output.query {
        rlx_language::Query::ReadByHand { below, .. } => vec![*below],
        rlx_language::Query::Beside { rows } => rows
            .iter()
            .flat_map(|row| row.measured.read_by_hand())
            .map(|(.., below)| below)
            .collect(),
        _ => Vec::new(),
    });
    let claims = study
        .claims
        .values()
        .flat_map(|claim| claim.condition.read_by_hand())
        .map(|(.., below)| below);
    queries.chain(claims).reduce(f64::max)
}
