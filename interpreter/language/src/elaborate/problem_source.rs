//! Where problems come from: the hub, a file, a task.

use indexmap::IndexMap;
use rlx_grammar::ast::Keyword;

use super::checked::{Checked, Owner, Typed};
use super::model::Location;
use super::{Elaborator, Fail};
use crate::diagnostic::Diagnostic;
use crate::schema::{self, Type};
use crate::study::ProblemSource;

/// Below this the search for puzzles that need division takes practically for ever.
const RAREST_DIVISION: f64 = 0.01;

impl<'a> Elaborator<'a> {
    pub(super) fn problem_source(
        &mut self,
        checked: &Checked<'a>,
        keyword: Keyword,
        owner: &Owner,
    ) -> Option<ProblemSource> {
        let (at, nested) = checked
            .reference("source")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        if let Some((task, entries)) = self.form(at, &nested, &schema::TASKS.map(|task| task.name)) {
            for field in [
                "config",
                "split",
                "problem",
                "answer",
                "response",
                "id",
                "filter",
                "shuffle",
                "image",
                "precision",
            ] {
                self.no_column(checked, field, task);
            }
            let inner = Owner {
                path: format!("{}.source", owner.path),
                what: format!("`{task}`"),
                place: at.place(),
                module: owner.module,
            };
            let schema = schema::TASKS.into_iter().find(|schema| schema.name == task)?;
            let options = self.read(schema, entries, &inner);
            return match task {
                "countdown" => self.task(task, &options),
                task => self.numbers_task(task, &options),
            };
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
        if checked.is_default(field) || matches!(checked.typed(field), Some(Typed::Absent)) {
            return;
        }
        // A path put in the place of a hub's source (`--set x.source=…`, or an update of a set of another file) leaves these
        // to no use, which is no slip.
        if source == "file" && self.source_replaced(checked, field) {
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

    fn source_replaced(&self, checked: &Checked<'a>, field: &str) -> bool {
        checked.reference("source").is_some_and(|(at, _)| {
            at.site.via != super::Via::Written || at.site.file != checked.place(field).file
        })
    }

    /// A task with one number as the answer.
    fn numbers_task(&mut self, task: &str, options: &Checked<'a>) -> Option<ProblemSource> {
        if !options.is_whole() {
            return None;
        }
        let mut values = IndexMap::new();
        for (name, most) in [("digits", 6), ("terms", 8)] {
            let Some(count) = options.slots.get(name).and_then(|_| options.count(name)) else {
                continue;
            };
            if count > most {
                let diagnostic = Diagnostic::error(
                    "rlx::value::range",
                    format!("`{name}` is at most {most}, and this is {count}"),
                );
                let diagnostic = self
                    .at(diagnostic, options.place(name), "out of range")
                    .help("longer problems are better taken from a file");
                self.report(diagnostic);
                return None;
            }
            values.insert(name.to_owned(), count as f64);
        }
        Some(ProblemSource::Task {
            task: task.to_owned(),
            options: values,
            seed: options.count("seed")?,
        })
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
}
