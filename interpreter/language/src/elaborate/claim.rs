//! Claims: comparisons of measured quantities, joined by `and`, `or`, `not`.

use rlx_grammar::ast::{ExprKind, Operator};

use super::scope::Content;
use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::DeclId;
use crate::schema::{self, Schema};
use crate::study::{Claim, Comparison, Condition, ProblemsExpr, Quantity};
use crate::unit::Unit;

/// Confidence of a verdict.
const CONFIDENCE: f64 = 0.95;

const MEASURES: [&Schema; 3] = [&schema::PASS, &schema::DELTA_SE_OF, &schema::PERPLEXITY_OF];
const NAMES: [&str; 5] = ["pass", "delta_se", "perplexity", "share", "count"];

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
                        "compare something measured: `pass`, `delta_se`, `perplexity`, `share`, `count`",
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
            _ => self.no_condition(at),
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

    fn quantity(&mut self, at: Sited<'a>, name: &str) -> Option<Quantity> {
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
                    if !NAMES.contains(&function.node.as_str()) {
                        let help = crate::suggest::did_you_mean(&function.node, NAMES).unwrap_or_else(|| {
                            format!("a claim can measure {}", crate::suggest::list(NAMES))
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
                let function = self.function(callee, at, &MEASURES)?;
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
            .help(format!("a claim can measure {}", crate::suggest::list(NAMES)));
        self.report(diagnostic);
        None
    }

    fn measure(
        &mut self,
        function: &'static Schema,
        arguments: &'a [rlx_grammar::ast::Argument],
        at: Sited<'a>,
        name: &str,
    ) -> Option<Quantity> {
        // Leaves of calls inside a claim would collide; the claim's text is its record.
        let before = self.origins.len();
        let checked = self.arguments(function, arguments, at, &format!("{name}.{}", function.name));
        self.origins.truncate(before);
        let checked = checked?;
        let info = self.asked(&checked)?;
        let of = self.asked_model(&checked, "of", &info);
        let evaluation = info.evaluation.name.clone();
        let quantity = match function.name {
            "pass" => {
                let k = checked.count("k")?;
                self.check_k(k, checked.place("k"), &info)?;
                self.warn_k(k, checked.place("k"), &info);
                Quantity::Pass {
                    evaluation,
                    model: of?,
                    k,
                }
            }
            "delta_se" => {
                let against = self.asked_model(&checked, "against", &info);
                let k = checked.count("k")?;
                self.check_k(k, checked.place("k"), &info)?;
                self.warn_k(k, checked.place("k"), &info);
                Quantity::DeltaSe {
                    evaluation,
                    of: of?,
                    against: against?,
                    k,
                }
            }
            _ => {
                let under = self.asked_model(&checked, "under", &info);
                Quantity::Perplexity {
                    evaluation,
                    of: of?,
                    under: under?,
                    only_correct: checked.boolean("correct")?,
                }
            }
        };
        checked.is_whole().then_some(quantity)
    }

    fn problems_expr(&mut self, at: Sited<'a>, name: &str) -> Option<ProblemsExpr> {
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
            ExprKind::Call { callee, arguments } => {
                let function = self.function(callee, at, &[&schema::SOLVED])?;
                let before = self.origins.len();
                let checked = self.arguments(function, arguments, at, &format!("{name}.solved"));
                self.origins.truncate(before);
                let checked = checked?;
                let info = self.asked(&checked)?;
                let model = self.asked_model(&checked, "of", &info)?;
                checked.is_whole().then_some(ProblemsExpr::Solved {
                    evaluation: info.evaluation.name,
                    model,
                })
            }
            _ => self.no_set(at),
        }
    }

    fn no_set(&mut self, at: Sited<'a>) -> Option<ProblemsExpr> {
        let diagnostic = Diagnostic::error("rlx::type::mismatch", "a set of problems is wanted here");
        let diagnostic = self.at(diagnostic, at.place(), "no set").help(
            "`solved(EVALUATION, MODEL)`, joined by `|` (union), `&` (intersection) or `-` (difference)",
        );
        self.report(diagnostic);
        None
    }

    /// Sets of different evaluations have different problems.
    fn one_evaluation(&mut self, set: &ProblemsExpr, at: Sited<'a>) -> Option<()> {
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

fn evaluations<'s>(set: &'s ProblemsExpr, names: &mut Vec<&'s str>) {
    match set {
        ProblemsExpr::Solved { evaluation, .. } => names.push(evaluation),
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
