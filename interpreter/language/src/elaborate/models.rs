//! Models that are used: `base`, `rl@150`, `rl@*`, `student`.

use rlx_grammar::ast::{Checkpoint, ExprKind, Keyword};

use super::checked::Owner;
use super::entries::word;
use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::study::ModelRef;
use crate::suggest;
use crate::unit::Unit;

const KINDS: [Keyword; 3] = [Keyword::Model, Keyword::Train, Keyword::Distill];

/// Who asks for models.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'w> {
    /// The field, for messages; also the key of a model that is changed on the spot.
    pub(super) path: &'w str,
    /// More than one is allowed.
    pub(super) many: bool,
    /// In a question about an evaluation: what it measures.
    pub(super) within: Option<&'w [ModelRef]>,
}

pub(super) type Used = Vec<(ModelRef, Place)>;

impl<'a> Elaborator<'a> {
    /// The one model that a field names.
    pub(super) fn one_model(
        &mut self,
        at: Sited<'a>,
        path: &str,
        within: Option<&[ModelRef]>,
    ) -> Option<ModelRef> {
        let used = self.models(
            at,
            Wish {
                path,
                many: false,
                within,
            },
        )?;
        used.into_iter().next().map(|(model, _)| model)
    }

    /// All models that a field names, each once.
    pub(super) fn models(&mut self, at: Sited<'a>, wish: Wish<'_>) -> Option<Used> {
        let at = self.resolve(at)?;
        match &at.expr.node {
            ExprKind::List(items) if wish.many => {
                let mut all: Used = Vec::new();
                let mut failed = false;
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{}.{}", wish.path, index + 1);
                    match self.models(at.with(item), Wish { path: &path, ..wish }) {
                        Some(some) => self.extend(&mut all, some),
                        None => failed = true,
                    }
                }
                if all.is_empty() && !failed {
                    let diagnostic = Diagnostic::error("rlx::model::none", "the list names no model");
                    let diagnostic = self.at(diagnostic, at.place(), "empty");
                    self.report(diagnostic);
                    return None;
                }
                (!failed).then_some(all)
            }
            ExprKind::List(items) => {
                let help = matches!(items.as_slice(), [_]).then(|| "leave the brackets out".to_owned());
                let diagnostic =
                    Diagnostic::error("rlx::type::mismatch", "one model is wanted here, not a list");
                let diagnostic = self.at(diagnostic, at.place(), "a list").maybe_help(help);
                self.report(diagnostic);
                None
            }
            ExprKind::Checkpoint { of, at: which } => self.checkpoint(at, of, which, wish),
            ExprKind::Members { of, selectors } if wish.many => {
                let id = self.lookup(of, at.site)?;
                if !KINDS.contains(&self.program.keyword(id)) {
                    self.wrong_kind(at, id, "a model or a training");
                    return None;
                }
                let mut all: Used = Vec::new();
                let mut left_out = None;
                let ids = self.select(id, selectors, at.site, at.place())?;
                for id in &ids {
                    let model = self.model_of_id(*id)?;
                    // As `rl@*` does, `rl[*]` means those that are measured.
                    if ids.len() > 1 && wish.within.is_some_and(|measured| !measured.contains(&model)) {
                        left_out = Some(model);
                    } else {
                        self.within(&model, at.place(), wish)?;
                        all.push((model, at.place()));
                    }
                }
                if let (Some(model), true) = (left_out, all.is_empty()) {
                    self.within(&model, at.place(), wish)?;
                }
                Some(all)
            }
            _ => {
                let entity = self.entity(at, &KINDS, "a model or a training")?;
                let place = at.place();
                let model = if self.program.keyword(entity.id) == Keyword::Model {
                    if entity.changes.is_empty() {
                        self.model_of_id(entity.id)?
                    } else {
                        let entries = self.entries_of_entity(&entity, &[])?;
                        let owner = Owner {
                            path: wish.path.to_owned(),
                            what: "this model".into(),
                            place,
                            module: at.site.module,
                        };
                        let info = self.build_model(entries, &owner, wish.path.to_owned())?;
                        self.models.insert(wish.path.to_owned(), info);
                        ModelRef::Model {
                            name: wish.path.to_owned(),
                        }
                    }
                } else {
                    if let Some((_, site)) = entity.changes.first() {
                        let diagnostic = Diagnostic::error(
                            "rlx::type::mismatch",
                            "a training cannot be changed where it is used",
                        );
                        let name = self.program.declaration(entity.id).name.node.clone();
                        let diagnostic = self
                            .at(
                                diagnostic,
                                Place {
                                    file: site.file,
                                    ..place
                                },
                                "changed here",
                            )
                            .help(format!("declare another one: `train NAME = {name} {{ … }}`"));
                        self.report(diagnostic);
                        return None;
                    }
                    self.model_of_id(entity.id)?
                };
                self.within(&model, place, wish)?;
                Some(vec![(model, place)])
            }
        }
    }

    /// A model, or the end of a training.
    fn model_of_id(&mut self, id: DeclId) -> Option<ModelRef> {
        if self.program.keyword(id) != Keyword::Model {
            let info = self.training(id)?;
            return Some(ModelRef::Checkpoint {
                training: info.training.name,
                step: info.last,
            });
        }
        let info = self.model(id)?;
        let name = info.model.name.clone();
        self.models.entry(name.clone()).or_insert(info);
        Some(ModelRef::Model { name })
    }

    /// `a`, then `b`; a model that is named twice counts once, and is a slip only when written twice.
    fn extend(&mut self, all: &mut Used, some: Used) {
        for (model, place) in some {
            match all.iter().find(|(seen, _)| *seen == model) {
                None => all.push((model, place)),
                Some((_, first)) => {
                    let first = *first;
                    let diagnostic = Diagnostic::warning(
                        "rlx::model::twice",
                        format!("`{}` is named twice", model.label()),
                    );
                    let diagnostic = self.at(diagnostic, place, "again here");
                    let diagnostic = self.at(diagnostic, first, "first here").help("it counts once");
                    self.report(diagnostic);
                }
            }
        }
    }

    fn within(&mut self, model: &ModelRef, place: Place, wish: Wish<'_>) -> Option<()> {
        let Some(measured) = wish.within else {
            return Some(());
        };
        if measured.contains(model) {
            return Some(());
        }
        let names: Vec<String> = measured.iter().map(ModelRef::label).collect();
        let diagnostic = Diagnostic::error(
            "rlx::query::model",
            format!("the evaluation does not measure `{}`", model.label()),
        );
        let diagnostic = self.at(diagnostic, place, "not measured").help(format!(
            "add it to the evaluation's `models`, which has {}",
            suggest::list(names.iter().map(String::as_str))
        ));
        self.report(diagnostic);
        None
    }

    fn checkpoint(
        &mut self,
        at: Sited<'a>,
        of: &'a rlx_grammar::ast::Expr,
        which: &'a Checkpoint,
        wish: Wish<'_>,
    ) -> Option<Used> {
        let kinds = [Keyword::Train, Keyword::Distill];
        let entities = if wish.many {
            self.entities(at.with(of), &kinds, "a training")?
        } else {
            vec![self.entity(at.with(of), &kinds, "a training")?]
        };
        let several = entities.len() > 1;
        let mut all: Used = Vec::new();
        for entity in entities {
            all.extend(self.checkpoint_of(at, entity.id, which, wish, several)?);
        }
        if let (true, true, Some(measured)) = (several, all.is_empty(), wish.within) {
            let names: Vec<String> = measured.iter().map(ModelRef::label).collect();
            let diagnostic = Diagnostic::error(
                "rlx::query::model",
                "the evaluation measures none of these checkpoints",
            );
            let diagnostic = self.at(diagnostic, at.place(), "not measured").help(format!(
                "add them to the evaluation's `models`, which has {}",
                suggest::list(names.iter().map(String::as_str))
            ));
            self.report(diagnostic);
            return None;
        }
        Some(all)
    }

    /// A checkpoint of one training; of `several`, one that an evaluation does not measure is left out of a question.
    fn checkpoint_of(
        &mut self,
        at: Sited<'a>,
        id: DeclId,
        which: &'a Checkpoint,
        wish: Wish<'_>,
        several: bool,
    ) -> Option<Used> {
        let info = self.training(id)?;
        let name = info.training.name.clone();
        let place = at.place();
        let step = match which {
            Checkpoint::Last(_) => info.last,
            Checkpoint::All(_) if !wish.many => {
                let diagnostic = Diagnostic::error(
                    "rlx::type::mismatch",
                    format!("one model is wanted here, and `{name}@*` is every kept one"),
                );
                let diagnostic = self
                    .at(diagnostic, place, "several")
                    .help(format!("write `{name}@last`, or `{name}@STEP`"));
                self.report(diagnostic);
                return None;
            }
            Checkpoint::All(_) => return self.all_checkpoints(&info, place, wish, several),
            Checkpoint::Step(step) => {
                let (step, step_place) = match self.count(at.with(step), Some(Unit::Steps), 0, "@") {
                    Ok(step) => step,
                    Err(Fail::Reported) => return None,
                    Err(Fail::Kind) => {
                        self.mismatch_with(at.with(step), "@", "a step, `*` or `last`");
                        return None;
                    }
                };
                if !info.training.keep.contains(&step) {
                    self.not_kept(&info, step, step_place, id);
                    return None;
                }
                step
            }
        };
        let model = ModelRef::Checkpoint { training: name, step };
        if several && wish.within.is_some_and(|measured| !measured.contains(&model)) {
            return Some(Vec::new());
        }
        self.within(&model, place, wish)?;
        Some(vec![(model, place)])
    }

    fn all_checkpoints(
        &mut self,
        info: &super::TrainingInfo,
        place: Place,
        wish: Wish<'_>,
        several: bool,
    ) -> Option<Used> {
        let name = &info.training.name;
        let steps = if info.training.keep.is_empty() {
            vec![info.last]
        } else {
            info.training.keep.clone()
        };
        let used: Used = steps
            .into_iter()
            .map(|step| {
                (
                    ModelRef::Checkpoint {
                        training: name.clone(),
                        step,
                    },
                    place,
                )
            })
            .filter(|(model, _)| wish.within.is_none_or(|measured| measured.contains(model)))
            .collect();
        if used.is_empty() && !several {
            let diagnostic = Diagnostic::error(
                "rlx::query::model",
                format!("the evaluation measures no checkpoint of `{name}`"),
            );
            let diagnostic = self
                .at(diagnostic, place, "none of them is measured")
                .help("add one to the evaluation's `models`");
            self.report(diagnostic);
            return None;
        }
        Some(used)
    }

    fn not_kept(&mut self, info: &super::TrainingInfo, step: u64, place: Place, id: DeclId) {
        let name = &info.training.name;
        let (message, help) = if info.training.keep.is_empty() {
            (
                format!("{} keeps its end only", word(self.program.keyword(id))),
                format!("write `{name}`, or `{name}@last`"),
            )
        } else {
            let kept: Vec<String> = info
                .training
                .keep
                .iter()
                .map(|step| format!("{name}@{step}"))
                .collect();
            let list = suggest::list(kept.iter().map(String::as_str));
            (
                format!("`{name}@{step}` is not kept"),
                format!("add {step} to `keep`, or take one of {list}"),
            )
        };
        let diagnostic = Diagnostic::error("rlx::checkpoint::not_kept", message);
        let diagnostic = self.at(diagnostic, place, "not kept");
        let diagnostic = self.at(diagnostic, info.keep, "what is kept").help(help);
        self.report(diagnostic);
    }

    /// A response must fit the model's context, where that is stated.
    pub(super) fn check_context(&mut self, model: &ModelRef, tokens: u64, place: Place) -> Option<()> {
        let Some((context, rule)) = self.context_of(model) else {
            return Some(());
        };
        if tokens < context {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::context::exceeded",
            format!(
                "{tokens} tokens and a prompt do not fit the context of `{}`, {context} tokens",
                model.label()
            ),
        );
        let diagnostic = self.at(diagnostic, place, format!("{tokens} tokens"));
        let diagnostic = self
            .at(diagnostic, rule, format!("{context} tokens"))
            .help(format!(
                "at most {} leave room for a prompt of one token; leave more",
                context.saturating_sub(1)
            ));
        self.report(diagnostic);
        None
    }
}
