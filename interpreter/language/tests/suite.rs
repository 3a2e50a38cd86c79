//! Runs the cases in tests/language/*.rlx. A line `//--- name OPTIONS` begins a case, `//--- file ./x.rlx` another file of
//! it; `lab.rlx` is there for every case. What is expected of a line stands at its end: `// error[CODE]: part of the message`
//! (or `warning`); what has no place in the case's own text stands on the case's first line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rlx_language::{Diagnostic, Memory, Options, elaborate};

#[derive(Debug, Default)]
struct Case {
    name: String,
    options: Options,
    files: BTreeMap<String, String>,
    /// File, line and text; line 0 for what has no place in the case.
    expected: Vec<(String, usize, String)>,
}

const ROOT: &str = "case.rlx";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/language")
}

/// The expectations at the end of a line, and what stands before them.
fn expectations(line: &str) -> (&str, Vec<String>) {
    let start = ["// error[", "// warning["]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min();
    let Some(start) = start else {
        return (line, Vec::new());
    };
    let found = line[start..]
        .split("// ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    (line[..start].trim_end(), found)
}

fn cases(file: &str, text: &str, lab: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut current, mut line_number) = (ROOT.to_owned(), 0);
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("//--- ") {
            let (header, found) = expectations(header);
            if let Some(name) = header.strip_prefix("file ./") {
                let case = cases.last_mut().expect("a case before its files");
                case.files.insert(name.to_owned(), String::new());
                (current, line_number) = (name.to_owned(), 0);
                continue;
            }
            let mut words = header.split_whitespace();
            let mut case = Case {
                name: format!("{file}: {}", words.next().expect("a name")),
                ..Case::default()
            };
            case.files.insert("lab.rlx".into(), lab.into());
            case.files.insert(ROOT.into(), String::new());
            while let Some(word) = words.next() {
                let value = words.next().expect("a value").replace('~', " ");
                match word {
                    "--profile" => case.options.profile = Some(value),
                    "--set" => case.options.set.push(value),
                    "--seed" => case.options.seed = Some(value.parse().expect("a seed")),
                    other => panic!("{}: unknown option {other}", case.name),
                }
            }
            case.expected
                .extend(found.into_iter().map(|text| (String::new(), 0, text)));
            cases.push(case);
            (current, line_number) = (ROOT.to_owned(), 0);
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        line_number += 1;
        let (code, found) = expectations(line);
        case.expected
            .extend(found.into_iter().map(|text| (current.clone(), line_number, text)));
        let text = case.files.get_mut(&current).expect("the file");
        text.push_str(code);
        text.push('\n');
    }
    cases
}

/// `error[CODE]: message`, at its file and line.
fn found(diagnostic: &Diagnostic, case: &Case) -> (String, usize, String) {
    let severity = if diagnostic.is_error() { "error" } else { "warning" };
    let text = format!("{severity}[{}]: {}", diagnostic.code, diagnostic.message);
    match diagnostic.labels.first() {
        Some(label) if case.files.contains_key(&label.file.name) && label.file.name != "lab.rlx" => (
            label.file.name.clone(),
            label.file.position(label.span.start).0,
            text,
        ),
        _ => (String::new(), 0, text),
    }
}

fn run(case: &Case) -> Result<Vec<&'static str>, String> {
    let diagnostics = match elaborate(&Memory(case.files.clone()), ROOT, &case.options) {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    };
    let mut missing = case.expected.clone();
    let mut complaints = Vec::new();
    for diagnostic in &diagnostics {
        let (file, line, text) = found(diagnostic, case);
        let fits = |expected: &(String, usize, String)| {
            let (head, tail) = expected.2.split_once("]: ").unwrap_or((expected.2.as_str(), ""));
            expected.0 == file
                && expected.1 == line
                && text.starts_with(head.trim_end_matches(']'))
                && text.contains(tail)
        };
        match missing.iter().position(fits) {
            Some(at) => {
                missing.remove(at);
            }
            None => complaints.push(format!("  not expected, {file}:{line}: {diagnostic}")),
        }
    }
    complaints.extend(
        missing
            .iter()
            .map(|(file, line, text)| format!("  missing, {file}:{line}: {text}")),
    );
    if complaints.is_empty() {
        Ok(diagnostics.iter().map(|diagnostic| diagnostic.code).collect())
    } else {
        Err(format!("{}\n{}", case.name, complaints.join("\n")))
    }
}

fn all_cases() -> Vec<Case> {
    let lab = std::fs::read_to_string(folder().join("lab.rlx")).expect("lab.rlx");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name.ends_with(".rlx") && name != "lab.rlx" {
            let text = std::fs::read_to_string(&path).expect("a text");
            all.extend(cases(&name, &text, &lab));
        }
    }
    all
}

#[test]
fn every_case_gives_what_it_says() {
    let cases = all_cases();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases fail\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn every_code_has_a_case_and_every_case_a_known_code() {
    let codes: BTreeSet<&str> = all_cases()
        .iter()
        .flat_map(|case| run(case).unwrap_or_default())
        .collect();
    // What is about bytes, not text, has its cases in grammar/tests/errors.rs.
    let bytes = ["rlx::syntax::encoding", "rlx::syntax::too_large"];
    let known: BTreeSet<&str> = rlx_language::codes::all()
        .filter(|code| !bytes.contains(code))
        .collect();
    let missing: Vec<&&str> = known.difference(&codes).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
    let unknown: Vec<&&str> = codes
        .iter()
        .filter(|code| rlx_language::codes::story(code).is_none())
        .collect();
    assert!(unknown.is_empty(), "without a story: {unknown:?}");
}

#[test]
fn codes_are_sorted_and_stories_are_sentences() {
    let codes: Vec<&str> = rlx_language::codes::CODES.iter().map(|code| code.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    for code in rlx_language::codes::CODES {
        assert!(
            code.story.ends_with('.') && code.story.len() > 40,
            "{}",
            code.code
        );
    }
}
