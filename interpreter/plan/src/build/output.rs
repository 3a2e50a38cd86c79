//! Figures, tables and the report.

use super::{Builder, PlanError, add, chosen, judged_by};
use crate::{
    cost::Cost,
    key::Key,
    plan::{Action, StepId},
};
use rlx_language::{ModelRef, Query};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn output(&mut self, output: &rlx_language::Output) -> Result<StepId, PlanError> {
        let mut inputs = Vec::new();
        let mut samples = None;
        let mut labels = None;
        let evaluation = match &output.query {
            Query::PassAtK {
                evaluation, of, more, ..
            } => {
                inputs.extend(self.verdicts(evaluation, &of.iter().collect::<Vec<_>>())?);
                for asked in more {
                    inputs.extend(self.verdicts(&asked.evaluation, &asked.of.iter().collect::<Vec<_>>())?);
                }
                Some(evaluation.clone())
            }
            Query::Summary { evaluation, of }
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
            Query::ReadByHand { evaluation, of, .. } => {
                let of: Vec<_> = of.iter().collect();
                inputs.extend(self.verdicts(evaluation, &of)?);
                labels = Some(self.labels(evaluation, &of)?);
                Some(evaluation.clone())
            }
            Query::Beside { rows } => {
                let read = rows.iter().flat_map(|row| row.measured.read_by_hand());
                labels = self.labels_of(read)?;
                for row in rows {
                    for (evaluation, of, under) in row.measured.scores() {
                        inputs.extend(self.scores(evaluation, of, under)?);
                    }
                    for (evaluation, model) in row.measured.models() {
                        inputs.extend(self.verdicts(evaluation, &[model])?);
                    }
                    for search in row.measured.searches() {
                        inputs.push(self.search(search)?);
                    }
                }
                inputs.sort_unstable();
                inputs.dedup();
                None
            }
            Query::Searched { searches } => {
                for name in searches {
                    inputs.push(self.search(name)?);
                }
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
        let mut meaning = json!({
            "query": output.query, "kind": output.kind, "title": output.title, "samples": samples, "inputs": keys,
        });
        if let Query::PassAtK { more, .. } = &output.query
            && !more.is_empty()
        {
            let samples = more
                .iter()
                .map(|asked| Ok(self.evaluation(&asked.evaluation)?.samples))
                .collect::<Result<Vec<u64>, PlanError>>()?;
            meaning["more_samples"] = json!(samples);
        }
        add(
            &mut meaning,
            labels
                .map(|labels| ("labels", json!(labels)))
                .into_iter()
                .collect(),
        );
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

    /// The labels of all that is read by hand; None where nothing is, so that other keys stay as they are.
    fn labels_of<'q>(
        &mut self,
        read: impl Iterator<Item = (&'q str, &'q ModelRef, f64)>,
    ) -> Result<Option<BTreeMap<String, String>>, PlanError> {
        let mut all = None;
        for (evaluation, model, _) in read {
            let labels = self.labels(evaluation, &[model])?;
            all.get_or_insert_with(BTreeMap::new).extend(labels);
        }
        Ok(all)
    }

    pub(super) fn report(&mut self, outputs: Vec<StepId>) -> Result<StepId, PlanError> {
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
        let read = study
            .claims
            .values()
            .flat_map(|claim| claim.condition.read_by_hand());
        let labels = self.labels_of(read)?;
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
        let mut meaning = json!({
            "title": study.title, "doc": study.doc, "claims": claims, "inputs": keys, "counts": counts,
            "profile": study.profile, "overrides": study.overrides,
        });
        add(
            &mut meaning,
            labels
                .map(|labels| ("labels", json!(labels)))
                .into_iter()
                .collect(),
        );
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
