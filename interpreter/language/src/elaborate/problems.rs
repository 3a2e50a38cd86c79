//! Problem sets: `data` and `benchmark`.

use indexmap::IndexMap;
use rlx_grammar::ast::{ExprKind, Keyword};

use super::entries::{Entity, Entries, Nested, word};
use super::model::Location;
use super::read::{Checked, Owner};
use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::schema::{self, Type};
use crate::study::{Judge, ProblemSet, ProblemSource, Prompt};

/// Below this the search for puzzles that need division takes practically for ever.
const RAREST_DIVISION: f64 = 0.01;

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
        let exclude = self.exclude(&checked, owner);
        if !checked.is_whole() {
            return None;
        }
        let source = source?;
        let judge = match checked.word("judge")? {
            "number" => Judge::Number,
            "math" => Judge::Math,
            _ => Judge::Countdown,
        };
        let task = matches!(source, ProblemSource::Task { .. });
        if task && judge != Judge::Countdown {
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
        let set = ProblemSet {
            name: key.clone(),
            source,
            problem: checked.text("problem")?,
            answer: if task { None } else { Some(checked.text("answer")?) },
            response: checked.maybe_text("response")?,
            id: checked.maybe_text("id")?,
            prompt: prompt?,
            judge,
            limit: checked.maybe_count("limit")?,
            skip,
            size,
            exclude: exclude?,
        };
        self.problem_sets.insert(key.clone(), set);
        Some(key)
    }

    fn problem_source(
        &mut self,
        checked: &Checked<'a>,
        keyword: Keyword,
        owner: &Owner,
    ) -> Option<ProblemSource> {
        let (at, nested) = checked
            .reference("source")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        if let Some((task, entries)) = self.form(at, &nested, &["countdown"]) {
            for field in ["config", "split", "problem", "answer", "response", "id"] {
                self.no_column(checked, field, task);
            }
            let inner = Owner {
                path: format!("{}.source", owner.path),
                what: format!("`{task}`"),
                place: at.place(),
                module: owner.module,
            };
            let options = self.read(&schema::COUNTDOWN, entries, &inner);
            return self.task(task, &options);
        }
        match self.location(at, "source", &["jsonl", "json", "csv"]) {
            Ok(Location::Hub { repo, revision }) => {
                let split = checked.maybe_text("split")?.unwrap_or_else(|| {
                    let split = if keyword == Keyword::Benchmark {
                        "test"
                    } else {
                        "train"
                    };
                    self.computed(&format!("{}.split", owner.path), super::leaf::quoted(split), None);
                    split.to_owned()
                });
                Some(ProblemSource::Hub {
                    repo,
                    revision,
                    config: checked.maybe_text("config")?,
                    split,
                })
            }
            Ok(Location::Path(path)) => {
                for field in ["config", "split"] {
                    self.no_column(checked, field, "file");
                }
                Some(ProblemSource::Path { path })
            }
            Err(Fail::Reported) => None,
            Err(Fail::Kind) => {
                self.mismatch(
                    at,
                    "source",
                    &Type::Reference(
                        "\"hf:org/name\", a path such as \"./problems.jsonl\", or `countdown { seed = … }`",
                    ),
                );
                None
            }
        }
    }

    /// Columns, configurations and splits belong to files and the hub: elsewhere they would be read by nobody.
    fn no_column(&mut self, checked: &Checked<'a>, field: &str, source: &str) {
        if checked.is_default(field) || matches!(checked.typed(field), Some(super::read::Typed::Absent)) {
            return;
        }
        // A path put in the place of a hub's source (`--set x.source=…`) leaves these to no use, which is no slip.
        if source == "file" && self.source_replaced(checked) {
            return;
        }
        let diagnostic =
            Diagnostic::error("rlx::field::inapplicable", format!("a {source} has no `{field}`"));
        let diagnostic = self.at(diagnostic, checked.place(field), "read by nobody");
        let diagnostic = self
            .at(diagnostic, checked.place("source"), "because of this source")
            .help("leave it out");
        self.report(diagnostic);
    }

    fn source_replaced(&self, checked: &Checked<'a>) -> bool {
        checked
            .reference("source")
            .is_some_and(|(at, _)| at.site.via != super::Via::Written || at.site.file != checked.place.file)
    }

    fn task(&mut self, task: &str, options: &Checked<'a>) -> Option<ProblemSource> {
        if !options.is_whole() {
            return None;
        }
        let numbers = options.maybe_count("numbers")?;
        if let Some(wrong) = numbers.filter(|numbers| !(3..=4).contains(numbers)) {
            let diagnostic = Diagnostic::error(
                "rlx::value::range",
                format!("`numbers` is 3 or 4, and this is {wrong}"),
            );
            let diagnostic = self
                .at(diagnostic, options.place("numbers"), "out of range")
                .help("leave it out to mix both");
            self.report(diagnostic);
            return None;
        }
        if options.boolean("requires_division")? && options.number("division")? < RAREST_DIVISION {
            let diagnostic = Diagnostic::error("rlx::value::range", "hardly any puzzle is left that divides");
            let diagnostic = self.at(diagnostic, options.place("division"), "drops those that divide");
            let diagnostic = self
                .at(diagnostic, options.place("requires_division"), "keeps only those")
                .help("raise `division` to 1% or more");
            self.report(diagnostic);
            return None;
        }
        let truth = |value: bool| if value { 1.0 } else { 0.0 };
        let values = IndexMap::from([
            ("clean".to_owned(), options.number("clean")?),
            ("division".to_owned(), options.number("division")?),
            ("numbers".to_owned(), numbers.unwrap_or(0) as f64),
            (
                "requires_division".to_owned(),
                truth(options.boolean("requires_division")?),
            ),
            ("distinct".to_owned(), truth(options.boolean("distinct")?)),
        ]);
        Some(ProblemSource::Task {
            task: task.to_owned(),
            options: values,
            seed: options.count("seed")?,
        })
    }

    fn prompt(&mut self, checked: &Checked<'a>, owner: &Owner) -> Option<Prompt> {
        let (at, nested) = checked
            .reference("prompt")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        let value = self.resolve(at)?;
        let (prompt, place) = if let (ExprKind::Text(text), true) = (&value.expr.node, nested.is_empty()) {
            (
                Prompt {
                    template: text.clone(),
                    chat: false,
                    system: None,
                },
                value.place(),
            )
        } else {
            let Ok(mut entries) = self.record(at).map_err(|fail| {
                if fail == Fail::Kind {
                    self.mismatch(
                        at,
                        "prompt",
                        &Type::Reference(
                            "a text with `{problem}` in it, or a record of template, chat and system",
                        ),
                    );
                }
            }) else {
                return None;
            };
            self.overlay_nested(&mut entries, &nested);
            let inner = Owner {
                path: format!("{}.prompt", owner.path),
                what: "`prompt`".into(),
                place: at.place(),
                module: owner.module,
            };
            let read = self.read(&schema::PROMPT, entries, &inner);
            if !read.is_whole() {
                return None;
            }
            let prompt = Prompt {
                template: read.text("template")?,
                chat: read.boolean("chat")?,
                system: read.maybe_text("system")?,
            };
            if prompt.system.is_some() && !prompt.chat {
                let diagnostic = Diagnostic::error("rlx::prompt::system", "only a chat has a system message");
                let diagnostic = self.at(diagnostic, read.place("system"), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, read.place("chat"), "no chat")
                    .help("write `chat = true`, or put the text into the template");
                self.report(diagnostic);
                return None;
            }
            (prompt, read.place("template"))
        };
        self.check_template(&prompt.template, place)?;
        Some(prompt)
    }

    /// `{problem}` must occur, and no other `{name}`. `{}`, `{1}` and `{{name}}` are text.
    fn check_template(&mut self, template: &str, place: Place) -> Option<()> {
        let mut found = false;
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let inner = &rest[at + 1..];
            let (open, close) = if inner.starts_with('{') {
                ("{", "}}")
            } else {
                ("", "}")
            };
            let name = &inner[open.len()..];
            let length = name
                .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
                .unwrap_or(name.len());
            let after = name[length..].strip_prefix(close).filter(|_| length > 0);
            if let (Some(_), true) = (after, open.is_empty()) {
                let name = &name[..length];
                if name != "problem" {
                    let diagnostic = Diagnostic::error(
                        "rlx::prompt::placeholder",
                        format!("a prompt knows no `{{{name}}}`"),
                    );
                    let diagnostic = self.at(diagnostic, place, "unknown placeholder").help(format!(
                        "the problem's text is `{{problem}}`; for the letters themselves write `{{{{{name}}}}}`"
                    ));
                    self.report(diagnostic);
                    return None;
                }
                found = true;
            }
            rest = after.unwrap_or(inner);
        }
        if !found {
            let diagnostic =
                Diagnostic::error("rlx::prompt::placeholder", "the prompt does not hold the problem");
            let diagnostic = self
                .at(diagnostic, place, "no `{problem}` in it")
                .help("write `{problem}` where the problem's text goes");
            self.report(diagnostic);
            return None;
        }
        Some(())
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
            let entity = self.entity(item, &[Keyword::Data, Keyword::Benchmark], "a problem set")?;
            let path = format!("{}.exclude.{}", owner.path, index + 1);
            let key = self.problems_of_entity(&entity, &[], &path)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Some(keys)
    }

    /// How many problems a set has, where that can be said without reading it.
    pub(super) fn known_problems(&self, key: &str) -> Option<u64> {
        let set = self.problem_sets.get(key)?;
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
