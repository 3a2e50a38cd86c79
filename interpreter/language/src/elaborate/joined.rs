//! Evaluations whose samples are put together: drawn at other times or from other seeds, alike in everything else.

use rlx_grammar::ast::{ExprKind, Keyword};

use super::checked::Checked;
use super::{Elaborator, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::study::{Evaluation, Joined, ProblemSet};

impl<'a> Elaborator<'a> {
    /// What `join` names, with what each of them joins itself; checked against `whole`, which has its own samples only.
    pub(super) fn joined(&mut self, checked: &Checked<'a>, whole: &Evaluation) -> Option<Vec<Joined>> {
        let Some((at, _)) = checked.reference("join") else {
            return Some(Vec::new());
        };
        let mut ids = Vec::new();
        self.evaluations_named(at, &mut ids)?;
        let mut joined: Vec<Joined> = Vec::new();
        let mut seeds = vec![(whole.seed, whole.name.clone())];
        for (other, place) in ids {
            let info = self.evaluation(other);
            let other = info?.evaluation;
            if let Some((message, help)) = self.differs(whole, &other) {
                self.not_joined(place, &message, &help);
                return None;
            }
            let own = Joined {
                evaluation: other.name.clone(),
                samples: other.own_samples(),
                seed: other.seed,
            };
            for part in other.joined.iter().chain([&own]) {
                if let Some((_, first)) = seeds.iter().find(|(seed, _)| *seed == part.seed) {
                    let message = format!(
                        "`{}` and `{first}` have the seed {}: they are the same samples, which count once",
                        part.evaluation, part.seed
                    );
                    let help =
                        "give one of them another `seed`; for more samples from one seed raise `samples`";
                    self.not_joined(place, &message, help);
                    return None;
                }
                seeds.push((part.seed, part.evaluation.clone()));
                joined.push(part.clone());
            }
        }
        Some(joined)
    }

    fn evaluations_named(&mut self, at: Sited<'a>, found: &mut Vec<(DeclId, Place)>) -> Option<()> {
        let at = self.resolve(at)?;
        if let ExprKind::List(items) = &at.expr.node {
            for item in items {
                self.evaluations_named(at.with(item), found)?;
            }
            return Some(());
        }
        for entity in self.entities(at, &[Keyword::Evaluate], "an evaluation")? {
            if !entity.changes.is_empty() {
                let help = "declare another one: `evaluate NAME = OTHER { … }`";
                self.not_joined(
                    at.place(),
                    "an evaluation cannot be changed where it is read",
                    help,
                );
                return None;
            }
            found.push((entity.id, at.place()));
        }
        Some(())
    }

    /// Which problems a set has is decided once: by an evaluation that is not joined with others.
    pub(super) fn decides_alone(&mut self, evaluation: &str, place: Place) -> Option<()> {
        let joined = self
            .evaluations
            .get(evaluation)
            .is_some_and(|evaluation| !evaluation.joined.is_empty());
        if !joined {
            return Some(());
        }
        let message =
            format!("`{evaluation}` is joined of several, and one of them decides which problems a set has");
        self.not_joined(place, &message, "name one of those that it joins");
        None
    }

    fn not_joined(&mut self, place: Place, message: &str, help: &str) {
        let diagnostic = Diagnostic::error("rlx::evaluate::join", message);
        let diagnostic = self.at(diagnostic, place, "cannot be joined").help(help);
        self.report(diagnostic);
    }

    /// Why the samples of two evaluations are not of one kind, and what to do; None where they are.
    fn differs(&self, whole: &Evaluation, other: &Evaluation) -> Option<(String, String)> {
        let name = &other.name;
        if let Some(model) = whole.models.iter().find(|model| self.is_recorded(model)) {
            let model = model.label();
            return Some((
                format!("the responses of `{model}` lie in a file, and were drawn from no seed"),
                "`rlx import` puts several files into one, in which nothing counts twice".to_owned(),
            ));
        }
        if let Some(model) = whole.models.iter().find(|model| !other.models.contains(model)) {
            return Some((
                format!("`{name}` does not measure `{}`", model.label()),
                format!("add it to the models of `{name}`, or leave it out here"),
            ));
        }
        let (a, b) = (&whole.sampling, &other.sampling);
        let sampling = [
            ("temperature", a.temperature != b.temperature),
            ("top_p", a.top_p != b.top_p),
            ("max_tokens", a.max_tokens != b.max_tokens),
            ("sampling", a != b),
        ];
        let sets = (
            self.problem_sets.get(&whole.benchmark),
            self.problem_sets.get(&other.benchmark),
        );
        let set = match sets {
            (Some(a), Some(b)) => difference(a, b),
            _ => None,
        };
        let what = sampling
            .into_iter()
            .find_map(|(what, differs)| differs.then_some(what))
            .or(set)?;
        Some((
            format!("`{name}` has another {what}: samples of two kinds have no pass@k in common"),
            format!(
                "`evaluate NAME = {name} {{ seed = …, join = {name} }}` draws more samples of the same kind"
            ),
        ))
    }
}

/// In what two problem sets differ, besides their names.
fn difference(a: &ProblemSet, b: &ProblemSet) -> Option<&'static str> {
    if a.prompt != b.prompt {
        return Some("prompt");
    }
    let judged = |set: &ProblemSet| (set.judge, set.precision.clone(), set.answer.clone());
    if judged(a) != judged(b) || a.code != b.code || a.command != b.command {
        return Some("judge");
    }
    let renamed = ProblemSet {
        name: a.name.clone(),
        ..b.clone()
    };
    (*a != renamed).then_some("benchmark")
}
