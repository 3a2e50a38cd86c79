//! What the command line refuses: each code that can be caused without a model is caused here.
#![allow(clippy::unwrap_used)] // a test may panic

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

const STUDY: &str = "model base { source = \"./base\" }

benchmark sums {
    source  = \"./sums.jsonl\"
    problem = \"question\"
    answer  = \"answer\"
    judge   = number
    prompt  = \"{problem}\"
}

evaluate answers {
    models    = [base]
    benchmark = sums
    sampling  = { temperature = 1.0, max_tokens = 8 }
    samples   = 4
}

table first = pass_at_k(answers, k = 1)
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("study.rlx", STUDY);
    write("sums.jsonl", "{\"question\": \"1 + 1\", \"answer\": \"2\"}\n");
    fs::create_dir(folder.path().join("base")).unwrap();
    write("base/config.json", "{}");
    write("base/tokenizer.json", "{}");
    folder
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

fn refused(folder: &Path, args: &[&str], code: &str) -> String {
    let (exit, text) = said(folder, args);
    assert_eq!(exit, Some(1), "{args:?}\n{text}");
    assert!(text.contains(code), "{code} is not in\n{text}");
    assert!(!text.contains("panicked"), "{text}");
    let story = said(folder, &["explain", code]);
    assert_eq!(story.0, Some(0), "{}", story.1);
    text
}

/// The study with one text in the place of another.
fn with(from: &str, to: &str) -> tempfile::TempDir {
    let folder = folder();
    assert!(STUDY.contains(from), "{from}");
    fs::write(folder.path().join("study.rlx"), STUDY.replace(from, to)).unwrap();
    folder
}

const RUN: [&str; 2] = ["run", "study.rlx"];

#[test]
fn what_is_not_here() {
    let place = with("\"./base\"", "\"./nothing\"");
    refused(place.path(), &RUN, "rlx::data::file");
    let place = with("\"./base\"", "\"hf:org/name@main\"");
    refused(
        place.path(),
        &["run", "study.rlx", "--offline"],
        "rlx::data::not_here",
    );
    refused(
        place.path(),
        &["fetch", "study.rlx", "--offline"],
        "rlx::data::offline",
    );
    // Nobody listens there.
    let output = Command::new(env!("CARGO_BIN_EXE_rlx"))
        .args(["fetch", "study.rlx"])
        .current_dir(place.path())
        .env("HF_HOME", place.path().join("hf"))
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("rlx::data::download"), "{text}");
    let place = folder();
    refused(place.path(), &["check", "nowhere.rlx"], "rlx::file");
    fs::create_dir(place.path().join("rows")).unwrap();
    let place = with("\"./sums.jsonl\"", "\"./rows\"");
    fs::create_dir(place.path().join("rows")).unwrap();
    refused(place.path(), &RUN, "rlx::data::file");
}

#[test]
fn rows_that_are_not_as_declared() {
    let place = folder();
    let data = place.path().join("sums.jsonl");
    for (rows, code) in [
        ("{\"question\": \"1 + 1\" \"answer\": 2}\n", "rlx::data::row"),
        ("{\"ask\": \"1 + 1\", \"answer\": \"2\"}\n", "rlx::data::row"),
        (
            "{\"question\": \"1 + 1\", \"answer\": \" \"}\n",
            "rlx::run::answer",
        ),
        ("", "rlx::data::set"),
    ] {
        fs::write(&data, rows).unwrap();
        let text = refused(place.path(), &RUN, code);
        assert!(code != "rlx::data::row" || text.contains("sums.jsonl"), "{text}");
    }
}

#[test]
fn sizes_and_prompts_that_the_rows_do_not_bear_out() {
    let place = with(
        "    problem = \"question\"\n",
        "    problem = \"question\"\n    size    = 2 problems\n",
    );
    refused(place.path(), &RUN, "rlx::run::size");
    let place = with("\"{problem}\"", "\"{hint}: {problem}\"");
    refused(place.path(), &RUN, "rlx::prompt::placeholder");
}

#[test]
fn results_that_are_none() {
    let place = folder();
    let place = place.path();
    refused(
        place,
        &["diff", "study.rlx", "study.rlx"],
        "rlx::diff::no_results",
    );
    fs::write(place.join("report.json"), "{\"study\": 1}").unwrap();
    refused(
        place,
        &["diff", "report.json", "report.json"],
        "rlx::diff::unreadable",
    );
    refused(place, &["watch", "study.rlx"], "rlx::watch::nothing");
    fs::write(place.join("study.rlxpack"), "PK\u{3}\u{4} and no more").unwrap();
    refused(place, &["verify", "study.rlxpack"], "rlx::pack::damaged");
    refused(
        place,
        &["verify", "study.rlxpack", "--model", "base"],
        "rlx::usage",
    );
}

#[test]
fn tests_that_were_trained_on_are_told() {
    let place = folder();
    let long = "a farmer has twelve brown hens and each of them lays two large eggs every single day";
    fs::write(
        place.path().join("sums.jsonl"),
        format!("{{\"question\": \"{long}, how many?\", \"answer\": \"24\"}}\n"),
    )
    .unwrap();
    fs::write(
        place.path().join("train.jsonl"),
        format!("{{\"question\": \"Once {long} long\", \"answer\": \"24\", \"solution\": \"24\"}}\n"),
    )
    .unwrap();
    let text = format!(
        "use std.algorithms.sft\n\n{}\ndata seen {{\n    source   = \"./train.jsonl\"\n    problem  = \"question\"\n    \
         answer   = \"answer\"\n    response = \"solution\"\n    judge    = number\n    prompt   = \"{{problem}}\"\n}}\n\n\
         train tuned {{\n    start     = base\n    algorithm = sft\n    data      = seen\n    batch     = 1 prompt\n    \
         steps     = 1 step\n}}\n",
        STUDY.replace("models    = [base]", "models    = [base, tuned]")
    );
    fs::write(place.path().join("study.rlx"), text).unwrap();
    let (exit, said) = said(place.path(), &["check", "study.rlx", "--format", "github"]);
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("rlx%3A%3Adata%3A%3Aoverlap"), "{said}");
    // rlx::data::overlap
}

#[test]
fn commands_beside_studies() {
    let place = folder();
    let place = place.path();
    refused(place, &["explain", "rlx::no::such"], "rlx::explain");
    refused(
        place,
        &["explain", "study.rlx", "answers.nothing"],
        "rlx::explain",
    );
    refused(place, &["why", "study.rlx", "train nothing"], "rlx::plan::step");
    refused(place, &["pack", "study.rlx"], "rlx::pack::unfinished");
    refused(place, &["new", "study.rlx"], "rlx::new");
    fs::write(
        place.join("rows.jsonl"),
        "{\"id\": 1, \"gold\": \"2\", \"response\": \"2\"}\n",
    )
    .unwrap();
    refused(
        place,
        &["grade", "--judge", "nobody", "--answers", "rows.jsonl"],
        "rlx::judge",
    );
    fs::write(place.join("counts.csv"), "problem,n,c\na,4,9\n").unwrap();
    refused(place, &["passk", "counts.csv", "--k", "1"], "rlx::passk");
    refused(
        place,
        &["inspect", "study.rlx", "--reader", "../me"],
        "rlx::inspect::reader",
    );
}

#[test]
fn a_store_that_another_run_writes() {
    let place = folder();
    // A file where the store's folder should be.
    fs::write(place.path().join("taken"), "").unwrap();
    refused(
        place.path(),
        &["run", "study.rlx", "--store", "taken/store"],
        "rlx::store::io",
    );
    // A run that is under way holds the lock of its store.
    let store = place.path().join("held");
    fs::create_dir(&store).unwrap();
    let lock = fs::File::create(store.join("lock")).unwrap();
    lock.lock().unwrap();
    refused(
        place.path(),
        &["run", "study.rlx", "--store", "held"],
        "rlx::store::busy",
    );
}
