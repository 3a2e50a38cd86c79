//! `train`, and what it shares with `distill`.

use rlx_grammar::ast::Keyword;

use super::checked::{Checked, Owner, Typed};
use super::entries::{Entries, Entry, Nested};
use super::{Elaborator, Sited, TrainingInfo};
use crate::diagnostic::Diagnostic;
use crate::program::DeclId;
use crate::schema;
use crate::study::{Baseline, Method, ModelRef, ProblemSource, Recipe, Training};
use crate::unit::Unit;

/// Tokens of a rollout where nobody says: what verl's and TRL's examples of mathematics take at first.
const ROLLOUT_TOKENS: u64 = 2_048;

impl<'a> Elaborator<'a> {
    pub(super) fn training(&mut self, id: DeclId) -> Option<TrainingInfo> {
        if let Some(done) = self.training_of.get(&id) {
            return done.clone();
        }
        if let Some(start) = self.active.iter().position(|active| *active == id) {
            let circle = self.active[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        let entries = self.entries_of_declaration(id);
        self.active.push(id);
        let info = entries.and_then(|entries| {
            let key = self.key(id);
            let owner = self.owner(id, &key);
            if self.program.keyword(id) == Keyword::Train {
                self.train(entries, &owner)
            } else {
                self.distill(entries, &owner)
            }
        });
        self.active.pop();
        if let Some(info) = &info {
            self.trainings
                .insert(info.training.name.clone(), info.training.clone());
        }
        self.training_of.insert(id, info.clone());
        info
    }

    fn train(&mut self, mut entries: Entries<'a>, owner: &Owner) -> Option<TrainingInfo> {
        let algorithm = self.algorithm_of(&mut entries, owner);
        let checked = self.read(&schema::TRAIN, entries, owner);
        let start = self.start(&checked, "start", owner);
        let data = self.training_data(&checked, owner);
        let steps = data.as_ref().and_then(|data| self.steps(&checked, data, owner));
        let keep = steps.and_then(|steps| self.keep(&checked, steps));
        let algorithm = algorithm?;
        if !checked.is_whole() {
            return None;
        }
        let (start, data, steps, keep) = (start?, data?, steps?, keep?);
        let batch = checked.count("batch")?;
        self.warn_batch(&checked, &data, batch);
        let stated = checked.maybe_count("max_tokens")?;
        let tokens_path = format!("{}.max_tokens", owner.path);
        let context = self.context_of(&start).map(|(context, _)| context);
        let recipe = match algorithm.method {
            Method::Rl(mut rl) => {
                let max_tokens = stated.unwrap_or(ROLLOUT_TOKENS);
                if stated.is_none() {
                    self.computed(&tokens_path, super::leaf::grouped(max_tokens), Some(Unit::Tokens));
                }
                self.check_context(&start, max_tokens, checked.place("max_tokens"))?;
                self.warn_room(&start, &data, max_tokens, checked.place("max_tokens"));
                self.check_mini_batch(&checked, batch, rl.mini_batch)?;
                if rl.aggregation == crate::study::Aggregation::SeqMeanTokenSumNorm
                    && rl.loss_length.is_none()
                {
                    rl.loss_length = Some(max_tokens);
                    self.computed(
                        &format!("{}.algorithm.loss_length", owner.path),
                        super::leaf::grouped(max_tokens),
                        Some(Unit::Tokens),
                    );
                }
                let compares = matches!(rl.baseline, Baseline::GroupMean | Baseline::LeaveOneOut);
                let rollouts = self.rollouts(&checked, owner, compares)?;
                if let Some(overlong) = rl
                    .overlong
                    .as_ref()
                    .filter(|overlong| overlong.buffer > max_tokens)
                {
                    let diagnostic = Diagnostic::error(
                        "rlx::value::range",
                        format!(
                            "a buffer of {} tokens is more than a rollout has: {max_tokens}",
                            overlong.buffer
                        ),
                    );
                    let diagnostic = self
                        .at(diagnostic, checked.place("max_tokens"), "tokens of a rollout")
                        .help("lower the `buffer` of `overlong`, or raise `max_tokens`");
                    self.report(diagnostic);
                    return None;
                }
                Recipe::Rl {
                    algorithm: rl,
                    batch,
                    rollouts,
                    steps,
                    max_tokens,
                }
            }
            Method::Sft => {
                self.no_rollouts(&checked);
                self.has_responses(&checked, &data)?;
                let max_tokens = stated.or(context).unwrap_or(ROLLOUT_TOKENS);
                if stated.is_none() {
                    self.computed(&tokens_path, super::leaf::grouped(max_tokens), Some(Unit::Tokens));
                }
                if let (Some(stated), Some(context)) = (stated, context) {
                    // Prompt and response together can fill the context.
                    if stated > context {
                        self.check_context(&start, stated, checked.place("max_tokens"))?;
                    }
                }
                Recipe::Sft {
                    batch,
                    steps,
                    max_tokens,
                }
            }
        };
        let record = checked.record("optimizer");
        let optimizer = match record {
            Some(record) => self.optimizer(record)?,
            None => algorithm.optimizer,
        };
        if let Some(record) = record {
            self.check_warmup(record, &optimizer, steps, checked.place("steps"));
        }
        let training = Training {
            name: owner.path.clone(),
            start,
            data,
            recipe,
            optimizer,
            keep,
            seed: self.seed_of(&checked, owner)?,
            lora: self.low_rank(&checked)?,
            checkpointing: checked.boolean("checkpointing")?,
        };
        let keep = if checked.is_default("keep") {
            owner.place
        } else {
            checked.place("keep")
        };
        Some(TrainingInfo {
            training,
            last: steps,
            keep,
        })
    }

    /// The algorithm; its optimizer becomes the training's where that has none of its own.
    fn algorithm_of(&mut self, entries: &mut Entries<'a>, owner: &Owner) -> Option<crate::study::Algorithm> {
        let entry = entries.get("algorithm")?;
        let (at, nested) = (entry.value?, entry.nested.clone());
        let entity = self.entity(at, &[Keyword::Algorithm], "an algorithm")?;
        let path = format!("{}.algorithm", owner.path);
        let (algorithm, fields, _) = self.use_algorithm(&entity, &nested, &path)?;
        if let Some(inherited) = fields.get("optimizer") {
            match entries.get_mut("optimizer") {
                None => {
                    entries.insert("optimizer", inherited.clone());
                }
                Some(own) if own.value.is_none() => {
                    let nested: Vec<Nested<'a>> =
                        inherited.nested.iter().chain(&own.nested).cloned().collect();
                    *own = Entry {
                        nested,
                        ..inherited.clone()
                    };
                }
                Some(_) => {}
            }
        }
        Some(algorithm)
    }

    pub(super) fn start(&mut self, checked: &Checked<'a>, field: &str, owner: &Owner) -> Option<ModelRef> {
        let (at, nested) = checked
            .reference(field)
            .map(|(at, nested)| (at, nested.to_vec()))?;
        self.no_change(field, &nested)?;
        let model = self.one_model(at, &format!("{}.{field}", owner.path), None)?;
        if field == "start" {
            self.needs_weights(
                &model,
                at.place(),
                "a training changes weights",
                "name a model that lies here or on the hub; this one can be a `distill`'s teacher",
            )?;
        }
        Some(model)
    }

    /// Models are changed where they are declared, not where they are used.
    pub(super) fn no_change(&mut self, field: &str, nested: &[Nested<'a>]) -> Option<()> {
        let Some(first) = nested.first() else {
            return Some(());
        };
        let diagnostic = Diagnostic::error("rlx::field::unknown", format!("`{field}` has no fields inside"));
        let place = first
            .path
            .first()
            .map_or(first.value.place(), |name| self.span(name, first.value.site));
        let diagnostic = self
            .at(diagnostic, place, "unknown field")
            .help("change the model where it is declared");
        self.report(diagnostic);
        None
    }

    pub(super) fn training_data(&mut self, checked: &Checked<'a>, owner: &Owner) -> Option<String> {
        let (at, nested) = checked
            .reference("data")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        let entity = self.entity(at, &[Keyword::Data, Keyword::Benchmark], "data")?;
        if self.program.keyword(entity.id) == Keyword::Benchmark {
            self.contaminated(at, &entity);
            return None;
        }
        let key = self.use_problems(
            at,
            &nested,
            &format!("{}.data", owner.path),
            &[Keyword::Data],
            "data",
        )?;
        self.check_text_only(checked.place("data"), &key)?;
        Some(key)
    }

    fn rollouts(&mut self, checked: &Checked<'a>, owner: &Owner, compares: bool) -> Option<u64> {
        match checked.maybe_count("rollouts")? {
            Some(1) if compares => {
                let diagnostic = Diagnostic::error(
                    "rlx::value::range",
                    "a group of one rollout has no advantage: nothing would be learnt",
                );
                let diagnostic = self
                    .at(diagnostic, checked.place("rollouts"), "at least 2")
                    .help("8 is common");
                self.report(diagnostic);
                None
            }
            Some(rollouts) => Some(rollouts),
            None => {
                let diagnostic =
                    Diagnostic::error("rlx::field::missing", format!("{} has no `rollouts`", owner.what));
                let diagnostic = self
                    .at(diagnostic, owner.place, "`rollouts` is missing")
                    .help("the algorithm draws responses to each prompt: add `rollouts = 8 samples`");
                self.report(diagnostic);
                None
            }
        }
    }

    fn no_rollouts(&mut self, checked: &Checked<'a>) {
        if matches!(checked.typed("rollouts"), Some(Typed::Count(_))) {
            let diagnostic = Diagnostic::error(
                "rlx::field::inapplicable",
                "supervised fine-tuning draws no rollouts",
            );
            let diagnostic = self.at(diagnostic, checked.place("rollouts"), "read by nobody");
            let diagnostic = self
                .at(diagnostic, checked.place("algorithm"), "the algorithm")
                .help("leave it out");
            self.report(diagnostic);
        }
    }

    fn has_responses(&mut self, checked: &Checked<'a>, data: &str) -> Option<()> {
        let set = self.problem_sets.get(data)?;
        if set.response.is_some() || matches!(set.source, ProblemSource::Task { .. }) {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::data::response",
            format!("`{data}` has no responses to imitate"),
        );
        let diagnostic = self.at(diagnostic, checked.place("data"), "no responses");
        let diagnostic = self
            .at(diagnostic, checked.place("algorithm"), "imitates them")
            .help("name their column with `response = \"…\"` in the data, or train with rewards (`method = rl`)");
        self.report(diagnostic);
        None
    }

    pub(super) fn seed_of(&mut self, checked: &Checked<'a>, owner: &Owner) -> Option<u64> {
        match checked.maybe_count("seed")? {
            Some(seed) => Some(seed),
            None => {
                let seed = self.study_seed;
                self.computed(&format!("{}.seed", owner.path), seed, None);
                Some(seed)
            }
        }
    }

    /// The trainings that a field names, each once.
    pub(super) fn trainings_named(&mut self, at: Sited<'a>) -> Option<Vec<String>> {
        let at = self.resolve(at)?;
        if let rlx_grammar::ast::ExprKind::List(items) = &at.expr.node {
            let mut names: Vec<String> = Vec::new();
            for item in items {
                for name in self.trainings_named(at.with(item))? {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            if names.is_empty() {
                let diagnostic = Diagnostic::error("rlx::model::none", "the list names no training");
                let diagnostic = self.at(diagnostic, at.place(), "empty");
                self.report(diagnostic);
                return None;
            }
            return Some(names);
        }
        let mut names = Vec::new();
        for entity in self.entities(at, &[Keyword::Train, Keyword::Distill], "a training")? {
            names.push(self.training(entity.id)?.training.name);
        }
        Some(names)
    }
}
