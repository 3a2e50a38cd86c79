//! The fields of a record or a declaration, before they are typed: what was written last, and what it replaced.

use indexmap::IndexMap;
use rlx_grammar::ast::{ExprKind, Field, Keyword};

use super::scope::{Content, DEEPEST};
use super::{Elaborator, Fail, Site, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::study::Origin;

/// A value for something inside a field: `sampling.max_tokens = 512`.
#[derive(Debug, Clone)]
pub(super) struct Nested<'a> {
    pub(super) path: &'a [rlx_grammar::ast::Ident],
    pub(super) value: Sited<'a>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// None where only something inside the field was written.
    pub(super) value: Option<Sited<'a>>,
    /// Where the field's name is written.
    pub(super) name: Place,
    pub(super) nested: Vec<Nested<'a>>,
    /// What the value replaced, nearest first.
    pub(super) overrode: Vec<Origin>,
}

pub(super) type Entries<'a> = IndexMap<&'a str, Entry<'a>>;

/// A named thing, perhaps with changes: `grpo { kl = none }`.
#[derive(Debug, Clone)]
pub(super) struct Entity<'a> {
    pub(super) id: DeclId,
    /// Changes, innermost first.
    pub(super) changes: Vec<(&'a [Field], Site)>,
    pub(super) place: Place,
}

impl<'a> Elaborator<'a> {
    pub(super) fn entries_of_fields(&mut self, fields: &'a [Field], site: Site) -> Entries<'a> {
        let mut entries = Entries::new();
        for field in fields {
            self.add_entry(
                &mut entries,
                &field.name.node,
                Sited {
                    expr: &field.value,
                    site,
                },
                true,
            );
        }
        entries
    }

    /// Adds `path = value`. In one record (`strict`) the same path twice is an error.
    fn add_entry(
        &mut self,
        entries: &mut Entries<'a>,
        path: &'a [rlx_grammar::ast::Ident],
        value: Sited<'a>,
        strict: bool,
    ) {
        let [head, rest @ ..] = path else { return };
        let name = self.span(head, value.site);
        let fresh = || Entry {
            value: None,
            name,
            nested: Vec::new(),
            overrode: Vec::new(),
        };
        let twice = entries.get(head.node.as_str()).filter(|entry| {
            strict
                && match rest {
                    [] => entry.value.is_some(),
                    _ => entry
                        .nested
                        .iter()
                        .any(|n| n.path.iter().map(|i| &i.node).eq(rest.iter().map(|i| &i.node))),
                }
        });
        if let Some(first) = twice.map(|entry| entry.name) {
            let diagnostic = Diagnostic::error(
                "rlx::field::duplicate",
                format!("`{}` is written twice", head.node),
            );
            let diagnostic = self.at(diagnostic, name, "again here");
            let diagnostic = self
                .at(diagnostic, first, "first here")
                .help("keep one of them; neither would win silently");
            self.report(diagnostic);
            return;
        }
        if rest.is_empty() {
            let mut overrode = Vec::new();
            if let Some(old) = entries.get(head.node.as_str()) {
                overrode.extend(old.value.map(|value| self.origin(value)));
                overrode.extend(old.overrode.iter().cloned());
            }
            // A whole value replaces what was written for parts of it, unless both stand in one record.
            let nested = match entries.get(head.node.as_str()) {
                Some(old) if strict => old.nested.clone(),
                _ => Vec::new(),
            };
            entries.insert(
                head.node.as_str(),
                Entry {
                    value: Some(value),
                    name,
                    nested,
                    overrode,
                },
            );
        } else {
            entries
                .entry(head.node.as_str())
                .or_insert_with(fresh)
                .nested
                .push(Nested { path: rest, value });
        }
    }

    /// Puts the changes in `over` on top of `entries`.
    pub(super) fn overlay(&mut self, entries: &mut Entries<'a>, over: Entries<'a>) {
        for (name, mut entry) in over {
            match entries.get_mut(name) {
                None => {
                    entries.insert(name, entry);
                }
                Some(old) if entry.value.is_none() => old.nested.append(&mut entry.nested),
                Some(old) => {
                    let (value, before) = (old.value, std::mem::take(&mut old.overrode));
                    entry.overrode.extend(value.map(|value| self.origin(value)));
                    entry.overrode.extend(before);
                    entries.insert(name, entry);
                }
            }
        }
    }

    pub(super) fn overlay_nested(&mut self, entries: &mut Entries<'a>, nested: &[Nested<'a>]) {
        for change in nested {
            self.add_entry(entries, change.path, change.value, false);
        }
    }

    /// The fields of a declaration, with what it is made from, profile and `--set`.
    pub(super) fn entries_of_declaration(&mut self, id: DeclId) -> Option<Entries<'a>> {
        if let Some(start) = self.active.iter().position(|active| *active == id) {
            let circle = self.active[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        if self.active.len() >= DEEPEST {
            self.report_depth(id, "too many declarations are made from one another");
            return None;
        }
        self.active.push(id);
        let entries = self.base_entries(id);
        self.active.pop();
        let mut entries = entries?;
        let changes: Vec<_> = self
            .overrides
            .iter()
            .filter(|over| over.applies(id) && !over.path.is_empty() && !self.is_axis(id, over))
            .map(|o| (o.path, o.value))
            .collect();
        for (path, value) in changes {
            self.add_entry(&mut entries, path, value, false);
        }
        Some(entries)
    }

    fn base_entries(&mut self, id: DeclId) -> Option<Entries<'a>> {
        match self.content(id) {
            Content::Fields(fields, site) => Some(self.entries_of_fields(fields, site)),
            Content::Block(_) => None,
            Content::Value(sited) => {
                let keyword = self.program.keyword(id);
                let entity = self.entity(sited, &[keyword], word(keyword))?;
                self.entries_of_entity(&entity, &[])
            }
        }
    }

    pub(super) fn entries_of_entity(
        &mut self,
        entity: &Entity<'a>,
        nested: &[Nested<'a>],
    ) -> Option<Entries<'a>> {
        let mut entries = self.entries_of_declaration(entity.id)?;
        for (fields, site) in &entity.changes {
            let over = self.entries_of_fields(fields, *site);
            self.overlay(&mut entries, over);
        }
        self.overlay_nested(&mut entries, nested);
        Some(entries)
    }

    /// The declaration of one of these kinds that an expression names, and the changes it makes.
    pub(super) fn entity(&mut self, at: Sited<'a>, kinds: &[Keyword], wanted: &str) -> Option<Entity<'a>> {
        let place = at.place();
        let mut changes = Vec::new();
        let mut at = at;
        loop {
            at = self.resolve(at)?;
            match &at.expr.node {
                ExprKind::Update { base, fields } => {
                    changes.push((fields.as_slice(), at.site));
                    at = at.with(base);
                }
                ExprKind::Path(path) => {
                    let id = self.lookup(path, at.site)?;
                    if !kinds.contains(&self.program.keyword(id)) {
                        self.wrong_kind(at, id, wanted);
                        return None;
                    }
                    if self.is_family(id) {
                        self.one_member(&[id], at.place());
                        return None;
                    }
                    changes.reverse();
                    return Some(Entity { id, changes, place });
                }
                ExprKind::Members { of, selectors } => {
                    let id = self.lookup(of, at.site)?;
                    if !kinds.contains(&self.program.keyword(id)) {
                        self.wrong_kind(at, id, wanted);
                        return None;
                    }
                    let ids = self.select(id, selectors, at.site, at.place())?;
                    let [id] = ids.as_slice() else {
                        self.one_member(&ids, at.place());
                        return None;
                    };
                    changes.reverse();
                    return Some(Entity {
                        id: *id,
                        changes,
                        place,
                    });
                }
                _ => {
                    let found = self.describe(at);
                    let diagnostic = Diagnostic::error(
                        "rlx::type::mismatch",
                        format!("here must be the name of {wanted}, not {found}"),
                    );
                    let mut diagnostic = self.at(diagnostic, at.place(), "no name");
                    if let ExprKind::Text(text) = &at.expr.node
                        && self.program.modules[at.site.module].symbols.contains_key(text)
                    {
                        diagnostic = diagnostic.help(format!("names stand without quotes: `{text}`"));
                    }
                    if matches!(at.expr.node, ExprKind::Record(_)) {
                        diagnostic = diagnostic.help("fields of a declaration follow its name without `=`; here a declared name is wanted");
                    }
                    self.report(diagnostic);
                    return None;
                }
            }
        }
    }

    /// As [`Self::entity`], where `name[*]` can name several.
    pub(super) fn entities(
        &mut self,
        at: Sited<'a>,
        kinds: &[Keyword],
        wanted: &str,
    ) -> Option<Vec<Entity<'a>>> {
        let value = self.resolve(at)?;
        let ExprKind::Members { of, selectors } = &value.expr.node else {
            return Some(vec![self.entity(at, kinds, wanted)?]);
        };
        let id = self.lookup(of, value.site)?;
        if !kinds.contains(&self.program.keyword(id)) {
            self.wrong_kind(value, id, wanted);
            return None;
        }
        let place = at.place();
        let ids = self.select(id, selectors, value.site, value.place())?;
        let entity = |id| Entity {
            id,
            changes: Vec::new(),
            place,
        };
        Some(ids.into_iter().map(entity).collect())
    }

    pub(super) fn wrong_kind(&mut self, at: Sited<'a>, id: DeclId, wanted: &str) {
        let name = self.program.declaration(id).name.node.clone();
        let kind = word(self.program.keyword(id));
        let diagnostic = Diagnostic::error(
            "rlx::type::mismatch",
            format!("`{name}` is {kind}, and {wanted} is wanted here"),
        );
        let diagnostic = self.at(diagnostic, at.place(), format!("{wanted} is wanted"));
        let diagnostic = self.at(diagnostic, self.name_place(id), format!("declared as {kind}"));
        self.report(diagnostic);
    }

    /// The fields of a record value.
    pub(super) fn record(&mut self, at: Sited<'a>) -> Result<Entries<'a>, Fail> {
        match &at.expr.node {
            ExprKind::Record(fields) => Ok(self.entries_of_fields(fields, at.site)),
            ExprKind::Update { base, fields } => {
                let mut entries = self.record(at.with(base))?;
                let over = self.entries_of_fields(fields, at.site);
                self.overlay(&mut entries, over);
                Ok(entries)
            }
            ExprKind::Path(path) if self.axis(path, at.site).is_some() => {
                let value = self.axis(path, at.site).map(|bound| bound.value);
                self.record(value.ok_or(Fail::Kind)?)
            }
            ExprKind::Path(path) => {
                let id = self.lookup(path, at.site).ok_or(Fail::Reported)?;
                if !self.is_binding(id) {
                    return Err(Fail::Kind);
                }
                let mut entries = match self.content(id) {
                    Content::Value(value) => self.record(value)?,
                    Content::Fields(fields, site) => self.entries_of_fields(fields, site),
                    Content::Block(_) => return Err(Fail::Kind),
                };
                let changes: Vec<_> = self
                    .overrides
                    .iter()
                    .filter(|over| over.applies(id) && !over.path.is_empty())
                    .map(|over| (over.path, over.value))
                    .collect();
                for (path, value) in changes {
                    self.add_entry(&mut entries, path, value, false);
                }
                Ok(entries)
            }
            _ => Err(Fail::Kind),
        }
    }
}

/// `a model`, `an algorithm`: how a message names a kind of declaration.
pub(super) fn word(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Param => "a param",
        Keyword::Let => "a let",
        Keyword::Model => "a model",
        Keyword::Data => "data",
        Keyword::Benchmark => "a benchmark",
        Keyword::Algorithm => "an algorithm",
        Keyword::Train => "a training",
        Keyword::Distill => "a distillation",
        Keyword::Search => "a search",
        Keyword::Evaluate => "an evaluation",
        Keyword::Figure => "a figure",
        Keyword::Table => "a table",
        Keyword::Claim => "a claim",
    }
}
