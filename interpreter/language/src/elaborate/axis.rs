//! The values of an axis, what they are called, and which of them `where` keeps.

use std::collections::{BTreeMap, BTreeSet};

use rlx_grammar::ast::{self, Checkpoint, Expr, ExprKind, Ident, Operator, Pick, Selector, Spanned};

use super::family::Value;
use super::models::Wish;
use super::number::Num;
use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::study::ModelRef;
use crate::suggest;
use crate::unit::Unit;

/// A label is cut after so many characters.
const LONGEST_LABEL: usize = 48;

impl<'a> Elaborator<'a> {
    /// The values that an axis runs over: a list, a range, a record of named values, members, checkpoints.
    pub(super) fn domain(&mut self, at: Sited<'a>, axis: &'a Ident) -> Option<Vec<Value<'a>>> {
        let whole = self.resolve(at)?;
        let mut values: Vec<Value<'a>> = Vec::new();
        match &whole.expr.node {
            ExprKind::List(items) => {
                for item in items {
                    values.extend(self.values_of(whole.with(item), false)?);
                }
            }
            ExprKind::Record(fields) => {
                for field in fields {
                    let Some(name) = field.name.node.first() else {
                        continue;
                    };
                    values.push(Value {
                        label: name.node.clone(),
                        value: whole.with(&field.value),
                    });
                }
            }
            _ => {
                // A single name is known by that name, not by what it stands for.
                let one = if matches!(whole.expr.node, ExprKind::Number(_) | ExprKind::Text(_)) {
                    at
                } else {
                    whole
                };
                values = self.values_of(one, true)?;
            }
        }
        if values.is_empty() {
            let diagnostic = Diagnostic::error(
                "rlx::family::empty",
                format!("`{}` has no values, so there are no members", axis.node),
            );
            let diagnostic = self.at(diagnostic, whole.place(), "empty");
            self.report(diagnostic);
            return None;
        }
        let mut seen: BTreeMap<&str, Sited<'a>> = BTreeMap::new();
        let mut twice = None;
        for value in &values {
            if let Some(first) = seen.insert(&value.label, value.value) {
                twice = Some((value.label.clone(), first, value.value));
                break;
            }
        }
        let Some((label, first, again)) = twice else {
            return Some(values);
        };
        let diagnostic = Diagnostic::error(
            "rlx::family::duplicate",
            format!("two values of `{}` are called `{label}`", axis.node),
        );
        let mut diagnostic = self.at(diagnostic, again.place(), "again here");
        if first.place() != again.place() {
            diagnostic = self.at(diagnostic, first.place(), "first here");
        }
        self.report(diagnostic.help(format!(
            "leave one out, or name them: `{} in {{ first = …, second = … }}`",
            axis.node
        )));
        None
    }

    /// An entry of an axis: one value, or several behind a range, brackets or `@*`.
    fn values_of(&mut self, at: Sited<'a>, alone: bool) -> Option<Vec<Value<'a>>> {
        match &at.expr.node {
            ExprKind::Range { start, end, .. } => {
                let unit = self
                    .quiet_number(at.with(start))
                    .and_then(|number| number.unit)
                    .or_else(|| self.quiet_number(at.with(end)).and_then(|number| number.unit));
                let counts = match self.counts(at, unit.unwrap_or(Unit::Steps), 0, "a range") {
                    Ok(counts) => counts,
                    Err(Fail::Reported) => return None,
                    Err(Fail::Kind) => {
                        self.mismatch_with(at, "a range", "whole numbers");
                        return None;
                    }
                };
                let unit = unit.map(|unit| unit.name());
                Some(
                    counts
                        .into_iter()
                        .map(|(count, _)| {
                            let number = ast::Number {
                                value: count as f64,
                                integer: true,
                                unit: unit.map(|unit| Spanned {
                                    node: unit.to_owned(),
                                    span: at.expr.span,
                                }),
                            };
                            let value = self.made(at, ExprKind::Number(number));
                            Value {
                                label: count.to_string(),
                                value,
                            }
                        })
                        .collect(),
                )
            }
            ExprKind::Members { of, selectors } => {
                let id = self.lookup(of, at.site)?;
                let ids = self.select(id, selectors, at.site, at.place())?;
                let mut values = Vec::new();
                for id in ids {
                    let labels: Vec<String> = self
                        .env_of
                        .get(&id)
                        .map(|env| self.envs[*env].iter().map(|bound| bound.label.clone()).collect())
                        .unwrap_or_default();
                    let label = labels.join("_");
                    let selectors = labels
                        .into_iter()
                        .map(|label| Selector {
                            axis: None,
                            pick: Pick::Value(Box::new(Spanned {
                                node: ExprKind::Text(label),
                                span: at.expr.span,
                            })),
                        })
                        .collect();
                    let of = of.clone();
                    let name = of.node.last().map_or("", |name| name.node.as_str()).to_owned();
                    values.push(Value {
                        label: if alone { label } else { format!("{name}_{label}") },
                        value: self.made(at, ExprKind::Members { of, selectors }),
                    });
                }
                Some(values)
            }
            ExprKind::Checkpoint {
                of,
                at: Checkpoint::All(_),
            } => {
                let wish = Wish {
                    path: "for",
                    many: true,
                    within: None,
                };
                let kept = self.models(at, wish)?;
                let name = self.label(at.with(of));
                let mut values = Vec::new();
                for (model, _) in kept {
                    let ModelRef::Checkpoint { step, .. } = model else {
                        continue;
                    };
                    let number = ast::Number {
                        value: step as f64,
                        integer: true,
                        unit: None,
                    };
                    let span = at.expr.span;
                    let step_expr = Box::new(Spanned {
                        node: ExprKind::Number(number),
                        span,
                    });
                    let node = ExprKind::Checkpoint {
                        of: of.clone(),
                        at: if step == 0 {
                            Checkpoint::Last(span)
                        } else {
                            Checkpoint::Step(step_expr)
                        },
                    };
                    let label = if step == 0 {
                        "last".to_owned()
                    } else {
                        step.to_string()
                    };
                    values.push(Value {
                        label: if alone { label } else { format!("{name}@{label}") },
                        value: self.made(at, node),
                    });
                }
                Some(values)
            }
            _ => Some(vec![Value {
                label: self.label(at),
                value: at,
            }]),
        }
    }

    /// An expression that nobody wrote, at the place of one that somebody did.
    fn made(&self, at: Sited<'a>, node: ExprKind) -> Sited<'a> {
        let expr: &'a Expr = self.arena.alloc(Spanned {
            node,
            span: at.expr.span,
        });
        at.with(expr)
    }

    /// The number that a value is, if it is one; nothing is reported.
    pub(super) fn quiet_number(&mut self, at: Sited<'a>) -> Option<Num> {
        let reported = self.out.len();
        let number = self.number(at).ok();
        self.out.truncate(reported);
        number
    }

    /// What a value is called in the name of a member: letters, digits, `_ . + - @ % =` only.
    pub(super) fn label(&mut self, at: Sited<'a>) -> String {
        let label = self.raw_label(at, 0);
        let mut clean = String::new();
        for c in label.chars() {
            let plain = c.is_ascii_alphanumeric() || "_.+-@%".contains(c);
            if plain {
                clean.push(c);
            } else if !clean.ends_with('_') {
                clean.push('_');
            }
        }
        let clean: String = clean.trim_matches('_').chars().take(LONGEST_LABEL).collect();
        if clean.is_empty() {
            "empty".to_owned()
        } else {
            clean
        }
    }

    fn raw_label(&mut self, at: Sited<'a>, depth: usize) -> String {
        if depth > 4 {
            return String::new();
        }
        let joined = |parts: Vec<String>| parts.join("_");
        match &at.expr.node {
            ExprKind::Path(path) => match self.axis(path, at.site) {
                Some(bound) => bound.label.clone(),
                None => path.node.last().map_or(String::new(), |name| name.node.clone()),
            },
            // Of a path or a repository its last part says the most.
            ExprKind::Text(text) => text
                .rsplit('/')
                .find(|part| !part.is_empty())
                .unwrap_or_default()
                .to_owned(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::None => "none".into(),
            ExprKind::Number(number) => {
                number_label(number.value, number.unit.as_ref().map(|unit| unit.node.as_str()))
            }
            ExprKind::List(items) => joined(
                items
                    .iter()
                    .map(|item| self.raw_label(at.with(item), depth + 1))
                    .collect(),
            ),
            ExprKind::Record(fields) => self.fields_label(fields, at, depth),
            ExprKind::Update { base, fields } => {
                let base = self.raw_label(at.with(base), depth + 1);
                format!("{base}_{}", self.fields_label(fields, at, depth))
            }
            ExprKind::Checkpoint { of, at: which } => {
                let of = self.raw_label(at.with(of), depth + 1);
                match which {
                    Checkpoint::Step(step) => format!("{of}@{}", self.raw_label(at.with(step), depth + 1)),
                    Checkpoint::All(_) => format!("{of}@all"),
                    Checkpoint::Last(_) => format!("{of}@last"),
                }
            }
            ExprKind::Members { of, selectors } => {
                let mut parts = vec![of.node.last().map_or(String::new(), |name| name.node.clone())];
                for selector in selectors {
                    parts.push(match &selector.pick {
                        Pick::All(_) => "all".into(),
                        Pick::Value(value) => self.raw_label(at.with(value), depth + 1),
                    });
                }
                joined(parts)
            }
            _ => match self.quiet_number(at) {
                Some(number) => {
                    let percent = number.unit == Some(Unit::Percent);
                    let value = if percent {
                        number.value * 100.0
                    } else {
                        number.value
                    };
                    number_label(value, percent.then_some("%"))
                }
                None => self.text_of(at),
            },
        }
    }

    fn fields_label(&mut self, fields: &'a [ast::Field], at: Sited<'a>, depth: usize) -> String {
        let parts: Vec<String> = fields
            .iter()
            .map(|field| {
                let name = field.name.node.last().map_or("", |name| name.node.as_str());
                format!("{name}_{}", self.raw_label(at.with(&field.value), depth + 1))
            })
            .collect();
        parts.join("_")
    }

    /// Whether a `where` holds for the values bound at its site. `labels` has all labels of each axis.
    pub(super) fn holds(
        &mut self,
        at: Sited<'a>,
        labels: &BTreeMap<&'a str, BTreeSet<String>>,
    ) -> Option<bool> {
        match &at.expr.node {
            ExprKind::Bool(value) => Some(*value),
            ExprKind::Not(inner) => Some(!self.holds(at.with(inner), labels)?),
            ExprKind::Path(path) => {
                if let Some(value) = self.axis(path, at.site).map(|bound| bound.value) {
                    let value = self.resolve(value)?;
                    if let ExprKind::Bool(value) = &value.expr.node {
                        return Some(*value);
                    }
                }
                self.no_choice(at)
            }
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let (l, r) = (at.with(left), at.with(right));
                match operator.node {
                    Operator::And => {
                        let (l, r) = (self.holds(l, labels), self.holds(r, labels));
                        Some(l? && r?)
                    }
                    Operator::Or => {
                        let (l, r) = (self.holds(l, labels), self.holds(r, labels));
                        Some(l? || r?)
                    }
                    operator => self.compares(operator, l, r, at, labels),
                }
            }
            _ => self.no_choice(at),
        }
    }

    fn compares(
        &mut self,
        operator: Operator,
        left: Sited<'a>,
        right: Sited<'a>,
        at: Sited<'a>,
        labels: &BTreeMap<&'a str, BTreeSet<String>>,
    ) -> Option<bool> {
        if let (Some(l), Some(r)) = (self.quiet_number(left), self.quiet_number(right)) {
            if let (Some(a), Some(b)) = (l.unit, r.unit)
                && a != b
            {
                let diagnostic =
                    Diagnostic::error("rlx::unit::mismatch", format!("{a} and {b} cannot be compared"));
                let diagnostic = self.at(diagnostic, l.place, a.to_string());
                let diagnostic = self.at(diagnostic, r.place, b.to_string());
                self.report(diagnostic);
                return None;
            }
            return Some(match operator {
                Operator::Equal => l.value == r.value,
                Operator::NotEqual => l.value != r.value,
                Operator::Less => l.value < r.value,
                Operator::LessEqual => l.value <= r.value,
                Operator::Greater => l.value > r.value,
                Operator::GreaterEqual => l.value >= r.value,
                _ => return self.no_choice(at),
            });
        }
        if !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return self.no_choice(at);
        }
        // A misspelt name would never be equal, and nobody would know.
        for (axis, other) in [(left, right), (right, left)] {
            let ExprKind::Path(path) = &axis.expr.node else {
                continue;
            };
            let Some(name) = self.axis(path, axis.site).map(|bound| bound.name) else {
                continue;
            };
            if matches!(&other.expr.node, ExprKind::Path(path) if self.axis(path, other.site).is_some()) {
                continue;
            }
            let label = self.label(other);
            let Some(known) = labels.get(name).filter(|known| !known.contains(&label)) else {
                continue;
            };
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let help = suggest::did_you_mean(&label, known.iter().copied())
                .unwrap_or_else(|| format!("it is one of {}", suggest::list(known.iter().copied().take(12))));
            let diagnostic = Diagnostic::error("rlx::family::member", format!("`{name}` is never `{label}`"));
            let diagnostic = self
                .at(diagnostic, other.place(), "no value of the axis")
                .help(help);
            self.report(diagnostic);
            return None;
        }
        Some((self.label(left) == self.label(right)) == (operator == Operator::Equal))
    }

    fn no_choice(&mut self, at: Sited<'a>) -> Option<bool> {
        let diagnostic = Diagnostic::error("rlx::family::condition", "`where` compares the values of axes");
        let diagnostic = self.at(diagnostic, at.place(), "compares none").help(
            "for example `where algo == grpo or steps < 300`; names are equal or not, numbers can be larger",
        );
        self.report(diagnostic);
        None
    }
}

/// `150`, `1e-6`, `5%`: no separators, so that a number has one label however it is written.
fn number_label(value: f64, unit: Option<&str>) -> String {
    let digits = super::leaf::number(value).replace('_', "");
    if unit == Some("%") {
        format!("{digits}%")
    } else {
        digits
    }
}
