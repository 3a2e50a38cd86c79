//! pest's pairs → the tree of [`crate::ast`].

use pest::iterators::{Pair, Pairs};

use crate::ast::{
    Argument, Body, Checkpoint, Declaration, Expr, ExprKind, Field, Ident, Item, ItemKind, Keyword, Number,
    Operator, Path, Profile, Span, Spanned, Step, Use, UseFrom,
};
use crate::error::{CHAIN, EXPECTED, NUMBER, SyntaxError};
use crate::parser::Rule;
use crate::text::unescape;

/// The largest whole number that is exact: 2^53.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;
/// How tight `not` and `-x` bind, between the operators of [`binding`].
const NOT: u8 = 3;
const NEGATIVE: u8 = 9;

/// Builds one declaration; errors that the grammar cannot see go to `errors`. The functions
/// give `None` only for pairs that the grammar does not make.
pub(crate) struct Builder<'e> {
    /// Where the parsed piece starts in the file.
    offset: usize,
    errors: &'e mut Vec<SyntaxError>,
}

impl<'e> Builder<'e> {
    pub(crate) fn new(offset: usize, errors: &'e mut Vec<SyntaxError>) -> Self {
        Self { offset, errors }
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span {
            start: self.offset + span.start(),
            end: self.offset + span.end(),
        }
    }

    pub(crate) fn item(&mut self, doc: Option<String>, pair: Pair<'_, Rule>) -> Option<Item> {
        let pair = pair.into_inner().next()?;
        let span = Span {
            start: self.span(&pair).start,
            end: self.end(&pair),
        };
        let kind = match pair.as_rule() {
            Rule::import => ItemKind::Use(self.import(pair)?),
            Rule::profile => ItemKind::Profile(self.profile(pair)?),
            _ => ItemKind::Declaration(self.declaration(pair)?),
        };
        Some(Item { doc, span, kind })
    }

    /// Where the last token of a pair ends. A rule that ends with something optional has taken
    /// the white space and the comments before what did not come.
    fn end(&self, pair: &Pair<'_, Rule>) -> usize {
        let mut last = pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        self.span(&last).end
    }

    pub(crate) fn expression(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        self.value(pair.into_inner().next()?)
    }

    pub(crate) fn setting(&mut self, pair: Pair<'_, Rule>) -> Option<Field> {
        let mut inner = pair.into_inner().filter(|pair| pair.as_rule() != Rule::equals);
        Some(Field {
            name: self.path(inner.next()?),
            value: self.value(inner.next()?)?,
        })
    }

    fn name(&self, pair: &Pair<'_, Rule>) -> Ident {
        Spanned {
            node: pair.as_str().to_owned(),
            span: self.span(pair),
        }
    }

    fn path(&self, pair: Pair<'_, Rule>) -> Path {
        let span = self.span(&pair);
        Spanned {
            node: pair.into_inner().map(|name| self.name(&name)).collect(),
            span,
        }
    }

    fn text(&mut self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        let span = self.span(pair);
        Spanned {
            node: unescape(pair.as_str(), span.start, self.errors),
            span,
        }
    }

    fn import(&mut self, pair: Pair<'_, Rule>) -> Option<Use> {
        let mut from = None;
        let mut names = Vec::new();
        let mut alias = None;
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::text => from = Some(UseFrom::File(self.text(&pair))),
                Rule::path => from = Some(UseFrom::Path(self.path(pair))),
                Rule::name => names.push(self.name(&pair)),
                Rule::alias => {
                    let name = pair.into_inner().find(|pair| pair.as_rule() == Rule::name)?;
                    alias = Some(self.name(&name));
                }
                _ => {}
            }
        }
        Some(Use {
            from: from?,
            names,
            alias,
        })
    }

    fn profile(&mut self, pair: Pair<'_, Rule>) -> Option<Profile> {
        let mut name = None;
        let mut fields = Vec::new();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::name => name = Some(self.name(&pair)),
                Rule::fields => fields = self.fields(pair, Names::Dotted)?,
                _ => {}
            }
        }
        Some(Profile { name: name?, fields })
    }

    fn declaration(&mut self, pair: Pair<'_, Rule>) -> Option<Declaration> {
        let claim = pair.as_rule() == Rule::claim;
        let mut keyword = None;
        let mut name = None;
        let mut title = None;
        let mut body = None;
        let mut brace = 0;
        for pair in pair.into_inner() {
            let span = self.span(&pair);
            match pair.as_rule() {
                Rule::claim_word => {
                    keyword = Some(Spanned {
                        node: Keyword::Claim,
                        span,
                    })
                }
                Rule::keyword => {
                    keyword = Some(Spanned {
                        node: keyword_of(pair.as_str())?,
                        span,
                    });
                }
                Rule::name => name = Some(self.name(&pair)),
                Rule::title => title = Some(self.text(&pair.into_inner().next()?)),
                Rule::open_brace => brace = span.start,
                Rule::close_brace => {
                    if let Some(Body::Block(block)) = &mut body {
                        block.span.end = span.end;
                    }
                }
                Rule::fields => {
                    body = Some(Body::Fields(Spanned {
                        node: self.fields(pair, Names::Plain)?,
                        span,
                    }));
                }
                Rule::value => {
                    let value = self.value(pair)?;
                    body = Some(if claim {
                        let span = Span {
                            start: brace,
                            end: span.end,
                        };
                        Body::Block(Spanned {
                            node: Box::new(value),
                            span,
                        })
                    } else {
                        Body::Value(value)
                    });
                }
                _ => {}
            }
        }
        let declaration = Declaration {
            keyword: keyword?,
            name: name?,
            title,
            body: body?,
        };
        self.check_form(&declaration);
        Some(declaration)
    }

    /// Which keyword takes a title, and which only a value.
    fn check_form(&mut self, declaration: &Declaration) {
        let word = word_of(declaration.keyword.node);
        let output = matches!(
            declaration.keyword.node,
            Keyword::Claim | Keyword::Figure | Keyword::Table
        );
        if let (Some(title), false) = (&declaration.title, output) {
            self.errors.push(
                SyntaxError::new(
                    EXPECTED,
                    title.span,
                    format!("a `{word}` has no title"),
                    "only claims, figures and tables have one",
                )
                .help("describe it with a `///` line before it"),
            );
        }
        if let (Keyword::Param | Keyword::Let, Body::Fields(fields)) =
            (declaration.keyword.node, &declaration.body)
        {
            self.errors.push(
                SyntaxError::new(
                    EXPECTED,
                    Span {
                        start: fields.span.start,
                        end: fields.span.start + 1,
                    },
                    format!("expected `=` after the name of a `{word}`, found `{{`"),
                    "`=` is missing before this",
                )
                .help(format!("write `{word} {} = {{ … }}`", declaration.name.node)),
            );
        }
    }

    fn fields(&mut self, pair: Pair<'_, Rule>, names: Names) -> Option<Vec<Field>> {
        let mut fields = Vec::new();
        for pair in pair.into_inner().filter(|pair| pair.as_rule() == Rule::field) {
            let field = self.setting(pair)?;
            if let (Names::Plain, [first, .., last]) = (names, field.name.node.as_slice()) {
                self.errors.push(
                    SyntaxError::new(
                        EXPECTED,
                        field.name.span,
                        "dotted names of fields stand only in a profile",
                        "has dots",
                    )
                    .help(format!(
                        "write the inner field in braces: `{} = {{ {} = … }}`",
                        first.node, last.node
                    )),
                );
            }
            fields.push(field);
        }
        Some(fields)
    }

    fn value(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let mut chain: Vec<Pair<'_, Rule>> = pair.into_inner().collect();
        let range = chain.pop_if(|last| last.as_rule() == Rule::range);
        let start = self.chain(chain)?;
        let Some(range) = range else { return Some(start) };
        let end_of_range = self.end(&range);
        let mut bounds = Vec::new();
        let mut multiply = false;
        for pair in range.into_inner() {
            match pair.as_rule() {
                Rule::times => multiply = true,
                Rule::bound => bounds.push(self.chain(pair.into_inner().collect())?),
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
            Rule::reference => self.reference(pair)?,
            Rule::list => ExprKind::List(self.values(pair.into_inner())?),
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

    fn values(&mut self, pairs: Pairs<'_, Rule>) -> Option<Vec<Expr>> {
        pairs
            .filter(|pair| pair.as_rule() == Rule::value)
            .map(|pair| self.value(pair))
            .collect()
    }

    fn reference(&mut self, pair: Pair<'_, Rule>) -> Option<ExprKind> {
        let mut inner = pair.into_inner();
        let path = self.path(inner.next()?);
        let Some(more) = inner.next() else {
            return Some(ExprKind::Path(path));
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
                let base = Spanned {
                    span: path.span,
                    node: ExprKind::Path(path),
                };
                let fields = self.fields(more, Names::Plain)?;
                Some(ExprKind::Update {
                    base: Box::new(base),
                    fields,
                })
            }
            _ => {
                let of = Spanned {
                    span: path.span,
                    node: ExprKind::Path(path),
                };
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

/// Whether the names of fields may have dots.
#[derive(Clone, Copy)]
enum Names {
    Plain,
    Dotted,
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

fn keyword_of(word: &str) -> Option<Keyword> {
    Some(match word {
        "param" => Keyword::Param,
        "let" => Keyword::Let,
        "model" => Keyword::Model,
        "data" => Keyword::Data,
        "benchmark" => Keyword::Benchmark,
        "algorithm" => Keyword::Algorithm,
        "train" => Keyword::Train,
        "distill" => Keyword::Distill,
        "evaluate" => Keyword::Evaluate,
        "figure" => Keyword::Figure,
        "table" => Keyword::Table,
        "claim" => Keyword::Claim,
        _ => return None,
    })
}

fn word_of(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Param => "param",
        Keyword::Let => "let",
        Keyword::Model => "model",
        Keyword::Data => "data",
        Keyword::Benchmark => "benchmark",
        Keyword::Algorithm => "algorithm",
        Keyword::Train => "train",
        Keyword::Distill => "distill",
        Keyword::Evaluate => "evaluate",
        Keyword::Figure => "figure",
        Keyword::Table => "table",
        Keyword::Claim => "claim",
    }
}
