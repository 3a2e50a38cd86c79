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
