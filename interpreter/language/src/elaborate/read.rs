//! Reads a record by its schema: every field known, typed, written once, or defaulted.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use indexmap::IndexMap;
use rlx_grammar::ast::{Expr, ExprKind};

use super::checked::{Checked, Owner, Slot, Typed};
use super::entries::{Entries, Entry, Nested};
use super::leaf::{grouped, number, quoted};
use super::{Elaborator, Fail, Sited, Via};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::{self, Default, Field, Schema, Type};
use crate::study::{Origin, Token};
use crate::suggest;

impl<'a> Elaborator<'a> {
    pub(super) fn read(
        &mut self,
        schema: &'static Schema,
        entries: Entries<'a>,
        owner: &Owner,
    ) -> Checked<'a> {
        let mut checked = Checked {
            slots: IndexMap::new(),
            place: owner.place,
            failed: false,
        };
        // Fields that a name which no field has was meant for: that they are missing is told with it.
        let mut meant = Vec::new();
        for (name, entry) in &entries {
            if schema.field(name).is_none() {
                checked.failed = true;
                let names = schema.fields.iter().map(|field| field.name);
                meant.extend(suggest::closest(name, names));
                let help = suggest::did_you_mean(name, schema.fields.iter().map(|field| field.name))
                    .unwrap_or_else(|| {
                        format!(
                            "its fields are {}",
                            suggest::list(schema.fields.iter().map(|field| field.name))
                        )
                    });
                let diagnostic = Diagnostic::error(
                    "rlx::field::unknown",
                    format!("{} has no field `{name}`", owner.what),
                );
                let diagnostic = self.at(diagnostic, entry.name, "unknown field").help(help);
                self.report(diagnostic);
            }
        }
        for field in schema.fields {
            let slot = match entries.get(field.name) {
                None if field.default == Default::Required && meant.contains(&field.name) => Slot {
                    typed: None,
                    place: owner.place,
                    default: true,
                },
                entry => self.slot(field, entry, owner),
            };
            checked.slots.insert(field.name, slot);
        }
        checked
    }

    fn slot(&mut self, field: &'static Field, entry: Option<&Entry<'a>>, owner: &Owner) -> Slot<'a> {
        let path = format!("{}.{}", owner.path, field.name);
        let nested: &[Nested<'a>] = entry.map_or(&[], |entry| &entry.nested);
        let overrode = entry.map(|entry| entry.overrode.clone()).unwrap_or_default();
        if let Some(value) = entry.and_then(|entry| entry.value) {
            let (typed, place) = self.typed_value(field, value, nested, &path, overrode, owner);
            return Slot {
                typed,
                place,
                default: false,
            };
        }
        let default = match field.default {
            Default::Value(text) | Default::OrNone(text) => Some(text),
            _ => None,
        };
        if let Some(text) = default {
            let site = super::Site {
                module: owner.module,
                file: owner.place.file,
                via: Via::Default,
                fixed: Some(owner.place.span),
                env: 0,
            };
            let value = Sited {
                expr: default_expr(text),
                site,
            };
            let (typed, place) = self.typed_value(field, value, nested, &path, Vec::new(), owner);
            return Slot {
                typed,
                place,
                default: nested.is_empty(),
            };
        }
        if let (Some(first), Default::None | Default::Computed(_) | Default::Required) =
            (nested.first(), field.default)
        {
            // Parts of a record that nobody wrote: the record consists of them.
            if let Type::Record(schema) = field.ty {
                let mut entries = Entries::new();
                self.overlay_nested(&mut entries, nested);
                let inner = Owner {
                    path,
                    what: format!("`{}`", field.name),
                    place: entry.map_or(owner.place, |e| e.name),
                    module: owner.module,
                };
                let record = self.read(schema, entries, &inner);
                return Slot {
                    typed: Some(Typed::Record(Box::new(record))),
                    place: first.value.place(),
                    default: false,
                };
            }
            self.no_inside(field.name, first);
            return Slot {
                typed: None,
                place: owner.place,
                default: false,
            };
        }
        let typed = match field.default {
            Default::Required => {
                let diagnostic = Diagnostic::error(
                    "rlx::field::missing",
                    format!("{} has no `{}`", owner.what, field.name),
                );
                let diagnostic = self
                    .at(diagnostic, owner.place, format!("`{}` is missing", field.name))
                    .help(format!("add `{} = …`: {}", field.name, field.ty.describe()));
                self.report(diagnostic);
                None
            }
            _ => {
                if field.default == Default::None {
                    self.leaf(&path, "none".into(), None, Origin::Default, Vec::new());
                }
                Some(Typed::Absent)
            }
        };
        Slot {
            typed,
            place: owner.place,
            default: true,
        }
    }

    fn no_inside(&mut self, field: &str, nested: &Nested<'a>) {
        let Some(name) = nested.path.first() else { return };
        let diagnostic = Diagnostic::error(
            "rlx::field::unknown",
            format!("`{field}` has no fields inside, so no `{}`", name.node),
        );
        let diagnostic = self.at(diagnostic, self.span(name, nested.value.site), "unknown field");
        self.report(diagnostic);
    }

    fn typed_value(
        &mut self,
        field: &'static Field,
        at: Sited<'a>,
        nested: &[Nested<'a>],
        path: &str,
        overrode: Vec<Origin>,
        owner: &Owner,
    ) -> (Option<Typed<'a>>, Place) {
        let inner = matches!(field.ty, Type::Record(_) | Type::Reference(_));
        if let (Some(first), false) = (nested.first(), inner) {
            self.no_inside(field.name, first);
            return (None, at.place());
        }
        match self.typed(field, at, nested, path, overrode, owner) {
            Ok((typed, place)) => (Some(typed), place),
            Err(Fail::Reported) => (None, at.place()),
            Err(Fail::Kind) => {
                let mut wanted = field.ty.describe();
                if field.may_be_none() {
                    wanted.push_str(" or `none`");
                }
                self.mismatch_with(at, field.name, &wanted);
                (None, at.place())
            }
        }
    }

    fn typed(
        &mut self,
        field: &'static Field,
        at: Sited<'a>,
        nested: &[Nested<'a>],
        path: &str,
        overrode: Vec<Origin>,
        owner: &Owner,
    ) -> Result<(Typed<'a>, Place), Fail> {
        let name = field.name;
        if field.may_be_none() && nested.is_empty() && self.is_none(at, &field.ty) {
            let origin = self.origin(at);
            self.leaf(path, "none".into(), None, origin, overrode);
            return Ok((Typed::Absent, at.place()));
        }
        let origin = self.origin(at);
        let mut unit = field.ty.unit();
        let (typed, place, text) = match &field.ty {
            Type::Count { unit, least } => {
                let (count, place) = self.count(at, Some(*unit), *least, name)?;
                (Typed::Count(count), place, grouped(count))
            }
            Type::Integer { least } => {
                let (count, place) = self.count(at, None, *least, name)?;
                (Typed::Count(count), place, grouped(count))
            }
            Type::Counts { unit, least } => {
                let counts = self.counts(at, *unit, *least, name)?;
                let text = counts
                    .iter()
                    .map(|(count, _)| grouped(*count))
                    .collect::<Vec<_>>()
                    .join(", ");
                (Typed::Counts(counts), at.place(), format!("[{text}]"))
            }
            Type::Number(range) | Type::Share(range) => {
                let share = matches!(field.ty, Type::Share(_));
                let (value, place) = self.real(at, range, share, name)?;
                unit = None;
                (Typed::Number(value), place, number(value))
            }
            Type::NumberOf(range, _) => {
                let value = self.resolve(at).ok_or(Fail::Reported)?;
                if matches!(value.expr.node, ExprKind::Path(_) | ExprKind::Members { .. }) {
                    let text = if self.unrecorded {
                        String::new()
                    } else {
                        self.text_of(at)
                    };
                    (Typed::Reference(at, Vec::new()), at.place(), text)
                } else {
                    let (value, place) = self.real(at, range, false, name)?;
                    (Typed::Number(value), place, number(value))
                }
            }
            Type::Span(range) => {
                let span = self.resolve(at).ok_or(Fail::Reported)?;
                let ExprKind::Range { start, end, step } = &span.expr.node else {
                    return Err(Fail::Kind);
                };
                let low = self.real(span.with(start), range, false, name);
                let high = self.real(span.with(end), range, false, name);
                let (low, high) = (low?.0, high?.0);
                if step.is_some() {
                    return Err(Fail::Kind);
                }
                if low >= high {
                    let diagnostic = Diagnostic::error(
                        "rlx::range::empty",
                        format!("`{name}` goes from {} to {}", number(low), number(high)),
                    );
                    let diagnostic = self
                        .at(diagnostic, span.place(), "nothing between them")
                        .help("write the lower end first: `LOW..HIGH`");
                    self.report(diagnostic);
                    return Err(Fail::Reported);
                }
                let text = format!("{}..{}", number(low), number(high));
                (Typed::Pair([low, high]), span.place(), text)
            }
            Type::Pair(range) => {
                let list = self.resolve(at).ok_or(Fail::Reported)?;
                let ExprKind::List(items) = &list.expr.node else {
                    return Err(Fail::Kind);
                };
                let [first, second] = items.as_slice() else {
                    return Err(Fail::Kind);
                };
                let first = self.real(list.with(first), range, false, name);
                let second = self.real(list.with(second), range, false, name);
                let pair = [first?.0, second?.0];
                (
                    Typed::Pair(pair),
                    list.place(),
                    format!("[{}, {}]", number(pair[0]), number(pair[1])),
                )
            }
            Type::Biases(range) => {
                let (biases, place) = self.biases(at, range, name)?;
                let text: Vec<String> = biases
                    .iter()
                    .map(|(token, bias)| match token {
                        Token::Id(id) => format!("[{id}, {}]", number(*bias)),
                        Token::Text(text) => format!("[{}, {}]", quoted(text), number(*bias)),
                    })
                    .collect();
                (Typed::Biases(biases), place, format!("[{}]", text.join(", ")))
            }
            Type::Text => {
                let (text, at) = self.text(at)?;
                (Typed::Text(text), at.place(), quoted(text))
            }
            Type::Bool => {
                let (value, place) = self.boolean(at)?;
                (Typed::Bool(value), place, value.to_string())
            }
            Type::Word(words) => {
                let (word, place) = self.word(at, words, name)?;
                (Typed::Word(word), place, word.to_owned())
            }
            Type::Record(schema) => {
                let mut entries = self.record(at)?;
                self.overlay_nested(&mut entries, nested);
                let place = at.place();
                let inner = Owner {
                    path: path.to_owned(),
                    what: format!("`{name}` of {}", owner.what),
                    place,
                    module: owner.module,
                };
                let record = self.read(schema, entries, &inner);
                return Ok((Typed::Record(Box::new(record)), place));
            }
            Type::Reference(_) => {
                let text = match at.site.via {
                    Via::Default => "[]".to_owned(),
                    _ if self.unrecorded => String::new(),
                    _ => self.text_of(at),
                };
                (Typed::Reference(at, nested.to_vec()), at.place(), text)
            }
        };
        if !self.unrecorded {
            self.leaf(path, text, unit, origin, overrode);
            let through = self.followed(at);
            if let Some(leaf) = self.origins.get_mut(path) {
                leaf.through = through;
            }
        }
        Ok((typed, place))
    }

    /// `[["yes", 2.5], [198, -100]]`: each token once.
    fn biases(
        &mut self,
        at: Sited<'a>,
        range: &schema::Range,
        field: &str,
    ) -> Result<(Vec<(Token, f64)>, Place), Fail> {
        let list = self.resolve(at).ok_or(Fail::Reported)?;
        let ExprKind::List(items) = &list.expr.node else {
            return Err(Fail::Kind);
        };
        let mut biases: Vec<(Token, f64)> = Vec::new();
        for item in items {
            let pair = self.resolve(list.with(item)).ok_or(Fail::Reported)?;
            let ExprKind::List(parts) = &pair.expr.node else {
                return Err(Fail::Kind);
            };
            let [token, bias] = parts.as_slice() else {
                return Err(Fail::Kind);
            };
            let named = self.resolve(pair.with(token)).ok_or(Fail::Reported)?;
            let token = match &named.expr.node {
                ExprKind::Text(_) => Token::Text(self.text(named)?.0.to_owned()),
                _ => Token::Id(self.count(named, None, 0, field)?.0),
            };
            let bias = self.real(pair.with(bias), range, false, field)?.0;
            if biases.iter().any(|(other, _)| *other == token) {
                let diagnostic = Diagnostic::error(
                    "rlx::value::twice",
                    format!("`{field}` names the same token twice"),
                );
                let diagnostic = self
                    .at(diagnostic, named.place(), "named before")
                    .help("give each token one number");
                self.report(diagnostic);
                return Err(Fail::Reported);
            }
            biases.push((token, bias));
        }
        Ok((biases, list.place()))
    }

    fn is_none(&mut self, at: Sited<'a>, ty: &Type) -> bool {
        // A word's name must not be looked up before it is known to be no word.
        let may_be_name = !matches!(ty, Type::Word(_));
        match &at.expr.node {
            ExprKind::None => true,
            ExprKind::Path(_) if may_be_name => {
                let reported = self.out.len();
                let none = self
                    .resolve(at)
                    .is_some_and(|value| matches!(value.expr.node, ExprKind::None));
                self.out.truncate(reported);
                none
            }
            _ => false,
        }
    }
}

/// The expression of a default. All of them are parsed once a process.
fn default_expr(text: &'static str) -> &'static Expr {
    static PARSED: OnceLock<BTreeMap<&'static str, Expr>> = OnceLock::new();
    static NONE: Expr = Expr {
        node: ExprKind::None,
        span: rlx_grammar::ast::Span { start: 0, end: 0 },
    };
    let all = PARSED.get_or_init(|| {
        let schemas = schema::DECLARATIONS
            .into_iter()
            .chain(schema::RECORDS)
            .chain(schema::FUNCTIONS);
        let fields = schemas.chain(schema::MEASURES).flat_map(|schema| schema.fields);
        fields
            .filter_map(|field| match field.default {
                Default::Value(text) | Default::OrNone(text) => Some(text),
                _ => None,
            })
            .filter_map(|text| {
                let expr = rlx_grammar::parse_expression(text).ok()?;
                Some((text, expr))
            })
            .collect()
    });
    all.get(text).unwrap_or(&NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_an_expression() {
        let schemas = schema::DECLARATIONS
            .into_iter()
            .chain(schema::RECORDS)
            .chain(schema::FUNCTIONS);
        for field in schemas.flat_map(|schema| schema.fields) {
            if let Default::Value(text) | Default::OrNone(text) = field.default {
                assert_ne!(default_expr(text).node, ExprKind::None, "{}", field.name);
            }
        }
    }
}
