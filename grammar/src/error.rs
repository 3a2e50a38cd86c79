//! What is wrong with the text, where, and how to mend it.

use crate::ast::Span;

/// One error in the text of a study, in the words of its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// A stable name: `rlx::syntax::expected`. All of them are in [`CODES`].
    pub code: &'static str,
    pub message: String,
    /// The place in the text; empty where something is missing.
    pub span: Span,
    /// The words under the marked place.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Every code a [`SyntaxError`] can carry, with what it stands for.
pub const CODES: &[(&str, &str)] = &[
    (EXPECTED, "Something else has to stand at this place."),
    (
        KEYWORD,
        "A line outside of all braces starts a declaration, and this word starts none.",
    ),
    (BRACKET, "A bracket is never closed, or closes nothing."),
    (
        TEXT,
        "A text in double quotes is never closed, or holds an unknown escape.",
    ),
    (
        NUMBER,
        "A number is too large to be kept exactly, or is not written as a number.",
    ),
    (
        CHAIN,
        "Comparisons do not chain: `a < b < c` is written `a < b and b < c`.",
    ),
    (
        HABIT,
        "This is how another language writes it; the message says how rlx does.",
    ),
    (
        DOC,
        "A `///` line documents the declaration after it, `//!` lines the file from its head.",
    ),
    (
        NESTING,
        "A value is nested or chained deeper than a reader can follow.",
    ),
    (
        TOO_LARGE,
        "The file, or one declaration in it, is larger than a study can be.",
    ),
    (ENCODING, "The file is not text in UTF-8."),
];

pub(crate) const EXPECTED: &str = "rlx::syntax::expected";
pub(crate) const KEYWORD: &str = "rlx::syntax::keyword";
pub(crate) const BRACKET: &str = "rlx::syntax::bracket";
pub(crate) const TEXT: &str = "rlx::syntax::text";
pub(crate) const NUMBER: &str = "rlx::syntax::number";
pub(crate) const CHAIN: &str = "rlx::syntax::chain";
pub(crate) const HABIT: &str = "rlx::syntax::habit";
pub(crate) const DOC: &str = "rlx::syntax::doc";
pub(crate) const NESTING: &str = "rlx::syntax::nesting";
pub(crate) const TOO_LARGE: &str = "rlx::syntax::too_large";
pub(crate) const ENCODING: &str = "rlx::syntax::encoding";

impl SyntaxError {
    pub(crate) fn new(
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            span,
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
