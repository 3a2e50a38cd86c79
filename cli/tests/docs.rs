//! The site under docs/: its examples run, its pages are those of the program, its links lead somewhere.
//! `RLX_BLESS=1 cargo test --release -p rlx-cli --test docs` writes the generated pages anew.
#![allow(clippy::unwrap_used)] // a test may panic

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn docs() -> PathBuf {
    repository().join("docs")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(docs().join(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
}

fn rlx(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rlx"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn works(folder: &Path, arguments: &[&str]) -> String {
    let output = rlx(folder, arguments);
    assert!(output.status.success(), "rlx {arguments:?}\n{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Compares a generated page with the one in the repository, or writes it.
fn held(file: &Path, text: &str) {
    #[allow(clippy::disallowed_methods)] // asks the person who runs the test
    let bless = std::env::var_os("RLX_BLESS").is_some();
    if bless {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let there = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        there == text,
        "{} is not what the program says: run the test with RLX_BLESS=1",
        file.display()
    );
}

#[test]
fn the_library_page_is_that_of_rlx_doc() {
    let pages = works(&repository(), &["doc"]);
    let text = format!(
        "# The standard library\n\nWhat can be named with `use std.…`, as `rlx doc` writes it from stdlib/*.rlx.\n\n{}",
        pages
            .lines()
            .map(|line| if line.starts_with('#') {
                format!("#{line}\n")
            } else {
                format!("{line}\n")
            })
            .collect::<String>()
    );
    held(&docs().join("library.md"), &text);
    let folder = tempfile::tempdir().unwrap();
    works(
        &repository(),
        &["doc", "experiments", "--out", &folder.path().to_string_lossy()],
    );
    let page = std::fs::read_to_string(folder.path().join("experiments.quickstart.rlx.md")).unwrap();
    for part in [
        "# experiments/quickstart.rlx",
        "## train `rl`",
        "| `batch` | `32 prompts` | a number of prompts |",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[test]
fn the_page_of_the_command_line_is_that_of_its_help() {
    let folder = repository();
    let whole = works(&folder, &["--help"]);
    let mut text = format!(
        "# The command line\n\nAs `rlx --help` says it.\n\n```text\n{}```\n",
        trimmed(&whole)
    );
    let commands = whole
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "));
    for line in commands {
        let name = line.split_whitespace().next().unwrap_or_default();
        if name.is_empty() || name == "help" || !line.starts_with("  ") || line.starts_with("   ") {
            continue;
        }
        let help = works(&folder, &[name, "--help"]);
        text.push_str(&format!("\n## rlx {name}\n\n```text\n{}```\n", trimmed(&help)));
    }
    text.push_str(
        "\nExit codes: 0 success; 1 the input, or `--check-claims`, asks for failure; 2 wrong usage.\n",
    );
    held(&docs().join("cli.md"), &text);
}

fn trimmed(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// The blocks of a page that begin with this mark.
fn blocks<'p>(page: &'p str, mark: &str) -> Vec<&'p str> {
    let fence = format!("```{mark}\n");
    page.split(&fence)
        .skip(1)
        .map(|rest| rest.split_once("```").expect("the end of a block").0)
        .collect()
}

#[test]
fn the_tutorial_can_be_walked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text = page("tutorial.md");
    works(at, &["new", "study.rlx"]);
    assert!(
        !rlx(at, &["new", "study.rlx"]).status.success(),
        "a file that is there is not written over"
    );
    works(at, &["fmt", "--check", "study.rlx"]);
    // Every command of the page that needs no tensor, as it stands there.
    let mut walked = 0;
    for line in blocks(&text, "sh").concat().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["rlx", command @ ("check" | "explain" | "plan"), rest @ ..] = words.as_slice() {
            let said = works(at, &[&[*command], rest].concat());
            assert!(!said.is_empty(), "{line}");
            walked += 1;
        }
    }
    assert!(walked >= 4, "{walked} commands");
    assert!(works(at, &["plan", "study.rlx"]).contains("train rl"));
    // The parts are put at the end of the study.
    let first = std::fs::read_to_string(at.join("study.rlx")).unwrap();
    let parts = blocks(&text, "rlx-part");
    assert_eq!(parts.len(), 2);
    for part in parts {
        std::fs::write(at.join("longer.rlx"), format!("{first}\n{part}")).unwrap();
        works(at, &["check", "longer.rlx"]);
    }
    for block in blocks(&text, "rlx") {
        std::fs::write(at.join("block.rlx"), block).unwrap();
        works(at, &["check", "block.rlx"]);
        works(at, &["fmt", "--check", "block.rlx"]);
    }
}

/// The pages of the site and the README: file, text.
fn pages() -> Vec<(String, String)> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(docs())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain([
            repository().join("README.md"),
            repository().join("CONTRIBUTING.md"),
        ])
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn studies_on_all_pages_are_right_and_in_the_one_layout() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (name, text) in pages() {
        for (at, block) in blocks(&text, "rlx").into_iter().enumerate() {
            let file = format!("{}_{at}.rlx", name.replace(".md", ""));
            std::fs::write(folder.path().join(&file), block).unwrap();
            works(folder.path(), &["check", &file]);
            works(folder.path(), &["fmt", "--check", &file]);
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} studies");
}

/// In an empty folder a command of the pages finds no files; but what is typed must be understood.
#[test]
fn commands_on_all_pages_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (name, text) in pages() {
        for line in blocks(&text, "sh").concat().lines() {
            let line = line
                .split(" #")
                .next()
                .unwrap_or_default()
                .trim_start_matches("./");
            // Whoever finds no study ends at once; a new one would be run.
            if !line.starts_with("rlx ") || line.starts_with("rlx new") || line.contains("| ") {
                continue;
            }
            let output = Command::new("sh")
                .args([
                    "-c",
                    &line.replacen("rlx", "\"$0\"", 1),
                    env!("CARGO_BIN_EXE_rlx"),
                ])
                .current_dir(folder.path())
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            assert_ne!(output.status.code(), Some(2), "{name}: {line}\n{}", said(&output));
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} commands");
}

#[test]
fn the_pages_are_listed_and_their_links_lead_somewhere() {
    let summary = page("SUMMARY.md");
    for entry in std::fs::read_dir(docs()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") || name == "SUMMARY.md" {
            continue;
        }
        assert!(
            summary.contains(&format!("({name})")),
            "{name} is not in SUMMARY.md"
        );
        let text = page(&name);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link)
        {
            let file = link.split('#').next().unwrap_or_default();
            let outside = file.is_empty() || file.contains("://");
            assert!(outside || docs().join(file).exists(), "{name} links to {link}");
        }
    }
    for link in summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link)
    {
        assert!(docs().join(link).exists(), "SUMMARY.md names {link}");
    }
}
