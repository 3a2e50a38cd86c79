//! What is there before anything is drawn: models, problems, their numbers.

use super::{Builder, PlanError, add, chosen, hub_data, pictures_of};
use crate::{
    cost::Cost,
    key::Key,
    plan::{Action, ModelUse, StepId},
};
use rlx_language::{ModelRef, ModelSource, ProblemSource};
use serde_json::{Value, json};

impl Builder<'_> {
    /// A model that lies outside, or the checkpoint of a training; what makes it is in the plan before it.
    pub(super) fn model(&mut self, reference: &ModelRef) -> Result<ModelUse, PlanError> {
        match reference {
            ModelRef::Model { name } => {
                let model = self
                    .study
                    .models
                    .get(name)
                    .ok_or_else(|| PlanError::Missing(name.clone()))?;
                let meaning = match &model.source {
                    ModelSource::Hub { repo, revision } => json!({ "repo": repo, "revision": revision }),
                    ModelSource::Path { path } => self.pin(path),
                    ModelSource::Init {
                        architecture,
                        tokenizer,
                        seed,
                    } => {
                        json!({ "architecture": architecture, "tokenizer": self.pin(tokenizer), "seed": seed })
                    }
                    ModelSource::Responses { recorded } => json!({
                        "responses": self.pin(&recorded.path), "by": recorded.by, "response": recorded.response,
                        "truncated": recorded.truncated,
                    }),
                    // How patiently it is asked is no part of what it is, and neither is the key.
                    ModelSource::Endpoint { endpoint } => {
                        json!({ "endpoint": endpoint.url, "model": endpoint.model })
                    }
                };
                let key = match &model.adapter {
                    None => Key::of("model", &meaning),
                    Some(adapter) => {
                        Key::of("model", &json!({ "base": meaning, "adapter": self.pin(adapter) }))
                    }
                };
                let mut made_by = None;
                if matches!(model.source, ModelSource::Hub { .. }) {
                    let step = format!("fetch model {name}");
                    made_by = Some(match self.by_name.get(&step) {
                        Some(id) => *id,
                        None => {
                            let action = Action::FetchModel { model: model.clone() };
                            self.push("model", step, meaning, Vec::new(), action, Cost::default())
                        }
                    });
                }
                Ok(ModelUse {
                    reference: reference.clone(),
                    key,
                    made_by,
                })
            }
            ModelRef::Checkpoint { training, step } => {
                let id = self.training(training)?;
                let key = Key::of(
                    "checkpoint",
                    &json!({ "training": self.steps[id].key, "step": step }),
                );
                Ok(ModelUse {
                    reference: reference.clone(),
                    key,
                    made_by: Some(id),
                })
            }
        }
    }

    /// The meaning of a problem set's content; how many of its problems are used is not part of it.
    pub(super) fn problems(&mut self, name: &str) -> Result<(Value, Option<StepId>), PlanError> {
        let set = self.set(name)?.clone();
        let mut fetch = None;
        let source = match &set.source {
            ProblemSource::Hub {
                repo,
                revision,
                config,
                split,
            } => {
                let mut meaning =
                    json!({ "repo": repo, "revision": revision, "config": config, "split": split });
                let step = format!("fetch data {name}");
                fetch = Some(match self.by_name.get(&step) {
                    Some(id) => *id,
                    None => {
                        let action = Action::FetchProblems {
                            set: Box::new(set.clone()),
                        };
                        self.push("data", step, meaning.clone(), Vec::new(), action, Cost::default())
                    }
                });
                // A branch may move, and a cache may be changed by hand: what is meant are the rows.
                let name = hub_data(repo, revision, config.as_deref(), split);
                if let Some(content) = self.around.pins.get(&name) {
                    meaning["content"] = json!(content);
                }
                meaning
            }
            ProblemSource::Path { path } => self.pin(path),
            ProblemSource::Task { task, options, seed } => {
                json!({ "task": task, "options": options, "seed": seed })
            }
        };
        let mut exclude = Vec::new();
        for other in &set.exclude {
            let (limit, size) = (self.set(other)?.limit, self.task_size(other)?);
            let chosen = chosen(self.set(other)?);
            // What is left out depends on which problems the other set has.
            let mut left_out = json!({ "set": self.problems(other)?.0, "limit": limit, "size": size });
            add(&mut left_out, chosen);
            exclude.push(left_out);
        }
        let mut meaning = json!({
            "source": source, "problem": set.problem, "answer": set.answer, "response": set.response, "id": set.id,
            "exclude": exclude,
        });
        if !set.image.is_empty() {
            let content = self.around.pins.get(&pictures_of(name));
            meaning["image"] = json!({ "columns": set.image, "content": content });
        }
        Ok((meaning, fetch))
    }

    /// The verdicts that decide which problems a set has.
    pub(super) fn deciders(&mut self, name: &str) -> Result<Vec<StepId>, PlanError> {
        let Some(among) = self.set(name)?.among.clone() else {
            return Ok(Vec::new());
        };
        let mut verdicts = Vec::new();
        for (evaluation, model) in among.models() {
            verdicts.extend(self.verdicts(evaluation, &[model])?);
        }
        verdicts.sort_unstable();
        verdicts.dedup();
        Ok(verdicts)
    }

    /// How many problems a task gives, where that is stated; files and hub sets are what they are.
    pub(super) fn task_size(&self, set: &str) -> Result<Option<u64>, PlanError> {
        let set = self.set(set)?;
        Ok(set
            .size
            .filter(|_| matches!(set.source, ProblemSource::Task { .. })))
    }

    pub(super) fn count(&self, set: &str) -> u64 {
        let known = self.around.problems.get(set).copied();
        let declared = self.study.problem_sets.get(set);
        let size = known.or_else(|| declared.and_then(|set| set.size)).unwrap_or(0);
        declared
            .and_then(|set| set.limit)
            .map_or(size, |limit| if size == 0 { limit } else { limit.min(size) })
    }

    pub(super) fn parameters(&self, reference: &ModelRef) -> Option<u64> {
        match reference {
            ModelRef::Model { name } => {
                let model = self.study.models.get(name)?;
                self.around.parameters.get(name).copied().or(model.parameters)
            }
            ModelRef::Checkpoint { training, .. } => {
                let training = self.study.trainings.get(training)?;
                if training.start == *reference {
                    None
                } else {
                    self.parameters(&training.start)
                }
            }
        }
    }
}
