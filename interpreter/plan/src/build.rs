//! Study → Plan.

use crate::{
    cost::Cost,
    key::{ENCODING, Key},
    perplexities::perplexities,
    plan::{Action, ModelUse, Plan, SampleStep, Step, StepId, TrainStep},
};
use rlx_language::{
    Evaluation, Judge, ModelRef, ModelSource, ProblemSet, ProblemSource, Query, Recipe, Study, Training,
};
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
    };
    // Trainings in the order of declaration; each pulls what it starts from before itself.
    for name in study.trainings.keys() {
        builder.training(name)?;
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

    /// A model that lies outside, or the checkpoint of a training; what makes it is in the plan before it.
    fn model(&mut self, reference: &ModelRef) -> Result<ModelUse, PlanError> {
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
    fn problems(&mut self, name: &str) -> Result<(Value, Option<StepId>), PlanError> {
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
    fn deciders(&mut self, name: &str) -> Result<Vec<StepId>, PlanError> {
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
    fn task_size(&self, set: &str) -> Result<Option<u64>, PlanError> {
        let set = self.set(set)?;
        Ok(set
            .size
            .filter(|_| matches!(set.source, ProblemSource::Task { .. })))
    }

    fn count(&self, set: &str) -> u64 {
        let known = self.around.problems.get(set).copied();
        let declared = self.study.problem_sets.get(set);
        let size = known.or_else(|| declared.and_then(|set| set.size)).unwrap_or(0);
        declared
            .and_then(|set| set.limit)
            .map_or(size, |limit| if size == 0 { limit } else { limit.min(size) })
    }

    fn parameters(&self, reference: &ModelRef) -> Option<u64> {
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

    fn training(&mut self, name: &str) -> Result<StepId, PlanError> {
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

    fn build_training(&mut self, training: &Training, step_name: String) -> Result<StepId, PlanError> {
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

    fn sample(&mut self, name: String, draw: SampleStep) -> Result<StepId, PlanError> {
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let (data, fetch) = self.problems(&draw.set)?;
        let deciders = self.deciders(&draw.set)?;
        let set = self.set(&draw.set)?;
        let recorded = self.is_recorded(&draw.model.reference);
        let meaning = match recorded {
            // They are what they are, however the study says that responses are drawn.
            true => json!({ "model": draw.model.key, "problems": data }),
            false => json!({
                "model": draw.model.key, "problems": data, "prompt": set.prompt, "sampling": draw.sampling, "seed": draw.seed,
            }),
        };
        let count = draw.limit.unwrap_or_else(|| self.count(&draw.set));
        let cost = match recorded {
            true => Cost::default(),
            false => Cost::sampling(
                self.parameters(&draw.model.reference),
                count.saturating_mul(draw.samples),
                draw.sampling.max_tokens,
            ),
        };
        let inputs = draw
            .model
            .made_by
            .into_iter()
            .chain(fetch)
            .chain(deciders)
            .collect();
        Ok(self.push("sample", name, meaning, inputs, Action::Sample(draw), cost))
    }

    /// Responses that lie in a file.
    fn is_recorded(&self, reference: &ModelRef) -> bool {
        let ModelRef::Model { name } = reference else {
            return false;
        };
        let source = self.study.models.get(name).map(|model| &model.source);
        matches!(source, Some(ModelSource::Responses { .. }))
    }

    fn judge_meaning(&self, set: &ProblemSet, judge: Judge) -> Value {
        let name = json!(judge);
        let version = name
            .as_str()
            .and_then(|name| self.around.judges.get(name))
            .cloned();
        let mut meaning = json!({ "judge": name, "version": version });
        if let Some(command) = set.command.as_ref().filter(|_| judge == Judge::Command) {
            meaning["program"] = self.pin(&command.path);
            meaning["limits"] = json!({ "time": command.time, "memory": command.memory });
        }
        if let Some(precision) = &set.precision
            && matches!(judge, Judge::Number | Judge::Math | Judge::Command)
        {
            meaning["precision"] = json!(precision);
        }
        meaning
    }

    fn judge(&mut self, name: String, samples: StepId, set: &str) -> Result<StepId, PlanError> {
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let judge = self.set(set)?.judge;
        let Some(column) = self.verdict_column(samples) else {
            return self.judge_by(name, samples, set, judge);
        };
        // The file's content is in the key of the samples.
        let meaning = json!({ "judge": "given", "column": column, "samples": self.steps[samples].key });
        let action = Action::Judge {
            samples,
            set: set.to_owned(),
            judge,
            given: Some(column),
        };
        Ok(self.push("judge", name, meaning, vec![samples], action, Cost::default()))
    }

    /// Where recorded responses have verdicts with them.
    fn verdict_column(&self, samples: StepId) -> Option<String> {
        let Some(Action::Sample(draw)) = self.steps.get(samples).map(|step| &step.action) else {
            return None;
        };
        let ModelRef::Model { name } = &draw.model.reference else {
            return None;
        };
        match &self.study.models.get(name)?.source {
            ModelSource::Responses { recorded } => recorded.verdict.clone(),
            _ => None,
        }
    }

    /// As `judge`, by another judge than the set's own.
    fn judge_by(
        &mut self,
        name: String,
        samples: StepId,
        set: &str,
        judge: Judge,
    ) -> Result<StepId, PlanError> {
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let mut meaning = self.judge_meaning(self.set(set)?, judge);
        meaning["samples"] = json!(self.steps[samples].key);
        let prefill = &self.set(set)?.prompt.prefill;
        if let (Some(prefill), Action::Sample(draw)) = (prefill, &self.steps[samples].action)
            && self.is_recorded(&draw.model.reference)
        {
            meaning["prefill"] = json!(prefill);
        }
        if let Some(code) = &self.set(set)?.code {
            meaning["code"] = json!(code);
        }
        let action = Action::Judge {
            samples,
            set: set.to_owned(),
            judge,
            given: None,
        };
        Ok(self.push("judge", name, meaning, vec![samples], action, Cost::default()))
    }

    fn sample_evaluation(&mut self, evaluation: &Evaluation, model: &ModelRef) -> Result<StepId, PlanError> {
        let draw = SampleStep {
            model: self.model(model)?,
            set: evaluation.benchmark.clone(),
            limit: None,
            sampling: evaluation.sampling.clone(),
            samples: evaluation.own_samples(),
            seed: evaluation.seed,
        };
        self.sample(format!("sample {} {}", evaluation.name, model.label()), draw)
    }

    fn judge_evaluation(
        &mut self,
        evaluation: &Evaluation,
        model: &ModelRef,
        samples: StepId,
    ) -> Result<StepId, PlanError> {
        self.judge(
            format!("judge {} {}", evaluation.name, model.label()),
            samples,
            &evaluation.benchmark,
        )
    }

    fn score(&mut self, evaluation: &str, of: &ModelRef, under: &ModelRef) -> Result<StepId, PlanError> {
        let name = format!("score {evaluation} {} under {}", of.label(), under.label());
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let evaluation = self.evaluation(evaluation)?;
        let samples = self.sample_evaluation(&evaluation, of)?;
        let under = self.model(under)?;
        let mut meaning = json!({ "samples": self.steps[samples].key, "under": under.key, "temperature": 1 });
        if self.is_recorded(of) {
            // Drawn responses have their prompt in their key; these are read after the benchmark's.
            meaning["prompt"] = json!(self.set(&evaluation.benchmark)?.prompt);
        }
        let responses = self
            .count(&evaluation.benchmark)
            .saturating_mul(evaluation.own_samples());
        let cost = Cost::scoring(
            self.parameters(&under.reference),
            responses,
            evaluation.sampling.max_tokens,
        );
        let inputs = under.made_by.into_iter().chain([samples]).collect();
        Ok(self.push(
            "score",
            name,
            meaning,
            inputs,
            Action::Score { samples, under },
            cost,
        ))
    }

    fn verdicts(&mut self, evaluation: &str, models: &[&ModelRef]) -> Result<Vec<StepId>, PlanError> {
        let mut inputs = Vec::new();
        for part in self.parts(evaluation)? {
            for model in models {
                let samples = self.sample_evaluation(&part, model)?;
                inputs.push(self.judge_evaluation(&part, model, samples)?);
            }
        }
        Ok(inputs)
    }

    /// The evaluations whose samples one has: itself, and those that it is joined with.
    fn parts(&self, evaluation: &str) -> Result<Vec<Evaluation>, PlanError> {
        let whole = self.evaluation(evaluation)?;
        whole
            .parts()
            .into_iter()
            .map(|(name, ..)| self.evaluation(name))
            .collect()
    }

    /// The scores of all samples of an evaluation.
    fn scores(
        &mut self,
        evaluation: &str,
        of: &ModelRef,
        under: &ModelRef,
    ) -> Result<Vec<StepId>, PlanError> {
        let parts = self.parts(evaluation)?;
        parts
            .iter()
            .map(|part| self.score(&part.name, of, under))
            .collect()
    }

    fn output(&mut self, output: &rlx_language::Output) -> Result<StepId, PlanError> {
        let mut inputs = Vec::new();
        let mut samples = None;
        let evaluation = match &output.query {
            Query::PassAtK { evaluation, of, .. }
            | Query::Summary { evaluation, of }
            | Query::Accuracy { evaluation, of }
            | Query::Coverage { evaluation, of }
            | Query::Solved { evaluation, of }
            | Query::Lengths { evaluation, of }
            | Query::Entropy { evaluation, of }
            | Query::Majority { evaluation, of, .. } => {
                inputs.extend(self.verdicts(evaluation, &of.iter().collect::<Vec<_>>())?);
                Some(evaluation.clone())
            }
            Query::DeltaSe {
                evaluation,
                of,
                against,
                ..
            }
            | Query::Crossing {
                evaluation,
                of,
                against,
            }
            | Query::Compare {
                evaluation,
                of,
                against,
                ..
            } => {
                inputs.extend(self.verdicts(evaluation, &of.iter().chain([against]).collect::<Vec<_>>())?);
                Some(evaluation.clone())
            }
            Query::Subset {
                evaluation,
                of,
                within,
            } => {
                inputs.extend(self.verdicts(evaluation, &of.iter().chain([within]).collect::<Vec<_>>())?);
                Some(evaluation.clone())
            }
            Query::Perplexity {
                evaluation,
                of,
                under,
                only_correct,
            } => {
                for under in under {
                    for of in of {
                        inputs.extend(self.scores(evaluation, of, under)?);
                    }
                }
                if *only_correct {
                    inputs.extend(self.verdicts(evaluation, &of.iter().collect::<Vec<_>>())?);
                }
                Some(evaluation.clone())
            }
            Query::BestOf {
                evaluation, of, by, ..
            } => {
                for of in of {
                    inputs.extend(self.scores(evaluation, of, by)?);
                }
                inputs.extend(self.verdicts(evaluation, &of.iter().collect::<Vec<_>>())?);
                Some(evaluation.clone())
            }
            Query::Disagreements { evaluation, of, by }
            | Query::BestJudged {
                evaluation, of, by, ..
            } => {
                inputs.extend(self.verdicts(evaluation, &of.iter().collect::<Vec<_>>())?);
                for part in self.parts(evaluation)? {
                    for model in of {
                        let samples = self.sample_evaluation(&part, model)?;
                        let name = judged_by(&part.name, model, *by);
                        inputs.push(self.judge_by(name, samples, &part.benchmark, *by)?);
                    }
                }
                Some(evaluation.clone())
            }
            Query::Beside { rows } => {
                for row in rows {
                    for (evaluation, of, under) in row.measured.scores() {
                        inputs.extend(self.scores(evaluation, of, under)?);
                    }
                    for (evaluation, model) in row.measured.models() {
                        inputs.extend(self.verdicts(evaluation, &[model])?);
                    }
                }
                inputs.sort_unstable();
                inputs.dedup();
                None
            }
            Query::Training { trainings } => {
                for name in trainings {
                    inputs.push(self.training(name)?);
                }
                None
            }
        };
        if let Some(name) = &evaluation {
            samples = Some(self.evaluation(name)?.samples);
        }
        let mut keys: Vec<Key> = inputs.iter().map(|id| self.steps[*id].key).collect();
        keys.sort_unstable();
        let meaning = json!({
            "query": output.query, "kind": output.kind, "title": output.title, "samples": samples, "inputs": keys,
        });
        let word = match output.kind {
            rlx_language::OutputKind::Figure => "figure",
            rlx_language::OutputKind::Table => "table",
        };
        let action = Action::Analyse {
            output: Box::new(output.clone()),
            evaluation,
        };
        Ok(self.push(
            "analyse",
            format!("{word} {}", output.name),
            meaning,
            inputs,
            action,
            Cost::default(),
        ))
    }

    fn report(&mut self, outputs: Vec<StepId>) -> Result<StepId, PlanError> {
        let mut inputs = outputs;
        for id in 0..self.steps.len() {
            if !matches!(
                self.steps[id].action,
                Action::FetchModel { .. } | Action::FetchProblems { .. }
            ) {
                inputs.push(id);
            }
        }
        let mut keys: Vec<Key> = inputs.iter().map(|id| self.steps[*id].key).collect();
        keys.sort_unstable();
        let study = self.study;
        // By name, and without the text that the page quotes: neither order nor spelling is meaning.
        let claims: BTreeMap<&String, Value> = study
            .claims
            .iter()
            .map(|(name, claim)| {
                let what = json!({
                    "statement": claim.statement, "condition": claim.condition, "confidence": claim.confidence,
                });
                (name, what)
            })
            .collect();
        let counts: BTreeMap<&String, Value> = study
            .evaluations
            .iter()
            .map(|(name, evaluation)| {
                let problems = self.count(&evaluation.benchmark);
                let mut counts = json!({ "samples": evaluation.samples, "problems": problems });
                if let Some(set) = study.problem_sets.get(&evaluation.benchmark) {
                    add(&mut counts, chosen(set));
                }
                (name, counts)
            })
            .collect();
        let meaning = json!({
            "title": study.title, "doc": study.doc, "claims": claims, "inputs": keys, "counts": counts,
            "profile": study.profile, "overrides": study.overrides,
        });
        Ok(self.push(
            "report",
            "report".to_owned(),
            meaning,
            inputs,
            Action::Report,
            Cost::default(),
        ))
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
