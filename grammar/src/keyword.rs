//! Words that open no declaration, and what their author may have meant.

use crate::error::{KEYWORD, SyntaxError};
use crate::expected::shortened;
use crate::scan::{KEYWORDS, Token, TokenKind};

/// A piece whose first word opens no declaration.
pub(crate) fn unknown(source: &str, tokens: &[Token], start: usize) -> Option<SyntaxError> {
    let first = tokens.partition_point(|token| token.end <= start);
    let token = tokens
        .get(first..)?
        .iter()
        .copied()
        .find(|token| token.is_significant())?;
    let text = token.text(source);
    if KEYWORDS.contains(&text) {
        return None;
    }
    let found = if token.kind == TokenKind::Text {
        "a text".to_owned()
    } else {
        format!("`{}`", shortened(text))
    };
    let error = SyntaxError::new(
        KEYWORD,
        token.span(),
        format!("expected a declaration, found {found}"),
        "opens no declaration",
    );
    Some(error.help(match other_keyword(text) {
        Some(help) => help.to_owned(),
        None => match nearest(text) {
            Some(keyword) => format!("did you mean `{keyword}`?"),
            None => {
                "a line outside of all braces starts with one of: ".to_owned()
                    + &KEYWORDS.map(|keyword| format!("`{keyword}`")).join(", ")
            }
        },
    }))
}

/// What other languages call a declaration.
fn other_keyword(word: &str) -> Option<&'static str> {
    Some(match word {
        "import" | "from" | "include" | "require" => {
            "another file or the library is used with `use`: `use std.algorithms.grpo`"
        }
        "const" | "var" | "def" | "set" | "local" | "fn" | "function" => {
            "a value gets a name with `let`: `let recipe = { warmup = 5 steps }`"
        }
        "dataset" => "problems for training are declared with `data`",
        "eval" | "evaluation" | "test" => "a measurement is declared with `evaluate`",
        "plot" | "chart" => "a plot is declared with `figure`",
        "assert" | "hypothesis" => "a statement is declared with `claim`",
        "parameter" | "arg" | "option" => "a parameter is declared with `param`",
        "for" | "while" | "if" | "return" => {
            "a study is a set of declarations; there are no loops and no branches"
        }
        "[" => "sections are declarations: `train rl { … }`",
        _ => return None,
    })
}

fn nearest(word: &str) -> Option<&'static str> {
    let (distance, keyword) = KEYWORDS
        .into_iter()
        .map(|keyword| {
            (
                strsim::damerau_levenshtein(word.get(..20).unwrap_or(word), keyword),
                keyword,
            )
        })
        .min()?;
    (distance <= 2 && distance < keyword.len()).then_some(keyword)
}
