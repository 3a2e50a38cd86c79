//! Responses that lie in a file: they teach, and they are measured.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script};
use rlx_run::{RunError, StudyLock, World};
use std::{cell::RefCell, collections::BTreeMap, fs, rc::Rc};

const STUDENT: &str = "
model r1 { source = responses { file = \"TOLD\", problem = \"problem\" } }

distill student {
    start   = base
    teacher = r1
    data    = pool
    samples = 2
    filter  = FILTER
}
";

fn place(filter: &str, lines: &str) -> Place {
    let mut place = Place::new();
    let told = place.folder.path().join("told.jsonl");
    fs::write(&told, lines).unwrap();
    place.text += &STUDENT
        .replace("TOLD", &told.display().to_string())
        .replace("FILTER", filter);
    place
}

fn run(place: &Place) -> Result<Vec<String>, RunError> {
    let script: Rc<RefCell<Script>> = Rc::default();
    place.run(&[], &script)?;
    let taught = script.borrow().taught.clone();
    Ok(taught)
}

const LINES: &str = "\
{\"problem\": \"What is 100 + 200?\", \"response\": \"It is 300.\"}
{\"problem\": \"What is 101 + 202?\", \"response\": \"It is 300.\"}
{\"problem\": \"What is 100 + 200?\", \"response\": \"I see: 300.\"}
{\"problem\": \"What is 100 + 200?\", \"response\": \"A third.\"}
{\"problem\": \"What is 102 + 204?\", \"response\": \"It is 306\", \"truncated\": true}
{\"problem\": \"Who is it?\", \"response\": \"Nobody.\"}
";

#[test]
fn whole_responses_teach_and_the_judge_can_choose_among_them() {
    assert_eq!(
        run(&place("all", LINES)).unwrap(),
        ["It is 300.", "I see: 300.", "It is 300."]
    );
    assert_eq!(
        run(&place("correct", LINES)).unwrap(),
        ["It is 300.", "I see: 300."]
    );
}

#[test]
fn the_content_of_the_file_is_what_is_meant() {
    let place = place("all", LINES);
    let key = |place: &Place, set: &[&str], name: &str| place.plan(set).1.step(name).unwrap().key;
    let (sample, train) = ("sample student r1", "distill student");
    let before = [sample, train].map(|name| key(&place, &[], name));
    run(&place).unwrap();
    assert_eq!([sample, train].map(|name| key(&place, &[], name)), before);
    assert_eq!(
        run(&place).unwrap(),
        Vec::<String>::new(),
        "nothing is left to do"
    );
    // More of what is there is taken in, where more is asked for.
    assert_eq!(key(&place, &["student.samples=3"], sample), before[0]);
    assert_ne!(key(&place, &["student.samples=3"], train), before[1]);
    let script: Rc<RefCell<Script>> = Rc::default();
    place.run(&["student.samples=3"], &script).unwrap();
    assert_eq!(script.borrow().taught.len(), 4);
    // Another content is another teacher.
    let told = place.folder.path().join("told.jsonl");
    fs::write(&told, LINES.replace("I see", "I know")).unwrap();
    let after = [sample, train].map(|name| key(&place, &[], name));
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    assert!(run(&place).unwrap().contains(&"I know: 300.".to_owned()));

    let (study, _, world) = place.plan(&[]);
    let lock = |world: &World| {
        let pins = place.store().join("pins.json");
        let (lock, missing) = StudyLock::of(
            &study,
            &place.folder.path().join("study.rlx"),
            &BTreeMap::new(),
            world,
            &pins,
            "test",
        )
        .unwrap();
        assert!(missing.is_empty(), "{missing:?}");
        lock
    };
    let locked = lock(&world);
    assert!(
        locked.models.keys().any(|name| name.ends_with("told.jsonl")),
        "{locked:?}"
    );
    fs::write(&told, LINES.replace("I see", "I guess")).unwrap();
    let drift = locked.drift(&lock(&world));
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert!(drift[0].is_content() && drift[0].name.ends_with("told.jsonl"));
}

#[test]
fn a_file_that_is_wrong_is_told_with_its_line() {
    for (lines, code, parts) in [
        (
            "{\"problem\": \"What is 100 + 200?\", \"response\": \"300\"}\n{\"problem\": \"x\", \"answer\": \"3\"}\n",
            "rlx::data::row",
            ["told.jsonl", "line 2", "`response`"],
        ),
        (
            "{\"problem\": \"x\", \"response\": \"3\"}\n",
            "rlx::data::file",
            ["told.jsonl", "none of its 1 rows", "What is 100 + 200?"],
        ),
        (
            "{\"problem\": \"What is 100 + 200?\", \"response\": \"301\"}\n",
            "rlx::run::nothing_to_learn",
            ["distill student", "no whole response", "learn"],
        ),
    ] {
        let error = run(&place("correct", lines)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.code(), code, "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}

const MEASURED: &str = "
model o1 { source = responses { file = \"TOLD\"VERDICT } }

evaluate both {
    models    = [base, rl@4, o1]
    benchmark = sums
    sampling  = { temperature = 1.0, max_tokens = 40 }
    samples   = n
}

figure both_curves = pass_at_k(both, k = [1, 2, 3, 4])
figure four_groups = perplexity(both, of = [base, o1], under = [base, rl@4])
table  overview    = summary(both)
table  sets        = subset(both, of = o1, within = base)

claim likelier \"o1 is right more often\" { pass(both, o1, k = 1) > pass(both, base, k = 1) }
";

fn measured(verdict: &str, lines: &str) -> Place {
    let mut place = Place::new();
    let told = place.folder.path().join("told.jsonl");
    fs::write(&told, lines).unwrap();
    place.text += &MEASURED
        .replace("TOLD", &told.display().to_string())
        .replace("VERDICT", verdict);
    place
}

/// Three responses to each of the five problems, four to one; the last of each is wrong.
fn answers(score: impl Fn(bool) -> String) -> String {
    let mut lines = String::new();
    for problem in 0..5_u64 {
        for sample in 0..3 + u64::from(problem == 2) {
            let right = sample != 2;
            let answer = 3 * (problem + 1) + u64::from(!right);
            lines += &format!(
                "{{\"id\": \"{problem}\", \"sample\": {sample}, \"response\": \"It is {answer}.\"{}}}\n",
                score(right)
            );
        }
    }
    lines
}

fn output(place: &Place, name: &str) -> Vec<Vec<String>> {
    let folder = ["figures", "tables"].map(|folder| place.results().join(folder).join(name));
    let text = folder
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap();
    let line = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().map(line).collect()
}

/// The cell of the row whose columns hold what is wanted.
fn cell(rows: &[Vec<String>], wanted: &[(&str, &str)], column: &str) -> String {
    let place = |column: &str| rows[0].iter().position(|name| name == column).unwrap();
    let at = place(column);
    let fits = |row: &&Vec<String>| wanted.iter().all(|(column, cell)| row[place(column)] == *cell);
    let row = rows[1..].iter().find(fits);
    row.unwrap_or_else(|| panic!("{wanted:?} is not in {rows:?}"))[at].clone()
}

#[test]
fn they_are_measured_beside_models() {
    let place = measured("", &answers(|_| String::new()));
    run(&place).unwrap();
    let curves = output(&place, "both_curves.csv");
    // Two of three are right: 2/3 at once, and one of any two.
    let pass = |k: &str| {
        cell(&curves, &[("model", "o1"), ("k", k)], "pass_at_k")
            .parse::<f64>()
            .ok()
    };
    assert!((pass("1").unwrap() - 2.0 / 3.0).abs() < 1e-9, "{curves:?}");
    assert_eq!((pass("2"), pass("3")), (Some(1.0), Some(1.0)));
    assert_eq!(pass("4"), None, "only one problem has four: {curves:?}");
    let groups = output(&place, "four_groups.csv");
    for under in ["base", "rl@4"] {
        assert_eq!(
            cell(&groups, &[("of", "o1"), ("under", under)], "responses"),
            "15",
            "{groups:?}"
        );
    }
    let overview = output(&place, "overview.csv");
    assert_eq!(
        cell(&overview, &[("model", "o1")], "mean_tokens"),
        "",
        "nobody counted them"
    );
    let page = fs::read_to_string(place.results().join("report.html")).unwrap();
    assert!(page.contains("with fewer chances fewer problems count as solved"));
    assert!(page.contains("its curve ends there"));
    assert!(
        page.contains("; o1 drawn elsewhere"),
        "how they were drawn is not made up"
    );
}

#[test]
fn verdicts_come_with_them_or_from_the_judge() {
    // The file says the opposite of what the judge would.
    let lines = answers(|right| format!(", \"score\": {}", u8::from(!right)));
    let place = measured(", verdict = \"score\"", &lines);
    run(&place).unwrap();
    let curves = output(&place, "both_curves.csv");
    let pass: f64 = cell(&curves, &[("model", "o1"), ("k", "1")], "pass_at_k")
        .parse()
        .unwrap();
    assert!((pass - 1.0 / 3.0).abs() < 1e-9, "{pass}");
    let key = |place: &Place, name: &str| place.plan(&[]).1.step(name).unwrap().key;
    let judged = measured("", &lines);
    let (sample, judge) = ("sample both o1", "judge both o1");
    assert_eq!(key(&place, sample), key(&judged, sample), "the rows are the same");
    assert_ne!(key(&place, judge), key(&judged, judge));
}

#[test]
fn the_prompt_belongs_to_the_key_of_scores_only() {
    let place = measured("", &answers(|_| String::new()));
    let key = |set: &[&str], name: &str| place.plan(set).1.step(name).unwrap().key;
    let other = ["sums.prompt=\"Q: {problem}\""];
    let (sample, score) = ("sample both o1", "score both o1 under base");
    assert_eq!(key(&[], sample), key(&other, sample));
    assert_ne!(key(&[], score), key(&other, score));
    assert_ne!(key(&[], "sample both base"), key(&other, "sample both base"));
}

#[test]
fn a_problem_without_a_response_is_an_error() {
    let lines: String = answers(|_| String::new())
        .lines()
        .filter(|line| !line.contains("\"id\": \"3\""))
        .map(|line| format!("{line}\n"))
        .collect();
    let error = run(&measured("", &lines)).unwrap_err();
    assert_eq!(error.code(), "rlx::run::recorded");
    for part in ["sample both o1", "no response to 1 of 5", "`3`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}
