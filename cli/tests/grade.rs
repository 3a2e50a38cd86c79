//! `rlx grade --benchmark`: golds and tests from the standard library's sets.
#![allow(clippy::unwrap_used)] // a test may panic

use serde_json::Value;
use std::{fs, path::Path, process::Command};

fn grade(folder: &Path, benchmark: &str, answers: &str) -> Result<Vec<Value>, String> {
    fs::write(folder.join("answers.jsonl"), answers).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_rlx"))
        .args(["grade", "--benchmark", benchmark, "--source", "rows.jsonl"])
        .args(["--answers", "answers.jsonl"])
        .current_dir(folder)
        .output()
        .unwrap();
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    let text = String::from_utf8(out.stdout).unwrap();
    Ok(text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect())
}

fn verdicts(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect()
}

#[test]
fn golds_come_from_the_benchmark() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"question\":\"2 + 2?\",\"answer\":\"Add.\\n#### 4\"}\n{\"question\":\"3 + 3?\",\"answer\":\"#### 6\"}\n";
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let answers = concat!(
        "{\"id\":1,\"problem\":\"0\",\"response\":\"It is \\\\boxed{4}.\"}\n",
        "{\"id\":2,\"problem\":\"1\",\"response\":\"It is 4.\"}\n",
    );
    let judged = grade(folder.path(), "gsm8k", answers).unwrap();
    assert_eq!(verdicts(&judged), ["correct", "wrong"]);
    let message = grade(
        folder.path(),
        "gsm8k",
        "{\"id\":3,\"problem\":\"7\",\"response\":\"4\"}\n",
    )
    .unwrap_err();
    assert!(message.contains("no problem `7`"), "{message}");
    let message = grade(folder.path(), "gsm9k", answers).unwrap_err();
    assert!(message.contains("gsm9k"), "{message}");
}

#[test]
fn tests_come_from_the_benchmark() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"task_id\":\"T/0\",\"prompt\":\"def double(x):\\n\",\"entry_point\":\"double\",\"test\":\"def check(f):\\n    assert f(2) == 4\\n\"}\n";
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let answers = concat!(
        "{\"id\":1,\"problem\":\"T/0\",\"response\":\"```python\\ndef double(x):\\n    return 2 * x\\n```\"}\n",
        "{\"id\":2,\"problem\":\"T/0\",\"response\":\"    return x\",\"kind\":\"completion\"}\n",
    );
    match grade(folder.path(), "humaneval", answers) {
        Ok(judged) => assert_eq!(verdicts(&judged), ["pass", "fail"]),
        Err(message) if message.contains("rlx::sandbox") => println!("skipped: {message}"),
        Err(message) => panic!("{message}"),
    }
}

/// Responses to visual problems are there already: nobody needs the pictures. Numbers are rounded as the set asks for.
#[test]
fn visual_benchmarks_are_graded_without_their_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let row = |pid: &str, kind: &str, answer: &str, precision: &str| {
        format!(
            "{{\"pid\":\"{pid}\",\"question\":\"How long?\",\"image\":\"images/{pid}.jpg\",\"unit\":null,\"precision\":{precision},\
             \"answer\":\"{answer}\",\"question_type\":\"{kind}\"}}\n"
        )
    };
    let rows: String = (0..460)
        .map(|pid| match pid {
            0 => row("0", "free_form", "1.2", "1.0"),
            pid => row(&pid.to_string(), "free_form", "7", "null"),
        })
        .chain([row("x", "multi_choice", "A", "null")])
        .collect();
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let answers = concat!(
        "{\"id\":1,\"problem\":\"0\",\"response\":\"\\\\boxed{1.2345}\"}\n",
        "{\"id\":2,\"problem\":\"0\",\"response\":\"\\\\boxed{1.26}\"}\n",
        "{\"id\":3,\"problem\":\"5\",\"response\":\"\\\\boxed{7.2}\"}\n",
        "{\"id\":4,\"problem\":\"5\",\"response\":\"\\\\boxed{7}\"}\n",
    );
    let judged = grade(folder.path(), "mathvista", answers).unwrap();
    assert_eq!(verdicts(&judged), ["correct", "wrong", "wrong", "correct"]);
}

#[test]
fn a_program_of_ones_own_grades_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let judge = "import json, sys\ncase = json.load(sys.stdin)\n\
                 print(json.dumps({\"verdict\": case[\"response\"].strip().lower() == case[\"gold\"].lower(), \"extracted\": case[\"response\"]}))\n";
    fs::write(folder.path().join("judge.py"), judge).unwrap();
    let answers = "{\"id\":1,\"gold\":\"Yes\",\"response\":\" yes \"}\n{\"id\":2,\"gold\":\"Yes\",\"response\":\"no\"}\n";
    fs::write(folder.path().join("answers.jsonl"), answers).unwrap();
    let ask = |program: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_rlx"))
            .args(["grade", "--judge", "command", "--answers", "answers.jsonl"])
            .args(program)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let none = ask(&[]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("--program"));
    let out = ask(&["--program", "judge.py"]);
    let message = String::from_utf8_lossy(&out.stderr).into_owned();
    if message.contains("rlx::sandbox") {
        return println!("skipped: {message}");
    }
    let rows: Vec<Value> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(verdicts(&rows), ["correct", "wrong"], "{message}");
    assert_eq!(rows[0]["rule"], "command");
}
