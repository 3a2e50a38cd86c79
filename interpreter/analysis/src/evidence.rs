//! Everything a study measured, and looking things up in it.

use std::collections::BTreeMap;

use rlx_language::ModelRef;

use crate::disputes::Disputes;
use crate::labels::LabelledRow;
use crate::outcomes::Outcomes;
use crate::queries::searched::SearchLog;
use crate::queries::training::TrainingLog;
use crate::undefined::Undefined;

/// The rows of a study's evaluations and the logs of its trainings.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// By the evaluation's name.
    pub evaluations: BTreeMap<String, Outcomes>,
    pub trainings: Vec<TrainingLog>,
    /// What searches looked at, as far as they went.
    pub searches: Vec<SearchLog>,
    /// Responses that a second judge has judged, one entry an evaluation and judge.
    pub disputes: Vec<Disputes>,
    /// What readers said of right responses, by the evaluation's name.
    pub labels: BTreeMap<String, Vec<LabelledRow>>,
}

impl Evidence {
    pub(crate) fn labels(&self, evaluation: &str) -> &[LabelledRow] {
        self.labels.get(evaluation).map_or(&[], Vec::as_slice)
    }

    /// The temperature that a search found.
    pub(crate) fn found(&self, search: &str) -> Result<f64, Undefined> {
        self.searches
            .iter()
            .find(|log| log.search == search)
            .and_then(|log| log.found)
            .map(|look| look.temperature)
            .ok_or_else(|| Undefined::NotSearched {
                search: search.to_owned(),
            })
    }

    pub(crate) fn evaluation(&self, name: &str) -> Result<&Outcomes, Undefined> {
        self.evaluations
            .get(name)
            .ok_or_else(|| Undefined::UnknownEvaluation {
                name: name.to_owned(),
                known: self.evaluations.keys().cloned().collect::<Vec<_>>().join(", "),
            })
    }
}

/// A model of an evaluation, as it is labelled there.
pub(crate) fn model(outcomes: &Outcomes, model: &ModelRef) -> Result<usize, Undefined> {
    let label = model.label();
    outcomes.model(&label).ok_or_else(|| Undefined::UnknownModel {
        evaluation: outcomes.design().evaluation.clone(),
        model: label,
        known: outcomes.design().models.join(", "),
    })
}
