//! Light syntax colours for a spec: comments, strings, numbers with their units, keywords, field names.

use crate::escape;

const KEYWORDS: [&str; 15] = [
    "use",
    "param",
    "let",
    "model",
    "data",
    "benchmark",
    "algorithm",
    "train",
    "distill",
    "search",
    "evaluate",
    "figure",
    "table",
    "claim",
    "profile",
];
const SMALL_WORDS: [&str; 6] = ["as", "by", "for", "in", "none", "init"];
const UNITS: [&str; 8] = [
    "samples", "prompts", "steps", "tokens", "epochs", "hours", "GiB", "problems",
];

/// HTML of a spec's text.
pub(crate) fn highlight(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    let mut fresh_line = true;
    let mut after_number = false;
    while let Some(character) = rest.chars().next() {
        let (length, class) = token(rest, fresh_line, after_number);
        let (token, tail) = rest.split_at(length);
        match class {
            Some(class) => {
                out.push_str("<span class=\"");
                out.push_str(class);
                out.push_str("\">");
                out.push_str(&escape::xml(token));
                out.push_str("</span>");
            }
            None => out.push_str(&escape::xml(token)),
        }
        if token.contains('\n') {
            (fresh_line, after_number) = (true, false);
        } else if !character.is_whitespace() {
            fresh_line = false;
            after_number = class == Some("n");
        }
        rest = tail;
    }
    out
}

/// Length in bytes (above 0) and class of the token that the text starts with.
fn token(text: &str, fresh_line: bool, after_number: bool) -> (usize, Option<&'static str>) {
    let span = |accept: fn(char) -> bool| text.find(|character| !accept(character)).unwrap_or(text.len());
    let first = text.chars().next().unwrap_or(' ');
    if text.starts_with("//") {
        (text.find('\n').unwrap_or(text.len()), Some("c"))
    } else if first == '"' {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, character)| {
            let ends = (*character == '"' && !escaped) || *character == '\n';
            escaped = *character == '\\' && !escaped;
            ends
        });
        (
            end.map_or(text.len(), |(index, character)| {
                index + usize::from(character == '"')
            }),
            Some("s"),
        )
    } else if first.is_ascii_digit() {
        let end = text
            .find(|character: char| !(character.is_ascii_alphanumeric() || "._".contains(character)))
            .unwrap_or(text.len());
        // `1..256` is two numbers with a range between them.
        let end = text[..end].find("..").unwrap_or(end);
        let percent = usize::from(text[end..].starts_with('%'));
        (end + percent, Some("n"))
    } else if first.is_alphabetic() || first == '_' {
        let end = span(|character| character.is_alphanumeric() || character == '_');
        let word = &text[..end];
        let tail = text[end..].trim_start_matches(' ');
        let field = tail.starts_with('=') && !tail.starts_with("==");
        let class = if fresh_line && KEYWORDS.contains(&word) && !field {
            Some("k")
        } else if after_number && UNITS.contains(&word) {
            Some("n")
        } else if SMALL_WORDS.contains(&word) {
            Some("k")
        } else if field {
            Some("f")
        } else {
            None
        };
        (end, class)
    } else if first.is_whitespace() {
        let end = span(|character| character.is_whitespace());
        (end, None)
    } else {
        (first.len_utf8(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_and_escaped() {
        let text = "//! <b>\nuse std.models.{base}\nparam n = 64 samples // 1..2 by *2\nclaim x \"a & b\" { pass(e, rl@1, k = 1..8) > 5% }\n\"open\nü";
        let html = highlight(text);
        let mut plain = String::new();
        let mut inside = false;
        for character in html.chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                character if !inside => plain.push(character),
                _ => {}
            }
        }
        assert_eq!(plain, escape::xml(text));
        assert!(html.contains("<span class=\"c\">//! &lt;b&gt;</span>"), "{html}");
        assert!(
            html.contains("<span class=\"n\">64</span> <span class=\"n\">samples</span>"),
            "{html}"
        );
        assert!(html.contains("<span class=\"n\">5%</span>"), "{html}");
        assert!(html.contains("<span class=\"k\">use</span>"), "{html}");
    }
}
