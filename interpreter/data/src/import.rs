//! Responses as other programs write them down, as rows that [`recorded`](crate::recorded) reads.
//!
//! A row is recognised by its columns: vLLM's `outputs`, an OpenAI answer's `choices` (alone or in a batch's
//! `response.body`), lm-evaluation-harness' `resps`, or a column of texts under one of the usual names. Its problem is found by
//! id, by the problem's text or by the whole prompt; a row that says both an id and another problem is an error.

use crate::error::DataError;
use crate::load::bad_cell;
use crate::problem::Problem;
use crate::recorded::{finished, outcome};
use crate::table::{self, Row};
use rlx_judge::Outcome;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Columns that are named by hand; the others are looked for under their usual names.
#[derive(Debug, Clone, Default)]
pub struct ImportColumns {
    pub id: Option<String>,
    pub problem: Option<String>,
    pub response: Option<String>,
    /// Verdicts are taken over only where they are asked for.
    pub verdict: Option<String>,
}

/// One response that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRow {
    /// Id of its problem.
    pub problem: String,
    /// From 0, for each problem.
    pub sample: u64,
    pub text: String,
    pub truncated: bool,
    pub verdict: Option<Outcome>,
}

/// What some files hold of the responses to a set of problems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Problems that were asked for.
    pub problems: usize,
    /// In the order of the problems.
    pub rows: Vec<ImportedRow>,
    /// Rows by what they were recognised as.
    pub forms: BTreeMap<&'static str, u64>,
    /// Rows that answer none of the problems.
    pub strangers: u64,
    /// Responses that were there twice, by problem and sample number, and count once.
    pub twice: u64,
    /// Responses without a word, which are left out.
    pub empty: u64,
    /// Responses that are word for word those of an earlier file, to the same problem and in the same place.
    pub repeated: u64,
}

/// Names under which ids, texts of problems and responses are looked for, the first that is there.
const IDS: [&str; 8] = [
    "id",
    "problem_id",
    "doc_id",
    "custom_id",
    "idx",
    "task_id",
    "question_id",
    "request_id",
];
const TEXTS: [&str; 4] = ["problem", "question", "prompt", "input"];
const RESPONSES: [&str; 10] = [
    "response",
    "responses",
    "text",
    "completion",
    "completions",
    "generation",
    "generations",
    "generated_text",
    "output",
    "code",
];
const FINISHES: [&str; 4] = ["truncated", "finish_reason", "finish", "stop_reason"];

/// A response before it is known to whom it belongs.
struct Found {
    text: String,
    truncated: bool,
    verdict: Option<Outcome>,
}

/// Reads `files`, in their order, as responses to `problems`; `prompts` are the problems' prompts where those are plain text.
///
/// # Errors
/// [`DataError`] names file, line and column: a row without a response or a problem, a sample number with two texts, an
/// id that belongs to another problem than the row's text. Two files with the same responses are an error, too, as is
/// a file in which nothing answers any of the problems.
pub fn import(
    files: &[PathBuf],
    problems: &[Problem],
    prompts: &[Option<String>],
    columns: &ImportColumns,
) -> Result<Imported, DataError> {
    let known = Known::new(problems, prompts);
    let mut imported = Imported {
        problems: problems.len(),
        ..Imported::default()
    };
    let mut all: Vec<Vec<ImportedRow>> = vec![Vec::new(); problems.len()];
    for path in files {
        let mut own: Vec<BTreeMap<u64, (Found, String)>> = Vec::new();
        own.resize_with(problems.len(), BTreeMap::new);
        let mut rows = 0_u64;
        table::read(path, |row| {
            rows += 1;
            let (form, found) = responses(path, &row, columns)?;
            let Some(place) = known.place(path, &row, columns)? else {
                imported.strangers += 1;
                return Ok(true);
            };
            *imported.forms.entry(form).or_default() += 1;
            let numbered = row
                .cells
                .get("sample")
                .and_then(Value::as_u64)
                .filter(|_| found.len() == 1);
            for found in found {
                if found.text.trim().is_empty() && !found.truncated {
                    imported.empty += 1;
                    continue;
                }
                let next = own[place].last_key_value().map_or(0, |(last, _)| last + 1);
                let sample = numbered.unwrap_or(next);
                match own[place].get(&sample) {
                    None => {
                        own[place].insert(sample, (found, row.place.clone()));
                    }
                    Some((before, _)) if before.text == found.text => imported.twice += 1,
                    Some((_, line)) => {
                        return Err(bad_cell(
                            path,
                            &row,
                            "sample",
                            &format!("{sample}, and so does {line} for the same problem, with another text"),
                            "number the responses to a problem from 0 on, or leave the column out",
                        ));
                    }
                }
            }
            Ok(true)
        })?;
        if own.iter().all(BTreeMap::is_empty) {
            return Err(DataError::Source {
                path: path.clone(),
                what: format!("none of its {rows} rows answers one of the problems"),
                mend: format!(
                    "its column with ids or texts must hold those of the problem set, whose first is `{}`; `--id` or `--problem` \
                     names the column",
                    problems.first().map_or("", |problem| problem.id.as_str())
                ),
            });
        }
        add(path, own, problems, &mut all, &mut imported)?;
    }
    imported.rows = all.into_iter().flatten().collect();
    Ok(imported)
}

/// Puts a file's responses behind those of the files before it.
fn add(
    path: &Path,
    own: Vec<BTreeMap<u64, (Found, String)>>,
    problems: &[Problem],
    all: &mut [Vec<ImportedRow>],
    imported: &mut Imported,
) -> Result<(), DataError> {
    let (mut repeated, mut count) = (0, 0);
    for ((own, before), problem) in own.into_iter().zip(all.iter_mut()).zip(problems) {
        let earlier = before.len();
        for (place, (found, _)) in own.into_values().enumerate() {
            let same = |row: &ImportedRow| row.text == found.text;
            count += 1;
            repeated += u64::from(before.get(place).filter(|_| place < earlier).is_some_and(same));
            before.push(ImportedRow {
                problem: problem.id.clone(),
                sample: before.len() as u64,
                text: found.text,
                truncated: found.truncated,
                verdict: found.verdict,
            });
        }
    }
    if count > 0 && repeated == count {
        return Err(DataError::Source {
            path: path.to_owned(),
            what: format!("its {count} responses are, word for word, those of a file before it"),
            mend: "name it once; two runs with one seed draw the same responses, and these count once"
                .to_owned(),
        });
    }
    imported.repeated += repeated;
    Ok(())
}

/// The problems, by all that a row may know of them.
struct Known<'a> {
    problems: &'a [Problem],
    ids: BTreeMap<&'a str, usize>,
    /// By [`Problem::key`]; None where two problems have one text.
    texts: BTreeMap<String, Option<usize>>,
}

impl<'a> Known<'a> {
    fn new(problems: &'a [Problem], prompts: &[Option<String>]) -> Self {
        let mut texts = BTreeMap::new();
        let mut know = |text: String, place: usize| {
            texts
                .entry(text)
                .and_modify(|known: &mut Option<usize>| *known = known.filter(|at| *at == place))
                .or_insert(Some(place));
        };
        for (place, problem) in problems.iter().enumerate() {
            know(problem.key(), place);
            if let Some(prompt) = prompts.get(place).cloned().flatten() {
                know(key(&prompt), place);
            }
        }
        Known {
            problems,
            ids: problems
                .iter()
                .enumerate()
                .map(|(place, problem)| (problem.id.as_str(), place))
                .collect(),
            texts,
        }
    }

    /// The place of the problem that a row answers; None where it is none of these.
    fn place(&self, path: &Path, row: &Row, columns: &ImportColumns) -> Result<Option<usize>, DataError> {
        let ids = named(&columns.id, &IDS);
        let texts = named(&columns.problem, &TEXTS);
        let by_text = texts.iter().find_map(|column| {
            let text = plain(row.cells.get(*column)?)?;
            Some((*column, self.texts.get(&key(&text)).copied()))
        });
        // Whose column of texts was named by hand has no ids in common.
        let by_id = match (&columns.id, &columns.problem) {
            (None, Some(_)) => None,
            _ => ids
                .iter()
                .find_map(|column| Some((*column, plain(row.cells.get(*column)?)?))),
        };
        if by_id.is_none() && by_text.is_none() {
            let column = columns
                .id
                .as_deref()
                .or(columns.problem.as_deref())
                .unwrap_or("id");
            return Err(crate::load::missing(path, row, column, "--id"));
        }
        let id = by_id.and_then(|(column, id)| Some((column, *self.ids.get(id.as_str())?)));
        match (id, by_text) {
            (Some((column, id)), Some((text, Some(Some(other))))) if id != other => Err(bad_cell(
                path,
                row,
                column,
                &format!(
                    "`{}`, and its `{text}` is the text of problem `{}`",
                    self.problems[id].id, self.problems[other].id
                ),
                "name the column that says which problem is answered: `--id` or `--problem`",
            )),
            (Some((_, id)), _) => Ok(Some(id)),
            (None, Some((_, Some(Some(place))))) => Ok(Some(place)),
            (None, Some((text, Some(None)))) => Err(bad_cell(
                path,
                row,
                text,
                "a text that several problems have",
                "say which one is answered in a column with its id",
            )),
            (None, _) => Ok(None),
        }
    }
}

/// As [`Problem::key`].
fn key(text: &str) -> String {
    Problem::new(String::new(), text.to_owned(), None, None).key()
}

fn named<'n>(by_hand: &'n Option<String>, usual: &[&'static str]) -> Vec<&'n str> {
    match by_hand {
        Some(column) => vec![column],
        None => usual.to_vec(),
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a row was recognised as, and its responses.
fn responses(
    path: &Path,
    row: &Row,
    columns: &ImportColumns,
) -> Result<(&'static str, Vec<Found>), DataError> {
    let cells = &row.cells;
    let batch = cells
        .get("response")
        .and_then(|answer| answer.pointer("/body/choices"))
        .map(|choices| ("OpenAI batch", "response", choices));
    let special = match &columns.response {
        Some(_) => None,
        None => batch
            .or_else(|| cells.get("choices").map(|it| ("OpenAI answer", "choices", it)))
            .or_else(|| cells.get("outputs").map(|it| ("vLLM", "outputs", it)))
            .or_else(|| {
                cells
                    .get("resps")
                    .map(|it| ("lm-evaluation-harness", "resps", it))
            }),
    };
    let (form, column, mut found) = match special {
        Some((form, column, value)) => {
            let mut found = Vec::new();
            answers(path, row, column, value, &mut found)?;
            (form, column.to_owned(), found)
        }
        None => {
            let names = named(&columns.response, &RESPONSES);
            let Some((column, value)) = names.iter().find_map(|name| Some((*name, cells.get(*name)?))) else {
                return Err(crate::load::missing(path, row, names[0], "--response"));
            };
            let mut found = Vec::new();
            answers(path, row, column, value, &mut found)?;
            cut(path, row, &mut found)?;
            ("rows", column.to_owned(), found)
        }
    };
    if found.is_empty() {
        return Err(bad_cell(path, row, &column, "no response", "remove the row"));
    }
    if let Some(column) = &columns.verdict {
        let said = match cells.get(column) {
            None => return Err(crate::load::missing(path, row, column, "--verdict")),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(value) => vec![value],
        };
        if said.len() != found.len() {
            let held = format!("{} values for {} responses", said.len(), found.len());
            return Err(bad_cell(path, row, column, &held, "give one for each response"));
        }
        for (found, said) in found.iter_mut().zip(said) {
            found.verdict = Some(outcome(path, row, column, said)?);
        }
    }
    Ok((form, found))
}

/// Texts, or records with a text and how it finished, in lists as deep as they are.
fn answers(
    path: &Path,
    row: &Row,
    column: &str,
    value: &Value,
    found: &mut Vec<Found>,
) -> Result<(), DataError> {
    let bad = |held: &str| bad_cell(path, row, column, held, "give a text, or a list of texts");
    match value {
        Value::String(text) => found.push(Found {
            text: text.clone(),
            truncated: false,
            verdict: None,
        }),
        Value::Array(items) => {
            for item in items {
                answers(path, row, column, item, found)?;
            }
        }
        Value::Object(fields) => {
            let Some(text) = said(fields) else {
                return Err(bad("a record without a text"));
            };
            let finish = fields.get("finish_reason").or_else(|| fields.get("stop_reason"));
            found.push(Found {
                text,
                truncated: finish.and_then(Value::as_str) == Some("length"),
                verdict: None,
            });
        }
        other => return Err(bad(table::kind(other))),
    }
    Ok(())
}

/// `text`, or a message's `content`; thoughts that were handed over apart stand before it, as a server's do here.
fn said(fields: &Map<String, Value>) -> Option<String> {
    if let Some(Value::String(text)) = fields.get("text") {
        return Some(text.clone());
    }
    let message = fields.get("message")?.as_object()?;
    let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
    match message.get("reasoning_content").and_then(Value::as_str) {
        Some(thoughts) if !thoughts.is_empty() => Some(format!("<think>\n{thoughts}\n</think>\n{content}")),
        _ => message.get("content").map(|_| content.to_owned()),
    }
}

/// How responses of a plain row finished, in whatever column says so.
fn cut(path: &Path, row: &Row, found: &mut [Found]) -> Result<(), DataError> {
    let Some((column, value)) = FINISHES
        .iter()
        .find_map(|name| Some((*name, row.cells.get(*name)?)))
    else {
        return Ok(());
    };
    match value {
        Value::Array(items) if items.len() == found.len() => {
            for (found, item) in found.iter_mut().zip(items) {
                found.truncated = finished(path, row, column, item)?;
            }
        }
        Value::Array(items) => {
            let held = format!("{} values for {} responses", items.len(), found.len());
            return Err(bad_cell(path, row, column, &held, "give one for each response"));
        }
        value => {
            let truncated = finished(path, row, column, value)?;
            found.iter_mut().for_each(|found| found.truncated = truncated);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn problems() -> Vec<Problem> {
        [("a", "What is 1 + 1?"), ("b", "What is 2 + 2?")]
            .map(|(id, text)| Problem::new(id.into(), text.into(), None, None))
            .to_vec()
    }

    fn read(files: &[&str], columns: &ImportColumns) -> Result<Imported, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..files.len())
            .map(|at| folder.path().join(format!("dump{at}.jsonl")))
            .collect();
        for (path, text) in paths.iter().zip(files) {
            fs::write(path, text).unwrap();
        }
        let prompts: Vec<Option<String>> = problems()
            .iter()
            .map(|problem| Some(format!("Q: {}\nA:", problem.text)))
            .collect();
        import(&paths, &problems(), &prompts, columns)
    }

    fn texts(imported: &Imported) -> Vec<(&str, u64, &str, bool)> {
        let rows = imported.rows.iter();
        rows.map(|row| (row.problem.as_str(), row.sample, row.text.as_str(), row.truncated))
            .collect()
    }

    #[test]
    fn dumps_of_other_programs_are_recognised() {
        let wanted = vec![
            ("a", 0, "2", false),
            ("a", 1, "two, I", true),
            ("b", 0, "4", false),
        ];
        for (form, lines) in [
            (
                "vLLM",
                r#"{"prompt": "Q: What is 2 + 2?\nA:", "outputs": [{"text": "4", "finish_reason": "stop"}]}
{"prompt": "Q: What is 1 + 1?\nA:", "outputs": [{"text": "2", "finish_reason": "stop"}, {"text": "two, I", "finish_reason": "length"}]}"#,
            ),
            (
                "OpenAI batch",
                r#"{"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "2"}, "finish_reason": "stop"}, {"message": {"content": "two, I"}, "finish_reason": "length"}]}}}
{"custom_id": "b", "response": {"body": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}}}"#,
            ),
            (
                "rows",
                r#"{"id": "a", "sample": 4, "text": "two, I", "tokens": 3, "finish": "length"}
{"id": "a", "sample": 1, "text": "2", "tokens": 2, "finish": "stop"}
{"id": "b", "sample": 0, "text": "4", "tokens": 2, "finish": "stop"}
{"id": "c", "sample": 0, "text": "4", "tokens": 2, "finish": "stop"}"#,
            ),
            (
                "rows",
                r#"{"idx": 0, "question": "What is 1 + 1?", "code": ["2", "two, I"], "finish_reason": ["stop", "length"]}
{"idx": 1, "question": "What is  2 + 2?", "code": ["4"], "score": [true]}"#,
            ),
        ] {
            let found = read(&[lines], &ImportColumns::default()).unwrap();
            assert_eq!(texts(&found), wanted, "{form}");
            assert_eq!(found.forms.keys().copied().collect::<Vec<_>>(), [form]);
        }
        let harness = r#"{"doc_id": 7, "doc": {}, "problem": "What is 2 + 2?", "resps": [["4", "5"]], "filtered_resps": ["4"], "exact_match": 1.0}"#;
        let found = read(&[harness], &ImportColumns::default()).unwrap();
        assert_eq!(texts(&found), [("b", 0, "4", false), ("b", 1, "5", false)]);
        let thoughts =
            r#"{"id": "b", "choices": [{"message": {"content": "4", "reasoning_content": "2 twice"}}]}"#;
        let found = read(&[thoughts], &ImportColumns::default()).unwrap();
        assert_eq!(found.rows[0].text, "<think>\n2 twice\n</think>\n4");
    }

    #[test]
    fn nothing_counts_twice() {
        let line = |sample: u64, text: &str| {
            format!("{{\"id\": \"a\", \"sample\": {sample}, \"response\": \"{text}\"}}\n")
        };
        let first = line(0, "2") + &line(1, "3") + &line(0, "2");
        let second = line(0, "2") + &line(1, "4");
        let found = read(&[&first, &second], &ImportColumns::default()).unwrap();
        assert_eq!((found.rows.len(), found.twice, found.repeated), (4, 1, 1));
        assert_eq!(
            found.rows.iter().map(|row| row.sample).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        let message = read(&[&first, &first], &ImportColumns::default())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("dump1.jsonl") && message.contains("word for word"),
            "{message}"
        );
        let message = read(&[&(first + &line(1, "5"))], &ImportColumns::default())
            .unwrap_err()
            .to_string();
        for part in ["line 4", "`sample`", "line 2", "another text"] {
            assert!(message.contains(part), "{part:?} is not in {message}");
        }
    }

    #[test]
    fn verdicts_are_taken_over_where_they_are_asked_for() {
        let lines = r#"{"id": "a", "code": ["2", "3"], "score": [true, false]}"#;
        let columns = ImportColumns {
            verdict: Some("score".into()),
            ..ImportColumns::default()
        };
        let said = |columns: &ImportColumns| -> Vec<Option<Outcome>> {
            read(&[lines], columns)
                .unwrap()
                .rows
                .iter()
                .map(|row| row.verdict)
                .collect()
        };
        assert_eq!(said(&ImportColumns::default()), [None, None]);
        assert_eq!(said(&columns), [Some(Outcome::Correct), Some(Outcome::Wrong)]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (lines, parts) in [
            (
                "{\"id\": \"a\"}",
                vec!["line 1", "no column `response`", "--response"],
            ),
            ("{\"response\": \"2\"}", vec!["line 1", "no column `id`", "--id"]),
            (
                "{\"id\": \"a\", \"response\": 2}",
                vec!["line 1", "`response`", "a number"],
            ),
            (
                "{\"id\": \"a\", \"outputs\": []}",
                vec!["line 1", "`outputs`", "no response"],
            ),
            (
                "{\"id\": \"a\", \"question\": \"What is 2 + 2?\", \"response\": \"4\"}",
                vec!["line 1", "`id`", "`a`", "`question`", "`b`"],
            ),
            (
                "{\"id\": \"z\", \"response\": \"4\"}",
                vec!["none of its 1 rows", "`a`"],
            ),
            ("{\"id\": \"a\", \"response\": \"4\"", vec!["line 1"]),
        ] {
            let message = read(&[lines], &ImportColumns::default()).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in {message}");
            }
        }
    }
}
