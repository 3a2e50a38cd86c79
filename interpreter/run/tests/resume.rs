//! Runs that are done twice, broken off, and asked for more.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script, bytes};
use rlx_run::{StepState, states};
use rlx_store::Store;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

fn script() -> Rc<RefCell<Script>> {
    Rc::default()
}

/// Rows by kind of table, sorted: (kind, line).
fn rows(place: &Place) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (path, content) in bytes(&place.store()) {
        if path.contains("rows-") {
            lines.extend(String::from_utf8(content).unwrap().lines().map(str::to_owned));
        }
    }
    lines.sort();
    lines
}

/// The files of drawn rows.
fn blocks(place: &Place) -> Vec<(String, Vec<u8>)> {
    let root = place.store().display().to_string();
    bytes(&place.store())
        .into_iter()
        .filter(|(path, _)| path.contains("samples/"))
        .map(|(path, content)| (path.replace(&root, ""), content))
        .collect()
}

/// The figures and tables, without what depends on the clock.
fn figures(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let root = place.results().display().to_string();
    bytes(&place.results())
        .into_iter()
        .filter(|(path, _)| path.ends_with(".csv") || path.ends_with(".svg") || path.ends_with(".tex"))
        .map(|(path, content)| (path.replace(&root, ""), content))
        .collect()
}

#[test]
fn a_whole_run_makes_rows_figures_and_a_page_and_a_second_one_does_nothing() {
    let place = Place::new();
    let first = script();
    let journal = place.run(&[], &first).unwrap();
    assert!(journal.steps.iter().any(|ran| ran.name == "train rl"));
    // 5 problems, 6 samples, 2 models.
    assert_eq!(first.borrow().drawn, 60);
    // Right answers are rewarded, wrong ones are not.
    let rewards = first.borrow().rewards.clone();
    assert!(rewards.chunks(2).all(|pair| pair == [1.0, 0.0]) && rewards.len() == 16);
    let page = std::fs::read_to_string(place.results().join("report.html")).unwrap();
    assert!(page.contains("RL is better at the first try"));
    assert!(!figures(&place).is_empty());

    let second = script();
    let journal = place.run(&[], &second).unwrap();
    assert!(journal.steps.is_empty());
    assert_eq!(second.borrow().calls, 0);
    let (_, plan, world) = place.plan(&[]);
    let states = states(&plan, &Store::read_only(&place.store()), &world, &place.results()).unwrap();
    assert!(states.iter().all(|state| *state == StepState::Done), "{states:?}");
}

#[test]
fn a_run_that_breaks_off_anywhere_ends_with_the_same_bytes() {
    let whole = Place::new();
    let counted = script();
    whole.run(&[], &counted).unwrap();
    let calls = counted.borrow().calls;
    assert!(calls >= 5, "{calls} calls are too few to break off at");
    let text = |place: &Place| {
        // The two places differ in their folder, which is in no row.
        rows(place)
    };
    for at in 1..=calls {
        let place = Place::new();
        let broken = script();
        broken.borrow_mut().fail_at = Some(at);
        place.run(&[], &broken).unwrap_err();
        let rest = script();
        place.run(&[], &rest).unwrap();
        // No row is drawn twice, also none of those whose block was not whole.
        assert_eq!(
            broken.borrow().drawn + rest.borrow().drawn,
            60,
            "after a break at call {at}"
        );
        assert_eq!(blocks(&place), blocks(&whole), "after a break at call {at}");
        assert_eq!(text(&place), text(&whole), "after a break at call {at}");
        assert_eq!(figures(&place), figures(&whole), "after a break at call {at}");
    }
}

#[test]
fn more_samples_draw_only_what_is_missing() {
    let place = Place::new();
    place.run(&[], &script()).unwrap();
    let before = rows(&place);
    let (_, plan, world) = place.plan(&["n=10"]);
    let seen = states(&plan, &Store::read_only(&place.store()), &world, &place.results()).unwrap();
    let at = plan
        .steps
        .iter()
        .position(|step| step.name == "sample test base")
        .unwrap();
    assert_eq!(seen[at], StepState::Partly { done: 30, total: 50 });
    let more = script();
    place.run(&["n=10"], &more).unwrap();
    assert_eq!(more.borrow().drawn, 2 * 5 * 4);
    let after = rows(&place);
    assert!(before.iter().all(|row| after.contains(row)));
    // Fewer again: nothing is drawn, and the numbers are those of six samples.
    let fewer = script();
    place.run(&[], &fewer).unwrap();
    assert_eq!(fewer.borrow().drawn, 0);
}

#[test]
fn a_row_depends_on_model_problem_and_number_alone() {
    let few = Place::new();
    few.run(&["n=2"], &script()).unwrap();
    few.run(&["n=6"], &script()).unwrap();
    let all = Place::new();
    all.run(&["n=6"], &script()).unwrap();
    assert_eq!(rows(&few), rows(&all));
}

#[test]
fn what_a_step_needs_and_is_not_there_is_said() {
    let place = Place::new();
    std::fs::remove_file(place.folder.path().join("test.jsonl")).unwrap();
    let error = place.run(&[], &script()).unwrap_err();
    assert!(error.to_string().contains("test.jsonl"), "{error}");
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_with_its_numbers() {
    let place = Place::new();
    let error = place
        .run(&["test.sampling.max_tokens=120"], &script())
        .unwrap_err();
    assert_eq!(error.code(), "rlx::run::context");
    assert!(error.help().unwrap().contains("max_tokens"));
}
