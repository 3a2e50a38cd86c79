//! The verdicts on the reference cases: programs for HumanEval(+), MBPP(+) and LiveCodeBench.
//!
//! The cases are other people's texts and are read in place: `RLX_REFERENCE` or `../shared/reference` for the cases,
//! `RLX_DATA` or `../shared/data` for the problems.
#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use flate2::read::GzDecoder;
use rlx_judge::code::{CodeTask, ProgramKind, Tests};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// What a problem gives to a case.
#[derive(Clone)]
struct Problem {
    prompt: String,
    setup: String,
    tests: Value,
    starter_code: String,
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(name);
    let folder = env::var_os(variable).map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn rows(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    if text.starts_with('[') {
        return serde_json::from_str(&text).unwrap();
    }
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(row: &Value, field: &str) -> String {
    row.get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn lines(row: &Value, field: &str) -> String {
    let all = row
        .get(field)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    all.iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

fn problems(data: &Path) -> BTreeMap<(String, String), Problem> {
    let mut all = BTreeMap::new();
    for (suite, file) in [
        ("humaneval", "openai/openai_humaneval/HumanEval.jsonl.gz"),
        (
            "humanevalplus",
            "evalplus/humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz",
        ),
    ] {
        for row in rows(&data.join(file)) {
            let tests = format!("{}\ncheck({})\n", text(&row, "test"), text(&row, "entry_point"));
            let problem = Problem {
                prompt: text(&row, "prompt"),
                setup: String::new(),
                tests: tests.into(),
                starter_code: String::new(),
            };
            all.insert((suite.to_owned(), text(&row, "task_id")), problem);
        }
    }
    for (suite, file) in [
        (
            "mbpp",
            "google-research-datasets/mbpp/sanitized/sanitized-mbpp.json",
        ),
        ("mbppplus", "evalplus/mbppplus/MbppPlus-OriginFmt.jsonl.gz"),
    ] {
        for row in rows(&data.join(file)) {
            let plain = suite == "mbpp";
            let problem = Problem {
                prompt: String::new(),
                setup: if plain {
                    lines(&row, "test_imports")
                } else {
                    String::new()
                },
                tests: if plain {
                    lines(&row, "test_list")
                } else {
                    text(&row, "test")
                }
                .into(),
                starter_code: String::new(),
            };
            all.insert((suite.to_owned(), format!("Mbpp/{}", row["task_id"])), problem);
        }
    }
    let folder = data.join("livecodebench/code_generation_lite");
    for file in fs::read_dir(folder).unwrap() {
        for row in rows(&file.unwrap().path()) {
            let problem = Problem {
                prompt: String::new(),
                setup: String::new(),
                tests: row["public_test_cases"].clone(),
                starter_code: text(&row, "starter_code"),
            };
            all.insert(("livecodebench".to_owned(), text(&row, "question_id")), problem);
        }
    }
    all
}

#[test]
fn reference_cases_get_the_verdicts_they_should() {
    let (Some(reference), Some(data)) = (
        folder("RLX_REFERENCE", "shared/reference"),
        folder("RLX_DATA", "shared/data"),
    ) else {
        println!("skipped: no reference cases, or no problems, on this machine");
        return;
    };
    let mut options = common::options();
    options.limits.memory_bytes = 1 << 30;
    options.limits.cpu_seconds = 3;
    let Some(common::Bench { sandbox, .. }) = common::open(options) else {
        return;
    };
    let problems = problems(&data);
    let mut cases = Vec::new();
    for file in fs::read_dir(reference.join("code")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "jsonl") {
            cases.extend(
                rows(&path)
                    .into_iter()
                    .filter(|case| !case["candidate"].is_null()),
            );
        }
    }
    // All of them take a minute or two of CPU time: every fourth by default, all with RLX_ALL set.
    if env::var_os("RLX_ALL").is_none() {
        cases = cases.into_iter().step_by(4).collect();
    }
    assert!(!cases.is_empty());
    let queue = Mutex::new(cases.into_iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut worker = sandbox.worker();
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(case) = next else { return };
                    let key = (text(&case, "suite"), text(&case, "task_id"));
                    let problem = problems.get(&key).unwrap().clone();
                    let tests = Tests::read(&problem.tests).unwrap();
                    let kind = match text(&case, "kind").as_str() {
                        "program" => ProgramKind::Program,
                        "completion" => ProgramKind::Completion,
                        _ => ProgramKind::Reply,
                    };
                    let verdict = worker
                        .judge(&CodeTask {
                            kind,
                            response: &text(&case, "candidate"),
                            prompt: &problem.prompt,
                            setup: &problem.setup,
                            tests: &tests,
                            starter_code: &problem.starter_code,
                            truncated: false,
                        })
                        .unwrap();
                    let name = verdict.outcome.name();
                    let accepted = case["accept"].as_array().unwrap().iter().any(|one| one == name);
                    let solved = verdict.outcome.solved() == case["passes"].as_bool().unwrap();
                    // `pass` is tolerated where what counts is that the judge survives.
                    let tolerated = case["accept"].as_array().unwrap().iter().any(|one| one == "pass");
                    let extraction = case["tier"] == "extraction";
                    if !(accepted && (solved || tolerated)) && !extraction {
                        faults.lock().unwrap().push(format!(
                            "{} ({}): {name} instead of {}: {} ({})",
                            text(&case, "id"),
                            key.1,
                            text(&case, "expected"),
                            verdict.reason,
                            text(&case, "why"),
                        ));
                    } else if name != text(&case, "expected") {
                        println!(
                            "{}: {name} for {} ({})",
                            text(&case, "id"),
                            text(&case, "expected"),
                            verdict.reason
                        );
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
