//! Input that nobody means well ends in a diagnostic, soon and in little memory; and a sound study is checked at once.
#![allow(clippy::unwrap_used)] // a test may panic

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The bound is a second; a test machine that does other things gets more.
const SOON: Duration = Duration::from_secs(5);

/// `rlx check` in 200 MB of address space: exit code, what it said, how long it took.
fn check(bytes: &[u8]) -> (Option<i32>, String, Duration) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("study.rlx"), bytes).unwrap();
    let start = Instant::now();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 204800; exec \"$0\" check study.rlx --format github",
            env!("CARGO_BIN_EXE_rlx"),
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), said, start.elapsed())
}

#[test]
fn hostile_input_ends_in_a_diagnostic() {
    let deep =
        |open: &str, close: &str| format!("let a = {}1{}\n", open.repeat(200_000), close.repeat(200_000));
    let lines = |line: &str, bytes: usize| line.repeat(bytes / line.len());
    let mut long = String::new();
    for at in 0..60_000 {
        let _ = writeln!(long, "let a{at} = a{}", at + 1);
    }
    for (name, bytes, code) in [
        ("deep lists", deep("[", "]").into_bytes(), "rlx::syntax::"),
        ("deep records", deep("{ a = ", " }").into_bytes(), "rlx::syntax::"),
        ("deep signs", deep("-", "").into_bytes(), "rlx::syntax::"),
        (
            "open brackets",
            lines("[{(", 1 << 20).into_bytes(),
            "rlx::syntax::",
        ),
        (
            "10 MB of declarations",
            lines("let a = 1\n", 10 << 20).into_bytes(),
            "rlx::syntax::too_large",
        ),
        (
            "10 MB in one line",
            vec![b'x'; 10 << 20],
            "rlx::syntax::too_large",
        ),
        ("10 MB of zeros", vec![0; 10 << 20], "rlx::syntax::too_large"),
        ("10 MB of no UTF-8", vec![0xff; 10 << 20], "rlx::syntax::"),
        (
            "no UTF-8",
            b"let a = 1\nlet b = \"\xff\xfe\"\n".to_vec(),
            "rlx::syntax::encoding",
        ),
        (
            "an open text",
            lines("let a = \"x\nlet b\n", 1 << 20).into_bytes(),
            "rlx::syntax::",
        ),
        (
            "one name, many times",
            lines("let a = 1\n", 1 << 20).into_bytes(),
            "rlx::name::duplicate",
        ),
        ("a chain of names", long.into_bytes(), "rlx::name::depth"),
        (
            "nothing but marks",
            lines("\u{feff}\u{202e}\u{0}", 1 << 20).into_bytes(),
            "rlx::syntax::",
        ),
    ] {
        let (exit, said, took) = check(&bytes);
        eprintln!("{name}: {took:?}");
        assert_eq!(
            exit,
            Some(1),
            "{name}: {}",
            said.chars().take(500).collect::<String>()
        );
        assert!(
            said.contains(&format!("title={}", code.replace(':', "%3A"))),
            "{name}: {}",
            said.chars().take(500).collect::<String>()
        );
        assert!(said.len() < 1 << 20, "{name}: {} bytes of messages", said.len());
        assert!(took < SOON, "{name}: {took:?}");
    }
}

/// Names the files of the repository as a person would.
#[test]
fn annotations_have_their_place() {
    let (exit, said, _) = check(b"use std.algorithms.grpo\nmodel m { source = \"./x\", contxt = 3 }\n");
    assert_eq!(exit, Some(1));
    let line = said
        .lines()
        .find(|line| line.contains("field%3A%3Aunknown"))
        .unwrap_or_else(|| panic!("{said}"));
    assert_eq!(
        line,
        "::error file=study.rlx,line=2,col=27,endLine=2,endColumn=33,title=rlx%3A%3Afield%3A%3Aunknown::`model m` has no field `contxt`%0Adid you mean `context`?"
    );
}

/// The shortest of some checks of a sound study, each a whole process.
fn best_check(path: &Path, times: usize) -> Duration {
    let run = |_| {
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_rlx"))
            .arg("check")
            .arg(path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        start.elapsed()
    };
    (0..times).map(run).min().unwrap()
}

/// 15 ms is the floor that the design states, for the whole process; a test machine gets ten times that.
#[test]
fn a_check_takes_milliseconds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rlx") {
            continue;
        }
        let best = best_check(&path, 5);
        eprintln!("{}: {best:?}", path.display());
        assert!(best < Duration::from_millis(150), "{}: {best:?}", path.display());
    }
}

/// 10,000 lines in 150 ms; a test machine gets ten times that, which a step of quadratic growth still misses.
#[test]
fn ten_thousand_lines_are_checked_soon() {
    let mut text = String::new();
    text.push_str("use std.algorithms.grpo\nparam n = 8 samples\nmodel base { source = \"./base\" }\ndata puzzles { source = countdown { seed = 1 }, prompt = \"{problem}\", judge = countdown }\nbenchmark held_out { source = countdown { seed = 2 }, size = 64 problems, prompt = \"{problem}\", judge = countdown }\n");
    let mut at = 0;
    while text.lines().count() < 10_000 {
        for _ in 0..50 {
            let _ = write!(
                text,
                "\n/// Training {at}.\ntrain rl{at} {{\n    start     = base\n    algorithm = grpo {{ kl = none }}\n    data      = puzzles\n    batch     = 32 prompts\n    rollouts  = 8 samples\n    steps     = 80 steps\n    keep      = [20, 40, 80]\n}}\n\nevaluate e{at} {{\n    models    = [base, rl{at}@*]\n    benchmark = held_out\n    sampling  = {{ temperature = 1.0, max_tokens = 48 }}\n    samples   = n\n}}\n\nfigure coverage{at} = pass_at_k(e{at}, k = 1..n / 2 by *2)\n\nclaim sharper{at} \"better\" {{\n    pass(e{at}, rl{at}@80, k = 1) > pass(e{at}, base, k = 1)\n}}\n"
            );
            at += 1;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.rlx");
    std::fs::write(&path, &text).unwrap();
    let best = best_check(&path, 3);
    eprintln!("{} lines: {best:?}", text.lines().count());
    assert!(best < Duration::from_millis(1500), "{best:?}");
}
