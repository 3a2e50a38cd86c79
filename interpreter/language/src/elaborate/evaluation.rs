//! Evaluations.

use rlx_grammar::ast::Keyword;

use super::checked::Owner;
use super::entries::Entries;
use super::models::Wish;
use super::{Elaborator, EvaluationInfo};
use crate::diagnostic::Diagnostic;
use crate::program::DeclId;
use crate::schema;
use crate::study::{Evaluation, ModelRef};

/// With fewer problems than this, an interval over problems like these is wide, whatever the samples.
pub(super) const FEW_PROBLEMS: u64 = 30;

impl<'a> Elaborator<'a> {
    pub(super) fn evaluation(&mut self, id: DeclId) -> Option<EvaluationInfo> {
        if let Some(done) = self.evaluation_of.get(&id) {
            return done.clone();
        }
        if let Some(start) = self.active.iter().position(|active| *active == id) {
            let circle = self.active[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        let entries = self.entries_of_declaration(id);
        // A search may be asked for the temperature, and look for the entropy of another evaluation.
        self.active.push(id);
        let info = entries.and_then(|entries| {
            let key = self.key(id);
            let owner = self.owner(id, &key);
            self.build_evaluation(entries, &owner)
        });
        self.active.pop();
        if let Some(info) = &info {
            self.evaluations
                .insert(info.evaluation.name.clone(), info.evaluation.clone());
        }
        self.evaluation_of.insert(id, info.clone());
        info
    }

    fn build_evaluation(&mut self, entries: Entries<'a>, owner: &Owner) -> Option<EvaluationInfo> {
        let checked = self.read(&schema::EVALUATE, entries, owner);
        let models = checked
            .reference("models")
            .map(|(at, nested)| (at, nested.to_vec()))
            .and_then(|(at, nested)| {
                self.no_change("models", &nested)?;
                self.models(
                    at,
                    Wish {
                        path: &format!("{}.models", owner.path),
                        many: true,
                        within: None,
                    },
                )
            });
        let benchmark = checked
            .reference("benchmark")
            .map(|(at, nested)| (at, nested.to_vec()))
            .and_then(|(at, nested)| {
                let path = format!("{}.benchmark", owner.path);
                self.use_problems(
                    at,
                    &nested,
                    &path,
                    &[Keyword::Benchmark, Keyword::Data],
                    "a benchmark",
                )
            });
        if let Some(key) = benchmark.as_ref().filter(|key| self.is_endless(key)) {
            self.endless(
                checked.place("benchmark"),
                key,
                "an evaluation draws samples of all its problems",
            );
            return None;
        }
        if !checked.is_whole() {
            return None;
        }
        let (models, benchmark) = (models?, benchmark?);
        let record = checked.record("sampling")?;
        let sampling = self.sampling(record)?;
        let samples = checked.count("samples")?;
        let mut fits = true;
        for (model, place) in &models {
            fits &= self.check_vision(model, *place, &benchmark).is_some();
            fits &= self
                .check_interface(model, &sampling, record, &benchmark, *place)
                .is_some();
            fits &= self
                .check_context(model, sampling.max_tokens, record.place("max_tokens"))
                .is_some();
        }
        if let Some((tightest, _)) = models
            .iter()
            .min_by_key(|(model, _)| self.context_of(model).map_or(u64::MAX, |(context, _)| context))
        {
            self.warn_room(
                tightest,
                &benchmark,
                sampling.max_tokens,
                record.place("max_tokens"),
            );
        }
        if !fits {
            return None;
        }
        if sampling.temperature.fixed() == Some(0.0) && samples > 1 {
            let diagnostic = Diagnostic::warning(
                "rlx::sampling::greedy",
                "at temperature 0 all samples of a problem are the same",
            );
            let diagnostic = self.at(
                diagnostic,
                record.place("temperature"),
                "the likeliest token, always",
            );
            let diagnostic = self
                .at(
                    diagnostic,
                    checked.place("samples"),
                    format!("{samples} equal samples"),
                )
                .help("draw one, or raise the temperature");
            self.report(diagnostic);
        }
        let problems = self.known_problems(&benchmark);
        if let Some(few) = problems.filter(|problems| *problems < FEW_PROBLEMS) {
            let diagnostic = Diagnostic::warning(
                "rlx::problems::few",
                format!("{few} problems say little about problems like these"),
            );
            let diagnostic = self
                .at(diagnostic, checked.place("benchmark"), format!("{few} problems"))
                .help(format!(
                    "with fewer than {FEW_PROBLEMS} problems expect wide intervals and inconclusive claims"
                ));
            self.report(diagnostic);
        }
        let models_place = checked.place("models");
        let mut evaluation = Evaluation {
            name: owner.path.clone(),
            models: models
                .into_iter()
                .map(|(model, _)| model)
                .collect::<Vec<ModelRef>>(),
            benchmark,
            sampling,
            samples,
            seed: self.seed_of(&checked, owner)?,
            joined: Vec::new(),
        };
        evaluation.joined = self.joined(&checked, &evaluation)?;
        evaluation.samples += evaluation.joined.iter().map(|part| part.samples).sum::<u64>();
        Some(EvaluationInfo {
            evaluation,
            models: models_place,
            samples: checked.place("samples"),
            problems,
        })
    }
}
