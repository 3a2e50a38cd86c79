//! `filter`: conditions on the columns of a row.

use rlx_grammar::ast::{ExprKind, Operator};

use super::checked::{Checked, Typed};
use super::{Elaborator, Sited};
use crate::diagnostic::Diagnostic;
use crate::filter::{Cell, CellTest, Filter};

impl<'a> Elaborator<'a> {
    /// The condition of a problem set; the outer None where something was reported.
    pub(super) fn filter(&mut self, checked: &Checked<'a>) -> Option<Option<Filter>> {
        match checked.typed("filter")? {
            Typed::Reference(at, nested) if nested.is_empty() => self.rows_where(*at).map(Some),
            Typed::Reference(at, _) => {
                self.no_filter(*at);
                None
            }
            _ => Some(None),
        }
    }

    fn rows_where(&mut self, at: Sited<'a>) -> Option<Filter> {
        match &at.expr.node {
            ExprKind::Not(inner) => Some(Filter::Not(Box::new(self.rows_where(at.with(inner))?))),
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let (left, right) = (at.with(left), at.with(right));
                let comparison = match operator.node {
                    Operator::And | Operator::Or => {
                        let parts = (self.rows_where(left), self.rows_where(right));
                        let (left, right) = (Box::new(parts.0?), Box::new(parts.1?));
                        return Some(match operator.node {
                            Operator::And => Filter::And(left, right),
                            _ => Filter::Or(left, right),
                        });
                    }
                    Operator::Equal => CellTest::Equal,
                    Operator::NotEqual => CellTest::NotEqual,
                    Operator::Less => CellTest::Less,
                    Operator::LessEqual => CellTest::LessEqual,
                    Operator::Greater => CellTest::Greater,
                    Operator::GreaterEqual => CellTest::GreaterEqual,
                    _ => {
                        self.no_filter(at);
                        return None;
                    }
                };
                // A column is a name, and no name of the study.
                let ExprKind::Path(column) = &left.expr.node else {
                    self.no_filter(left);
                    return None;
                };
                let with = self.cell(right)?;
                if comparison.is_order() && !matches!(with, Cell::Number(_) | Cell::Text(_)) {
                    let message = format!("`{}` compares numbers or texts", comparison.sign());
                    let diagnostic = Diagnostic::error("rlx::data::filter", message);
                    let diagnostic = self
                        .at(diagnostic, right.place(), "neither less nor more than anything")
                        .help("write `==` or `!=`");
                    self.report(diagnostic);
                    return None;
                }
                Some(Filter::Compare {
                    column: column.node.iter().map(|part| part.node.clone()).collect(),
                    comparison,
                    with,
                })
            }
            // The name of a condition: `let recent = date >= "2024-08"`.
            ExprKind::Path(_) => {
                let value = self.resolve(at)?;
                if matches!(value.expr.node, ExprKind::Path(_)) {
                    self.no_filter(at);
                    return None;
                }
                self.rows_where(value)
            }
            _ => {
                self.no_filter(at);
                None
            }
        }
    }

    fn cell(&mut self, at: Sited<'a>) -> Option<Cell> {
        let at = self.resolve(at)?;
        let number = |expr: &ExprKind| match expr {
            ExprKind::Number(number) if number.unit.is_none() => Some(number.value),
            _ => None,
        };
        let cell = match &at.expr.node {
            ExprKind::Text(text) => Some(Cell::Text(text.clone())),
            ExprKind::Bool(value) => Some(Cell::Bool(*value)),
            ExprKind::None => Some(Cell::None),
            ExprKind::Negate(inner) => number(&inner.node).map(|value| Cell::Number(-value)),
            ExprKind::List(items) => items
                .iter()
                .map(|item| match &item.node {
                    ExprKind::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect::<Option<Vec<String>>>()
                .map(Cell::List),
            other => number(other).map(Cell::Number),
        };
        if cell.is_none() {
            let message =
                "a column is compared with a text, a number, `true`, `false`, `none` or a list of texts";
            let diagnostic = Diagnostic::error("rlx::data::filter", message);
            let diagnostic = self.at(diagnostic, at.place(), "none of these");
            self.report(diagnostic.help("write for instance `level == \"hard\"` or `options == []`"));
        }
        cell
    }

    fn no_filter(&mut self, at: Sited<'a>) {
        let diagnostic = Diagnostic::error("rlx::data::filter", "a filter compares columns with values");
        let diagnostic = self
            .at(diagnostic, at.place(), "no comparison of a column")
            .help("write the column's name first: `subject == \"algebra\" and level <= 3`; `and`, `or` and `not` join");
        self.report(diagnostic);
    }
}
