//! A temperature that is searched for, and evaluations that draw at it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script, bytes};
use rlx_run::{RunError, StepState, looks, states};
use rlx_store::Store;
use std::{cell::RefCell, collections::BTreeMap, fs, rc::Rc};

/// The script's entropy is a quarter of the squared temperature: 0.25 at 1, 0.55 at 1.4832.
const SEARCHED: &str = "
search matched {
    model     = rl@4
    benchmark = sums { limit = 3 problems }
    sampling  = { max_tokens = 40 }
    samples   = 2 samples
    target    = entropy(test, base) + 0.3
    between   = 0.5..2.0
    within    = 0.01
}
evaluate raised = test { models = rl@4, samples = 4, sampling = { temperature = matched, max_tokens = 40 } }

table  looked = searched(matched)
table  beside_theirs = beside(temperature(matched), 1.5)
figure both   = pass_at_k([test, raised], of = rl@4, k = 1..4 by *2)
claim  near \"the temperature is where it is expected\" { equal(temperature(matched), 1.4832, within = 0.03) }
";

fn searching() -> Place {
    let mut place = Place::new();
    place.text += SEARCHED;
    place
}

fn script() -> Rc<RefCell<Script>> {
    Rc::default()
}

/// Everything that a run leaves and that does not hang on the clock, without the place it lies in.
fn traces(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let kept = |path: &String| {
        path.contains("rows-")
            || path.contains("searches/")
            || [".csv", ".svg", ".tex"].iter().any(|end| path.ends_with(end))
    };
    let root = place.folder.path().display().to_string();
    let all = bytes(&place.store()).into_iter().chain(bytes(&place.results()));
    all.filter(|(path, _)| kept(path))
        .map(|(path, content)| (path.replace(&root, ""), content))
        .collect()
}

fn table(place: &Place) -> Vec<Vec<String>> {
    let text = fs::read_to_string(place.results().join("tables/looked.csv")).unwrap();
    let line = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().map(line).collect()
}

#[test]
fn a_temperature_is_found_and_drawn_at() {
    let place = searching();
    let first = script();
    let journal = place.run(&[], &first).unwrap();
    assert!(journal.steps.iter().any(|ran| ran.name == "search matched"));
    let rows = table(&place);
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    let number = |row: usize, name: &str| rows[row][column(name)].parse::<f64>().unwrap();
    assert_eq!(rows[1][column("found")], "found");
    let (found, entropy) = (number(1, "temperature"), number(1, "entropy"));
    assert!(
        (number(1, "target") - 0.55).abs() < 1e-6,
        "{}",
        number(1, "target")
    );
    assert!(
        (entropy - 0.55).abs() <= 0.01 && (found - 1.4832).abs() < 0.02,
        "{found}: {entropy}"
    );
    assert!(
        (entropy - 0.25 * found * found).abs() < 1e-6,
        "the entropy of the rows"
    );
    // How far off it is, is said with intervals, paired by problem.
    let off = number(1, "off");
    assert!((off - (entropy - number(1, "target"))).abs() < 1e-9, "{off}");
    // All responses of the script are equally uncertain: no spread, and none to be known of other problems.
    let [low, high] = ["low", "high"].map(|end| number(1, &format!("off_these_problems_{end}")));
    assert!(low <= off && off <= high, "{off} in [{low}, {high}]");
    // The ends first; and what was found is what the evaluation draws at.
    assert_eq!((number(2, "look"), number(2, "temperature")), (1.0, 0.5));
    assert_eq!((number(3, "look"), number(3, "temperature")), (2.0, 2.0));
    assert_eq!(first.borrow().temperatures.last(), Some(&found));
    let page = fs::read_to_string(place.results().join("report.html")).unwrap();
    assert!(
        page.contains(&format!("{found} (search matched)")),
        "the report names the temperature"
    );
    assert!(page.contains("the temperature is where it is expected"));
    // The same draws at each temperature.
    let (_, plan, world) = place.plan(&[]);
    let store = Store::read_only(&place.store());
    let all = looks(&plan, &store);
    let drawn: Vec<Vec<(String, u64, u64)>> = all[0]
        .1
        .iter()
        .map(|look| {
            let mut rows = store.samples(&look.key.folder()).read().unwrap();
            rows.sort_by_key(|row| (row.problem.clone(), row.sample));
            rows.into_iter()
                .map(|row| (row.problem, row.sample, row.seed))
                .collect()
        })
        .collect();
    assert_eq!(drawn[0].len(), 3 * 2);
    assert!(drawn.len() >= 3 && drawn.iter().all(|look| *look == drawn[0]));
    // A second run finds everything done.
    let seen = states(&plan, &store, &world, &place.results()).unwrap();
    assert!(seen.iter().all(|state| *state == StepState::Done), "{seen:?}");
    drop(store);
    let second = script();
    assert!(place.run(&[], &second).unwrap().steps.is_empty());
    assert_eq!(second.borrow().calls, 0);
}

#[test]
fn a_search_that_breaks_off_anywhere_ends_with_the_same_bytes() {
    let whole = searching();
    let counted = script();
    whole.run(&[], &counted).unwrap();
    let (calls, drawn) = (counted.borrow().calls, counted.borrow().drawn);
    let wanted = traces(&whole);
    assert!(wanted.keys().any(|name| name.contains("searches/")));
    // Every third call: the search has more of them than a test has time for.
    for at in (1..=calls).step_by(3) {
        let place = searching();
        let broken = script();
        broken.borrow_mut().fail_at = Some(at);
        place.run(&[], &broken).unwrap_err();
        let rest = script();
        place.run(&[], &rest).unwrap();
        assert_eq!(
            broken.borrow().drawn + rest.borrow().drawn,
            drawn,
            "after a break at call {at}"
        );
        // The model lies elsewhere, and its files' hash is the same: so are keys and names.
        assert!(traces(&place) == wanted, "after a break at call {at}");
    }
}

/// The end of a run that finds no temperature.
fn refused(place: &Place, set: &[&str]) -> (RunError, usize) {
    let script = script();
    let error = place.run(set, &script).unwrap_err();
    (error, script.borrow().drawn)
}

#[test]
fn a_target_out_of_reach_is_refused_with_the_entropies_at_both_ends() {
    let place = searching();
    let (error, _) = refused(&place, &["matched.target=3"]);
    assert_eq!(error.code(), "rlx::run::search");
    let said = error.to_string();
    for part in [
        "search matched",
        "3.0000",
        "0.0625 at temperature 0.5",
        "1.0000 at 2",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(error.help().unwrap().contains("higher"));
    // Nothing was drawn at a temperature that nobody found, and what was looked at is kept.
    let (_, plan, world) = place.plan(&["matched.target=3"]);
    let store = Store::read_only(&place.store());
    let seen = states(&plan, &store, &world, &place.results()).unwrap();
    let at = |name: &str| seen[plan.steps.iter().position(|step| step.name == name).unwrap()];
    assert_eq!(at("sample raised rl@4"), StepState::ToDo);
    assert_eq!(at("search matched"), StepState::Partly { done: 2, total: 12 });
    drop(store);
    let (_, drawn) = refused(&place, &["matched.target=3"]);
    assert_eq!(drawn, 0);
    // The mend: what both searches look at is drawn once.
    let mended = script();
    place
        .run(&["matched.target=3", "matched.between=0.5..5"], &mended)
        .unwrap();
    assert!(
        !mended.borrow().temperatures.contains(&0.5),
        "{:?}",
        mended.borrow().temperatures
    );
}

#[test]
fn looks_that_are_used_up_are_said() {
    let place = searching();
    let (error, _) = refused(&place, &["matched.looks=3", "matched.within=0.00001"]);
    let said = error.to_string();
    assert!(
        said.contains("after 3 looks") && said.contains("nearest"),
        "{said}"
    );
}

#[test]
fn a_search_is_done_anew_when_what_it_hangs_on_changes() {
    let place = searching();
    place.run(&[], &script()).unwrap();
    let key = |set: &[&str], name: &str| place.plan(set).1.step(name).unwrap().key;
    for (set, changes) in [
        ("matched.within=0.02", true),
        ("matched.samples=3", true),
        ("matched.benchmark.limit=4", true),
        // More samples of what the target is measured on.
        ("n=7", true),
        ("raised.samples=5", false),
    ] {
        for name in ["search matched", "sample raised rl@4"] {
            assert_eq!(key(&[set], name) != key(&[], name), changes, "{name} with {set}");
        }
    }
    // A look has the key of an evaluation that draws the same.
    let (_, plan, _) = place.plan(&[]);
    let store = Store::read_only(&place.store());
    let all = looks(&plan, &store);
    let text = "evaluate cold = test { models = rl@4, samples = 2, sampling = { temperature = 0.5, max_tokens = 40 } }\n";
    let mut other = Place::new();
    other.text = format!("{}{text}", place.text);
    assert_eq!(
        other.plan(&[]).1.step("sample cold rl@4").unwrap().key,
        all[0].1[0].key
    );
}

#[test]
fn rows_that_were_lost_are_drawn_again() {
    let place = searching();
    place.run(&[], &script()).unwrap();
    let before = traces(&place);
    let (_, plan, _) = place.plan(&[]);
    let look = looks(&plan, &Store::read_only(&place.store()))[0].1[1]
        .key
        .folder();
    fs::remove_dir_all(place.store().join("samples").join(look)).unwrap();
    let again = script();
    place.run(&[], &again).unwrap();
    assert_eq!(again.borrow().drawn, 3 * 2);
    assert!(traces(&place) == before);
}
