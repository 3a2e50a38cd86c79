//! Calls of figures, tables and claims: arguments, and what they ask of an evaluation.

use rlx_grammar::ast::{Argument, ExprKind, Keyword, Path};

use super::checked::{Checked, Owner};
use super::entries::{Entity, Entries, Entry};
use super::models::Wish;
use super::{Elaborator, EvaluationInfo, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::Schema;
use crate::study::ModelRef;
use crate::suggest;

impl<'a> Elaborator<'a> {
    /// The function that a call names, by its last word.
    pub(super) fn function(
        &mut self,
        callee: &'a Path,
        at: Sited<'a>,
        known: &[&'static Schema],
    ) -> Option<&'static Schema> {
        let [name] = callee.node.as_slice() else {
            return self.unknown_function(callee, at, known);
        };
        match known.iter().find(|schema| schema.name == name.node) {
            Some(schema) => Some(schema),
            None => self.unknown_function(callee, at, known),
        }
    }

    fn unknown_function(
        &mut self,
        callee: &'a Path,
        at: Sited<'a>,
        known: &[&'static Schema],
    ) -> Option<&'static Schema> {
        let name = callee
            .node
            .iter()
            .map(|name| name.node.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let names = known.iter().map(|schema| schema.name);
        let help = suggest::did_you_mean(&name, names.clone())
            .unwrap_or_else(|| format!("here can be {}", suggest::list(names)));
        let diagnostic = Diagnostic::error(
            "rlx::query::unknown",
            format!("there is no function `{name}` here"),
        );
        let place = Place {
            span: at.site.fixed.unwrap_or(callee.span),
            ..at.place()
        };
        let diagnostic = self.at(diagnostic, place, "unknown function").help(help);
        self.report(diagnostic);
        None
    }

    /// The arguments of a call, read by the function's schema.
    pub(super) fn arguments(
        &mut self,
        schema: &'static Schema,
        arguments: &'a [Argument],
        at: Sited<'a>,
        path: &str,
    ) -> Option<Checked<'a>> {
        let mut entries = Entries::new();
        for (index, argument) in arguments.iter().enumerate() {
            let value = at.with(&argument.value);
            let (name, place) = match &argument.name {
                Some(name) => (name.node.as_str(), self.span(name, at.site)),
                None => match schema.fields.get(index).filter(|_| index < schema.positional) {
                    Some(field) => (field.name, value.place()),
                    None => {
                        let left: Vec<&str> = schema
                            .fields
                            .iter()
                            .map(|field| field.name)
                            .filter(|name| !entries.contains_key(name))
                            .collect();
                        let diagnostic = Diagnostic::error(
                            "rlx::query::argument",
                            format!("this argument of `{}` needs a name", schema.name),
                        );
                        let diagnostic = self
                            .at(diagnostic, value.place(), "which one is it?")
                            .help(format!("write `NAME = …`; left are {}", suggest::list(left)));
                        self.report(diagnostic);
                        return None;
                    }
                },
            };
            if let Some(first) = entries.get(name).map(|entry: &Entry<'a>| entry.name) {
                let diagnostic =
                    Diagnostic::error("rlx::field::duplicate", format!("`{name}` is given twice"));
                let diagnostic = self.at(diagnostic, place, "again here");
                let diagnostic = self.at(diagnostic, first, "first here").help("keep one of them");
                self.report(diagnostic);
                return None;
            }
            entries.insert(
                name,
                Entry {
                    value: Some(value),
                    name: place,
                    nested: Vec::new(),
                    overrode: Vec::new(),
                },
            );
        }
        let owner = Owner {
            path: path.to_owned(),
            what: format!("`{}`", schema.name),
            place: at.place(),
            module: at.site.module,
        };
        Some(self.read(schema, entries, &owner))
    }

    pub(super) fn asked(&mut self, checked: &Checked<'a>) -> Option<EvaluationInfo> {
        let (at, _) = checked.reference("evaluation")?;
        self.asked_evaluation(at)
    }

    /// The one evaluation that is named at a place.
    pub(super) fn asked_evaluation(&mut self, at: Sited<'a>) -> Option<EvaluationInfo> {
        let entity = self.entity(at, &[Keyword::Evaluate], "an evaluation")?;
        self.unchanged(at, &entity)?;
        self.evaluation(entity.id)
    }

    /// An evaluation is read as it is declared.
    pub(super) fn unchanged(&mut self, at: Sited<'a>, entity: &Entity<'a>) -> Option<()> {
        if entity.changes.is_empty() {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::type::mismatch",
            "an evaluation cannot be changed where it is read",
        );
        let diagnostic = self
            .at(diagnostic, at.place(), "changed here")
            .help("declare another one: `evaluate NAME = OTHER { … }`");
        self.report(diagnostic);
        None
    }

    /// The models that a field asks for; all of the evaluation's where it is left out.
    pub(super) fn asked_models(
        &mut self,
        checked: &Checked<'a>,
        field: &str,
        info: &EvaluationInfo,
    ) -> Option<Vec<ModelRef>> {
        let used = match checked.reference(field) {
            Some((at, _)) => self.asked_or_blame(at, field, true, &info.evaluation.models, &[info])?,
            None => checked.typed(field).map(|_| info.evaluation.models.clone())?,
        };
        self.can_score(checked, field, &used)?;
        Some(used)
    }

    pub(super) fn asked_model(
        &mut self,
        checked: &Checked<'a>,
        field: &str,
        info: &EvaluationInfo,
    ) -> Option<ModelRef> {
        let (at, _) = checked.reference(field)?;
        let used = self.asked_or_blame(at, field, false, &info.evaluation.models, &[info])?;
        self.can_score(checked, field, &used)?;
        used.into_iter().next()
    }

    /// `under` asks models for probabilities.
    fn can_score(&mut self, checked: &Checked<'a>, field: &str, used: &[ModelRef]) -> Option<()> {
        for model in used.iter().filter(|_| field == "under") {
            self.needs_weights(
                model,
                checked.place(field),
                "probabilities are asked of weights",
                "name models in `under` that lie here or on the hub",
            )?;
        }
        Some(())
    }

    /// The entropy is that of probabilities that were kept with the responses.
    pub(super) fn knows_entropy(&mut self, checked: &Checked<'a>, models: &[ModelRef]) -> Option<()> {
        for model in models {
            self.needs_weights(
                model,
                checked.place("of"),
                "the entropy is that of probabilities from weights",
                "leave it out: `of = [OTHERS]`",
            )?;
        }
        Some(())
    }

    /// The models of `measured` that are named at a place; `infos` are the evaluations that measure them.
    pub(super) fn asked_or_blame(
        &mut self,
        at: Sited<'a>,
        field: &str,
        many: bool,
        measured: &[ModelRef],
        infos: &[&EvaluationInfo],
    ) -> Option<Vec<ModelRef>> {
        let reported = self.out.len();
        let used = self.models(
            at,
            Wish {
                path: field,
                many,
                within: Some(measured),
            },
        );
        // The rule lies in the evaluation: show it beside the value.
        for info in infos {
            let source = std::sync::Arc::clone(self.program.source(info.models.file));
            for diagnostic in self
                .out
                .iter_mut()
                .skip(reported)
                .filter(|diagnostic| diagnostic.code == "rlx::query::model")
            {
                diagnostic.labels.push(crate::diagnostic::Label {
                    file: std::sync::Arc::clone(&source),
                    span: info.models.span,
                    text: format!("what `{}` measures", info.evaluation.name),
                });
            }
        }
        Some(used?.into_iter().map(|(model, _)| model).collect())
    }

    /// k must not be above the samples; near to them its estimate is noisy.
    pub(super) fn check_k(&mut self, largest: u64, place: Place, info: &EvaluationInfo) -> Option<()> {
        let samples = info.evaluation.samples;
        if largest > samples {
            let diagnostic = Diagnostic::error(
                "rlx::query::k",
                format!(
                    "k = {largest} is above the {samples} samples of `{}`",
                    info.evaluation.name
                ),
            );
            let diagnostic = self.at(diagnostic, place, format!("k = {largest}"));
            let diagnostic = self
                .at(diagnostic, info.samples, format!("{samples} samples a problem"))
                .help("pass@k needs at least k samples a problem: draw more, or ask for less");
            self.report(diagnostic);
            return None;
        }
        Some(())
    }

    /// `k > n/2`: pass@k rests on few samples. Said once for an evaluation and a k, where it is asked for first.
    pub(super) fn warn_k(&mut self, largest: u64, place: Place, info: &EvaluationInfo) {
        let samples = info.evaluation.samples;
        if largest > 1 && largest * 2 > samples && self.noisy.insert((info.evaluation.name.clone(), largest))
        {
            let few = info
                .problems
                .filter(|problems| *problems < super::evaluation::FEW_PROBLEMS)
                .is_some();
            let help = if few {
                "draw more samples, and more problems"
            } else {
                "for narrow intervals draw at least 2 k samples"
            };
            let diagnostic = Diagnostic::warning(
                "rlx::query::noisy",
                format!("k = {largest} is more than half of the {samples} samples: its estimate is noisy"),
            );
            let diagnostic = self.at(diagnostic, place, format!("k = {largest}"));
            let diagnostic = self
                .at(diagnostic, info.samples, format!("{samples} samples"))
                .help(help);
            self.report(diagnostic);
        }
    }

    /// A call, directly or behind a `let`.
    pub(super) fn call(&mut self, at: Sited<'a>) -> Option<Option<(&'a Path, &'a [Argument], Sited<'a>)>> {
        let at = self.resolve(at)?;
        match &at.expr.node {
            ExprKind::Call { callee, arguments } => Some(Some((callee, arguments, at))),
            _ => Some(None),
        }
    }
}
