//! `<study>.lock`: what a study stands on is pinned, and other content is refused.
#![allow(clippy::unwrap_used)] // a test may panic

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const STUDY: &str = "use \"./shared.rlx\" as shared

model base { source = \"./base\" }

evaluate answers {
    models    = [base]
    benchmark = shared.sums
    sampling  = { temperature = 1.0, max_tokens = 8 }
    samples   = 4
}

table first = pass_at_k(answers, k = 1)
";

const SHARED: &str = "benchmark sums {
    source  = \"./sums.jsonl\"
    problem = \"question\"
    answer  = \"answer\"
    judge   = number
    prompt  = \"{problem}\"
}
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("study.rlx", STUDY);
    write("shared.rlx", SHARED);
    write("sums.jsonl", "{\"question\": \"1 + 1\", \"answer\": \"2\"}\n");
    fs::create_dir(folder.path().join("base")).unwrap();
    write("base/config.json", "{}");
    write("base/tokenizer.json", "{}");
    folder
}

fn rlx(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rlx"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn other_data_are_refused_until_they_are_taken() {
    let folder = folder();
    let folder = folder.path();
    let check = |args: &[&str]| rlx(folder, args);

    let absent = check(&["lock", "study.rlx", "--check"]);
    assert_eq!(absent.status.code(), Some(1), "{}", said(&absent));
    let written = check(&["lock", "study.rlx"]);
    assert!(written.status.success(), "{}", said(&written));
    let text = fs::read_to_string(folder.join("study.lock")).unwrap();
    for name in ["./base", "./sums.jsonl", "./shared.rlx", "std/models.rlx"] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert!(check(&["lock", "study.rlx", "--check"]).status.success());
    // From another folder it is the same lock.
    let above = folder.parent().unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let from_above = rlx(
        above,
        &[
            "lock",
            &format!("{name}/study.rlx"),
            "--check",
            "--store",
            &format!("{name}/s"),
        ],
    );
    assert!(from_above.status.success(), "{}", said(&from_above));

    fs::write(
        folder.join("sums.jsonl"),
        "{\"question\": \"1 + 1\", \"answer\": \"3\"}\n",
    )
    .unwrap();
    assert_eq!(check(&["lock", "study.rlx", "--check"]).status.code(), Some(1));
    let refused = check(&["run", "study.rlx"]);
    assert_eq!(refused.status.code(), Some(1));
    let message = said(&refused);
    assert!(
        message.contains("rlx::lock::drift") && message.contains("./sums.jsonl"),
        "{message}"
    );
    let plan = said(&check(&["plan", "study.rlx"]));
    assert!(plan.contains("problems ./sums.jsonl: locked as"), "{plan}");
    assert_eq!(
        check(&["lock", "study.rlx"]).status.code(),
        Some(1),
        "nothing is taken unasked"
    );
    assert_eq!(fs::read_to_string(folder.join("study.lock")).unwrap(), text);
    assert!(check(&["lock", "study.rlx", "--update"]).status.success());
    assert!(check(&["lock", "study.rlx", "--check"]).status.success());
}

#[test]
fn weights_are_pinned_and_what_is_no_part_of_a_model_is_not() {
    let folder = folder();
    let folder = folder.path();
    assert!(rlx(folder, &["lock", "study.rlx"]).status.success());
    fs::write(folder.join("base/README.md"), "about it").unwrap();
    assert!(rlx(folder, &["lock", "study.rlx", "--check"]).status.success());
    fs::write(folder.join("base/config.json"), "{ }").unwrap();
    assert_eq!(
        rlx(folder, &["lock", "study.rlx", "--check"]).status.code(),
        Some(1)
    );
    // A source of one run is no part of the lock.
    fs::create_dir(folder.join("other")).unwrap();
    fs::write(folder.join("other/config.json"), "{}").unwrap();
    let other = rlx(
        folder,
        &["lock", "study.rlx", "--check", "--set", "base.source=\"./other\""],
    );
    assert!(other.status.success(), "{}", said(&other));
}

#[test]
fn a_text_that_changed_is_told_and_does_not_stop_a_run() {
    let folder = folder();
    let folder = folder.path();
    assert!(rlx(folder, &["lock", "study.rlx"]).status.success());
    fs::write(
        folder.join("shared.rlx"),
        format!("// Another comment.\n{SHARED}"),
    )
    .unwrap();
    let checked = rlx(folder, &["lock", "study.rlx", "--check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(said(&checked).contains("file ./shared.rlx"), "{}", said(&checked));
    fs::write(folder.join("study.lock"), "<<<<<<< ours\n").unwrap();
    let broken = rlx(folder, &["plan", "study.rlx"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        said(&broken).contains("rlx::lock::unreadable"),
        "{}",
        said(&broken)
    );
}

#[test]
fn output_can_be_cut_short() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rlx"))
        .args(["plan", "study.rlx"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!said.contains("panicked"), "{said}");
}

/// Whoever runs the studies of the repository changes no file of it.
#[test]
fn the_locks_of_the_experiments_are_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let store = tempfile::tempdir().unwrap();
    let store = store.path().to_str().unwrap();
    for study in ["quickstart", "pretrain", "algorithms"] {
        let file = format!("experiments/{study}.rlx");
        let checked = rlx(&root, &["lock", &file, "--check", "--store", store]);
        let text = said(&checked);
        assert!(checked.status.success(), "{text}");
        assert!(!text.contains("library"), "run `rlx lock {file}`:\n{text}");
    }
}
