//! Study → Plan.

mod output;
mod rows;
mod search;
mod source;
mod training;

use crate::{
    cost::Cost,
    key::{ENCODING, Key},
    perplexities::perplexities,
    plan::{Action, Plan, Step, StepId},
};
use rlx_language::{Evaluation, Judge, ModelRef, ProblemSet, Study};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the plan needs to know about the world outside the file. Filled by a caller that can look: the plan itself
/// reads no file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Content hash by local path (models, tokenizers, data files), or by [`hub_data`] for what lies in the hub's cache.
    pub pins: BTreeMap<String, String>,
    /// Parameters by model name, where a local model was looked into.
    pub parameters: BTreeMap<String, u64>,
    /// Number of problems by problem set, where it is known.
    pub problems: BTreeMap<String, u64>,
    /// Version of each judge, by its name in the language.
    pub judges: BTreeMap<String, String>,
    /// Hash of what readers said of the responses in a folder of samples, where somebody did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// What the rows of a hub's split are called in [`Surroundings::pins`].
pub fn hub_data(repo: &str, revision: &str, config: Option<&str>, split: &str) -> String {
    format!("hf:{repo}@{revision}/{}/{split}", config.unwrap_or_default())
}

/// What the files of a set's pictures are called in [`Surroundings::pins`].
pub fn pictures_of(set: &str) -> String {
    format!("pictures:{set}")
}

/// A study that cannot become a plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    #[error("`{0}` is used by the study but was not declared")]
    Missing(String),
    #[error("`{0}` starts, directly or through others, from itself")]
    Cycle(String),
}

/// What the step is called in which another judge than the benchmark's own judges a model's responses.
pub fn judged_by(evaluation: &str, model: &ModelRef, by: Judge) -> String {
    format!("judge {evaluation} {} by {}", model.label(), by.name())
}

/// Compiles `study` into its steps. Order: what is fetched and trained first, then samples, verdicts, scores, outputs, report.
///
/// # Errors
/// A name that the study does not hold, or a training that starts from itself (both are caught by the language first).
pub fn build(study: &Study, around: &Surroundings) -> Result<Plan, PlanError> {
    let mut builder = Builder {
        study,
        around,
        steps: Vec::new(),
        by_name: BTreeMap::new(),
        open: BTreeSet::new(),
        searching: BTreeSet::new(),
    };
    // Trainings in the order of declaration; each pulls what it starts from before itself.
    for name in study.trainings.keys() {
        builder.training(name)?;
    }
    for name in study.searches.keys() {
        builder.search(name)?;
    }
    for evaluation in study.evaluations.values() {
        for model in &evaluation.models {
            let samples = builder.sample_evaluation(evaluation, model)?;
            builder.judge_evaluation(evaluation, model, samples)?;
        }
    }
    let mut last = Vec::new();
    for output in study.outputs.values() {
        last.push(builder.output(output)?);
    }
    for claim in study.claims.values() {
        for (evaluation, of, under) in perplexities(&claim.condition) {
            builder.scores(&evaluation, &of, &under)?;
        }
    }
    builder.report(last)?;
    Ok(Plan {
        study: study.name.clone(),
        encoding: ENCODING,
        steps: builder.steps,
    })
}

struct Builder<'a> {
    study: &'a Study,
    around: &'a Surroundings,
    steps: Vec<Step>,
    by_name: BTreeMap<String, StepId>,
    /// Trainings that are being built, to see cycles.
    open: BTreeSet<String>,
    /// The same of searches.
    searching: BTreeSet<String>,
}

impl Builder<'_> {
    fn push(
        &mut self,
        kind: &str,
        name: String,
        meaning: Value,
        inputs: Vec<StepId>,
        action: Action,
        cost: Cost,
    ) -> StepId {
        let id = self.steps.len();
        let mut inputs = inputs;
        inputs.sort_unstable();
        inputs.dedup();
        self.by_name.insert(name.clone(), id);
        self.steps.push(Step {
            name,
            key: Key::of(kind, &meaning),
            meaning,
            inputs,
            action,
            cost,
        });
        id
    }

    fn pin(&self, path: &str) -> Value {
        match self.around.pins.get(path) {
            Some(hash) => json!({ "content": hash }),
            // Not there yet: the key is of the path, and changes once the content is known.
            None => json!({ "path": path }),
        }
    }

    fn set(&self, name: &str) -> Result<&ProblemSet, PlanError> {
        self.study
            .problem_sets
            .get(name)
            .ok_or_else(|| PlanError::Missing(name.to_owned()))
    }

    fn evaluation(&self, name: &str) -> Result<Evaluation, PlanError> {
        self.study
            .evaluations
            .get(name)
            .cloned()
            .ok_or_else(|| PlanError::Missing(name.to_owned()))
    }
}

/// Which rows of its source a set takes, where it says so.
fn chosen(set: &ProblemSet) -> Vec<(&'static str, Value)> {
    let filter = set.filter.as_ref().map(|filter| ("filter", json!(filter)));
    let shuffle = set.shuffle.map(|seed| ("shuffle", json!(seed)));
    let among = set.among.as_ref().map(|among| ("among", json!(among)));
    filter.into_iter().chain(shuffle).chain(among).collect()
}

fn add(meaning: &mut Value, fields: Vec<(&'static str, Value)>) {
    for (name, value) in fields {
        meaning[name] = value;
    }
}
