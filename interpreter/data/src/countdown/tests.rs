use super::*;
use rlx_judge::{Case, Judge, Outcome};
use std::collections::BTreeSet;

fn options(pairs: &[(&'static str, f64)]) -> CountdownOptions {
    CountdownOptions::parse(pairs.iter().copied()).unwrap()
}

fn judged(example: &Example) -> Outcome {
    let problem = example.puzzle.to_string();
    let case = Case {
        problem: &problem,
        gold: "",
        response: &example.response,
        truncated: false,
        gold_is_text: false,
    };
    rlx_judge::Countdown.judge(&case).outcome
}

#[test]
fn clean_demonstrations_are_right_by_the_judge_and_faulty_ones_fail_honestly() {
    let clean = Countdown::new(options(&[("clean", 1.0)]), 7);
    let faulty = Countdown::new(options(&[("clean", 0.0)]), 7);
    let mut lucky = 0;
    for index in 0..2_000 {
        let example = clean.example(index);
        assert!(example.solved);
        assert_eq!(judged(&example), Outcome::Correct, "{example:?}");
        let example = faulty.example(index);
        assert_eq!(
            judged(&example) == Outcome::Correct,
            example.solved,
            "{example:?}"
        );
        assert!(example.solved || example.response.ends_with(" no"));
        lucky += u32::from(example.solved);
    }
    // Prototype: .4 * 14% + .6 * 1.5% = 6.5% of walks are lucky; sd of the share 0.55 points, five allowed.
    assert!((75..=185).contains(&lucky), "{lucky} of 2000");
}

#[test]
fn examples_are_a_pure_function_of_options_seed_and_index() {
    let task = Countdown::new(CountdownOptions::default(), 3);
    let later = task.example(91);
    let all: Vec<Example> = (0..100).map(|i| task.example(i)).collect();
    assert_eq!(all[91], later);
    assert_ne!(
        all,
        (0..100)
            .map(|i| Countdown::new(CountdownOptions::default(), 4).example(i))
            .collect::<Vec<_>>()
    );
    // Pins the stream: a change here changes every study that draws from the task.
    let text: String = all
        .iter()
        .map(|e| format!("{}\n{}\n", e.puzzle, e.response))
        .collect();
    assert_eq!(blake3::hash(text.as_bytes()).to_hex().as_str(), STREAM);
}

const STREAM: &str = "f0aac9cf386a45d79011857e054b23b8c00479286bfd6ee6b1837503b905b74d";

#[test]
fn puzzles_keep_the_stated_distribution() {
    let task = Countdown::new(CountdownOptions::default(), 11);
    let (mut three, mut plain) = ([0u32; 2], [0u32; 2]);
    for index in 0..4_000 {
        let puzzle = task.example(index).puzzle;
        let n = puzzle.numbers().len();
        assert!(puzzle.numbers().iter().all(|n| (1..=20).contains(n)));
        assert!((10..=99).contains(&puzzle.target()) && !puzzle.numbers().contains(&puzzle.target()));
        three[usize::from(n == 4)] += 1;
        let counts = paths::count(&List::new(puzzle.numbers()));
        plain[usize::from(n == 4)] += u32::from(counts.without_division[usize::from(puzzle.target())] == 0);
    }
    let share = f64::from(three[0]) / 4_000.0;
    assert!((share - 0.4).abs() < 0.04, "{share}");
    // Prototype: every solution needs / in 10% (n = 3) and 21% (n = 4); sd about 0.8 points each, five allowed.
    let needs = [
        f64::from(plain[0]) / f64::from(three[0]),
        f64::from(plain[1]) / f64::from(three[1]),
    ];
    assert!(
        (needs[0] - 0.10).abs() < 0.04 && (needs[1] - 0.21).abs() < 0.045,
        "{needs:?}"
    );
}

#[test]
fn options_do_what_they_say() {
    let rare = Countdown::new(options(&[("division", 0.08)]), 5);
    let full = Countdown::new(options(&[]), 5);
    let divided = |task: &Countdown| {
        (0..2_000)
            .filter(|&i| task.example(i).response.contains('/'))
            .count()
    };
    assert!(
        divided(&rare) < 160 && divided(&full) > 250,
        "{} {}",
        divided(&rare),
        divided(&full)
    );
    let none = Countdown::new(options(&[("division", 0.0)]), 5);
    let forced = (0..2_000)
        .filter(|&i| none.example(i).response.contains('/'))
        .count();
    assert!(forced < 40, "{forced}: only where no other step is legal");
    let hard = Countdown::new(
        options(&[("requires_division", 1.0), ("numbers", 4.0), ("clean", 1.0)]),
        5,
    );
    for index in 0..200 {
        let example = hard.example(index);
        assert_eq!(example.puzzle.numbers().len(), 4);
        assert!(example.response.contains('/'));
    }
}

#[test]
fn bad_options_are_refused() {
    for (name, value) in [
        ("clean", 1.5),
        ("clean", f64::NAN),
        ("numbers", 5.0),
        ("requires_division", 0.5),
        ("colour", 1.0),
    ] {
        let error = CountdownOptions::parse([(name, value)]).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(CountdownOptions::parse([("requires_division", 1.0), ("division", 0.0)]).is_err());
}

#[test]
fn puzzles_are_the_same_under_reordering() {
    let key = |text: &str| Puzzle::parse(text).unwrap().key();
    assert_eq!(key("Use 5 20 15 to make 12"), key("Use 20 15 5 to make 12\n"));
    assert_ne!(key("Use 5 20 15 to make 12"), key("Use 5 20 15 to make 13"));
    assert!(Puzzle::parse("Use x to make 3").is_none());
    let keys: BTreeSet<_> = ["Use 1 2 to make 3", "Use 2 1 to make 3"]
        .map(key)
        .into_iter()
        .collect();
    assert_eq!(keys.len(), 1);
}
