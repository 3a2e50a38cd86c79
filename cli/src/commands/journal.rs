//! `journal.jsonl` beside the results: every attempt at a study, also those that failed or were killed.
//!
//! It records; nothing reads it back into a number. That is why it may know the time.

use rlx_run::{Journal, StepState};
use serde_json::{Value, json};
use std::{fs::File, io::Write, path::Path, time::SystemTime};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const NAME: &str = "journal.jsonl";

/// An attempt begins.
pub(crate) fn started(results: &Path, states: &[StepState]) {
    let done = states.iter().filter(|state| **state == StepState::Done).count();
    append(
        results,
        json!({ "event": "started", "rlx": env!("CARGO_PKG_VERSION"), "steps": states.len(), "done": done }),
    );
}

/// It went through.
pub(crate) fn finished(results: &Path, journal: &Journal) {
    append(
        results,
        json!({ "event": "finished", "wall_seconds": journal.wall.as_secs_f64(), "steps": journal.steps }),
    );
}

/// It ended early.
pub(crate) fn failed(results: &Path, code: &str, message: &str) {
    append(
        results,
        json!({ "event": "failed", "code": code, "message": message }),
    );
}

/// The day of the last entry, `2026-01-31`; that of the epoch when there is none.
pub(crate) fn last_day(results: &Path) -> String {
    let text = std::fs::read_to_string(results.join(NAME)).unwrap_or_default();
    let last = text
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|entry| entry.get("at")?.as_str()?.get(..10).map(str::to_owned));
    last.unwrap_or_else(|| "1970-01-01".to_owned())
}

/// One line; a journal that cannot be written stops no run.
fn append(results: &Path, mut entry: Value) {
    #[allow(clippy::disallowed_methods)] // when an attempt was made is all that this file is for
    let now = OffsetDateTime::from(SystemTime::now());
    entry["at"] = now
        .replace_nanosecond(0)
        .unwrap_or(now)
        .format(&Rfc3339)
        .unwrap_or_default()
        .into();
    let _ = std::fs::create_dir_all(results);
    if let Ok(mut file) = File::options().create(true).append(true).open(results.join(NAME)) {
        let _ = writeln!(file, "{entry}");
    }
}
