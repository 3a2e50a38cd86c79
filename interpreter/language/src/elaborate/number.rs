//! Numbers with units, and arithmetic on them.

use rlx_grammar::ast::{ExprKind, Number, Operator};

use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::Range;
use crate::suggest;
use crate::unit::Unit;

/// A number; `5%` has the value 0.05 and the unit `%`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Num {
    pub(super) value: f64,
    pub(super) unit: Option<Unit>,
    /// Where it is written: behind names, if there are any.
    pub(super) place: Place,
}

/// Whole numbers above this are not exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a> Elaborator<'a> {
    pub(super) fn number(&mut self, at: Sited<'a>) -> Result<Num, Fail> {
        let at = self.resolve(at).ok_or(Fail::Reported)?;
        let place = at.place();
        match &at.expr.node {
            ExprKind::Number(number) => self.literal(number, at),
            ExprKind::Negate(inner) => {
                let inner = self.number(at.with(inner))?;
                Ok(Num {
                    value: -inner.value,
                    place,
                    ..inner
                })
            }
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let arithmetic = matches!(
                    operator.node,
                    Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide
                );
                if !arithmetic {
                    return Err(Fail::Kind);
                }
                let left = self.number(at.with(left));
                let right = self.number(at.with(right));
                let (left, right) = (left?, right?);
                self.arithmetic(operator.node, left, right, place)
            }
            _ => Err(Fail::Kind),
        }
    }

    fn literal(&mut self, number: &Number, at: Sited<'a>) -> Result<Num, Fail> {
        let place = at.place();
        let Some(written) = &number.unit else {
            return Ok(Num {
                value: number.value,
                unit: None,
                place,
            });
        };
        let Some((unit, size)) = Unit::parse(&written.node) else {
            let thousands = match written.node.as_str() {
                "k" | "K" => Some(1e3),
                "M" => Some(1e6),
                "B" | "G" => Some(1e9),
                _ => None,
            };
            let whole = thousands.map(|by| {
                let value = super::leaf::number(number.value * by);
                format!("write the number out: `{value}`")
            });
            let near = whole.or_else(|| suggest::did_you_mean(&written.node, Unit::names()));
            let help = near.unwrap_or_else(|| format!("the units are {}", suggest::list(Unit::names())));
            let diagnostic = Diagnostic::error(
                "rlx::unit::unknown",
                format!("there is no unit `{}`", written.node),
            );
            let diagnostic = self
                .at(diagnostic, self.span(written, at.site), "unknown unit")
                .help(help);
            self.report(diagnostic);
            return Err(Fail::Reported);
        };
        let value = match unit {
            // A division: 5 / 100 is nearer to 0.05 than 5 · 0.01.
            Unit::Percent => number.value / 100.0,
            _ => number.value * size,
        };
        Ok(Num {
            value,
            unit: Some(unit),
            place,
        })
    }

    fn arithmetic(&mut self, operator: Operator, left: Num, right: Num, place: Place) -> Result<Num, Fail> {
        let (a, b) = (left.value, right.value);
        let (value, unit) = match operator {
            Operator::Add | Operator::Subtract => {
                let unit = match (left.unit, right.unit) {
                    (Some(l), Some(r)) if l != r => {
                        let diagnostic = Diagnostic::error(
                            "rlx::unit::mismatch",
                            format!("{l} and {r} cannot be added or subtracted"),
                        );
                        let diagnostic = self.at(diagnostic, left.place, format!("{l}"));
                        let diagnostic = self.at(diagnostic, right.place, format!("{r}"));
                        self.report(diagnostic);
                        return Err(Fail::Reported);
                    }
                    (unit, other) => unit.or(other),
                };
                (if operator == Operator::Add { a + b } else { a - b }, unit)
            }
            _ => {
                let unit = match (left.unit, right.unit) {
                    (Some(Unit::Percent), other) | (other, Some(Unit::Percent)) => other,
                    (Some(l), Some(r)) if operator == Operator::Divide && l == r => None,
                    (None, Some(r)) if operator == Operator::Divide => {
                        return self.no_such_unit(format!("a number cannot be divided by {r}"), place);
                    }
                    (Some(l), Some(r)) => {
                        return self
                            .no_such_unit(format!("{l} and {r} cannot be multiplied or divided"), place);
                    }
                    (unit, other) => unit.or(other),
                };
                (
                    if operator == Operator::Multiply {
                        a * b
                    } else {
                        a / b
                    },
                    unit,
                )
            }
        };
        if !value.is_finite() {
            let diagnostic = Diagnostic::error("rlx::value::range", "this is no finite number");
            let diagnostic = self.at(
                diagnostic,
                place,
                if b == 0.0 { "divided by 0" } else { "too large" },
            );
            self.report(diagnostic);
            return Err(Fail::Reported);
        }
        Ok(Num { value, unit, place })
    }

    fn no_such_unit(&mut self, message: String, place: Place) -> Result<Num, Fail> {
        let diagnostic = Diagnostic::error("rlx::unit::mismatch", message);
        let diagnostic = self
            .at(diagnostic, place, "no unit fits the result")
            .help("leave the unit out of one of them");
        self.report(diagnostic);
        Err(Fail::Reported)
    }

    /// The unit of a number must be the field's, or absent.
    pub(super) fn check_unit(
        &mut self,
        number: Num,
        unit: Option<Unit>,
        field: &str,
        at: Sited<'a>,
    ) -> Result<(), Fail> {
        let Some(found) = number.unit else { return Ok(()) };
        if Some(found) == unit {
            return Ok(());
        }
        let wanted = match unit {
            Some(unit) => format!("`{field}` counts {unit}, not {found}"),
            None => format!("`{field}` takes a number without the unit {found}"),
        };
        let diagnostic = Diagnostic::error("rlx::unit::mismatch", wanted);
        let mut diagnostic = self.at(diagnostic, number.place, format!("this is in {found}"));
        if number.place != at.place() {
            let rule = unit.map_or_else(
                || "no unit here".to_owned(),
                |unit| format!("{unit} are wanted here"),
            );
            diagnostic = self.at(diagnostic, at.place(), rule);
        }
        let value = super::leaf::number(if found == Unit::Percent {
            number.value * 100.0
        } else {
            number.value
        });
        let help = match unit {
            Some(unit) => format!("write `{value} {unit}`, or leave the unit out"),
            None => format!("write `{value}`"),
        };
        self.report(diagnostic.help(help));
        Err(Fail::Reported)
    }

    /// A whole number at least `least` in the field's unit.
    pub(super) fn count(
        &mut self,
        at: Sited<'a>,
        unit: Option<Unit>,
        least: u64,
        field: &str,
    ) -> Result<(u64, Place), Fail> {
        let number = self.number(at)?;
        self.check_unit(number, unit, field, at)?;
        let rule = if unit.is_some() || least > 0 { least } else { 0 };
        let whole = number.value.fract() == 0.0 && number.value >= 0.0 && number.value < EXACT;
        if whole && number.value as u64 >= least {
            return Ok((number.value as u64, number.place));
        }
        let message = if !whole && number.value >= 0.0 && number.value < EXACT {
            format!(
                "`{field}` takes a whole number, not {}",
                super::leaf::number(number.value)
            )
        } else if number.value >= EXACT {
            format!(
                "`{field}` is too large: whole numbers end at {}",
                super::leaf::grouped(EXACT as u64)
            )
        } else {
            format!(
                "`{field}` must be at least {rule}, and this is {}",
                super::leaf::number(number.value)
            )
        };
        self.out_of_range(
            number,
            at,
            message,
            &format!("whole numbers from {rule} on are wanted here"),
        );
        Err(Fail::Reported)
    }

    pub(super) fn integer(&mut self, at: Sited<'a>, least: u64) -> Result<(u64, Place), Fail> {
        self.count(at, None, least, "seed")
    }

    /// A number in a range; `%` where the field is a share.
    pub(super) fn real(
        &mut self,
        at: Sited<'a>,
        range: &Range,
        share: bool,
        field: &str,
    ) -> Result<(f64, Place), Fail> {
        let number = self.number(at)?;
        let unit = if share { Some(Unit::Percent) } else { None };
        self.check_unit(number, unit, field, at)?;
        if range.holds(number.value) {
            return Ok((number.value, number.place));
        }
        let message = format!(
            "`{field}` must be {}, and this is {}",
            range.text,
            super::leaf::number(number.value)
        );
        let help = (share && number.value > 1.0 && number.value <= 100.0)
            .then(|| format!("for a percentage write `{}%`", super::leaf::number(number.value)));
        self.out_of_range_with(
            number,
            at,
            message,
            &format!("{} is wanted here", range.text),
            help,
        );
        Err(Fail::Reported)
    }

    fn out_of_range(&mut self, number: Num, at: Sited<'a>, message: String, rule: &str) {
        self.out_of_range_with(number, at, message, rule, None);
    }

    fn out_of_range_with(
        &mut self,
        number: Num,
        at: Sited<'a>,
        message: String,
        rule: &str,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic::error("rlx::value::range", message);
        let mut diagnostic = self.at(diagnostic, number.place, "out of range").maybe_help(help);
        if number.place != at.place() {
            diagnostic = self.at(diagnostic, at.place(), rule);
        }
        self.report(diagnostic);
    }
}
