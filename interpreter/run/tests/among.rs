//! Problem sets that an evaluation chooses from.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script};
use rlx_run::{StepState, states};
use rlx_store::Store;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

const CHOSEN: &str = r#"
benchmark never = sums { among = accuracy(test, base, most = 20%) }
evaluate second {
    models    = [base]
    benchmark = never
    sampling  = { temperature = 1.0, top_p = 1.0, max_tokens = 40 }
    samples   = 3 samples
    seed      = 5
}
table of_second = summary(second)
"#;

fn script() -> Rc<RefCell<Script>> {
    Rc::default()
}

fn problems(place: &Place, step: &str) -> BTreeSet<String> {
    let (_, plan, _) = place.plan(&[]);
    let key = plan.step(step).unwrap().key;
    let store = Store::read_only(&place.store());
    let rows = store.samples(&key.folder()).read().unwrap();
    rows.into_iter().map(|row| row.problem).collect()
}

#[test]
fn an_evaluation_chooses_the_problems_of_a_set() {
    let mut place = Place::new();
    place.text.push_str(CHOSEN);
    let (_, plan, world) = place.plan(&[]);
    // The choice is an input of what it is for.
    let judged = plan
        .steps
        .iter()
        .position(|step| step.name == "judge test base")
        .unwrap();
    assert!(plan.step("sample second base").unwrap().inputs.contains(&judged));
    // Before anything is judged nobody knows the problems, and nothing breaks.
    let error = world.problems("never").unwrap_err();
    assert_eq!(error.code(), "rlx::run::undecided");
    let before = states(&plan, &Store::read_only(&place.store()), &world, &place.results()).unwrap();
    assert!(before.iter().all(|state| *state == StepState::ToDo));

    place.run(&[], &script()).unwrap();
    // What the first evaluation says of each problem, counted here.
    let (_, plan, world) = place.plan(&[]);
    let store = Store::read_only(&place.store());
    let verdicts = store
        .verdicts(&plan.step("judge test base").unwrap().key.folder())
        .read()
        .unwrap();
    let all: BTreeSet<String> = verdicts.iter().map(|row| row.problem.clone()).collect();
    let right = |id: &String| {
        verdicts
            .iter()
            .filter(|row| row.problem == **id && row.verdict == "correct")
            .count()
    };
    let wanted: BTreeSet<String> = all
        .iter()
        .filter(|id| right(id) as f64 / 6.0 <= 0.2)
        .cloned()
        .collect();
    assert!(
        !wanted.is_empty() && wanted != all,
        "the test needs both kinds: {wanted:?} of {all:?}"
    );
    assert_eq!(problems(&place, "sample second base"), wanted);
    let after = states(&plan, &store, &world, &place.results()).unwrap();
    assert!(after.iter().all(|state| *state == StepState::Done), "{after:?}");
    let chosen: BTreeSet<String> = world
        .problems("never")
        .unwrap()
        .iter()
        .map(|p| p.id.clone())
        .collect();
    assert_eq!(chosen, wanted);

    // A second run has nothing to do, and another bound draws for other problems only.
    let again = script();
    assert!(place.run(&[], &again).unwrap().steps.is_empty());
    place.text = place.text.replace("most = 20%", "most = 100%");
    let wider = script();
    place.run(&[], &wider).unwrap();
    assert_eq!(wider.borrow().drawn, 3 * (all.len() - wanted.len()));
    assert_eq!(problems(&place, "sample second base"), all);
}

#[test]
fn a_choice_that_leaves_nothing_is_an_error() {
    let mut place = Place::new();
    place
        .text
        .push_str(&CHOSEN.replace("most = 20%", "above = 90%, most = 91%"));
    let error = place.run(&[], &script()).unwrap_err();
    assert_eq!(error.code(), "rlx::run::undecided");
    assert!(error.to_string().contains("none is in the set"), "{error}");
}
