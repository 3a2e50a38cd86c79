//! Forms of other languages: said what they are called here, and replaced by text of the
//! same length, so that the rest of the declaration is still read and every place stays true.

use std::borrow::Cow;

use crate::MAX_ERRORS;
use crate::ast::Span;
use crate::error::{HABIT, SyntaxError, TEXT};
use crate::scan::{Token, TokenKind};

pub(crate) struct Repaired<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) errors: Vec<SyntaxError>,
}

pub(crate) fn repair<'a>(source: &'a str, tokens: &[Token]) -> Repaired<'a> {
    let mut repair = Repair {
        source,
        tokens,
        bytes: None,
        errors: Vec::new(),
    };
    let mut before = None;
    for (index, &token) in tokens.iter().enumerate() {
        repair.token(index, token, before);
        if token.is_significant() {
            before = Some(token);
        } else if token.kind == TokenKind::Newline {
            before = before.filter(|before| !ends_line(source, *before));
        }
    }
    let text = match repair.bytes.map(String::from_utf8) {
        Some(Ok(text)) => Cow::Owned(text),
        _ => Cow::Borrowed(source),
    };
    Repaired {
        text,
        errors: repair.errors,
    }
}

/// `source`, which starts at `offset` of the file, with the one-byte signs at `places` blanked.
pub(crate) fn blank(source: &str, offset: usize, places: &[usize]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut from = 0;
    for place in places {
        let at = place - offset;
        text.push_str(source.get(from..at).unwrap_or_default());
        text.push(' ');
        from = at + 1;
    }
    text.push_str(source.get(from..).unwrap_or_default());
    text
}

/// After a word, a number or a closing bracket the next line is a new thought.
fn ends_line(source: &str, token: Token) -> bool {
    token.kind != TokenKind::Sign || matches!(token.text(source), "}" | "]" | ")" | "%")
}

/// What a word of another language is here, where a value stands.
fn value_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "None" | "NONE" | "null" | "Null" | "NULL" | "nil" => "none",
        _ => return None,
    })
}

struct Repair<'s, 't> {
    source: &'s str,
    tokens: &'t [Token],
    /// The text with replacements; `None` while there is none.
    bytes: Option<Vec<u8>>,
    errors: Vec<SyntaxError>,
}

impl Repair<'_, '_> {
    /// Puts `text` at the start of `span` and blanks the rest of it.
    fn put(&mut self, span: Span, text: &str) {
        let bytes = self.bytes.get_or_insert_with(|| self.source.as_bytes().to_vec());
        let Some(place) = bytes.get_mut(span.start..span.end) else {
            return;
        };
        let mut text = text.bytes();
        for byte in place {
            *byte = text.next().unwrap_or(b' ');
        }
    }

    /// Makes the text between `from` and `to` the inside of a text in double quotes.
    fn quote(&mut self, span: Span, from: usize, to: usize) {
        self.put(
            Span {
                start: span.start,
                end: from,
            },
            "",
        );
        self.put(
            Span {
                start: to,
                end: span.end,
            },
            "",
        );
        self.put(
            Span {
                start: from - 1,
                end: from,
            },
            "\"",
        );
        self.put(
            Span {
                start: to,
                end: to + 1,
            },
            "\"",
        );
        let Some(inner) = self.bytes.as_mut().and_then(|bytes| bytes.get_mut(from..to)) else {
            return;
        };
        for byte in inner {
            match byte {
                b'"' => *byte = b'\'',
                b'\\' => *byte = b'/',
                _ => {}
            }
        }
    }

    fn say(&mut self, span: Span, message: impl Into<String>, label: &str, help: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors
                .push(SyntaxError::new(HABIT, span, message, label).help(help));
        }
    }

    fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text(self.source))
    }

    fn token_before(&self, token: Token) -> Option<Token> {
        let index = self.tokens.partition_point(|other| other.end <= token.start);
        self.tokens.get(index.checked_sub(1)?).copied()
    }

    /// `before` is the last significant token of the same line or of the line this one goes on from.
    fn token(&mut self, index: usize, token: Token, before: Option<Token>) {
        let span = token.span();
        match token.kind {
            TokenKind::HashComment => {
                self.put(span, "");
                self.say(span, "comments begin with `//`", "a comment?", "write `// …`");
            }
            TokenKind::BlockComment => {
                self.put(span, "");
                self.say(
                    span,
                    "comments begin with `//` and end with their line",
                    "a comment?",
                    "write `//` before each line",
                );
            }
            TokenKind::OtherQuotes => {
                let width = token.text(self.source).chars().next().map_or(1, char::len_utf8);
                self.quote(span, span.start + width, span.end - width);
                let inner = self
                    .source
                    .get(span.start + width..span.end - width)
                    .unwrap_or_default();
                self.say(
                    span,
                    "texts stand in double quotes",
                    "other quotes",
                    format!("write `\"{}\"`", inner.replace('"', "\\\"")),
                );
            }
            TokenKind::TripleText => {
                self.quote(span, span.start + 3, span.end - 3);
                self.say(
                    span,
                    "one `\"` opens a text, also over several lines",
                    "three quotes",
                    "write one quote on each side",
                );
            }
            TokenKind::OpenText => {
                // Closed for the parser, so that what stands before it is still checked.
                let place = Span {
                    start: span.start,
                    end: span.start + 1,
                };
                if self.errors.len() < MAX_ERRORS {
                    self.errors.push(
                        SyntaxError::new(TEXT, place, "this text is never closed", "opened here")
                            .help("close it with `\"`; a quote inside of a text is written `\\\"`"),
                    );
                }
                let length = span.end - span.start;
                self.put(span, if length > 1 { "\"\"" } else { "0" });
            }
            TokenKind::Word => self.word(index, token, before),
            TokenKind::Number => self.number(token, before),
            TokenKind::Sign => self.sign(index, token, before),
            TokenKind::Text
            | TokenKind::Comment
            | TokenKind::Newline
            | TokenKind::Every
            | TokenKind::Unknown => {}
        }
    }

    fn word(&mut self, index: usize, token: Token, before: Option<Token>) {
        let word = token.text(self.source).to_owned();
        let Some(here) = value_word(&word) else { return };
        let value = before.is_some_and(|before| {
            before.kind == TokenKind::Sign && !matches!(before.text(self.source), "." | "{" | "}")
        });
        if value && !matches!(self.text(index + 1), "=" | "." | "(" | ":") {
            // `nil` is shorter than `none`; any word of its length will do.
            self.put(token.span(), if word.len() < here.len() { "nil" } else { here });
            let message = format!("`{word}` is written `{here}`");
            self.say(
                token.span(),
                message,
                "another language's word",
                format!("write `{here}`"),
            );
        }
    }

    /// `.5`
    fn number(&mut self, token: Token, before: Option<Token>) {
        let Some(point) = before.filter(|before| before.end == token.start) else {
            return;
        };
        let joined = self.token_before(point).is_some_and(|joined| {
            joined.is_significant() && joined.end == point.start && ends_line(self.source, joined)
        });
        if point.text(self.source) != "." || joined {
            return;
        }
        let span = Span {
            start: point.start,
            end: token.end,
        };
        self.put(point.span(), "");
        let number = format!("0.{}", token.text(self.source));
        self.say(
            span,
            "a number begins with a digit",
            "no digit before the point",
            format!("write `{number}`"),
        );
    }

    fn sign(&mut self, index: usize, token: Token, before: Option<Token>) {
        let span = token.span();
        let after_name =
            before.is_some_and(|before| matches!(before.kind, TokenKind::Word | TokenKind::Text));
        match token.text(self.source) {
            ":" if after_name && self.tokens.get(index + 1).is_none_or(|t| !t.is_significant()) => {
                self.put(span, "=");
                self.say(
                    span,
                    "fields stand in braces",
                    "`:` opens no block",
                    "write `{` here and `}` after the last field",
                );
            }
            ":" if after_name => {
                self.put(span, "=");
                self.quoted_name(before);
                self.say(
                    span,
                    "a value is given with `=`",
                    "`:` gives none",
                    "write `name = value`",
                );
            }
            ":=" if after_name => {
                self.put(span, " =");
                self.say(
                    span,
                    "a value is given with `=`",
                    "not `:=`",
                    "write `name = value`",
                );
            }
            "=" => self.quoted_name(before),
            ";" => {
                let last = self
                    .tokens
                    .get(index + 1)
                    .is_none_or(|next| !next.is_significant());
                self.put(span, if last || before.is_none() { "" } else { "," });
                self.say(
                    span,
                    "lines end without `;`",
                    "not needed",
                    "fields stand one on a line or with `,` between them",
                );
            }
            "**" => {
                self.put(span, "*");
                self.say(
                    span,
                    "there is no power operator",
                    "a power?",
                    "write the number out, or multiply",
                );
            }
            "&&" => {
                self.put(span, "or");
                self.say(
                    span,
                    "`&&` is written `and`",
                    "another language's operator",
                    "write `and`",
                );
            }
            "||" => {
                self.put(span, "or");
                self.say(
                    span,
                    "`||` is written `or`",
                    "another language's operator",
                    "write `or`",
                );
            }
            "!" => {
                self.put(span, "-");
                self.say(
                    span,
                    "`!` is written `not`",
                    "another language's operator",
                    "write `not`",
                );
            }
            _ => {}
        }
    }

    /// `"name" = 1`, the name as a text.
    fn quoted_name(&mut self, before: Option<Token>) {
        let Some(before) = before.filter(|before| before.kind == TokenKind::Text) else {
            return;
        };
        let span = before.span();
        let name = before.text(self.source).trim_matches('"').to_owned();
        let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '_');
        // A claim's text before `=` is another mistake.
        let field = self.token_before(before);
        let titled =
            |token: Token| token.kind == TokenKind::Word || matches!(token.text(self.source), "]" | ")");
        if !plain || field.is_some_and(titled) {
            return;
        }
        self.put(span, &format!(" {name} "));
        self.say(
            span,
            "names stand without quotes",
            "a name in quotes",
            format!("write `{name}`"),
        );
    }
}
