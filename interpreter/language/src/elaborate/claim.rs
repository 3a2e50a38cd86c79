//! Claims: comparisons of measured quantities, joined by `and`, `or`, `not`.

use rlx_grammar::ast::{ExprKind, Operator};

use super::scope::Content;
use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::DeclId;
use crate::schema;
use crate::study::{Claim, Comparison, Condition, ProblemsExpr, Quantity};
use crate::unit::Unit;

/// Confidence of a verdict.
const CONFIDENCE: f64 = 0.95;

/// Functions of a set of problems, or of several quantities.
const OTHERS: [&str; 5] = ["share", "count", "contained", "max", "min"];
/// Functions that make conditions.
const CONDITIONS: [&str; 5] = ["all", "any", "rising", "falling", "equal"];

/// What can be measured, by name.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    schema::QUANTITIES
        .into_iter()
        .map(|schema| schema.name)
        .chain(OTHERS)
}

impl<'a> Elaborator<'a> {
    pub(super) fn claim(&mut self, id: DeclId) {
        let declaration = self.program.declaration(id);
        let name = self.name_of(id);
        let block = match self.content(id) {
            Content::Block(block) => block,
            Content::Value(_) | Content::Fields(..) => {
                let diagnostic = Diagnostic::error("rlx::claim::form", format!("`{name}` is no claim"));
                let place = self.name_place(id);
                let diagnostic = self.at(diagnostic, place, "without a condition").help(format!(
                    "write `claim {name} \"what is claimed\" {{ pass(EVALUATION, MODEL, k = 1) > 50% }}`"
                ));
                self.report(diagnostic);
                return;
            }
        };
        let statement = declaration
            .title
            .as_ref()
            .map_or_else(|| name.clone(), |title| self.titled(&title.node, id));
        let text = self.text_of(block);
        let origin = self.origin(block);
        self.leaf(&name, text.clone(), None, origin, Vec::new());
        if let Some(condition) = self.condition(block, &name) {
            self.claims.insert(
                name.clone(),
                Claim {
                    name,
                    statement,
                    condition,
                    text,
                    confidence: CONFIDENCE,
                },
            );
        }
    }

    fn condition(&mut self, at: Sited<'a>, name: &str) -> Option<Condition> {
        let at = self.resolve(at)?;
        match &at.expr.node {
            ExprKind::Not(inner) => Some(Condition::Not {
                condition: Box::new(self.condition(at.with(inner), name)?),
            }),
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let (l, r) = (at.with(left), at.with(right));
                let comparison = match operator.node {
                    Operator::And | Operator::Or => {
                        let left = self.condition(l, name);
                        let right = self.condition(r, name);
                        let (left, right) = (Box::new(left?), Box::new(right?));
                        return Some(if operator.node == Operator::And {
                            Condition::And { left, right }
                        } else {
                            Condition::Or { left, right }
                        });
                    }
                    Operator::Less => Comparison::Less,
                    Operator::LessEqual => Comparison::LessEqual,
                    Operator::Greater => Comparison::Greater,
                    Operator::GreaterEqual => Comparison::GreaterEqual,
                    Operator::Equal | Operator::NotEqual => {
                        let diagnostic = Diagnostic::error(
                            "rlx::claim::form",
                            "measured numbers are never known to be equal",
                        );
                        let place = crate::program::Place {
                            span: at.site.fixed.unwrap_or(operator.span),
                            ..at.place()
                        };
                        let diagnostic = self
                            .at(diagnostic, place, "cannot be measured")
                            .help("claim that one is larger, or that their difference is small: `a - b < 2% and b - a < 2%`");
                        self.report(diagnostic);
                        return None;
                    }
                    _ => return self.no_condition(at),
                };
                let left = self.quantity(l, name);
                let right = self.quantity(r, name);
                let (left, right) = (left?, right?);
                if !measures(&left) && !measures(&right) {
                    let diagnostic = Diagnostic::error("rlx::claim::constant", "nothing is measured here");
                    let diagnostic = self.at(diagnostic, at.place(), "only numbers").help(
                        "compare something measured: `pass`, `delta_se`, `perplexity`, `share`, `count`, …",
                    );
                    self.report(diagnostic);
                    return None;
                }
                Some(Condition::Compare {
                    comparison,
                    left,
                    right,
                })
            }
            ExprKind::Call { callee, arguments } => match callee.node.as_slice() {
                [word] if CONDITIONS.contains(&word.node.as_str()) => {
                    self.condition_call(word.node.as_str(), arguments, at, name)
                }
                _ => self.no_condition(at),
            },
            _ => self.no_condition(at),
        }
    }

    /// `all(…)`, `any(…)`, `rising(…)`, `falling(…)`, `equal(a, b, within = …)`.
    fn condition_call(
        &mut self,
        word: &str,
        arguments: &'a [rlx_grammar::ast::Argument],
        at: Sited<'a>,
        name: &str,
    ) -> Option<Condition> {
        let named = |argument: &&'a rlx_grammar::ast::Argument| argument.name.is_some();
        match (word, arguments) {
            ("all" | "any", [argument]) if !named(&argument) => {
                let inner = at.with(&argument.value);
                let parts = self.over_lanes(inner, |this| this.condition(inner, name))?;
                let every = word == "all";
                let join = |left, right| {
                    let (left, right) = (Box::new(left), Box::new(right));
                    if every {
                        Condition::And { left, right }
                    } else {
                        Condition::Or { left, right }
                    }
                };
                parts.into_iter().reduce(join)
            }
            ("rising" | "falling", [argument]) if !named(&argument) => {
                let inner = at.with(&argument.value);
                let parts = self.over_lanes(inner, |this| this.quantity(inner, name))?;
                let comparison = if word == "rising" {
                    Comparison::Less
                } else {
                    Comparison::Greater
                };
                let steps = parts.windows(2).map(|pair| Condition::Compare {
                    comparison,
                    left: pair[0].clone(),
                    right: pair[1].clone(),
                });
                let whole = steps.reduce(|left, right| Condition::And {
                    left: Box::new(left),
                    right: Box::new(right),
                });
                if whole.is_none() {
                    let diagnostic =
                        Diagnostic::error("rlx::claim::form", "one number is neither rising nor falling");
                    let diagnostic = self.at(diagnostic, inner.place(), "only one").help(format!(
                        "name several checkpoints or k: `{word}(pass(EVALUATION, rl@*, k = 1))`"
                    ));
                    self.report(diagnostic);
                }
                whole
            }
            ("equal", [first, second, margin])
                if !named(&first)
                    && !named(&second)
                    && margin.name.as_ref().is_some_and(|name| name.node == "within") =>
            {
                let left = self.quantity(at.with(&first.value), name);
                let right = self.quantity(at.with(&second.value), name);
                let margin = self.quantity(at.with(&margin.value), name);
                let (left, right, margin) = (left?, right?, margin?);
                let side = |a: &Quantity, b: &Quantity| Condition::Compare {
                    comparison: Comparison::Less,
                    left: Quantity::Subtract {
                        left: Box::new(a.clone()),
                        right: Box::new(b.clone()),
                    },
                    right: margin.clone(),
                };
                Some(Condition::And {
                    left: Box::new(side(&left, &right)),
                    right: Box::new(side(&right, &left)),
                })
            }
            _ => {
                let form = match word {
                    "all" | "any" => {
                        format!("{word}(pass(EVALUATION, rl@*, k = 1) > pass(EVALUATION, base, k = 1))")
                    }
                    "equal" => {
                        "equal(pass(EVALUATION, base, k = 1), pass(EVALUATION, rl, k = 1), within = 2%)"
                            .into()
                    }
                    _ => format!("{word}(pass(EVALUATION, rl@*, k = 1))"),
                };
                let diagnostic = Diagnostic::error(
                    "rlx::query::argument",
                    format!("`{word}` does not take these arguments"),
                );
                let diagnostic = self
                    .at(diagnostic, at.place(), "of another form")
                    .help(format!("write `{form}`"));
                self.report(diagnostic);
                None
            }
        }
    }

    fn no_condition(&mut self, at: Sited<'a>) -> Option<Condition> {
        let diagnostic = Diagnostic::error("rlx::claim::form", "a claim compares measured quantities");
        let diagnostic = self
            .at(diagnostic, at.place(), "compares nothing")
            .help("for example `pass(aime, base, k = 256) > pass(aime, rl@last, k = 256)`");
        self.report(diagnostic);
        None
    }

    pub(super) fn quantity(&mut self, at: Sited<'a>, name: &str) -> Option<Quantity> {
        if let Some(number) = self.plain_number(at)? {
            return Some(number);
        }
        let at = self.resolve(at)?;
        match &at.expr.node {
            ExprKind::Negate(inner) => {
                let left = Box::new(Quantity::Number { value: 0.0 });
                Some(Quantity::Subtract {
                    left,
                    right: Box::new(self.quantity(at.with(inner), name)?),
                })
            }
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let build: fn(Box<Quantity>, Box<Quantity>) -> Quantity = match operator.node {
                    Operator::Add => |left, right| Quantity::Add { left, right },
                    Operator::Subtract => |left, right| Quantity::Subtract { left, right },
                    Operator::Multiply => |left, right| Quantity::Multiply { left, right },
                    Operator::Divide => |left, right| Quantity::Divide { left, right },
                    _ => return self.no_quantity(at),
                };
                let left = self.quantity(at.with(left), name);
                let right = self.quantity(at.with(right), name);
                Some(build(Box::new(left?), Box::new(right?)))
            }
            ExprKind::Call { callee, arguments } => {
                if let [function] = callee.node.as_slice() {
                    if function.node == "share" || function.node == "count" {
                        let [argument] = arguments.as_slice() else {
                            let diagnostic = Diagnostic::error(
                                "rlx::query::argument",
                                format!("`{}` takes one set of problems", function.node),
                            );
                            let diagnostic =
                                self.at(diagnostic, at.place(), format!("{} arguments", arguments.len()));
                            self.report(
                                diagnostic
                                    .help(format!("write `{}(solved(EVALUATION, MODEL))`", function.node)),
                            );
                            return None;
                        };
                        let set = self.problems_expr(at.with(&argument.value), name)?;
                        self.one_evaluation(&set, at)?;
                        return Some(if function.node == "share" {
                            Quantity::Share { set }
                        } else {
                            Quantity::Count { set }
                        });
                    }
                    if function.node == "solved" {
                        let diagnostic = Diagnostic::error(
                            "rlx::type::mismatch",
                            "`solved` is a set of problems, not a number",
                        );
                        let diagnostic = self
                            .at(diagnostic, at.place(), "a set")
                            .help("take its `share(…)` or its `count(…)`");
                        self.report(diagnostic);
                        return None;
                    }
                    if function.node == "contained" {
                        return self.contained(arguments, at, name);
                    }
                    if function.node == "max" || function.node == "min" {
                        let mut of = Vec::new();
                        for argument in arguments {
                            let inner = at.with(&argument.value);
                            of.extend(self.over_lanes(inner, |this| this.quantity(inner, name))?);
                        }
                        if of.is_empty() {
                            return self.no_quantity(at);
                        }
                        return Some(if function.node == "max" {
                            Quantity::Largest { of }
                        } else {
                            Quantity::Smallest { of }
                        });
                    }
                    if CONDITIONS.contains(&function.node.as_str()) {
                        return self.no_quantity(at);
                    }
                    if !names().any(|known| known == function.node) {
                        let help =
                            crate::suggest::did_you_mean(&function.node, names()).unwrap_or_else(|| {
                                format!("a claim can measure {}", crate::suggest::list(names()))
                            });
                        let diagnostic = Diagnostic::error(
                            "rlx::query::unknown",
                            format!("there is no function `{}` here", function.node),
                        );
                        let place = self.span(function, at.site);
                        let diagnostic = self.at(diagnostic, place, "unknown function").help(help);
                        self.report(diagnostic);
                        return None;
                    }
                }
                let function = self.function(callee, at, &schema::QUANTITIES)?;
                self.measure(function, arguments, at, name)
            }
            _ => self.no_quantity(at),
        }
    }

    /// A number that is not measured; Some(None) where the expression is something else.
    fn plain_number(&mut self, at: Sited<'a>) -> Option<Option<Quantity>> {
        let reported = self.out.len();
        match self.number(at) {
            Ok(number) => {
                if let Err(Fail::Reported) = self.check_unit(
                    number,
                    number.unit.filter(|unit| *unit == Unit::Percent),
                    "a claim",
                    at,
                ) {
                    return None;
                }
                Some(Some(Quantity::Number { value: number.value }))
            }
            Err(Fail::Kind) => {
                // Parts of it can be numbers; they are read again on their own.
                self.out.truncate(reported);
                Some(None)
            }
            Err(Fail::Reported) => None,
        }
    }

    fn no_quantity(&mut self, at: Sited<'a>) -> Option<Quantity> {
        let found = self.describe(at);
        let diagnostic = Diagnostic::error(
            "rlx::type::mismatch",
            format!("a number or something measured is wanted here, not {found}"),
        );
        let diagnostic = self
            .at(diagnostic, at.place(), format!("this is {found}"))
            .help(format!("a claim can measure {}", crate::suggest::list(names())));
        self.report(diagnostic);
        None
    }

    pub(super) fn problems_expr(&mut self, at: Sited<'a>, name: &str) -> Option<ProblemsExpr> {
        let at = self.resolve(at)?;
        match &at.expr.node {
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                let build: fn(Box<ProblemsExpr>, Box<ProblemsExpr>) -> ProblemsExpr = match operator.node {
                    Operator::Union => |left, right| ProblemsExpr::Union { left, right },
                    Operator::Intersection => |left, right| ProblemsExpr::Intersection { left, right },
                    Operator::Subtract => |left, right| ProblemsExpr::Difference { left, right },
                    _ => return self.no_set(at),
                };
                let left = self.problems_expr(at.with(left), name);
                let right = self.problems_expr(at.with(right), name);
                Some(build(Box::new(left?), Box::new(right?)))
            }
            ExprKind::Call { callee, arguments } => self.set_call(callee, arguments, at, name),
            _ => self.no_set(at),
        }
    }

    fn no_set(&mut self, at: Sited<'a>) -> Option<ProblemsExpr> {
        let diagnostic = Diagnostic::error("rlx::type::mismatch", "a set of problems is wanted here");
        let diagnostic = self.at(diagnostic, at.place(), "no set").help(
            "`solved(EVALUATION, MODEL)` or `accuracy(EVALUATION, MODEL, above = 0%, most = 20%)`, joined by `|` (union), `&` (intersection) or `-` (difference)",
        );
        self.report(diagnostic);
        None
    }

    /// Sets of different evaluations have different problems.
    pub(super) fn one_evaluation(&mut self, set: &ProblemsExpr, at: Sited<'a>) -> Option<()> {
        let mut names = Vec::new();
        evaluations(set, &mut names);
        names.dedup();
        if names.len() <= 1 {
            return Some(());
        }
        let diagnostic = Diagnostic::error("rlx::claim::form", "the sets are of different evaluations");
        let diagnostic = self
            .at(
                diagnostic,
                at.place(),
                crate::suggest::list(names.iter().copied()),
            )
            .help("compare what one evaluation measured");
        self.report(diagnostic);
        None
    }
}

pub(super) fn evaluations<'s>(set: &'s ProblemsExpr, names: &mut Vec<&'s str>) {
    match set {
        ProblemsExpr::Solved { evaluation, .. } | ProblemsExpr::Accuracy { evaluation, .. } => {
            names.push(evaluation);
        }
        ProblemsExpr::Union { left, right }
        | ProblemsExpr::Intersection { left, right }
        | ProblemsExpr::Difference { left, right } => {
            evaluations(left, names);
            evaluations(right, names);
        }
    }
}

fn measures(quantity: &Quantity) -> bool {
    match quantity {
        Quantity::Number { .. } => false,
        Quantity::Add { left, right }
        | Quantity::Subtract { left, right }
        | Quantity::Multiply { left, right }
        | Quantity::Divide { left, right } => measures(left) || measures(right),
        _ => true,
    }
}
