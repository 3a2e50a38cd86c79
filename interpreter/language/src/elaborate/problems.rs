//! Problem sets: `data` and `benchmark`.

use rlx_grammar::ast::{ExprKind, Keyword};

use super::checked::{Checked, Owner, Typed};
use super::claim::evaluations;
use super::entries::{Entity, Entries, Nested, word};
use super::{Elaborator, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::schema;
use crate::sources::join;
use crate::study::{CodeColumns, Judge, JudgeProgram, ModelRef, ProblemSet, ProblemSource, ProblemsExpr};

impl<'a> Elaborator<'a> {
    /// The key of a declared problem set.
    pub(super) fn problems(&mut self, id: DeclId) -> Option<String> {
        if let Some(done) = self.problems_of.get(&id) {
            return done.clone();
        }
        if let Some(start) = self.active.iter().position(|active| *active == id) {
            let circle = self.active[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        self.binding_leaf_if_value(id);
        let entries = self.entries_of_declaration(id);
        self.active.push(id);
        let key = entries.and_then(|entries| {
            let key = self.key(id);
            let owner = self.owner(id, &key);
            self.build_problems(entries, &owner, self.program.keyword(id), key)
        });
        self.active.pop();
        self.problems_of.insert(id, key.clone());
        key
    }

    /// The problem set that a field names, changed on the spot perhaps. It counts as used.
    pub(super) fn use_problems(
        &mut self,
        at: Sited<'a>,
        nested: &[Nested<'a>],
        path: &str,
        kinds: &[Keyword],
        wanted: &str,
    ) -> Option<String> {
        let entity = self.entity(at, kinds, wanted)?;
        let key = self.problems_of_entity(&entity, nested, path)?;
        self.mark_used(&key);
        Some(key)
    }

    fn problems_of_entity(
        &mut self,
        entity: &Entity<'a>,
        nested: &[Nested<'a>],
        path: &str,
    ) -> Option<String> {
        if entity.changes.is_empty() && nested.is_empty() {
            return self.problems(entity.id);
        }
        let entries = self.entries_of_entity(entity, nested)?;
        let keyword = self.program.keyword(entity.id);
        let what = format!("`{}` here", self.program.declaration(entity.id).name.node);
        let owner = Owner {
            path: path.to_owned(),
            what,
            place: entity.place,
            module: entity.id.module,
        };
        let key = self.build_problems(entries, &owner, keyword, path.to_owned())?;
        self.unnamed.push((key.clone(), entity.id));
        Some(key)
    }

    fn mark_used(&mut self, key: &str) {
        if self.used_sets.insert(key.to_owned()) {
            let inner = self
                .problem_sets
                .get(key)
                .map(|set| set.exclude.clone())
                .unwrap_or_default();
            for key in inner {
                self.mark_used(&key);
            }
        }
    }

    fn build_problems(
        &mut self,
        entries: Entries<'a>,
        owner: &Owner,
        keyword: Keyword,
        key: String,
    ) -> Option<String> {
        let schema = if keyword == Keyword::Benchmark {
            &schema::BENCHMARK
        } else {
            &schema::DATA
        };
        let checked = self.read(schema, entries, owner);
        let source = self.problem_source(&checked, keyword, owner);
        let prompt = self.prompt(&checked, owner);
        let filter = self.filter(&checked);
        let image = self.image(&checked);
        let among = self.among(&checked);
        let exclude = self.exclude(&checked, owner);
        if !checked.is_whole() {
            return None;
        }
        let source = source?;
        let judge = match checked.word("judge")? {
            "number" => Judge::Number,
            "math" => Judge::Math,
            "math_paper" => Judge::MathPaper,
            "choice" => Judge::Choice,
            "exact" => Judge::Exact,
            "code" => Judge::Code,
            "command" => Judge::Command,
            _ => Judge::Countdown,
        };
        let task = matches!(source, ProblemSource::Task { .. });
        let puzzle = matches!(&source, ProblemSource::Task { task, .. } if task == "countdown");
        if task && !puzzle && matches!(judge, Judge::Countdown | Judge::Code | Judge::Choice) {
            let diagnostic = Diagnostic::error("rlx::data::judge", "this task has one number as its answer");
            let diagnostic = self.at(diagnostic, checked.place("judge"), "compares no numbers");
            let diagnostic = self
                .at(diagnostic, checked.place("source"), "the task")
                .help("write `judge = number` or `judge = math`");
            self.report(diagnostic);
            return None;
        }
        if puzzle && judge != Judge::Countdown {
            let diagnostic = Diagnostic::error(
                "rlx::data::judge",
                "a countdown puzzle has no gold answer to compare with",
            );
            let diagnostic = self.at(diagnostic, checked.place("judge"), "compares with a gold answer");
            let diagnostic = self
                .at(diagnostic, checked.place("source"), "the task")
                .help("write `judge = countdown`");
            self.report(diagnostic);
            return None;
        }
        for name in ["setup", "entry_point", "starter_code", "hidden", "time", "memory"] {
            let written = match name {
                "time" | "memory" => checked.maybe_count(name)?.is_some(),
                name => checked.maybe_text(name)?.is_some(),
            };
            let limits = judge == Judge::Command && matches!(name, "time" | "memory");
            if judge != Judge::Code && written && !limits {
                let message = format!("`{name}` belongs to problems that ask for a program");
                let diagnostic = Diagnostic::error("rlx::data::judge", message);
                let diagnostic = self.at(diagnostic, checked.place(name), "is never read");
                let diagnostic = self
                    .at(diagnostic, checked.place("judge"), "runs no program")
                    .help(format!("write `judge = code`, or leave `{name}` out"));
                self.report(diagnostic);
                return None;
            }
        }
        let (prompt, image, precision) = (prompt?, image?, checked.maybe_text("precision")?);
        if !image.is_empty() && !prompt.chat {
            let diagnostic = Diagnostic::error(
                "rlx::data::picture",
                "pictures are shown in a chat, and this prompt is none",
            );
            let diagnostic = self.at(diagnostic, checked.place("image"), "pictures");
            let diagnostic = self.at(diagnostic, checked.place("prompt"), "plain text").help(
                "write `{ template = …, chat = true }`: the model's chat template has a place for pictures",
            );
            self.report(diagnostic);
            return None;
        }
        let command = self.judge_program(&checked, judge)?;
        let (among, id) = (among?, checked.maybe_text("id")?);
        self.check_among(&checked, &among, &source, &id)?;
        if precision.is_some() && !matches!(judge, Judge::Number | Judge::Math | Judge::Command) {
            let diagnostic = Diagnostic::error(
                "rlx::data::judge",
                "this judge compares nothing to decimal places",
            );
            let diagnostic = self.at(diagnostic, checked.place("precision"), "is never read");
            let diagnostic = self
                .at(diagnostic, checked.place("judge"), "rounds nothing")
                .help("write `judge = math` or `judge = number`, or leave `precision` out");
            self.report(diagnostic);
            return None;
        }
        let (skip, size) = (checked.count("skip")?, checked.maybe_count("size")?);
        if let Some(size) = size.filter(|size| skip >= *size) {
            let diagnostic = Diagnostic::error(
                "rlx::data::empty",
                format!("no problem is left: {skip} of {size} are skipped"),
            );
            let diagnostic = self.at(diagnostic, checked.place("skip"), "skips them all");
            let diagnostic = self.at(diagnostic, checked.place("size"), "all there are");
            self.report(diagnostic);
            return None;
        }
        self.check_limit(&checked, size, skip)?;
        let set = ProblemSet {
            name: key.clone(),
            source,
            problem: checked.text("problem")?,
            answer: if task { None } else { Some(checked.text("answer")?) },
            response: checked.maybe_text("response")?,
            id,
            prompt,
            judge,
            limit: checked.maybe_count("limit")?,
            skip,
            size,
            exclude: exclude?,
            licence: checked.maybe_text("licence")?,
            filter: filter?,
            shuffle: checked.maybe_count("shuffle")?,
            among,
            image,
            precision,
            code: match judge {
                Judge::Code => Some(CodeColumns {
                    setup: checked.maybe_text("setup")?,
                    entry_point: checked.maybe_text("entry_point")?,
                    starter_code: checked.maybe_text("starter_code")?,
                    hidden: checked.maybe_text("hidden")?,
                    completion: checked.boolean("completion")?,
                    time: checked.maybe_count("time")?,
                    memory: checked.maybe_count("memory")?,
                }),
                _ => None,
            },
            command,
        };
        self.problem_sets.insert(key.clone(), set);
        Some(key)
    }

    /// The set of problems that this one is a part of.
    fn among(&mut self, checked: &Checked<'a>) -> Option<Option<ProblemsExpr>> {
        let Typed::Reference(at, nested) = checked.typed("among")? else {
            return Some(None);
        };
        let at = *at;
        if let Some(first) = nested.first() {
            let place = first.value;
            self.mismatch_with(place, "among", "a set of problems");
            return None;
        }
        let set = self.problems_expr(at, "among")?;
        self.one_evaluation(&set, at)?;
        if let Some((evaluation, _)) = set.models().first() {
            self.decides_alone(evaluation, at.place())?;
        }
        Some(Some(set))
    }

    /// Problems are the same where their ids are, so both sets have to take their ids from the same rows.
    fn check_among(
        &mut self,
        checked: &Checked<'a>,
        among: &Option<ProblemsExpr>,
        source: &ProblemSource,
        id: &Option<String>,
    ) -> Option<()> {
        let Some(set) = among else { return Some(()) };
        let mut names = Vec::new();
        evaluations(set, &mut names);
        let asked = names
            .first()
            .and_then(|name| self.evaluations.get(*name))
            .and_then(|evaluation| self.problem_sets.get(&evaluation.benchmark));
        let asked = asked?;
        if asked.source == *source && asked.id == *id {
            return Some(());
        }
        let name = asked.name.clone();
        let diagnostic = Diagnostic::error(
            "rlx::data::among",
            format!("`{name}`, on which this set of problems was measured, has other problems"),
        );
        let diagnostic = self.at(
            diagnostic,
            checked.place("among"),
            "problems of another source, or with other ids",
        );
        let diagnostic = self
            .at(diagnostic, checked.place("source"), "the problems here")
            .help("measure on the set that this one is an update of: same `source`, `split` and `id`");
        self.report(diagnostic);
        None
    }

    /// The program that judges, with `judge = command` and only there; the outer None where something was reported.
    fn judge_program(&mut self, checked: &Checked<'a>, judge: Judge) -> Option<Option<JudgeProgram>> {
        let written = checked.maybe_text("program")?;
        let named = written.is_some();
        let (message, label, help) = match (judge == Judge::Command, written) {
            (false, None) => return Some(None),
            (false, Some(_)) => (
                "a program that nobody asks",
                "is never read",
                "write `judge = command`, or leave `program` out",
            ),
            (true, None) => (
                "`judge = command` asks a program, and none is named",
                "which program?",
                "write `program = \"./judge.py\"`",
            ),
            (true, Some(name)) if !name.ends_with(".py") => (
                "the program that judges is run by Python",
                "no `.py` file",
                "write the judge in Python 3; it may be a few lines that read JSON from standard input and print JSON",
            ),
            (true, Some(name)) => {
                let file = &self.program.source(checked.place("program").file).name;
                let base = if file.starts_with("--set ") { "" } else { file };
                return Some(Some(JudgeProgram {
                    path: join(base, &name),
                    time: checked.maybe_count("time")?,
                    memory: checked.maybe_count("memory")?,
                }));
            }
        };
        let place = checked.place(if named { "program" } else { "judge" });
        let diagnostic = Diagnostic::error("rlx::data::judge", message);
        let diagnostic = self.at(diagnostic, place, label).help(help);
        self.report(diagnostic);
        None
    }

    /// Columns with pictures; none where there are none.
    fn image(&mut self, checked: &Checked<'a>) -> Option<Vec<String>> {
        let Typed::Reference(at, nested) = checked.typed("image")? else {
            return Some(Vec::new());
        };
        let at = *at;
        let wanted = "a column, or a list of columns of which the first that a row has counts";
        if let Some(first) = nested.first() {
            let place = first.value;
            self.mismatch_with(place, "image", wanted);
            return None;
        }
        let at = self.resolve(at)?;
        let items: Vec<Sited<'a>> = match &at.expr.node {
            ExprKind::List(items) if !items.is_empty() => items.iter().map(|item| at.with(item)).collect(),
            _ => vec![at],
        };
        let mut columns = Vec::new();
        for item in items {
            let item = self.resolve(item)?;
            let ExprKind::Text(column) = &item.expr.node else {
                self.mismatch_with(item, "image", wanted);
                return None;
            };
            columns.push(column.clone());
        }
        Some(columns)
    }

    /// Nothing learns from pictures yet: a training on a set that has them is refused.
    pub(super) fn check_text_only(&mut self, place: Place, key: &str) -> Option<()> {
        if self.problem_sets.get(key).is_none_or(|set| set.image.is_empty()) {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::data::picture",
            format!("`{key}` shows pictures, and no training reads them"),
        );
        let diagnostic = self
            .at(diagnostic, place, "has `image`")
            .help("evaluate models on it, or train on problems that are text");
        self.report(diagnostic);
        None
    }

    /// A model without eyes would answer problems whose pictures it never saw.
    pub(super) fn check_vision(&mut self, model: &ModelRef, place: Place, benchmark: &str) -> Option<()> {
        let shows = |set: &ProblemSet| !set.image.is_empty();
        if !self.problem_sets.get(benchmark).is_some_and(shows) || self.reads_pictures(model) {
            return Some(());
        }
        let label = model.label();
        let diagnostic = Diagnostic::error(
            "rlx::model::vision",
            format!("`{benchmark}` shows pictures, and `{label}` reads none"),
        );
        let diagnostic = self.at(diagnostic, place, "reads text only").help(format!(
            "write `vision = true` in the model that `{label}` is or comes from if it reads pictures; \
             `std.models.qwen2_5_vl_7b_instruct` does"
        ));
        self.report(diagnostic);
        None
    }

    fn reads_pictures(&self, model: &ModelRef) -> bool {
        match model {
            // Who drew recorded responses has seen the pictures, or has not: here nothing reads them.
            ModelRef::Model { name } => self.models.get(name).is_some_and(|info| {
                info.model.vision || matches!(info.model.source, crate::ModelSource::Responses { .. })
            }),
            ModelRef::Checkpoint { training, .. } => self
                .trainings
                .get(training)
                .is_some_and(|training| self.reads_pictures(&training.start)),
        }
    }

    fn exclude(&mut self, checked: &Checked<'a>, owner: &Owner) -> Option<Vec<String>> {
        let (at, nested) = checked
            .reference("exclude")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        if let Some(first) = nested.first() {
            let path = format!("{}.exclude", owner.path);
            self.mismatch_with(first.value, &path, "problem sets");
            return None;
        }
        let at = self.resolve(at)?;
        let items: Vec<Sited<'a>> = match &at.expr.node {
            ExprKind::List(items) => items.iter().map(|item| at.with(item)).collect(),
            _ => vec![at],
        };
        let mut keys: Vec<String> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let kinds = [Keyword::Data, Keyword::Benchmark];
            for entity in self.entities(item, &kinds, "a problem set")? {
                let path = format!("{}.exclude.{}", owner.path, index + 1);
                let key = self.problems_of_entity(&entity, &[], &path)?;
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Some(keys)
    }

    /// How many problems a set has, where that can be said without reading it.
    pub(super) fn known_problems(&self, key: &str) -> Option<u64> {
        let set = self.problem_sets.get(key)?;
        // How many an evaluation leaves is known when it is judged.
        if set.among.is_some() {
            return None;
        }
        let task = matches!(set.source, ProblemSource::Task { .. });
        match (set.size, set.limit) {
            (Some(size), limit) => Some(size.saturating_sub(set.skip).min(limit.unwrap_or(u64::MAX))),
            (None, Some(limit)) if task => Some(limit),
            _ => None,
        }
    }

    /// A task goes on for ever unless the set says where to end.
    pub(super) fn is_endless(&self, key: &str) -> bool {
        self.problem_sets.get(key).is_some_and(|set| {
            matches!(set.source, ProblemSource::Task { .. }) && set.size.is_none() && set.limit.is_none()
        })
    }

    /// Unnamed sets get the name of what they change where no other set of the study has it.
    pub(super) fn name_problem_sets(&mut self) {
        let used = std::mem::take(&mut self.used_sets);
        self.problem_sets.retain(|key, _| used.contains(key));
        self.unnamed.retain(|(key, _)| used.contains(key));
        let mut names: Vec<(String, String)> = Vec::new();
        for (key, base) in &self.unnamed {
            let name = self.program.declaration(*base).name.node.clone();
            let alone = self
                .unnamed
                .iter()
                .filter(|(_, other)| self.program.declaration(*other).name.node == name)
                .count()
                == 1;
            if alone && !self.problem_sets.contains_key(&name) {
                names.push((key.clone(), name));
            }
        }
        let rename = |key: &mut String| {
            if let Some((_, name)) = names.iter().find(|(old, _)| old == key) {
                key.clone_from(name);
            }
        };
        let sets = std::mem::take(&mut self.problem_sets);
        self.problem_sets = sets
            .into_iter()
            .map(|(mut key, mut set)| {
                rename(&mut key);
                rename(&mut set.name);
                set.exclude.iter_mut().for_each(rename);
                (key, set)
            })
            .collect();
        self.trainings
            .values_mut()
            .for_each(|training| rename(&mut training.data));
        self.evaluations
            .values_mut()
            .for_each(|evaluation| rename(&mut evaluation.benchmark));
    }

    /// Reports that a set goes on for ever where an end is needed.
    pub(super) fn endless(&mut self, place: Place, key: &str, why: &str) {
        let diagnostic = Diagnostic::error("rlx::data::endless", format!("`{key}` never ends, and {why}"));
        let diagnostic = self
            .at(diagnostic, place, "never ends")
            .help("say how many problems it has: `size = 64 problems`");
        self.report(diagnostic);
    }

    pub(super) fn contaminated(&mut self, at: Sited<'a>, entity: &Entity<'a>) {
        let name = self.program.declaration(entity.id).name.node.clone();
        let kind = word(self.program.keyword(entity.id));
        let diagnostic = Diagnostic::error(
            "rlx::data::contamination",
            format!("`{name}` is {kind}: nothing is trained on it"),
        );
        let diagnostic = self.at(diagnostic, at.place(), "trained on here");
        let diagnostic = self
            .at(
                diagnostic,
                self.name_place(entity.id),
                format!("declared as {kind}"),
            )
            .help("what is measured must not be trained on; declare the training problems as `data`");
        self.report(diagnostic);
    }
}
