//! What readers say of responses is an input of tables and claims.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script};
use rlx_run::{StepState, states};
use rlx_store::{LabelRow, Store};
use std::{cell::RefCell, collections::BTreeSet, fs, rc::Rc};

const READ: &str = "
evaluate second = test { seed = 2, samples = 4, join = test }
table hand  = read_by_hand(second, of = base, below = 90%)
claim valid \"valid\" { valid_chains(second, base, below = 90%) > 1% }
";

/// Labels every right response of `part` that `wanted` lets through; how many there were.
fn label(place: &Place, part: &str, reader: &str, word: &str, wanted: &dyn Fn(&str) -> bool) -> usize {
    let plan = place.plan(&[]).1;
    let store = Store::read_only(&place.store());
    let key = plan.step(&format!("sample {part} base")).unwrap().key.folder();
    let judged = plan.step(&format!("judge {part} base")).unwrap().key.folder();
    let rows = store.verdicts(&judged).read().unwrap();
    let right = rows
        .iter()
        .filter(|row| row.verdict == "correct" && wanted(&row.problem));
    let mut labelled = 0;
    for row in right {
        let row = LabelRow {
            reader: reader.into(),
            problem: row.problem.clone(),
            sample: row.sample,
            label: Some(word.into()),
            note: String::new(),
        };
        store.labels().say(&key, &row).unwrap();
        labelled += 1;
    }
    labelled
}

fn column(place: &Place, name: &str) -> String {
    let text = fs::read_to_string(place.results().join("tables/hand.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let at = lines[0].iter().position(|head| *head == name).unwrap();
    lines[1][at].to_owned()
}

fn to_do(place: &Place) -> BTreeSet<String> {
    let (_, plan, world) = place.plan(&[]);
    let found = states(&plan, &Store::read_only(&place.store()), &world, &place.results()).unwrap();
    let steps = plan.steps.iter().zip(found);
    steps
        .filter(|(_, state)| *state != StepState::Done)
        .map(|(step, _)| step.name.clone())
        .collect()
}

fn claim(place: &Place, script: &Rc<RefCell<Script>>) -> (String, String) {
    let drawn = script.borrow().drawn;
    place.run(&[], script).unwrap();
    assert!(
        drawn == 0 || script.borrow().drawn == drawn,
        "labels draw nothing"
    );
    let page = fs::read_to_string(place.results().join("claims.csv")).unwrap();
    let line = page.lines().find(|line| line.starts_with("valid,")).unwrap();
    (
        line.split(',').nth(2).unwrap_or_default().to_owned(),
        line.to_owned(),
    )
}

#[test]
fn new_labels_make_tables_and_claims_anew_and_draw_nothing() {
    let mut place = Place::new();
    place.text += READ;
    let script: Rc<RefCell<Script>> = Rc::default();
    let (_, line) = claim(&place, &script);
    assert!(line.contains("error"), "{line}");
    assert!(to_do(&place).is_empty(), "{:?}", to_do(&place));
    let problems: usize = column(&place, "problems").parse().unwrap();
    assert!(problems > 0);
    assert_eq!(column(&place, "read"), "0");

    // Labels on the joined samples alone are not yet a word on every chain.
    let one = label(&place, "test", "anna", "guess", &|_| true);
    assert_eq!(
        to_do(&place),
        BTreeSet::from(["report".into(), "table hand".into()])
    );
    let (_, line) = claim(&place, &script);
    assert!(line.contains("error"), "{line}");
    assert_eq!(column(&place, "responses"), one.to_string());

    let two = label(&place, "second", "anna", "guess", &|_| true);
    claim(&place, &script);
    assert_eq!(column(&place, "responses"), (one + two).to_string());
    assert_eq!(
        (column(&place, "read"), column(&place, "guessed")),
        (problems.to_string(), problems.to_string())
    );

    // The last word counts; a second reader agrees.
    label(&place, "test", "anna", "valid", &|_| true);
    label(&place, "test", "ben", "valid", &|_| true);
    let (_, line) = claim(&place, &script);
    assert!(line.contains("holds"), "{line}");
    assert_eq!(column(&place, "twice"), one.to_string());
    let valid: usize = column(&place, "valid").parse().unwrap();
    assert!(valid > 0 && valid <= problems);
    // Said again, nothing is new.
    label(&place, "test", "ben", "valid", &|_| true);
    assert!(to_do(&place).is_empty(), "{:?}", to_do(&place));
}

#[test]
fn labels_on_what_no_quantity_reads_are_no_input() {
    let place = Place::new();
    let script: Rc<RefCell<Script>> = Rc::default();
    place.run(&[], &script).unwrap();
    label(&place, "test", "anna", "valid", &|_| true);
    assert!(to_do(&place).is_empty(), "{:?}", to_do(&place));
}
