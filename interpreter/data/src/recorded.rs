//! Responses that somebody else drew and kept in a file.

use crate::error::DataError;
use crate::load::{bad_cell, missing, text};
use crate::problem::Problem;
use crate::table::{self, Row};
use rlx_language::{Recorded, RecordedBy};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One recorded response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    /// It was cut before its end.
    pub truncated: bool,
}

/// The responses in a file to each of `problems`, by the problem's id, in the order of the file. What answers no problem
/// of theirs is passed over.
///
/// # Errors
/// [`DataError`] names file, line, column and mend; a file in which nothing answers any of the problems is an error, too.
pub fn recorded(source: &Recorded, problems: &[Problem]) -> Result<BTreeMap<String, Vec<Told>>, DataError> {
    let path = Path::new(&source.path);
    // Two problems can have one text, and never one id.
    let mut known: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for problem in problems {
        let name = match &source.by {
            RecordedBy::Id(_) => problem.id.clone(),
            RecordedBy::Problem(_) => problem.key(),
        };
        known.entry(name).or_default().push(&problem.id);
    }
    let mut found: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    let mut rows = 0u64;
    table::read(path, |row| {
        rows += 1;
        let name = match &source.by {
            RecordedBy::Id(column) => text(path, &row, column, "id")?,
            RecordedBy::Problem(column) => {
                let words = text(path, &row, column, "problem")?;
                Problem::new(String::new(), words, None, None).key()
            }
        };
        // A row has to be in order also where nobody asks for it: half a file is no file.
        let told = responses(source, path, &row)?;
        for id in known.get(&name).into_iter().flatten() {
            found
                .entry((*id).to_owned())
                .or_default()
                .extend(told.iter().cloned());
        }
        Ok(true)
    })?;
    if found.is_empty() {
        let (column, what) = match &source.by {
            RecordedBy::Id(column) => (column, "ids"),
            RecordedBy::Problem(column) => (column, "texts"),
        };
        let first = problems.first().map_or("", |problem| match &source.by {
            RecordedBy::Id(_) => problem.id.as_str(),
            RecordedBy::Problem(_) => problem.text.as_str(),
        });
        return Err(DataError::Source {
            path: path.to_owned(),
            what: format!("none of its {rows} rows answers one of the problems"),
            mend: format!(
                "the column `{column}` must hold {what} of the problem set, whose first is `{}`; `id` and `problem` of \
                 `responses {{ … }}` name the column",
                first.chars().take(80).collect::<String>()
            ),
        });
    }
    Ok(found)
}

/// The responses of one row.
fn responses(source: &Recorded, path: &Path, row: &Row) -> Result<Vec<Told>, DataError> {
    let column = &source.response;
    let bad = |found: &str| bad_cell(path, row, column, found, "give a text, or a list of texts");
    let texts: Vec<&String> = match row.cells.get(column) {
        None => return Err(missing(path, row, column, "response")),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                other => Err(bad(&format!("a list with {} in it", table::kind(other)))),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(bad(table::kind(other))),
    };
    let cut = truncated(source, path, row, texts.len())?;
    texts
        .into_iter()
        .zip(cut)
        .map(|(text, truncated)| match text.trim().is_empty() && !truncated {
            true => Err(bad_cell(
                path,
                row,
                column,
                "an empty response",
                "remove the row: it would teach to say nothing",
            )),
            false => Ok(Told {
                text: text.clone(),
                truncated,
            }),
        })
        .collect()
}

/// Which of a row's `count` responses were cut.
fn truncated(source: &Recorded, path: &Path, row: &Row, count: usize) -> Result<Vec<bool>, DataError> {
    let bad = |found: &str| {
        let mend = "give `true` or `false` (or how it finished, \"length\" or \"stop\"), in a list where the responses are in one";
        bad_cell(path, row, &source.truncated, found, mend)
    };
    let one = |value: &Value| match value {
        Value::Bool(cut) => Ok(*cut),
        Value::Null => Ok(false),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "true" | "length" => Ok(true),
            "false" | "stop" | "" => Ok(false),
            _ => Err(bad(&format!("`{}`", word.chars().take(40).collect::<String>()))),
        },
        other => Err(bad(table::kind(other))),
    };
    match row.cells.get(&source.truncated) {
        None => Ok(vec![false; count]),
        Some(Value::Array(items)) if items.len() == count => items.iter().map(one).collect(),
        Some(Value::Array(items)) => Err(bad(&format!("{} values for {count} responses", items.len()))),
        Some(value) => Ok(vec![one(value)?; count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn problems() -> Vec<Problem> {
        [
            ("a", "What is 1 + 1?"),
            ("b", "What is  2 + 2?"),
            ("7", "What is 3 + 3?"),
        ]
        .map(|(id, text)| Problem::new(id.into(), text.into(), None, None))
        .to_vec()
    }

    fn read(lines: &str, by: RecordedBy) -> Result<BTreeMap<String, Vec<Told>>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.jsonl");
        fs::write(&path, lines).unwrap();
        let source = Recorded {
            path: path.display().to_string(),
            by,
            response: "response".into(),
            truncated: "truncated".into(),
        };
        recorded(&source, &problems())
    }

    fn by_id(lines: &str) -> Result<BTreeMap<String, Vec<Told>>, DataError> {
        read(lines, RecordedBy::Id("id".into()))
    }

    fn told(text: &str, truncated: bool) -> Told {
        Told {
            text: text.into(),
            truncated,
        }
    }

    #[test]
    fn rows_are_matched_by_id_in_the_order_of_the_file() {
        // As `rlx grade` reads them: further columns are nobody's business here, ids can be numbers.
        let found = by_id(
            "{\"id\": \"b\", \"response\": \"4\", \"gold\": \"4\"}\n\n{\"id\": 7, \"response\": \"6\", \"truncated\": false}\n\
             {\"id\": \"b\", \"response\": \"four, so\", \"truncated\": true}\n{\"id\": \"other\", \"response\": \"x\"}\n",
        )
        .unwrap();
        let expected = [
            ("7".to_owned(), vec![told("6", false)]),
            ("b".to_owned(), vec![told("4", false), told("four, so", true)]),
        ];
        assert_eq!(found, expected.into());
    }

    #[test]
    fn lists_of_responses_and_texts_of_problems_are_read() {
        let found = read(
            "{\"question\": \" What is 2 + 2?\", \"response\": [\"4\", \"5\"], \"truncated\": [\"stop\", \"length\"]}\n",
            RecordedBy::Problem("question".into()),
        )
        .unwrap();
        assert_eq!(
            found,
            [("b".to_owned(), vec![told("4", false), told("5", true)])].into()
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_column() {
        for (lines, wanted) in [
            (
                "{\"id\": \"a\", \"response\": \"2\"}\n{\"id\": \"a\"}\n",
                vec!["told.jsonl", "line 2", "`response`", "`id`"],
            ),
            ("{\"response\": \"2\"}\n", vec!["line 1", "no column `id`"]),
            (
                "{\"id\": \"a\", \"response\": 2}\n",
                vec!["line 1", "`response`", "a number"],
            ),
            (
                "{\"id\": \"other\", \"response\": [\"2\", null]}\n",
                vec!["line 1", "`response`", "null"],
            ),
            (
                "{\"id\": \"a\", \"response\": \"\"}\n",
                vec!["line 1", "an empty response"],
            ),
            (
                "{\"id\": \"a\", \"response\": \"2\", \"truncated\": \"perhaps\"}\n",
                vec!["line 1", "`truncated`", "perhaps"],
            ),
            (
                "{\"id\": \"a\", \"response\": [\"2\"], \"truncated\": [true, false]}\n",
                vec!["line 1", "`truncated`", "2 values for 1 responses"],
            ),
            (
                "{\"id\": \"z\", \"response\": \"2\"}\n",
                vec!["none of its 1 rows", "`id`", "`a`"],
            ),
            ("", vec!["none of its 0 rows"]),
            ("{\"id\": ", vec!["line 1", "JSON"]),
        ] {
            let message = by_id(lines).unwrap_err().to_string();
            for part in wanted {
                assert!(message.contains(part), "{part:?} is not in {message}");
            }
        }
    }
}
