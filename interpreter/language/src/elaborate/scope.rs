//! Names: what they stand for, values behind `let` and `param`, circles.

use std::collections::BTreeSet;

use rlx_grammar::ast::{Body, Expr, ExprKind, Field, Ident, Keyword, Path, Pick, Selector};

use super::{Elaborator, Site, Sited, Via};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};

/// Names that are followed for one study; the largest experiment follows some hundreds.
const MOST_FOLLOWED: u64 = 200_000;
/// Values behind one another (`let a = b`).
const LONGEST_CHAIN: usize = 500;
/// Declarations that are made from, or start from, one another.
pub(super) const DEEPEST: usize = 64;

/// What a declaration says, after profile and `--set`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    Value(Sited<'a>),
    Fields(&'a [Field], Site),
    Block(Sited<'a>),
}

impl<'a> Elaborator<'a> {
    /// The declaration a path names; an unknown name is reported.
    pub(super) fn lookup(&mut self, path: &'a Path, site: Site) -> Option<DeclId> {
        let segments = &path.node;
        match self.program.lookup(site.module, segments) {
            Ok((id, used)) if used == segments.len() => Some(id),
            Ok((id, used)) => {
                let name = &self.program.declaration(id).name.node;
                let field = &segments[used];
                let place = self.span(field, site);
                let diagnostic = Diagnostic::error(
                    "rlx::name::field",
                    format!("a field of `{name}` cannot be read from outside"),
                );
                let diagnostic = self.at(diagnostic, place, "not a name").help(format!(
                    "give the value a name, `let {0} = …`, and write `{0}` in both places",
                    field.node
                ));
                self.report(diagnostic);
                None
            }
            Err(unresolved) => {
                if self.program.is_unread(site.module, segments, &unresolved) {
                    return None;
                }
                let segment = segments.get(unresolved.at)?;
                let help = self.program.advice(site.module, segments, &unresolved);
                let place = self.span(segment, site);
                let diagnostic =
                    Diagnostic::error("rlx::name::unknown", format!("there is no `{}`", segment.node));
                let diagnostic = self.at(diagnostic, place, "unknown name").maybe_help(help);
                self.report(diagnostic);
                None
            }
        }
    }

    pub(super) fn span(&self, name: &Ident, site: Site) -> Place {
        Place {
            file: site.file,
            span: site.fixed.unwrap_or(name.span),
        }
    }

    /// What a declaration says. The last override of the whole declaration wins.
    pub(super) fn content(&mut self, id: DeclId) -> Content<'a> {
        self.touched.insert(id.base());
        if let Some(over) = self
            .overrides
            .iter()
            .rev()
            .find(|over| over.applies(id) && over.path.is_empty())
        {
            return Content::Value(over.value);
        }
        self.written(id)
    }

    /// What a declaration says in its file.
    pub(super) fn written(&self, id: DeclId) -> Content<'a> {
        let program = self.program;
        let site = Site {
            module: id.module,
            file: program.modules[id.module].file,
            via: Via::Written,
            fixed: None,
            env: self.env_of.get(&id).copied().unwrap_or(0),
        };
        match &program.declaration(id).body {
            Body::Value(expr) => Content::Value(Sited { expr, site }),
            Body::Fields(fields) => Content::Fields(&fields.node, site),
            Body::Block(block) => Content::Block(Sited {
                expr: &block.node,
                site,
            }),
        }
    }

    /// The value of a `let` or a `param`.
    pub(super) fn binding(&mut self, id: DeclId) -> Option<Sited<'a>> {
        match self.content(id) {
            Content::Value(sited) => Some(sited),
            Content::Fields(..) | Content::Block(..) => None,
        }
    }

    pub(super) fn is_binding(&self, id: DeclId) -> bool {
        matches!(self.program.keyword(id), Keyword::Let | Keyword::Param)
    }

    /// Follows names of `let` and `param` to the value behind them. Circles are excluded beforehand.
    pub(super) fn resolve(&mut self, mut at: Sited<'a>) -> Option<Sited<'a>> {
        while let ExprKind::Path(path) = &at.expr.node {
            if let Some(bound) = self.axis(path, at.site) {
                at = bound.value;
                continue;
            }
            let id = self.lookup(path, at.site)?;
            if !self.is_binding(id) {
                return Some(at);
            }
            self.followed += 1;
            if self.followed > MOST_FOLLOWED {
                self.report_depth(id, "its values unfold without bounds");
                return None;
            }
            match self.binding(id) {
                Some(value) => at = value,
                None => return Some(at),
            }
        }
        Some(at)
    }

    /// Reports every circle of `let` and `param` values.
    pub(super) fn check_bindings(&mut self) {
        let mut done: BTreeSet<DeclId> = BTreeSet::new();
        for module in 0..self.program.modules.len() {
            let ids: Vec<DeclId> = self.program.declarations(module).map(|(id, _)| id).collect();
            for id in ids {
                if self.is_binding(id) {
                    self.visit_binding(id, &mut Vec::new(), &mut done);
                }
            }
        }
        self.touched.clear();
    }

    fn visit_binding(&mut self, id: DeclId, path: &mut Vec<DeclId>, done: &mut BTreeSet<DeclId>) {
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            let circle = path[start..].to_vec();
            self.report_cycle(&circle);
            return;
        }
        if !done.insert(id) {
            return;
        }
        if path.len() >= LONGEST_CHAIN {
            self.report_depth(id, "it is the end of a chain of too many names");
            return;
        }
        path.push(id);
        let mut inner = Vec::new();
        if let Some(sited) = self.binding(id) {
            names(sited.expr, &mut |path| {
                if let Ok((named, _)) = self.program.lookup(sited.site.module, &path.node) {
                    inner.push(named);
                }
            });
        }
        for named in inner {
            if self.is_binding(named) {
                self.visit_binding(named, path, done);
            }
        }
        path.pop();
    }

    pub(super) fn report_depth(&mut self, id: DeclId, why: &str) {
        let name = &self.program.declaration(id).name.node;
        let diagnostic = Diagnostic::error("rlx::name::depth", format!("`{name}` goes too deep: {why}"));
        let place = self.name_place(id);
        let diagnostic = self
            .at(diagnostic, place, "too deep")
            .help("write the value where it is used");
        // One is enough: all that is read later runs into the same bound.
        if !self.out.iter().any(|known| known.code == diagnostic.code) {
            self.report(diagnostic);
        }
    }

    /// Reports declarations that need each other; the first is needed by the last.
    pub(super) fn report_cycle(&mut self, circle: &[DeclId]) {
        let Some(first) = circle.first() else { return };
        let mut members = circle.to_vec();
        members.sort_unstable();
        if !self.circles.insert(members) {
            return;
        }
        let mut round: Vec<String> = circle.iter().map(|id| self.name_of(*id)).collect();
        round.push(self.name_of(*first));
        let diagnostic = Diagnostic::error(
            "rlx::name::cycle",
            format!("`{}` needs itself: {}", round[0], round.join(" → ")),
        );
        let mut diagnostic = self.at(diagnostic, self.name_place(*first), "needs itself");
        for id in &circle[1..] {
            diagnostic = self.at(diagnostic, self.name_place(*id), "on the way round");
        }
        self.report(diagnostic.help("a study has a beginning: let one of them name something else"));
    }
}

/// Calls `visit` for every path in an expression that can be a name. Words of enumerations
/// (`schedule = cosine`) are not names.
pub(crate) fn names<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e Path)) {
    match &expr.node {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::None => {}
        ExprKind::Path(path) => visit(path),
        ExprKind::Members { of, selectors } => {
            visit(of);
            names_in_selectors(selectors, visit);
        }
        ExprKind::List(items) => items.iter().for_each(|item| names(item, visit)),
        ExprKind::Record(fields) => names_in_fields(fields, visit),
        ExprKind::Update { base, fields } => {
            names(base, visit);
            names_in_fields(fields, visit);
        }
        ExprKind::Call { arguments, .. } => arguments
            .iter()
            .for_each(|argument| names(&argument.value, visit)),
        ExprKind::Range { start, end, step } => {
            names(start, visit);
            names(end, visit);
            match step {
                Some(rlx_grammar::ast::Step::Add(by) | rlx_grammar::ast::Step::Multiply(by)) => {
                    names(by, visit)
                }
                None => {}
            }
        }
        ExprKind::Checkpoint { of, at } => {
            names(of, visit);
            if let rlx_grammar::ast::Checkpoint::Step(step) = at {
                names(step, visit);
            }
        }
        ExprKind::Negate(inner) | ExprKind::Not(inner) => names(inner, visit),
        ExprKind::Binary { left, right, .. } => {
            names(left, visit);
            names(right, visit);
        }
    }
}

pub(super) fn names_in_fields<'e>(fields: &'e [Field], visit: &mut impl FnMut(&'e Path)) {
    for field in fields {
        if !is_word(field) {
            match &field.value.node {
                // `source = countdown { … }`, `init { … }` and their like name a form, not a declaration.
                ExprKind::Update { base, fields } if is_source(field) && is_form(base) => {
                    names_in_fields(fields, visit)
                }
                _ => names(&field.value, visit),
            }
        }
    }
}

pub(super) fn names_in_selectors<'e>(selectors: &'e [Selector], visit: &mut impl FnMut(&'e Path)) {
    for selector in selectors {
        if let Pick::Value(value) = &selector.pick {
            names(value, visit);
        }
    }
}

fn is_word(field: &Field) -> bool {
    match (field.name.node.last(), &field.value.node) {
        (Some(name), ExprKind::Path(path)) => match path.node.as_slice() {
            [word] => crate::schema::is_word_of(&name.node, &word.node),
            _ => false,
        },
        _ => false,
    }
}

fn is_source(field: &Field) -> bool {
    field.name.node.last().is_some_and(|name| name.node == "source")
}

fn is_form(base: &Expr) -> bool {
    matches!(&base.node, ExprKind::Path(path) if matches!(path.node.as_slice(), [word] if crate::schema::task(&word.node).is_some()))
}
