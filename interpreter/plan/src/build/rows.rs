//! Samples, verdicts and scores.

use super::{Builder, PlanError};
use crate::{
    cost::Cost,
    plan::{Action, SampleStep, StepId},
};
use rlx_language::{Evaluation, Judge, ModelRef, ModelSource, ProblemSet};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn sample(&mut self, name: String, draw: SampleStep) -> Result<StepId, PlanError> {
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let (data, fetch) = self.problems(&draw.set)?;
        let deciders = self.deciders(&draw.set)?;
        let (temperature, search) = self.temperature(&draw.sampling.temperature)?;
        let recorded = self.is_recorded(&draw.model.reference);
        let meaning = match recorded {
            // They are what they are, however the study says that responses are drawn.
            true => json!({ "model": draw.model.key, "problems": data }),
            false => self.sample_meaning(&draw, &data, &temperature)?,
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
            .chain(search.filter(|_| !recorded))
            .collect();
        Ok(self.push("sample", name, meaning, inputs, Action::Sample(draw), cost))
    }

    /// What drawing means, at a temperature that means `temperature`.
    pub(super) fn sample_meaning(
        &self,
        draw: &SampleStep,
        data: &Value,
        temperature: &Value,
    ) -> Result<Value, PlanError> {
        let mut sampling = json!(draw.sampling);
        sampling["temperature"] = temperature.clone();
        Ok(json!({
            "model": draw.model.key, "problems": data, "prompt": self.set(&draw.set)?.prompt, "sampling": sampling,
            "seed": draw.seed,
        }))
    }

    /// Responses that lie in a file.
    pub(super) fn is_recorded(&self, reference: &ModelRef) -> bool {
        let ModelRef::Model { name } = reference else {
            return false;
        };
        let source = self.study.models.get(name).map(|model| &model.source);
        matches!(source, Some(ModelSource::Responses { .. }))
    }

    pub(super) fn judge_meaning(&self, set: &ProblemSet, judge: Judge) -> Value {
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

    pub(super) fn judge(&mut self, name: String, samples: StepId, set: &str) -> Result<StepId, PlanError> {
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
    pub(super) fn verdict_column(&self, samples: StepId) -> Option<String> {
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
    pub(super) fn judge_by(
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

    pub(super) fn sample_evaluation(
        &mut self,
        evaluation: &Evaluation,
        model: &ModelRef,
    ) -> Result<StepId, PlanError> {
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

    pub(super) fn judge_evaluation(
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

    pub(super) fn score(
        &mut self,
        evaluation: &str,
        of: &ModelRef,
        under: &ModelRef,
    ) -> Result<StepId, PlanError> {
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

    pub(super) fn verdicts(
        &mut self,
        evaluation: &str,
        models: &[&ModelRef],
    ) -> Result<Vec<StepId>, PlanError> {
        let mut inputs = Vec::new();
        for part in self.parts(evaluation)? {
            for model in models {
                let samples = self.sample_evaluation(&part, model)?;
                inputs.push(self.judge_evaluation(&part, model, samples)?);
            }
        }
        Ok(inputs)
    }

    /// What readers said of the samples of an evaluation, by the steps that drew them: part of what is made of labels.
    pub(super) fn labels(
        &mut self,
        evaluation: &str,
        models: &[&ModelRef],
    ) -> Result<BTreeMap<String, String>, PlanError> {
        let mut found = BTreeMap::new();
        for part in self.parts(evaluation)? {
            for model in models {
                let samples = self.sample_evaluation(&part, model)?;
                let step = &self.steps[samples];
                if let Some(hash) = self.around.labels.get(&step.key.folder()) {
                    found.insert(step.name.clone(), hash.clone());
                }
            }
        }
        Ok(found)
    }

    /// The evaluations whose samples one has: itself, and those that it is joined with.
    pub(super) fn parts(&self, evaluation: &str) -> Result<Vec<Evaluation>, PlanError> {
        let whole = self.evaluation(evaluation)?;
        whole
            .parts()
            .into_iter()
            .map(|(name, ..)| self.evaluation(name))
            .collect()
    }

    /// The scores of all samples of an evaluation.
    pub(super) fn scores(
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
}
