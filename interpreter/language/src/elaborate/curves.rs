//! `pass_at_k(…)`: the curves of one evaluation, or of several on the same problems.

use rlx_grammar::ast::{ExprKind, Keyword};

use super::checked::Checked;
use super::{Elaborator, EvaluationInfo, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::study::{Asked, ModelRef, ProblemSet, Query};

impl<'a> Elaborator<'a> {
    pub(super) fn curves(&mut self, checked: &Checked<'a>) -> Option<Query> {
        let (at, _) = checked.reference("evaluation")?;
        let infos = self.asked_evaluations(at)?;
        let asked = match infos.as_slice() {
            [(info, _)] => vec![Asked {
                evaluation: info.evaluation.name.clone(),
                of: self.asked_models(checked, "of", info)?,
            }],
            _ => self.asked_of_each(checked, &infos)?,
        };
        let mut k = Vec::new();
        for (info, _) in &infos {
            k = self.asked_ks(checked, info)?;
        }
        let mut asked = asked.into_iter();
        let Asked { evaluation, of } = asked.next()?;
        Some(Query::PassAtK {
            evaluation,
            of,
            more: asked.collect(),
            k,
            folded: checked.word("axis")? == "folded",
        })
    }

    /// One evaluation, or the evaluations of a list and of families in it, in the order they are written, each once.
    fn asked_evaluations(&mut self, at: Sited<'a>) -> Option<Vec<(EvaluationInfo, Place)>> {
        let resolved = self.resolve(at)?;
        if !matches!(resolved.expr.node, ExprKind::List(_) | ExprKind::Members { .. }) {
            return Some(vec![(self.asked_evaluation(at)?, at.place())]);
        }
        let mut ids: Vec<(DeclId, Place)> = Vec::new();
        self.evaluations_in(resolved, &mut ids)?;
        if ids.is_empty() {
            let diagnostic = Diagnostic::error("rlx::query::problems", "the list names no evaluation");
            let diagnostic = self
                .at(diagnostic, at.place(), "empty")
                .help("name the evaluations whose curves are drawn");
            self.report(diagnostic);
            return None;
        }
        let mut infos: Vec<(EvaluationInfo, Place)> = Vec::new();
        for (id, place) in ids {
            let info = self.evaluation(id)?;
            if let Some((first, _)) = infos.first()
                && let Some(reason) = self.other_problems(first, &info)
            {
                let message = format!(
                    "`{}` and `{}` do not share a figure: {reason}",
                    first.evaluation.name, info.evaluation.name
                );
                let label = format!("on `{}`", info.evaluation.benchmark);
                let first = format!("the first one is on `{}`", first.evaluation.benchmark);
                let first_place = infos[0].1;
                let diagnostic = Diagnostic::error("rlx::query::problems", message);
                let diagnostic = self.at(diagnostic, place, label);
                let diagnostic = self
                    .at(diagnostic, first_place, first)
                    .help("curves are held against each other on equal problems: declare a figure for each benchmark");
                self.report(diagnostic);
                return None;
            }
            if infos
                .iter()
                .all(|(known, _)| known.evaluation.name != info.evaluation.name)
            {
                infos.push((info, place));
            }
        }
        Some(infos)
    }

    fn evaluations_in(&mut self, at: Sited<'a>, found: &mut Vec<(DeclId, Place)>) -> Option<()> {
        let at = self.resolve(at)?;
        if let ExprKind::List(items) = &at.expr.node {
            for item in items {
                self.evaluations_in(at.with(item), found)?;
            }
            return Some(());
        }
        for entity in self.entities(at, &[Keyword::Evaluate], "an evaluation")? {
            self.unchanged(at, &entity)?;
            found.push((entity.id, at.place()));
        }
        Some(())
    }

    /// Models of each evaluation: those of `of` that it measures.
    fn asked_of_each(
        &mut self,
        checked: &Checked<'a>,
        infos: &[(EvaluationInfo, Place)],
    ) -> Option<Vec<Asked>> {
        let all: Vec<&EvaluationInfo> = infos.iter().map(|(info, _)| info).collect();
        let wanted = match checked.reference("of") {
            None => checked.typed("of").map(|_| None)?,
            Some((at, _)) => {
                let mut measured: Vec<ModelRef> = Vec::new();
                for model in all.iter().flat_map(|info| &info.evaluation.models) {
                    if !measured.contains(model) {
                        measured.push(model.clone());
                    }
                }
                Some(self.asked_or_blame(at, "of", true, &measured, &all)?)
            }
        };
        let mut asked = Vec::new();
        for (info, place) in infos {
            let evaluation = &info.evaluation;
            let of: Vec<ModelRef> = match &wanted {
                None => evaluation.models.clone(),
                Some(wanted) => wanted
                    .iter()
                    .filter(|model| evaluation.models.contains(model))
                    .cloned()
                    .collect(),
            };
            if of.is_empty() {
                let diagnostic = Diagnostic::error(
                    "rlx::query::model",
                    format!("`{}` measures none of these models", evaluation.name),
                );
                let diagnostic = self.at(diagnostic, *place, "has no curve here");
                let diagnostic = self.at(diagnostic, checked.place("of"), "these are asked for");
                let diagnostic = self
                    .at(
                        diagnostic,
                        info.models,
                        format!("what `{}` measures", evaluation.name),
                    )
                    .help("leave the evaluation out, or ask for one of its models, too");
                self.report(diagnostic);
                return None;
            }
            asked.push(Asked {
                evaluation: evaluation.name.clone(),
                of,
            });
        }
        Some(asked)
    }

    /// Why two evaluations have other problems, as far as that is known before they are read.
    fn other_problems(&self, one: &EvaluationInfo, other: &EvaluationInfo) -> Option<String> {
        let (a, b) = (&one.evaluation.benchmark, &other.evaluation.benchmark);
        if a == b {
            return None;
        }
        let sets = (self.problem_sets.get(a)?, self.problem_sets.get(b)?);
        let differs = !same_problems(sets.0, sets.1);
        differs.then(|| format!("`{a}` and `{b}` hold other problems"))
    }
}

/// Sets that take the same rows of one source; how they are put to a model and judged may differ.
fn same_problems(a: &ProblemSet, b: &ProblemSet) -> bool {
    let rows = |set: &ProblemSet| ProblemSet {
        name: a.name.clone(),
        prompt: a.prompt.clone(),
        judge: a.judge,
        answer: a.answer.clone(),
        response: a.response.clone(),
        licence: a.licence.clone(),
        precision: a.precision.clone(),
        code: a.code.clone(),
        command: a.command.clone(),
        ..set.clone()
    };
    rows(a) == rows(b)
}
