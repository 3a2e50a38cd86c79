//! Trainings and distillations.

use super::{Builder, PlanError, add, chosen};
use crate::{
    cost::Cost,
    key::Key,
    plan::{Action, SampleStep, StepId, TrainStep},
};
use rlx_language::{Recipe, Training};
use serde_json::json;

impl Builder<'_> {
    pub(super) fn training(&mut self, name: &str) -> Result<StepId, PlanError> {
        let study = self.study;
        let training = study
            .trainings
            .get(name)
            .ok_or_else(|| PlanError::Missing(name.to_owned()))?;
        let word = if matches!(training.recipe, Recipe::Distill { .. }) {
            "distill"
        } else {
            "train"
        };
        let step_name = format!("{word} {name}");
        if let Some(id) = self.by_name.get(&step_name) {
            return Ok(*id);
        }
        if !self.open.insert(name.to_owned()) {
            return Err(PlanError::Cycle(name.to_owned()));
        }
        let id = self.build_training(training, step_name)?;
        self.open.remove(name);
        Ok(id)
    }

    pub(super) fn build_training(
        &mut self,
        training: &Training,
        step_name: String,
    ) -> Result<StepId, PlanError> {
        let start = self.model(&training.start)?;
        let (data, fetch) = self.problems(&training.data)?;
        let set = self.set(&training.data)?.clone();
        let parameters = self.parameters(&training.start);
        let kept = training.keep.len() as u64;
        let deciders = self.deciders(&training.data)?;
        let mut inputs: Vec<StepId> = start.made_by.into_iter().chain(fetch).collect();
        inputs.extend(&deciders);
        let mut meaning = json!({
            "start": start.key, "data": data, "prompt": set.prompt, "skip": set.skip, "limit": set.limit,
            "size": self.task_size(&training.data)?, "optimizer": training.optimizer, "seed": training.seed,
        });
        add(&mut meaning, chosen(&set));
        if !deciders.is_empty() {
            let keys: Vec<Key> = deciders.iter().map(|id| self.steps[*id].key).collect();
            meaning["decided_by"] = json!(keys);
        }
        if let Some(lora) = &training.lora {
            meaning["lora"] = json!(lora);
        }
        let mut taught_by = None;
        let (recipe, cost, responses, verdicts) = match &training.recipe {
            Recipe::Rl {
                batch,
                rollouts,
                steps,
                max_tokens,
                ..
            } => {
                meaning["judge"] = self.judge_meaning(&set, set.judge);
                let tokens = steps * batch * rollouts * max_tokens;
                (
                    json!(training.recipe),
                    Cost::training(parameters, tokens, tokens, kept),
                    None,
                    None,
                )
            }
            Recipe::Sft {
                batch,
                steps,
                max_tokens,
            } => (
                json!(training.recipe),
                Cost::training(parameters, 0, steps * batch * max_tokens, kept),
                None,
                None,
            ),
            Recipe::Distill {
                teacher,
                prompts,
                samples,
                sampling,
                only_correct,
                epochs,
                batch,
                divergence,
            } => {
                let model = self.model(teacher)?;
                let count = prompts.unwrap_or_else(|| self.count(&training.data));
                let tokens = count * samples * epochs * sampling.max_tokens;
                if let Some(divergence) = divergence {
                    inputs.extend(model.made_by);
                    taught_by = Some(model.clone());
                    if divergence.on_policy {
                        let recipe = json!({
                            "kind": "distill", "teacher": model.key, "prompts": prompts, "samples": samples,
                            "sampling": sampling, "epochs": epochs, "batch": batch, "divergence": divergence,
                        });
                        meaning["recipe"] = recipe;
                        if let Some(optimizer) = meaning["optimizer"].as_object_mut() {
                            optimizer.remove("skip_limit");
                        }
                        let action = Action::Train(Box::new(TrainStep {
                            training: training.clone(),
                            start,
                            teacher: taught_by,
                            responses: None,
                            verdicts: None,
                        }));
                        let cost = Cost::training(parameters, tokens, tokens, kept);
                        return Ok(self.push("train", step_name, meaning, inputs, action, cost));
                    }
                }
                let draw = SampleStep {
                    model: model.clone(),
                    set: training.data.clone(),
                    limit: *prompts,
                    sampling: sampling.clone(),
                    samples: *samples,
                    seed: training.seed,
                };
                let responses = self.sample(format!("sample {} {}", training.name, teacher.label()), draw)?;
                inputs.push(responses);
                let mut verdicts = None;
                if *only_correct {
                    let name = format!("judge {} {}", training.name, teacher.label());
                    let id = self.judge(name, responses, &training.data)?;
                    inputs.push(id);
                    verdicts = Some(id);
                }
                let mut recipe = json!({
                    "kind": "distill", "responses": self.steps[responses].key, "prompts": prompts, "samples": samples,
                    "verdicts": verdicts.map(|id| self.steps[id].key), "epochs": epochs, "batch": batch,
                });
                if let Some(divergence) = divergence {
                    recipe["teacher"] = json!(model.key);
                    recipe["divergence"] = json!(divergence);
                }
                (
                    recipe,
                    Cost::training(parameters, 0, tokens, kept),
                    Some(responses),
                    verdicts,
                )
            }
        };
        meaning["recipe"] = recipe;
        let action = Action::Train(Box::new(TrainStep {
            training: training.clone(),
            start,
            teacher: taught_by,
            responses,
            verdicts,
        }));
        // How often a run may stumble is no part of what it means.
        for optimizer in ["/optimizer", "/recipe/algorithm/critic/optimizer"] {
            if let Some(fields) = meaning
                .pointer_mut(optimizer)
                .and_then(serde_json::Value::as_object_mut)
            {
                fields.remove("skip_limit");
            }
        }
        Ok(self.push("train", step_name, meaning, inputs, action, cost))
    }
}
