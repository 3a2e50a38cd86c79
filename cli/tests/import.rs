//! `rlx import`: what other programs wrote becomes a model of a study, which runs without a backend.
#![allow(clippy::unwrap_used)] // a test may panic

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

const STUDY: &str = "benchmark sums {
    source  = \"./sums.jsonl\"
    problem = \"question\"
    judge   = number
    prompt  = \"Q: {problem}\\nA:\"
}

MODELS

evaluate answers {
    models    = WHO
    benchmark = sums
    sampling  = { temperature = 1.0, max_tokens = 8 }
    samples   = 4
}

table first   = pass_at_k(answers, k = [1, 2])
table totals  = summary(answers)
claim good \"more than half are right\" { pass(answers, o1, k = 1) > 50% }
";

fn folder(models: &str, who: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let problems =
        "{\"question\": \"1 + 1\", \"answer\": \"2\"}\n{\"question\": \"2 + 2\", \"answer\": \"4\"}\n";
    fs::write(folder.path().join("sums.jsonl"), problems).unwrap();
    study(folder.path(), models, who);
    folder
}

fn study(folder: &Path, models: &str, who: &str) {
    let text = STUDY.replace("MODELS", models).replace("WHO", who);
    fs::write(folder.join("study.rlx"), text).unwrap();
}

fn said(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rlx"))
        .args(args)
        .current_dir(folder)
        .env("HF_HOME", folder.join("hf"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn good(folder: &Path, args: &[&str]) -> String {
    let (exit, text) = said(folder, args);
    assert_eq!(exit, Some(0), "{args:?}\n{text}");
    text
}

fn refused(folder: &Path, args: &[&str], code: &str) {
    let (exit, text) = said(folder, args);
    assert_eq!(exit, Some(1), "{args:?}\n{text}");
    assert!(text.contains(code), "{code} is not in\n{text}");
    assert_eq!(said(folder, &["explain", code]).0, Some(0));
}

/// As vLLM's outputs are often dumped: the prompt, and several answers.
const DUMP: &str = r#"{"prompt": "Q: 1 + 1\nA:", "outputs": [{"text": "2", "finish_reason": "stop"}, {"text": "It is 2.", "finish_reason": "stop"}]}
{"prompt": "Q: 2 + 2\nA:", "outputs": [{"text": "4", "finish_reason": "stop"}, {"text": "5", "finish_reason": "stop"}, {"text": "so we", "finish_reason": "length"}]}
"#;

const DECLARED: &str = "model o1 { source = responses { file = \"./o1.jsonl\" } }";

#[test]
fn a_dump_becomes_a_model_that_is_measured() {
    let place = folder("model base { source = \"./base\" }", "base");
    let place = place.path();
    let text = fs::read_to_string(place.join("study.rlx")).unwrap();
    fs::write(
        place.join("study.rlx"),
        text.replace("answers, o1", "answers, base"),
    )
    .unwrap();
    fs::write(place.join("dump.jsonl"), DUMP).unwrap();
    let said = good(
        place,
        &["import", "study.rlx", "answers", "dump.jsonl", "--name", "o1"],
    );
    for part in [
        "5 responses (2 × vLLM)",
        "2 of 2 problems",
        "2 to 3 each",
        "source = responses { file = \"./o1.jsonl\" }",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    study(place, DECLARED, "o1");
    good(place, &["fmt", "study.rlx"]);
    let said = good(place, &["run", "study.rlx"]);
    assert!(said.contains("measured"), "that one has three is told: {said}");
    let table = fs::read_to_string(place.join("results/study/tables/first.csv")).unwrap();
    // Two of each are measured: three of four are right.
    assert!(table.contains("0.75"), "{table}");
    let page = fs::read_to_string(place.join("results/study/report.html")).unwrap();
    assert!(page.contains("drawn elsewhere") && !page.contains("at temperature 1"));
    // The lock holds the content: another one is refused.
    let lock = fs::read_to_string(place.join("study.lock")).unwrap();
    assert!(lock.contains("o1.jsonl"), "{lock}");
    assert!(good(place, &["run", "study.rlx"]).contains("0 steps") || place.join("results").is_dir());
    let other = DUMP.replace("It is 2.", "It is 3.");
    fs::write(place.join("other.jsonl"), other).unwrap();
    let again = ["import", "study.rlx", "answers", "other.jsonl", "--name", "o1"];
    refused(place, &again, "rlx::import::there");
    good(place, &[&again[..], &["--force"]].concat());
    refused(place, &["run", "study.rlx"], "rlx::lock::drift");
    // It is packed and checked like any other.
    good(place, &["lock", "study.rlx", "--update"]);
    good(place, &["run", "study.rlx"]);
    good(place, &["pack", "study.rlx"]);
    let said = good(place, &["verify", "study.rlxpack", "--level", "2"]);
    assert!(!said.contains("Missing"), "{said}");
}

#[test]
fn verdicts_of_others_are_kept_where_they_are_asked_for() {
    let place = folder(DECLARED, "o1");
    let place = place.path();
    // As the evaluation of "limit of RLVR" writes them; the verdicts are not what the judge would say.
    let rows = "{\"idx\": 0, \"question\": \"1 + 1\", \"code\": [\"2\", \"2\"], \"score\": [false, false]}\n\
                {\"idx\": 1, \"question\": \"2 + 2\", \"code\": [\"4\", \"4\"], \"score\": [true, false]}\n";
    fs::write(place.join("o1_dump.jsonl"), rows).unwrap();
    let import = [
        "import",
        "study.rlx",
        "answers",
        "o1_dump.jsonl",
        "--name",
        "o1",
        "--verdict",
        "score",
    ];
    let said = good(place, &import);
    assert!(said.contains("verdict = \"verdict\""), "{said}");
    assert!(
        said.contains("The source of `o1` in study.rlx is to be"),
        "{said}"
    );
    study(
        place,
        &DECLARED.replace("o1.jsonl\"", "o1.jsonl\", verdict = \"verdict\""),
        "o1",
    );
    good(place, &["run", "study.rlx"]);
    let table = fs::read_to_string(place.join("results/study/tables/first.csv")).unwrap();
    assert!(table.contains("0.25"), "{table}");
    good(place, &["pack", "study.rlx"]);
    let said = good(place, &["verify", "study.rlxpack", "--level", "2"]);
    assert!(said.contains("given elsewhere"), "{said}");
}

#[test]
fn what_cannot_be_imported_is_told() {
    let place = folder(DECLARED, "o1");
    let place = place.path();
    fs::write(place.join("dump.jsonl"), DUMP).unwrap();
    refused(
        place,
        &["import", "study.rlx", "nothing", "dump.jsonl"],
        "rlx::import::evaluation",
    );
    refused(
        place,
        &["import", "study.rlx", "answers", "dump.jsonl", "--name", "o-1"],
        "rlx::import::name",
    );
    fs::write(
        place.join("bad.jsonl"),
        "{\"prompt\": \"Q: 1 + 1\\nA:\", \"answer\": \"2\"}\n",
    )
    .unwrap();
    refused(
        place,
        &["import", "study.rlx", "answers", "bad.jsonl"],
        "rlx::data::row",
    );
    let half = "{\"prompt\": \"Q: 1 + 1\\nA:\", \"outputs\": [{\"text\": \"2\"}]}\n";
    fs::write(place.join("half.jsonl"), half).unwrap();
    let said = good(
        place,
        &["import", "study.rlx", "answers", "half.jsonl", "--name", "o1"],
    );
    assert!(said.contains("1 problems have no response"), "{said}");
    refused(place, &["run", "study.rlx"], "rlx::run::recorded");
}
