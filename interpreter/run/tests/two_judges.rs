//! A second judge for an evaluation, and where it differs from the first.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script};
use std::{cell::RefCell, fs, rc::Rc};

fn script() -> Rc<RefCell<Script>> {
    Rc::default()
}

#[test]
fn a_second_judge_judges_the_same_responses_and_its_differences_are_a_table() {
    let mut place = Place::new();
    place
        .text
        .push_str("\ntable disputed = disagreements(test, judge = choice)\n");
    place.run(&[], &script()).unwrap();
    let (_, plan, _) = place.plan(&[]);
    for model in ["base", "rl@4"] {
        let first = plan.step(&format!("judge test {model}")).unwrap();
        let second = plan.step(&format!("judge test {model} by choice")).unwrap();
        assert_ne!(first.key, second.key);
        assert_eq!(first.inputs, second.inputs, "the same responses");
    }
    let table = fs::read_to_string(place.results().join("tables/disputed.csv")).unwrap();
    assert!(
        table.lines().next().unwrap().contains("number") || table.contains("correct"),
        "{table}"
    );
    // Every right response is one in which `choice` finds no letter.
    let responses: u64 = table
        .lines()
        .skip(1)
        .filter(|line| line.contains("base") && line.contains("correct"))
        .count() as u64;
    assert!(responses > 0, "{table}");
    // The table is a question to the rows: asking another judge draws nothing again.
    let second = script();
    place.text = place.text.replace("judge = choice", "judge = exact");
    let journal = place.run(&[], &second).unwrap();
    assert_eq!(second.borrow().drawn, 0);
    let names: Vec<&str> = journal.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["judge test base by exact", "judge test rl@4 by exact"]);
}
