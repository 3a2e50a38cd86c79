//! Searches for a temperature.

use super::{Builder, PlanError, add, chosen};
use crate::{
    cost::Cost,
    plan::{Action, SampleStep, SearchStep, StepId},
};
use rlx_language::{Search, Temperature};
use serde_json::{Value, json};

/// Raised when a search looks elsewhere or takes another look for the one.
const RULE: &str = "secant 1";

impl Builder<'_> {
    /// The step of a search, built once.
    pub(super) fn search(&mut self, name: &str) -> Result<StepId, PlanError> {
        let step = format!("search {name}");
        if let Some(id) = self.by_name.get(&step) {
            return Ok(*id);
        }
        let search = self
            .study
            .searches
            .get(name)
            .cloned()
            .ok_or_else(|| PlanError::Missing(name.to_owned()))?;
        if !self.searching.insert(name.to_owned()) {
            return Err(PlanError::Cycle(name.to_owned()));
        }
        let draw = SampleStep {
            model: self.model(&search.model)?,
            set: search.benchmark.clone(),
            limit: None,
            sampling: search.sampling.clone(),
            samples: search.samples,
            seed: search.seed,
        };
        let (data, fetch) = self.problems(&draw.set)?;
        let deciders = self.deciders(&draw.set)?;
        // As a sampling step's own, so that an evaluation at the same temperature shares its responses.
        let look = self.sample_meaning(&draw, &data, &Value::Null)?;
        let (target, measured) = self.target(&search)?;
        let problems = self.counted(&search.benchmark)?;
        let meaning = json!({
            "look": look, "samples": search.samples, "problems": problems, "target": search.target,
            "measured": measured, "between": search.between, "within": search.within, "looks": search.looks, "rule": RULE,
        });
        let responses = self
            .count(&search.benchmark)
            .saturating_mul(search.samples)
            .saturating_mul(search.looks);
        let cost = Cost::sampling(
            self.parameters(&search.model),
            responses,
            search.sampling.max_tokens,
        );
        let inputs = draw
            .model
            .made_by
            .into_iter()
            .chain(fetch)
            .chain(deciders)
            .chain(target.iter().copied())
            .collect();
        self.searching.remove(name);
        let action = Action::Search(Box::new(SearchStep {
            search,
            draw,
            look,
            target,
        }));
        Ok(self.push("search", step, meaning, inputs, action, cost))
    }

    /// The steps that draw what the target is measured on, and what of them counts.
    fn target(&mut self, search: &Search) -> Result<(Vec<StepId>, Vec<Value>), PlanError> {
        let (mut steps, mut measured) = (Vec::new(), Vec::new());
        for (evaluation, model) in search.target.models() {
            for part in self.parts(evaluation)? {
                let id = self.sample_evaluation(&part, model)?;
                let rows = self.counted(&part.benchmark)?;
                measured.push(json!({
                    "of": model.label(), "rows": self.steps[id].key, "samples": part.own_samples(), "problems": rows,
                }));
                steps.push(id);
            }
        }
        Ok((steps, measured))
    }

    /// Which problems of a set there are, as far as the key of its rows does not say.
    fn counted(&mut self, set: &str) -> Result<Value, PlanError> {
        let deciders = self.deciders(set)?;
        let mut counted = json!({ "count": self.count(set) });
        let declared = self.set(set)?;
        add(&mut counted, chosen(declared));
        if declared.skip > 0 {
            counted["skip"] = json!(declared.skip);
        }
        if !deciders.is_empty() {
            let keys: Vec<_> = deciders.iter().map(|id| self.steps[*id].key).collect();
            counted["decided"] = json!(keys);
        }
        Ok(counted)
    }

    /// What a sampling's temperature means: a number, or the search that finds it.
    pub(super) fn temperature(
        &mut self,
        temperature: &Temperature,
    ) -> Result<(Value, Option<StepId>), PlanError> {
        match temperature {
            Temperature::Fixed(value) => Ok((json!(value), None)),
            Temperature::Found { search } => {
                let id = self.search(search)?;
                Ok((json!({ "search": self.steps[id].key }), Some(id)))
            }
        }
    }
}
