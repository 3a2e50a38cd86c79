//! The record of every value: what it is and where it came from.

use rlx_grammar::ast::{ExprKind, Number};

use super::scope::{Content, names};
use super::{Elaborator, Sited, Via};
use crate::program::{DeclId, Place};
use crate::study::{Leaf, Origin, Through};
use crate::unit::Unit;

impl<'a> Elaborator<'a> {
    pub(super) fn origin(&self, at: Sited<'a>) -> Origin {
        let place = at.place();
        let source = self.program.source(place.file);
        let (line, column) = source.position(place.span.start);
        match at.site.via {
            Via::Default => Origin::Default,
            Via::Written => Origin::Written {
                file: source.name.clone(),
                line,
                column,
            },
            Via::Profile => {
                let name = self.profile.unwrap_or_default().to_owned();
                Origin::Profile {
                    name,
                    file: source.name.clone(),
                    line,
                    column,
                }
            }
            Via::Set => Origin::Set {
                text: source.name.clone(),
            },
        }
    }

    pub(super) fn leaf(
        &mut self,
        path: &str,
        value: String,
        unit: Option<Unit>,
        origin: Origin,
        overrode: Vec<Origin>,
    ) {
        if self.unrecorded {
            return;
        }
        let unit = unit.map(|unit| unit.name().to_owned());
        self.origins.insert(
            path.to_owned(),
            Leaf {
                value,
                unit,
                origin,
                overrode,
                through: Vec::new(),
            },
        );
    }

    /// Reads something that leaves no record.
    pub(super) fn unrecorded<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.unrecorded, true);
        let found = read(self);
        self.unrecorded = before;
        found
    }

    /// The names of values that an expression reads, each with where its own value is written: outermost first.
    pub(super) fn followed(&mut self, at: Sited<'a>) -> Vec<Through> {
        let mut all = Vec::new();
        self.follow(at, &mut all);
        all
    }

    fn follow(&mut self, at: Sited<'a>, all: &mut Vec<Through>) {
        /// Names behind one field; more tell nobody anything.
        const MOST: usize = 16;
        if matches!(at.expr.node, ExprKind::Number(_) | ExprKind::Text(_)) || at.site.via == Via::Default {
            return;
        }
        let mut paths = Vec::new();
        names(at.expr, &mut |path| paths.push(path));
        for path in paths {
            if all.len() >= MOST {
                return;
            }
            let (name, value, overrode) = if let Some(bound) = self.axis(path, at.site) {
                (bound.name.to_owned(), bound.value, Vec::new())
            } else {
                let Ok((id, used)) = self.program.lookup(at.site.module, &path.node) else {
                    continue;
                };
                if used != path.node.len() || !self.is_binding(id) {
                    continue;
                }
                let Some(value) = self.binding(id) else { continue };
                let overrode = match (value.site.via, self.written(id)) {
                    (Via::Written, _) => Vec::new(),
                    (_, Content::Value(before)) => vec![self.origin(before)],
                    _ => Vec::new(),
                };
                let name: Vec<&str> = path.node.iter().map(|name| name.node.as_str()).collect();
                (name.join("."), value, overrode)
            };
            if all.iter().all(|known| known.name != name) {
                let origin = self.origin(value);
                all.push(Through {
                    name,
                    origin,
                    overrode,
                });
                self.follow(value, all);
            }
        }
    }

    /// A value that follows from others.
    pub(super) fn computed(&mut self, path: &str, value: impl ToString, unit: Option<Unit>) {
        self.leaf(path, value.to_string(), unit, Origin::Default, Vec::new());
    }

    /// The text of an expression as it was written, on one line.
    pub(super) fn text_of(&self, at: Sited<'a>) -> String {
        self.program.text(Place {
            file: at.site.file,
            span: at.expr.span,
        })
    }

    /// `param n` and `let x`, and declarations made by `=` from others, as values of their own.
    pub(super) fn binding_leaf(&mut self, id: DeclId) {
        let before = match self.written(id) {
            Content::Value(value) => Some(value),
            _ => None,
        };
        let touched = self.touched.contains(&id);
        let content = self.content(id);
        if !touched {
            self.touched.remove(&id);
        }
        let Content::Value(value) = content else { return };
        let overrode = match value.site.via {
            Via::Written => Vec::new(),
            _ => before.map(|before| self.origin(before)).into_iter().collect(),
        };
        let name = &self.name_of(id);
        let origin = self.origin(value);
        let (text, unit) = match &value.expr.node {
            ExprKind::Number(Number { value, unit, .. }) => {
                let unit = unit.as_ref().and_then(|unit| Unit::parse(&unit.node));
                match unit {
                    // A share is shown as it is written: 5 %.
                    Some((Unit::Percent, _)) => (number(*value), Some(Unit::Percent)),
                    Some((unit, size)) => (number(*value * size), Some(unit)),
                    None => (number(*value), None),
                }
            }
            _ => (self.text_of(value), None),
        };
        self.leaf(name, text, unit, origin, overrode);
    }
}

/// A whole number with `_` between thousands: `16_384`.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// A number as rlx would write it, shortest form that reads back the same.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..9e15).contains(&value) {
        return grouped(value as u64);
    }
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A text with its quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_rlx_reads_them() {
        assert_eq!(number(16384.0), "16_384");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(1e-6), "1e-6");
        assert_eq!(number(0.05), "0.05");
        assert_eq!(quoted("a\n\"b\\"), "\"a\\n\\\"b\\\\\"");
    }
}
