//! Responses that somebody else drew and kept in a file.

use crate::error::DataError;
use crate::load::{bad_cell, missing, text};
use crate::problem::Problem;
use crate::table::{self, Row};
use rlx_judge::Outcome;
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
    /// What somebody else's judge said of it, where the source names a column of verdicts.
    pub verdict: Option<Outcome>,
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
    // Where rows say which sample they are, each counts once.
    let mut numbered: BTreeMap<(String, u64), String> = BTreeMap::new();
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
        if let (Some(sample), 1) = (row.cells.get("sample").and_then(Value::as_u64), told.len())
            && let Some(before) = numbered.insert((name.clone(), sample), row.place.clone())
        {
            return Err(bad_cell(
                path,
                &row,
                "sample",
                &format!("{sample}, as {before} does for the same problem"),
                "keep one of the two rows: a response counts once (`rlx import` leaves out what is there twice)",
            ));
        }
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
    let said = verdicts(source, path, row, texts.len())?;
    texts
        .into_iter()
        .zip(cut)
        .zip(said)
        .map(
            |((text, truncated), verdict)| match text.trim().is_empty() && !truncated {
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
                    verdict,
                }),
            },
        )
        .collect()
}

/// What was said of a row's `count` responses.
fn verdicts(
    source: &Recorded,
    path: &Path,
    row: &Row,
    count: usize,
) -> Result<Vec<Option<Outcome>>, DataError> {
    let Some(column) = &source.verdict else {
        return Ok(vec![None; count]);
    };
    let bad = |found: &str| bad_cell(path, row, column, found, VERDICT_MEND);
    let one = |value: &Value| outcome(path, row, column, value).map(Some);
    match row.cells.get(column) {
        None => Err(missing(path, row, column, "verdict")),
        Some(Value::Array(items)) if items.len() == count => items.iter().map(one).collect(),
        Some(Value::Array(items)) => Err(bad(&format!("{} values for {count} responses", items.len()))),
        Some(_) if count != 1 => Err(bad(&format!("one value for {count} responses"))),
        Some(value) => Ok(vec![one(value)?]),
    }
}

/// Which of a row's `count` responses were cut.
fn truncated(source: &Recorded, path: &Path, row: &Row, count: usize) -> Result<Vec<bool>, DataError> {
    let bad = |found: &str| bad_cell(path, row, &source.truncated, found, FINISH_MEND);
    let one = |value: &Value| finished(path, row, &source.truncated, value);
    match row.cells.get(&source.truncated) {
        None => Ok(vec![false; count]),
        Some(Value::Array(items)) if items.len() == count => items.iter().map(one).collect(),
        Some(Value::Array(items)) => Err(bad(&format!("{} values for {count} responses", items.len()))),
        Some(value) => Ok(vec![one(value)?; count]),
    }
}

const VERDICT_MEND: &str = "give `true` or `false`, 1 or 0, or a judge's word (\"correct\", \"wrong\", \"unparsed\", \"pass\", \"fail\" …), \
                            in a list where the responses are in one";

/// A verdict in somebody else's words.
pub(crate) fn outcome(path: &Path, row: &Row, column: &str, value: &Value) -> Result<Outcome, DataError> {
    let bad = |found: &str| bad_cell(path, row, column, found, VERDICT_MEND);
    match value {
        Value::Bool(true) => Ok(Outcome::Correct),
        Value::Bool(false) => Ok(Outcome::Wrong),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(Outcome::Correct),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(Outcome::Wrong),
        Value::String(word) => {
            let word = word.trim();
            match word.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(Outcome::Correct),
                "false" | "0" => Ok(Outcome::Wrong),
                lower => Outcome::by_name(lower)
                    .ok_or_else(|| bad(&format!("`{}`", word.chars().take(40).collect::<String>()))),
            }
        }
        other => Err(bad(table::kind(other))),
    }
}

const FINISH_MEND: &str = "give `true` or `false` (or how it finished, \"length\" or \"stop\"), in a list where the responses are in one";

/// Whether a response was cut, from a truth or from the reason for which it finished.
pub(crate) fn finished(path: &Path, row: &Row, column: &str, value: &Value) -> Result<bool, DataError> {
    let bad = |found: &str| bad_cell(path, row, column, found, FINISH_MEND);
    match value {
        Value::Bool(cut) => Ok(*cut),
        Value::Null => Ok(false),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "true" | "length" => Ok(true),
            "false" | "stop" | "" => Ok(false),
            _ => Err(bad(&format!("`{}`", word.chars().take(40).collect::<String>()))),
        },
        other => Err(bad(table::kind(other))),
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
        read_with(lines, by, None)
    }

    fn read_with(
        lines: &str,
        by: RecordedBy,
        verdict: Option<String>,
    ) -> Result<BTreeMap<String, Vec<Told>>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.jsonl");
        fs::write(&path, lines).unwrap();
        let source = Recorded {
            path: path.display().to_string(),
            by,
            response: "response".into(),
            truncated: "truncated".into(),
            verdict,
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
            verdict: None,
        }
    }

    #[test]
    fn verdicts_of_others_are_read_in_their_words() {
        let by = || RecordedBy::Id("id".into());
        let read = |lines: &str| read_with(lines, by(), Some("score".into()));
        let found = read(
            "{\"id\": \"a\", \"response\": [\"2\", \"3\", \"4\", \"5\"], \"score\": [true, 0, 1.0, \"gave_up\"]}\n\
             {\"id\": \"b\", \"response\": \"4\", \"score\": \"Correct\"}\n",
        )
        .unwrap();
        let said = |id: &str| -> Vec<Option<Outcome>> { found[id].iter().map(|told| told.verdict).collect() };
        use Outcome::{Correct, GaveUp, Wrong};
        assert_eq!(said("a"), [Correct, Wrong, Correct, GaveUp].map(Some));
        assert_eq!(said("b"), [Some(Correct)]);
        for (lines, parts) in [
            (
                "{\"id\": \"a\", \"response\": \"2\"}\n",
                ["line 1", "no column `score`"],
            ),
            (
                "{\"id\": \"a\", \"response\": \"2\", \"score\": 0.5}\n",
                ["line 1", "a number"],
            ),
            (
                "{\"id\": \"a\", \"response\": \"2\", \"score\": \"good\"}\n",
                ["`score`", "`good`"],
            ),
            (
                "{\"id\": \"a\", \"response\": [\"2\", \"3\"], \"score\": [1]}\n",
                ["`score`", "1 values for 2"],
            ),
            (
                "{\"id\": \"a\", \"response\": [\"2\", \"3\"], \"score\": 1}\n",
                ["`score`", "one value for 2"],
            ),
        ] {
            let message = read(lines).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in {message}");
            }
        }
    }

    #[test]
    fn a_sample_counts_once() {
        let line = |sample: u64| format!("{{\"id\": \"a\", \"sample\": {sample}, \"response\": \"2\"}}\n");
        assert_eq!(by_id(&(line(0) + &line(1))).unwrap()["a"].len(), 2);
        let message = by_id(&(line(3) + &line(1) + &line(3))).unwrap_err().to_string();
        for part in ["line 3", "`sample`", "line 1", "rlx import"] {
            assert!(message.contains(part), "{part:?} is not in {message}");
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
