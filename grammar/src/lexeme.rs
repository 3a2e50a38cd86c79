//! The words and signs of a text, for editors: they need them where the text does not parse.

use crate::ast::Span;
use crate::scan::{Texts, TokenKind, scan};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexemeKind {
    Word,
    Number,
    /// In quotes, with both of them or without the last.
    Text,
    Comment,
    Newline,
    /// One or two characters of punctuation, or a character that has no place in the language.
    Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme {
    pub kind: LexemeKind,
    pub span: Span,
}

/// All of a text's words and signs, in order; blanks apart. Never fails.
pub fn lexemes(text: &str) -> Vec<Lexeme> {
    let kind = |kind| match kind {
        TokenKind::Word => LexemeKind::Word,
        TokenKind::Number => LexemeKind::Number,
        TokenKind::Text | TokenKind::OpenText | TokenKind::OtherQuotes | TokenKind::TripleText => {
            LexemeKind::Text
        }
        TokenKind::Comment | TokenKind::HashComment | TokenKind::BlockComment => LexemeKind::Comment,
        TokenKind::Newline => LexemeKind::Newline,
        TokenKind::Every | TokenKind::Sign | TokenKind::Unknown => LexemeKind::Sign,
    };
    scan(text, Texts::Suspicious)
        .into_iter()
        .map(|token| Lexeme {
            kind: kind(token.kind),
            span: token.span(),
        })
        .collect()
}

/// The words that open a declaration.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    crate::scan::KEYWORDS.into_iter()
}
