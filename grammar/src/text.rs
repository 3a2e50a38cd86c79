//! The escapes of texts in double quotes.

use crate::ast::Span;
use crate::error::{SyntaxError, TEXT};

/// Reads the text between the quotes of `raw`, which starts at `offset` of the source.
/// Line breaks become `\n`, however the file writes them.
pub(crate) fn unescape(raw: &str, offset: usize, errors: &mut Vec<SyntaxError>) -> String {
    let inner = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw);
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.char_indices().peekable();
    while let Some((at, char)) = rest.next() {
        if char == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n') {
            continue;
        }
        if char != '\\' {
            text.push(char);
            continue;
        }
        let start = offset + 1 + at;
        match rest.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, '"')) => text.push('"'),
            Some((_, '\\')) => text.push('\\'),
            Some((_, 'u')) => {
                let digits = inner[at + 2..].strip_prefix('{').and_then(|r| r.split_once('}'));
                let read = digits
                    .filter(|(hex, _)| (1..=6).contains(&hex.len()))
                    .and_then(|(hex, _)| {
                        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                            return None;
                        }
                        let code = u32::from_str_radix(hex, 16).ok()?;
                        Some((char::from_u32(code)?, hex.len() + 2))
                    });
                match read {
                    Some((char, length)) => {
                        text.push(char);
                        for _ in 0..length {
                            rest.next();
                        }
                    }
                    None => errors.push(
                        SyntaxError::new(
                            TEXT,
                            Span {
                                start,
                                end: start + 2,
                            },
                            "`\\u` needs the number of a character in braces",
                            "no such character",
                        )
                        .help("write it with one to six hexadecimal digits: `\\u{e9}` is é"),
                    ),
                }
            }
            other => {
                let length = other.map_or(0, |(_, char)| char.len_utf8());
                errors.push(
                    SyntaxError::new(
                        TEXT,
                        Span { start, end: start + 1 + length },
                        format!("`\\{}` is no escape", other.map_or(' ', |(_, char)| char).escape_default()),
                        "unknown escape",
                    )
                    .help("the escapes are `\\n`, `\\t`, `\\\"`, `\\\\` and `\\u{…}`; a backslash itself is `\\\\`"),
                );
            }
        }
    }
    text
}
