//! Loading a problem set: from its task, its file or its place in the hub's cache; exclusion included.

use crate::choose;
use crate::columns::{self, Fault};
use crate::countdown::{Countdown, CountdownOptions};
use crate::error::DataError;
use crate::hub::{self, World};
use crate::picture;
use crate::problem::Problem;
use crate::table::{self, Row};
use crate::tasks::{self, Task};
use indexmap::IndexMap;
use rlx_judge::code::TestGold;
use rlx_language::study::{ProblemSet, ProblemSource};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Draws of a task that are tried for each problem wanted before it counts as exhausted.
const DRAWS_A_PROBLEM: u64 = 1_000;

/// The problems of the set named `name`, in order: those that no set in `exclude` holds, after the first `skip` of
/// them, at most `limit`.
///
/// A task is endless: it gives `limit` problems, else `size`, else `needed` (what a training will use up); ids are the
/// numbers of the draws. Sets that are excluded are loaded by the same rules first. No network is used: a hub source
/// must lie in the cache (see [`crate::fetch_problems`]).
///
/// # Errors
/// [`DataError`] names file, line, column and mend. An empty set, duplicate ids, and a set that shares a problem with
/// one that it excludes are errors.
pub fn load(
    name: &str,
    sets: &IndexMap<String, ProblemSet>,
    needed: Option<u64>,
    world: &World,
) -> Result<Vec<Problem>, DataError> {
    load_within(name, sets, needed, world, &mut Vec::new())
}

fn load_within(
    name: &str,
    sets: &IndexMap<String, ProblemSet>,
    needed: Option<u64>,
    world: &World,
    ring: &mut Vec<String>,
) -> Result<Vec<Problem>, DataError> {
    let set = sets
        .get(name)
        .ok_or_else(|| DataError::UnknownSet { set: name.to_owned() })?;
    if ring.iter().any(|outer| outer == name) {
        ring.push(name.to_owned());
        return Err(DataError::ExclusionRing {
            ring: ring.join(" → "),
        });
    }
    ring.push(name.to_owned());
    let mut excluded: BTreeMap<String, String> = BTreeMap::new();
    for other in &set.exclude {
        for problem in load_within(other, sets, None, world, ring)? {
            excluded.insert(problem.key(), other.clone());
        }
    }
    ring.pop();

    let problems = match &set.source {
        ProblemSource::Task { task, options, seed } => {
            if let Some(task) = Task::named(task, |option| options.get(option).copied()) {
                return draw(set, &Procedural::Task(task, *seed), needed, &excluded);
            }
            if task != "countdown" {
                return Err(DataError::UnknownTask {
                    task: task.clone(),
                    known: format!("countdown, {}", tasks::NAMES.join(", ")),
                });
            }
            let options =
                CountdownOptions::parse(options.iter().map(|(name, value)| (name.as_str(), *value)))?;
            let countdown = Countdown::new(options, *seed);
            draw(set, &Procedural::Countdown(countdown), needed, &excluded)?
        }
        ProblemSource::Path { path } => rows(set, &[local_file(Path::new(path))?], &excluded)?,
        ProblemSource::Hub { .. } => rows(set, &hub::problem_files(set, world)?, &excluded)?,
    };
    let shared: Vec<&Problem> = problems
        .iter()
        .filter(|problem| excluded.contains_key(&problem.key()))
        .collect();
    if let Some(first) = shared.first() {
        return Err(DataError::Overlap {
            set: name.to_owned(),
            excluded: excluded.get(&first.key()).cloned().unwrap_or_default(),
            count: shared.len(),
            first: first.id.clone(),
        });
    }
    Ok(problems)
}

/// What makes problems.
enum Procedural {
    Countdown(Countdown),
    /// With its seed.
    Task(Task, u64),
}

impl Procedural {
    /// Number `index`, with what makes two problems the same.
    fn problem(&self, index: u64) -> (Problem, String) {
        match self {
            Procedural::Countdown(countdown) => {
                let example = countdown.example(index);
                let problem = Problem::new(
                    index.to_string(),
                    example.puzzle.to_string(),
                    Some(example.puzzle.target().to_string()),
                    Some(example.response),
                );
                (problem, example.puzzle.key().to_string())
            }
            Procedural::Task(task, seed) => {
                let drawn = task.draw(*seed, index);
                let (answer, response) = (Some(drawn.answer), Some(drawn.response));
                let problem = Problem::new(index.to_string(), drawn.text, answer, response);
                let key = problem.key();
                (problem, key)
            }
        }
    }

    /// No problem comes twice.
    fn distinct(&self) -> bool {
        match self {
            Procedural::Countdown(countdown) => countdown.options().distinct(),
            Procedural::Task(..) => true,
        }
    }
}

fn draw(
    set: &ProblemSet,
    task: &Procedural,
    needed: Option<u64>,
    excluded: &BTreeMap<String, String>,
) -> Result<Vec<Problem>, DataError> {
    let wanted = set
        .limit
        .or(set.size)
        .or(needed)
        .ok_or_else(|| DataError::Endless {
            set: set.name.clone(),
        })?;
    if wanted == 0 {
        return Err(empty(set, "it asks for 0 problems"));
    }
    let tried = set.skip.saturating_add(wanted).saturating_mul(DRAWS_A_PROBLEM);
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    let mut skip = set.skip;
    for index in 0..tried {
        let (problem, key) = task.problem(index);
        if excluded.contains_key(&key) || (task.distinct() && !seen.insert(key)) {
            continue;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        problems.push(problem);
        if problems.len() as u64 == wanted {
            return Ok(problems);
        }
    }
    Err(DataError::Exhausted {
        set: set.name.clone(),
        found: problems.len() as u64,
        wanted,
        tried,
    })
}

fn rows(
    set: &ProblemSet,
    files: &[PathBuf],
    excluded: &BTreeMap<String, String>,
) -> Result<Vec<Problem>, DataError> {
    let mut problems = Vec::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let (mut index, mut filtered, mut dropped) = (0u64, 0u64, 0u64);
    // In the file's order nothing has to be read behind the last problem.
    let enough = set
        .limit
        .filter(|_| set.shuffle.is_none())
        .map(|limit| limit.saturating_add(set.skip));
    for path in files {
        table::read(path, |row| {
            if enough.is_some_and(|enough| problems.len() as u64 >= enough) {
                return Ok(false);
            }
            let number = index;
            index += 1;
            if let Some(filter) = &set.filter
                && !choose::keeps(filter, path, &row)?
            {
                filtered += 1;
                return Ok(true);
            }
            let problem = problem(set, path, &row, number)?;
            if let Some(first) = ids.insert(problem.id.clone(), row.place.clone()) {
                return Err(DataError::DuplicateId {
                    path: path.clone(),
                    place: row.place,
                    id: problem.id,
                    first,
                });
            }
            if excluded.contains_key(&problem.key()) {
                dropped += 1;
            } else {
                problems.push(problem);
            }
            Ok(true)
        })?;
    }
    if let Some(seed) = set.shuffle {
        choose::shuffle(&mut problems, seed, |problem: &Problem| &problem.id);
    }
    let skipped = set.skip.min(problems.len() as u64);
    problems.drain(..skipped as usize);
    if let Some(limit) = set.limit {
        problems.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if problems.is_empty() {
        let why = match (index, set.limit) {
            (_, Some(0)) => "it asks for 0 problems".to_owned(),
            (0, _) => {
                let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
                format!("{} holds no rows", names.join(", "))
            }
            _ => format!(
                "of {index} rows {filtered} are filtered out, {dropped} are excluded and {skipped} skipped"
            ),
        };
        return Err(empty(set, &why));
    }
    Ok(problems)
}

fn problem(set: &ProblemSet, path: &Path, row: &Row, index: u64) -> Result<Problem, DataError> {
    let text = match columns::is_made(&set.problem) {
        true => columns::fill(&set.problem, row).map_err(|fault| match fault {
            Fault::NoColumn(column) => missing(path, row, &column, "problem"),
            Fault::Open(name) => DataError::Row {
                path: path.to_owned(),
                place: row.place.clone(),
                what: format!("the text made of columns opens a section on `{name}`"),
                mend: format!("end it with `{{/{name}}}`"),
            },
        })?,
        false => text(path, row, &set.problem, "problem")?,
    };
    if text.trim().is_empty() {
        return Err(bad_cell(
            path,
            row,
            &set.problem,
            "an empty problem",
            "fill it in or remove the row",
        ));
    }
    let optional = |column: &Option<String>, field| match column {
        Some(column) => self::text(path, row, column, field).map(Some),
        None => Ok(None),
    };
    let answer = match &set.code {
        None => optional(&set.answer, "answer")?,
        Some(code) => {
            let gold = TestGold {
                tests: set
                    .answer
                    .as_ref()
                    .and_then(|column| row.cells.get(column))
                    .cloned()
                    .ok_or_else(|| missing(path, row, set.answer.as_deref().unwrap_or_default(), "answer"))?,
                setup: lines(path, row, &code.setup, "setup")?,
                entry_point: lines(path, row, &code.entry_point, "entry_point")?,
                starter_code: lines(path, row, &code.starter_code, "starter_code")?,
                hidden: match &code.hidden {
                    None => serde_json::Value::Null,
                    Some(column) => row
                        .cells
                        .get(column)
                        .cloned()
                        .ok_or_else(|| missing(path, row, column, "hidden"))?,
                },
                completion: code.completion,
            };
            if let Err(error) = gold.read_tests() {
                let column = set.answer.as_deref().unwrap_or_default();
                return Err(bad_cell(
                    path,
                    row,
                    column,
                    &error.to_string(),
                    "name the column with the tests",
                ));
            }
            let text = serde_json::to_string(&gold);
            Some(text.map_err(|error| bad_cell(path, row, "answer", &error.to_string(), "mend the row"))?)
        }
    };
    let response = optional(&set.response, "response")?;
    let id = optional(&set.id, "id")?.unwrap_or_else(|| index.to_string());
    let pictures = match set.image.is_empty() {
        true => Vec::new(),
        false => picture::of_row(&set.image, path, row, &id)?,
    };
    let precision = match &set.precision {
        None => None,
        Some(column) => places(path, row, column)?,
    };
    let problem = Problem::new(id, text, answer, response);
    Ok(match (pictures.is_empty(), precision) {
        (true, None) => problem,
        (true, precision) => problem.to_places(precision),
        (false, precision) => problem.showing(pictures).to_places(precision),
    })
}

/// Decimal places of an answer; nothing in the cell where the answer has to be exact.
fn places(path: &Path, row: &Row, column: &str) -> Result<Option<u32>, DataError> {
    let number = match row.cells.get(column) {
        None => return Err(missing(path, row, column, "precision")),
        Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_f64(),
    };
    let places = number.filter(|places| places.fract() == 0.0 && (0.0..=30.0).contains(places));
    places.map(|places| Some(places as u32)).ok_or_else(|| {
        let found = "something else than a number of decimal places";
        bad_cell(
            path,
            row,
            column,
            found,
            "give a whole number from 0 to 30, or nothing",
        )
    })
}

/// Source text of a cell: a list is joined by line breaks, nothing there is an empty text.
fn lines(path: &Path, row: &Row, column: &Option<String>, field: &'static str) -> Result<String, DataError> {
    let Some(column) = column else {
        return Ok(String::new());
    };
    match row.cells.get(column) {
        Some(Value::Null) => Ok(String::new()),
        Some(Value::Array(items)) => Ok(items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n")),
        _ => text(path, row, column, field),
    }
}

pub(crate) fn missing(path: &Path, row: &Row, column: &str, field: &'static str) -> DataError {
    let columns: Vec<String> = row.cells.keys().map(|name| format!("`{name}`")).collect();
    DataError::MissingColumn {
        path: path.to_owned(),
        place: row.place.clone(),
        column: column.to_owned(),
        field,
        columns: if columns.is_empty() {
            "none".to_owned()
        } else {
            columns.join(", ")
        },
    }
}

/// The cell as text: text as it stands, a number as JSON writes it, a list of texts joined by `, `.
pub(crate) fn text(path: &Path, row: &Row, column: &str, field: &'static str) -> Result<String, DataError> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let Some(value) = row.cells.get(column) else {
        return Err(missing(path, row, column, field));
    };
    let joined = match value {
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(plain)
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(", ")),
        value => plain(value),
    };
    joined.ok_or_else(|| {
        bad_cell(
            path,
            row,
            column,
            table::kind(value),
            "give text, a number, or a list of these (not empty)",
        )
    })
}

pub(crate) fn bad_cell(path: &Path, row: &Row, column: &str, found: &str, mend: &str) -> DataError {
    DataError::Row {
        path: path.to_owned(),
        place: row.place.clone(),
        what: format!("column `{column}` holds {found}"),
        mend: mend.to_owned(),
    }
}

fn empty(set: &ProblemSet, why: &str) -> DataError {
    DataError::Empty {
        set: set.name.clone(),
        why: why.to_owned(),
    }
}

/// The file itself, or the only data file of a folder.
pub(crate) fn local_file(path: &Path) -> Result<PathBuf, DataError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let files = hub::data_files(path)?;
    match files.as_slice() {
        [only] => Ok(path.join(only)),
        [] => Err(DataError::Source {
            path: path.to_owned(),
            what: "the folder holds no .jsonl, .json, .csv or .parquet file".to_owned(),
            mend: "name the file itself".to_owned(),
        }),
        several => Err(DataError::Source {
            path: path.to_owned(),
            what: format!("the folder holds several data files ({})", several.join(", ")),
            mend: "name the file itself".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
