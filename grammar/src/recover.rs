//! More than one error of a declaration: the broken field is blanked, the rest read again.

use crate::ast::Span;
use crate::scan::{Token, TokenKind};

/// Declarations larger than this give their first error only, so that time stays linear.
pub(crate) const LARGEST: usize = 16 << 10;

/// The most further errors of one declaration.
pub(crate) const MOST: usize = 16;

/// The lines of the field in which an error at `at` lies, in a declaration with braces; `None`
/// where the error lies outside of them.
pub(crate) fn field_around(source: &str, tokens: &[Token], piece: Span, at: usize) -> Option<Span> {
    let first = tokens.partition_point(|token| token.end <= piece.start);
    let last = tokens.partition_point(|token| token.start < piece.end);
    if matches!(tokens.get(first)?.text(source), "use" | "claim") {
        return None;
    }
    let mut depth = 0_usize;
    let mut start = None;
    let mut reached = false;
    for token in tokens.get(first..last)? {
        let sign = if token.kind == TokenKind::Sign {
            token.text(source)
        } else {
            ""
        };
        match sign {
            "{" | "[" | "(" => {
                if depth == 0 && sign != "{" {
                    return None;
                }
                depth += 1;
            }
            "}" | "]" | ")" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let span = Span {
                        start: start?,
                        end: token.start,
                    };
                    return (span.start <= at && at < span.end).then_some(span);
                }
            }
            _ => {}
        }
        if token.kind == TokenKind::Newline && depth == 1 {
            if reached {
                return Some(Span {
                    start: start?,
                    end: token.start,
                });
            }
            start = None;
        } else if depth >= 1 && start.is_none() && !(depth == 1 && sign == "{") {
            start = Some(token.start);
        }
        // An empty place stands right behind the last token of its line.
        reached |= token.end >= at && start.is_some_and(|start| start <= at);
    }
    None
}
