//! Texts made of a row's columns: `{question}`, and sections as Mustache has them.

use crate::choose::cell;
use crate::table::Row;
use serde_json::Value;

/// Why a text cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NoColumn(String),
    /// A section that never ends.
    Open(String),
}

/// True for a text that names columns in braces, instead of being a column's name.
pub(crate) fn is_made(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| tag(&text[at..]).is_some())
}

/// `{name}` is the column's content, a list one line an item; `{#name}…{/name}` stays where the column is there and holds
/// something, `{^name}…{/name}` where it does not. Any other brace is itself.
///
/// # Errors
/// A column that the row does not have, outside of sections on it, and a section without an end.
pub(crate) fn fill(template: &str, row: &Row) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some((kind, name, after)) = tag(from) else {
            out.push('{');
            rest = from.strip_prefix('{').unwrap_or_default();
            continue;
        };
        let value = cell(row, &name.split('.').map(str::to_owned).collect::<Vec<_>>());
        match kind {
            '#' | '^' => {
                let end = format!("{{/{name}}}");
                let Some((inner, behind)) = after.split_once(&end) else {
                    return Err(Fault::Open(name.to_owned()));
                };
                let holds = value.is_some_and(|value| !text(value).trim().is_empty());
                if holds == (kind == '#') {
                    out.push_str(&fill(inner, row)?);
                }
                rest = behind;
            }
            _ => {
                let value = value.ok_or_else(|| Fault::NoColumn(name.to_owned()))?;
                out.push_str(&text(value));
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("\n"),
        // Columns with gaps are often kept as floats: 2.0 is 2.
        Value::Number(number) => match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 1e15 => {
                (whole as i64).to_string()
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Kind (`#`, `^` or a blank), name and what follows, of a tag at the start of `from`.
fn tag(from: &str) -> Option<(char, &str, &str)> {
    let inner = from.strip_prefix('{')?;
    let (kind, inner) = match inner.chars().next()? {
        kind @ ('#' | '^') => (kind, &inner[1..]),
        _ => (' ', inner),
    };
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))?;
    let (name, after) = inner.split_at(length);
    Some((kind, name, after.strip_prefix('}')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row_of(value: Value) -> Row {
        let Value::Object(cells) = value else {
            panic!("an object")
        };
        Row {
            place: "line 1".into(),
            cells,
        }
    }

    #[test]
    fn columns_and_sections_are_filled_in() {
        let row = row_of(
            json!({ "q": "What is {x}?", "tests": ["a", "b"], "start": "", "meta": { "unit": "cm" } }),
        );
        let filled = |template: &str| fill(template, &row);
        assert_eq!(filled("{q}\n{tests}").unwrap(), "What is {x}?\na\nb");
        assert_eq!(
            filled("in {meta.unit}, \\boxed{} {1} {").unwrap(),
            "in cm, \\boxed{} {1} {"
        );
        assert_eq!(
            filled("{#start}A{/start}{^start}B {q}{/start}{^none}C{/none}").unwrap(),
            "B What is {x}?C"
        );
        let numbers = row_of(json!({ "places": 2.0, "mass": 1.5, "count": 7 }));
        assert_eq!(fill("{places} {mass} {count}", &numbers).unwrap(), "2 1.5 7");
        assert_eq!(filled("{nothing}"), Err(Fault::NoColumn("nothing".into())));
        assert_eq!(filled("{#q}open"), Err(Fault::Open("q".into())));
        assert!(is_made("{q}") && is_made("a {#q}") && !is_made("problem") && !is_made("{} {1}"));
    }
}
