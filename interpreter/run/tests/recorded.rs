//! A teacher whose responses lie in a file.
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
