//! The math judge against recorded truths: every `*.jsonl` in the folder `grader` of the reference vectors.
//! The rows are not part of this repository; without them the test says that it was skipped.

use rlx_judge::{Case, Judge, Math, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn reference_grader_rows_are_judged_as_recorded() {
    let folder = std::env::var_os("RLX_REFERENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(folder.join("grader")) else {
        eprintln!("skipped: {} is not there", folder.join("grader").display());
        return;
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let (mut rows, mut right, mut false_accepts) = (0u32, 0u32, 0u32);
    let mut sources: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for path in files {
        for line in std::fs::read_to_string(path).expect("readable").lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            let (Some(truth), false) = (row["truth"].as_bool(), row["ambiguous"] == Value::Bool(true)) else {
                continue;
            };
            let case = Case {
                problem: "",
                gold: text("gold"),
                response: text("output"),
                truncated: false,
                gold_is_text: row["gold_is_text"] == Value::Bool(true),
            };
            let started = std::time::Instant::now();
            let verdict = Math.judge(&case);
            assert!(
                started.elapsed().as_secs_f64() < 2.0,
                "{} took {:?}",
                text("id"),
                started.elapsed()
            );
            let agrees = (verdict.outcome == Outcome::Correct) == truth;
            rows += 1;
            right += u32::from(agrees);
            false_accepts += u32::from(!agrees && !truth);
            let source = text("source").split('/').next().unwrap_or_default();
            let entry = sources.entry(format!("{source} {}", text("class"))).or_default();
            entry.0 += 1;
            entry.1 += u32::from(!agrees);
            if !agrees && std::env::var_os("RLX_SHOW").is_some() {
                let cut = |text: &str| {
                    text.chars()
                        .rev()
                        .take(160)
                        .collect::<Vec<_>>()
                        .into_iter()
                        .rev()
                        .collect::<String>()
                };
                eprintln!(
                    "{} truth {truth} gold {:?} took {:?} by {} ({}) from {:?}",
                    text("id"),
                    cut(text("gold")),
                    verdict.extracted,
                    verdict.rule,
                    verdict.reason,
                    cut(text("output"))
                );
            }
        }
    }
    eprintln!(
        "{right} of {rows} as recorded, {false_accepts} accepted wrongly; wrong by source: {:?}",
        sources
            .iter()
            .filter(|(_, (_, wrong))| *wrong > 0)
            .collect::<Vec<_>>()
    );
    // The floor is a little below what was measured when the judge was written.
    assert!(
        rows == 0 || f64::from(right) / f64::from(rows) > 0.90,
        "{right} of {rows}"
    );
    assert!(
        rows == 0 || f64::from(false_accepts) / f64::from(rows) < 0.02,
        "{false_accepts} of {rows} accepted wrongly"
    );
}
