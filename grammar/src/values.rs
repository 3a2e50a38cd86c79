//! pest's pairs → values: precedence, calls, checkpoints, numbers.

use pest::iterators::{Pair, Pairs};

use crate::ast::{
    Argument, Checkpoint, Expr, ExprKind, Ident, Number, Operator, Pick, Selector, Span, Spanned, Step,
};
use crate::error::{CHAIN, NUMBER, SyntaxError};
use crate::parser::Rule;
use crate::tree::{Builder, Names};

/// The largest whole number that is exact: 2^53.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;
/// How tight `not` and `-x` bind, between the operators of [`binding`].
const NOT: u8 = 3;
const NEGATIVE: u8 = 9;

impl Builder<'_> {
    pub(crate) fn value(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let mut chain: Vec<Pair<'_, Rule>> = pair.into_inner().collect();
        let range = chain.pop_if(|last| matches!(last.as_rule(), Rule::range | Rule::plain_range));
        let start = self.chain(chain)?;
        let Some(range) = range else { return Some(start) };
        let end_of_range = self.end(&range);
        let mut bounds = Vec::new();
        let mut multiply = false;
        for pair in range.into_inner() {
            match pair.as_rule() {
                Rule::times => multiply = true,
                Rule::bound | Rule::plain_bound => bounds.push(self.chain(pair.into_inner().collect())?),
                _ => {}
            }
        }
        let mut bounds = bounds.into_iter().map(Box::new);
        let end = bounds.next()?;
        let step = bounds.next().map(|by| {
            if multiply {
                Step::Multiply(by)
            } else {
                Step::Add(by)
            }
        });
        let span = Span {
            start: start.span.start,
            end: end_of_range,
        };
        Some(Spanned {
            node: ExprKind::Range {
                start: Box::new(start),
                end,
                step,
            },
            span,
        })
    }

    fn chain(&mut self, pairs: Vec<Pair<'_, Rule>>) -> Option<Expr> {
        let mut pairs = pairs.into_iter().peekable();
        self.binary(&mut pairs, 0)
    }

    /// Precedence climbing over operands and operators as they stand in the text. Recursion is
    /// bounded: a piece with more than [`crate::MAX_OPERATORS`] operators is not parsed.
    fn binary<'i>(
        &mut self,
        pairs: &mut std::iter::Peekable<std::vec::IntoIter<Pair<'i, Rule>>>,
        tightest: u8,
    ) -> Option<Expr> {
        let first = pairs.next()?;
        let mut left = match first.as_rule() {
            Rule::negative | Rule::not_word => {
                let negative = first.as_rule() == Rule::negative;
                let of = self.binary(pairs, if negative { NEGATIVE } else { NOT })?;
                let span = Span {
                    start: self.span(&first).start,
                    end: of.span.end,
                };
                let of = Box::new(of);
                Spanned {
                    node: if negative {
                        ExprKind::Negate(of)
                    } else {
                        ExprKind::Not(of)
                    },
                    span,
                }
            }
            _ => self.operand(first)?,
        };
        let mut compared = false;
        while let Some(next) = pairs.peek() {
            let (operator, level) = binding(next.as_rule())?;
            if level < tightest {
                break;
            }
            let span = self.span(next);
            pairs.next();
            let comparison = level == binding(Rule::equal)?.1;
            if comparison && compared {
                self.errors.push(
                    SyntaxError::new(CHAIN, span, "comparisons do not chain", "a second comparison")
                        .help("join two of them: `a < b and b < c`"),
                );
            }
            compared |= comparison;
            let right = self.binary(pairs, level + 1)?;
            let whole = Span {
                start: left.span.start,
                end: right.span.end,
            };
            left = Spanned {
                node: ExprKind::Binary {
                    operator: Spanned { node: operator, span },
                    left: Box::new(left),
                    right: Box::new(right),
                },
                span: whole,
            };
        }
        Some(left)
    }

    fn operand(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let span = Span {
            start: self.span(&pair).start,
            end: self.end(&pair),
        };
        let node = match pair.as_rule() {
            Rule::number => ExprKind::Number(self.number(pair)?),
            Rule::text => ExprKind::Text(self.text(&pair).node),
            Rule::truth => ExprKind::Bool(pair.as_str() == "true"),
            Rule::nothing => ExprKind::None,
            Rule::reference | Rule::plain_reference | Rule::bare_path => self.reference(pair)?,
            Rule::list => ExprKind::List(self.elements(pair.into_inner())?),
            Rule::record => ExprKind::Record(self.fields(pair.into_inner().next()?, Names::Plain)?),
            Rule::group => {
                let value = pair.into_inner().find(|pair| pair.as_rule() == Rule::value)?;
                // The brackets belong to the place of the value, not to its meaning.
                return Some(Spanned {
                    node: self.value(value)?.node,
                    span,
                });
            }
            _ => return None,
        };
        Some(Spanned { node, span })
    }

    fn elements(&mut self, pairs: Pairs<'_, Rule>) -> Option<Vec<Expr>> {
        pairs
            .filter_map(|pair| match pair.as_rule() {
                Rule::value => Some(self.value(pair)),
                Rule::number | Rule::bare_path => Some(self.operand(pair)),
                _ => None,
            })
            .collect()
    }

    fn reference(&mut self, pair: Pair<'_, Rule>) -> Option<ExprKind> {
        let mut inner = pair.into_inner().peekable();
        let path = self.path(inner.next()?);
        let mut of = Spanned {
            span: path.span,
            node: ExprKind::Path(path.clone()),
        };
        if let Some(index) = inner.next_if(|pair| pair.as_rule() == Rule::index) {
            of.span.end = self.span(&index).end;
            let selectors = self.selectors(index)?;
            of.node = ExprKind::Members {
                of: path.clone(),
                selectors,
            };
        }
        let Some(more) = inner.next() else {
            return Some(of.node);
        };
        match more.as_rule() {
            Rule::arguments => {
                let arguments = more
                    .into_inner()
                    .filter(|pair| pair.as_rule() == Rule::argument)
                    .map(|pair| self.argument(pair))
                    .collect::<Option<_>>()?;
                Some(ExprKind::Call {
                    callee: path,
                    arguments,
                })
            }
            Rule::fields => {
                let fields = self.fields(more, Names::Plain)?;
                Some(ExprKind::Update {
                    base: Box::new(of),
                    fields,
                })
            }
            _ => {
                let at = more.into_inner().find(|pair| pair.as_rule() != Rule::at_sign)?;
                let span = self.span(&at);
                let at = match at.as_rule() {
                    Rule::every => Checkpoint::All(span),
                    Rule::last => Checkpoint::Last(span),
                    Rule::digits => {
                        let number = self.number_of(at.as_str(), span, None)?;
                        let node = ExprKind::Number(number);
                        Checkpoint::Step(Box::new(Spanned { node, span }))
                    }
                    _ => {
                        let node = ExprKind::Path(self.path(at));
                        Checkpoint::Step(Box::new(Spanned { node, span }))
                    }
                };
                Some(ExprKind::Checkpoint { of: Box::new(of), at })
            }
        }
    }

    /// What stands in the brackets of `rl[grpo, 150]`.
    pub(crate) fn selectors(&mut self, index: Pair<'_, Rule>) -> Option<Vec<Selector>> {
        let span = self.span(&index);
        let mut selectors = Vec::new();
        for pair in index.into_inner().filter(|pair| pair.as_rule() == Rule::selector) {
            let mut axis = None;
            let mut pick = None;
            for pair in pair.into_inner() {
                match pair.as_rule() {
                    Rule::name => axis = Some(self.name(&pair)),
                    Rule::every => pick = Some(Pick::All(self.span(&pair))),
                    Rule::value => pick = Some(Pick::Value(Box::new(self.value(pair)?))),
                    _ => {}
                }
            }
            selectors.push(Selector { axis, pick: pick? });
        }
        if selectors.is_empty() {
            self.errors.push(
                SyntaxError::new(
                    crate::error::EXPECTED,
                    span,
                    "no member is named in the brackets",
                    "empty",
                )
                .help("`name[*]` names all members, `name[value]` one"),
            );
        }
        Some(selectors)
    }

    fn argument(&mut self, pair: Pair<'_, Rule>) -> Option<Argument> {
        let mut name = None;
        let mut value = None;
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::name => name = Some(self.name(&pair)),
                Rule::value => value = Some(self.value(pair)?),
                _ => {}
            }
        }
        Some(Argument { name, value: value? })
    }

    fn number(&mut self, pair: Pair<'_, Rule>) -> Option<Number> {
        let mut inner = pair.into_inner();
        let digits = inner.next()?;
        let unit = inner.next().map(|unit| self.name(&unit));
        self.number_of(digits.as_str(), self.span(&digits), unit)
    }

    fn number_of(&mut self, text: &str, span: Span, unit: Option<Ident>) -> Option<Number> {
        let integer = !text.contains(['.', 'e', 'E']);
        let value: f64 = text.replace('_', "").parse().ok()?;
        if !value.is_finite() {
            self.errors.push(SyntaxError::new(
                NUMBER,
                span,
                "this number is larger than any number can be",
                "about 1.8e308 is the largest",
            ));
        } else if integer && value > LARGEST_WHOLE {
            self.errors.push(
                SyntaxError::new(
                    NUMBER,
                    span,
                    "this whole number cannot be kept exactly",
                    "above 9_007_199_254_740_992 (2^53)",
                )
                .help("choose a smaller one, or write it with an exponent if it need not be exact"),
            );
        }
        Some(Number { value, integer, unit })
    }
}

/// An operator and how tight it binds, loosest first.
fn binding(rule: Rule) -> Option<(Operator, u8)> {
    Some(match rule {
        Rule::or_word => (Operator::Or, 1),
        Rule::and_word => (Operator::And, 2),
        // 3 is `not`.
        Rule::equal => (Operator::Equal, 4),
        Rule::not_equal => (Operator::NotEqual, 4),
        Rule::less => (Operator::Less, 4),
        Rule::less_equal => (Operator::LessEqual, 4),
        Rule::greater => (Operator::Greater, 4),
        Rule::greater_equal => (Operator::GreaterEqual, 4),
        Rule::union => (Operator::Union, 5),
        Rule::intersection => (Operator::Intersection, 6),
        Rule::plus => (Operator::Add, 7),
        Rule::minus => (Operator::Subtract, 7),
        Rule::times => (Operator::Multiply, 8),
        Rule::divide => (Operator::Divide, 8),
        _ => return None,
    })
}
