//! Evaluations that are joined: samples of several seeds as those of one.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script};
use rlx_store::Store;
use std::{cell::RefCell, fs, rc::Rc};

const JOINED: &str = "
evaluate second = test { seed = 2, samples = 4, join = test }
evaluate third  = test { seed = 3, samples = 2, join = second }

figure all_curves = pass_at_k(third, k = [1, 6, 12])
figure all_likely = perplexity(third, of = base, under = base)
table  judged     = disagreements(third, of = base, judge = exact)
claim  known \"pass@12 is known\" { pass(third, base, k = 12) >= pass(third, base, k = 1) }
";

fn output(place: &Place, name: &str) -> Vec<Vec<String>> {
    let folder = ["figures", "tables"].map(|folder| place.results().join(folder).join(name));
    let text = folder
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap();
    let line = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().map(line).collect()
}

#[test]
fn samples_of_all_seeds_count_and_each_once() {
    let mut place = Place::new();
    place.text += JOINED;
    let script: Rc<RefCell<Script>> = Rc::default();
    place.run(&[], &script).unwrap();
    // Five problems, two models, 6 + 4 + 2 samples: nothing is drawn for the joined whole.
    assert_eq!(script.borrow().drawn, 5 * 2 * 12);
    let (study, plan, _) = place.plan(&[]);
    assert_eq!(study.evaluations["third"].samples, 12);
    let curves = output(&place, "all_curves.csv");
    let column = |name: &str| curves[0].iter().position(|head| head == name).unwrap();
    let (model, k, pass, samples) = (
        column("model"),
        column("k"),
        column("pass_at_k"),
        column("samples"),
    );
    let row = |wanted: &str| {
        let mut rows = curves[1..].iter();
        rows.find(|row| row[model] == "base" && row[k] == wanted).unwrap()
    };
    assert_eq!(row("12")[samples], "12");
    // By hand from the rows of the three steps.
    let store = Store::open(&place.store()).unwrap();
    let mut right = 0;
    for part in ["third", "second", "test"] {
        let step = plan.step(&format!("judge {part} base")).unwrap();
        let rows = store.verdicts(&step.key.folder()).read().unwrap();
        right += rows.iter().filter(|row| row.verdict == "correct").count();
    }
    let share = right as f64 / 60.0;
    let found: f64 = row("1")[pass].parse().unwrap();
    assert!((found - share).abs() < 1e-9, "{found} and {share}");
    let likely = output(&place, "all_likely.csv");
    let responses = likely[0].iter().position(|head| head == "responses").unwrap();
    assert_eq!(likely[1][responses], "60");
    // More of one seed are its own missing ones; those of the others stay.
    drop(store);
    let before = script.borrow().drawn;
    place.run(&["test.samples=7"], &script).unwrap();
    assert_eq!(script.borrow().drawn - before, 5 * 2);
}

#[test]
fn a_joined_evaluation_is_the_sum_of_its_parts_in_the_plan() {
    let mut place = Place::new();
    place.text += JOINED;
    let plan = place.plan(&[]).1;
    let inputs = |name: &str| -> Vec<String> {
        let inputs = plan.step(name).unwrap().inputs.iter();
        inputs.map(|id| plan.steps[*id].name.clone()).collect()
    };
    for part in ["test", "second", "third"] {
        for word in [format!("judge {part} base"), format!("judge {part} rl@4")] {
            assert!(inputs("figure all_curves").contains(&word), "{word}");
        }
        assert!(inputs("figure all_likely").contains(&format!("score {part} base under base")));
        assert!(inputs("table judged").contains(&format!("judge {part} base by exact")));
    }
}
