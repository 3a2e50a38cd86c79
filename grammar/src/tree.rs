//! pest's pairs → the tree of [`crate::ast`].

use pest::iterators::Pair;

use crate::ast::{
    Axis, Body, Declaration, Expr, Family, Field, Ident, Item, ItemKind, Keyword, Path, Profile, Span,
    Spanned, Use, UseFrom,
};
use crate::error::{EXPECTED, SyntaxError};
use crate::parser::Rule;
use crate::text::unescape;

/// Builds one declaration; errors that the grammar cannot see go to `errors`. The functions
/// give `None` only for pairs that the grammar does not make.
pub(crate) struct Builder<'e> {
    /// Where the parsed piece starts in the file.
    offset: usize,
    pub(crate) errors: &'e mut Vec<SyntaxError>,
}

impl<'e> Builder<'e> {
    pub(crate) fn new(offset: usize, errors: &'e mut Vec<SyntaxError>) -> Self {
        Self { offset, errors }
    }

    pub(crate) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
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
    pub(crate) fn end(&self, pair: &Pair<'_, Rule>) -> usize {
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
        let mut name: Option<Path> = None;
        let mut members = None;
        let mut value = None;
        for pair in pair.into_inner() {
            match (pair.as_rule(), &mut name) {
                (Rule::path, None) => name = Some(self.path(pair)),
                (Rule::path, Some(name)) => {
                    let rest = self.path(pair);
                    name.span.end = rest.span.end;
                    name.node.extend(rest.node);
                }
                (Rule::index, Some(name)) => {
                    let span = self.span(&pair);
                    name.span.end = span.end;
                    let node = self.selectors(pair)?;
                    members = Some((name.node.len(), Spanned { node, span }));
                }
                (Rule::value, _) => value = Some(self.value(pair)?),
                _ => {}
            }
        }
        Some(Field {
            name: name?,
            members,
            value: value?,
        })
    }

    pub(crate) fn name(&self, pair: &Pair<'_, Rule>) -> Ident {
        Spanned {
            node: pair.as_str().to_owned(),
            span: self.span(pair),
        }
    }

    pub(crate) fn path(&self, pair: Pair<'_, Rule>) -> Path {
        let span = self.span(&pair);
        Spanned {
            node: pair.into_inner().map(|name| self.name(&name)).collect(),
            span,
        }
    }

    pub(crate) fn text(&mut self, pair: &Pair<'_, Rule>) -> Spanned<String> {
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
        let mut family: Option<Spanned<Family>> = None;
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
                Rule::family => {
                    let end = self.end(&pair);
                    let node = self.family(pair)?;
                    let span = Span { end, ..span };
                    if family.is_some() {
                        self.errors.push(
                            SyntaxError::new(EXPECTED, span, "a declaration has one `for`", "a second one")
                                .help("write all axes after one `for`: `for a in [1, 2], b in [3, 4]`"),
                        );
                    }
                    family = Some(Spanned { node, span });
                }
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
            family,
            body: body?,
        };
        self.check_form(&declaration);
        Some(declaration)
    }

    fn family(&mut self, pair: Pair<'_, Rule>) -> Option<Family> {
        let mut axes = Vec::new();
        let mut condition = None;
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::axis => {
                    let mut inner = pair.into_inner().filter(|pair| pair.as_rule() != Rule::in_word);
                    let name = self.name(&inner.next()?);
                    let domain = self.value(inner.next()?)?;
                    axes.push(Axis { name, domain });
                }
                Rule::condition => condition = Some(Box::new(self.value(pair)?)),
                _ => {}
            }
        }
        Some(Family { axes, condition })
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
        if let (Keyword::Param | Keyword::Let, Some(family)) = (declaration.keyword.node, &declaration.family)
        {
            self.errors.push(
                SyntaxError::new(
                    EXPECTED,
                    family.span,
                    format!("a `{word}` is one value: it has no `for`"),
                    "no family",
                )
                .help("write the values as a list, and let a `train`, `evaluate` or figure run over it: `train rl for x in LIST { … }`"),
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

    pub(crate) fn fields(&mut self, pair: Pair<'_, Rule>, names: Names) -> Option<Vec<Field>> {
        let mut fields = Vec::new();
        for pair in pair.into_inner().filter(|pair| pair.as_rule() == Rule::field) {
            let field = self.setting(pair)?;
            if let (Names::Plain, Some((_, members))) = (names, &field.members) {
                self.errors.push(
                    SyntaxError::new(
                        EXPECTED,
                        members.span,
                        "the name of a field has no brackets",
                        "members of a family are chosen in values and profiles",
                    )
                    .help("write `name = value`"),
                );
            }
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
}

/// Whether the names of fields may have dots.
#[derive(Clone, Copy)]
pub(crate) enum Names {
    Plain,
    Dotted,
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
        "search" => Keyword::Search,
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
        Keyword::Search => "search",
        Keyword::Evaluate => "evaluate",
        Keyword::Figure => "figure",
        Keyword::Table => "table",
        Keyword::Claim => "claim",
    }
}
