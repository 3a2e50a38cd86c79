//! Searches for a temperature, and the temperatures that are read from them.

use rlx_grammar::ast::{ExprKind, Keyword};

use super::checked::{Checked, Owner};
use super::distill::sampling;
use super::entries::Entries;
use super::{Elaborator, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::DeclId;
use crate::schema;
use crate::study::{Quantity, Sampling, Search, Temperature};

impl<'a> Elaborator<'a> {
    /// The name of a search that fits; None where it does not (reported).
    pub(super) fn search(&mut self, id: DeclId) -> Option<String> {
        if let Some(done) = self.search_of.get(&id) {
            return done.clone();
        }
        if let Some(start) = self.active.iter().position(|active| *active == id) {
            let circle = self.active[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        let entries = self.entries_of_declaration(id);
        self.active.push(id);
        let search = entries.and_then(|entries| {
            let key = self.key(id);
            let owner = self.owner(id, &key);
            self.build_search(entries, &owner)
        });
        self.active.pop();
        let name = search.as_ref().map(|search| search.name.clone());
        if let Some(search) = search {
            self.searches.insert(search.name.clone(), search);
        }
        self.search_of.insert(id, name.clone());
        name
    }

    fn build_search(&mut self, entries: Entries<'a>, owner: &Owner) -> Option<Search> {
        let checked = self.read(&schema::SEARCH, entries, owner);
        let nested = |field: &str| checked.reference(field).map(|(at, nested)| (at, nested.to_vec()));
        let model = nested("model").and_then(|(at, nested)| {
            self.no_change("model", &nested)?;
            let model = self.one_model(at, &format!("{}.model", owner.path), None)?;
            let mend = "name a model that lies here or on the hub";
            self.needs_weights(
                &model,
                at.place(),
                "the entropy is that of probabilities from weights",
                mend,
            )?;
            Some(model)
        });
        let benchmark = nested("benchmark").and_then(|(at, nested)| {
            let path = format!("{}.benchmark", owner.path);
            let kinds = [Keyword::Benchmark, Keyword::Data];
            self.use_problems(at, &nested, &path, &kinds, "a benchmark")
        });
        let target = nested("target").and_then(|(at, nested)| {
            self.no_change("target", &nested)?;
            self.target(at, &owner.path)
        });
        if let Some(key) = benchmark.as_ref().filter(|key| self.is_endless(key)) {
            let why = "a search draws samples of all its problems";
            self.endless(checked.place("benchmark"), key, why);
            return None;
        }
        if !checked.is_whole() {
            return None;
        }
        let (model, benchmark, target) = (model?, benchmark?, target?);
        let record = checked.record("sampling")?;
        let found = Temperature::Found {
            search: owner.path.clone(),
        };
        let sampling = sampling(record, found)?;
        self.check_vision(&model, checked.place("model"), &benchmark)?;
        self.check_context(&model, sampling.max_tokens, record.place("max_tokens"))?;
        self.warn_room(
            &model,
            &benchmark,
            sampling.max_tokens,
            record.place("max_tokens"),
        );
        Some(Search {
            name: owner.path.clone(),
            model,
            benchmark,
            sampling,
            samples: checked.count("samples")?,
            seed: self.seed_of(&checked, owner)?,
            target,
            between: checked.pair("between")?,
            within: checked.number("within")?,
            looks: checked.count("looks")?,
        })
    }

    /// What is looked for: made of entropies and numbers.
    fn target(&mut self, at: Sited<'a>, path: &str) -> Option<Quantity> {
        let target = self.quantity(at, path)?;
        if !is_entropy(&target) {
            let diagnostic = Diagnostic::error(
                "rlx::search::target",
                "a search looks for an entropy, and this is something else",
            );
            let diagnostic = self
                .at(diagnostic, at.place(), "no entropy")
                .help("write `entropy(EVALUATION, MODEL)`, or a number of nats a token");
            self.report(diagnostic);
            return None;
        }
        if let Quantity::Number { value } | Quantity::Published { value, .. } = target
            && value <= 0.0
        {
            let diagnostic = Diagnostic::error(
                "rlx::search::target",
                format!("no temperature above 0 has an entropy of {value}"),
            );
            let diagnostic = self
                .at(diagnostic, at.place(), "not above 0")
                .help("entropy is a number of nats a token above 0");
            self.report(diagnostic);
            return None;
        }
        Some(target)
    }

    /// The searches that a name, a family or a list names, each once.
    pub(super) fn searches_named(&mut self, at: Sited<'a>) -> Option<Vec<String>> {
        let at = self.resolve(at)?;
        let mut names: Vec<String> = Vec::new();
        if let ExprKind::List(items) = &at.expr.node {
            for item in items {
                for name in self.searches_named(at.with(item))? {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            if names.is_empty() {
                let diagnostic = Diagnostic::error("rlx::model::none", "the list names no search");
                let diagnostic = self.at(diagnostic, at.place(), "empty");
                self.report(diagnostic);
                return None;
            }
            return Some(names);
        }
        for entity in self.entities(at, &[Keyword::Search], "a search")? {
            if !entity.changes.is_empty() {
                let diagnostic = Diagnostic::error(
                    "rlx::type::mismatch",
                    "a search cannot be changed where it is read",
                );
                let diagnostic = self
                    .at(diagnostic, at.place(), "changed here")
                    .help("declare another one: `search NAME = OTHER { … }`");
                self.report(diagnostic);
                return None;
            }
            names.push(self.search(entity.id)?);
        }
        Some(names)
    }

    /// How an evaluation draws: at a number, or at what a search finds.
    pub(super) fn sampling(&mut self, record: &Checked<'a>) -> Option<Sampling> {
        let temperature = match record.reference("temperature") {
            None => Temperature::Fixed(record.number("temperature")?),
            Some((at, _)) => {
                let names = self.searches_named(at)?;
                let [search] = names.as_slice() else {
                    let diagnostic = Diagnostic::error(
                        "rlx::type::mismatch",
                        format!("one temperature is wanted here, and these are {}", names.len()),
                    );
                    let diagnostic = self
                        .at(diagnostic, at.place(), "several searches")
                        .help("name one of them: `matched[aime24]`");
                    self.report(diagnostic);
                    return None;
                };
                Temperature::Found {
                    search: search.clone(),
                }
            }
        };
        sampling(record, temperature)
    }

    /// A teacher draws at a number.
    pub(super) fn no_search_here<T>(&mut self, record: &Checked<'a>) -> Option<T> {
        if record.reference("temperature").is_some() {
            let diagnostic = Diagnostic::error(
                "rlx::type::mismatch",
                "a teacher's responses are drawn at a temperature that the study says",
            );
            let diagnostic = self
                .at(diagnostic, record.place("temperature"), "not a number")
                .help("write a number; an evaluation can read the temperature of a search");
            self.report(diagnostic);
        }
        None
    }
}

/// Made of entropies, numbers and published numbers alone.
fn is_entropy(quantity: &Quantity) -> bool {
    match quantity {
        Quantity::Entropy { .. } | Quantity::Number { .. } | Quantity::Published { .. } => true,
        Quantity::Largest { of } | Quantity::Smallest { of } => of.iter().all(is_entropy),
        Quantity::Add { left, right }
        | Quantity::Subtract { left, right }
        | Quantity::Multiply { left, right }
        | Quantity::Divide { left, right } => is_entropy(left) && is_entropy(right),
        _ => false,
    }
}
