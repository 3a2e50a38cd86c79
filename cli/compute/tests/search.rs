//! A search for a temperature with a real model: found, killed in the middle, and out of reach.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::Place;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

/// The base at 0.08 is what the search has to find again: the same weights, problems and draws.
const SEARCHED: &str = r#"
evaluate target {
    models    = base
    benchmark = held_out
    sampling  = { temperature = 0.08, max_tokens = 24 }
    samples   = 2 samples
}
search matched {
    model     = base
    benchmark = held_out
    sampling  = { max_tokens = 24 }
    samples   = 2 samples
    target    = entropy(target, base)
    between   = 0.01..1.0
    within    = 0.05
}
evaluate raised {
    models    = base
    benchmark = held_out
    sampling  = { temperature = matched, top_p = 0.9, max_tokens = 24 }
    samples   = n
}
table  looked = searched(matched)
figure both   = pass_at_k([target, raised], k = 1..2)
claim  found "the temperature is that of the target" {
    equal(temperature(matched), 0.08, within = 0.03)
}
"#;

/// The small study with a search in the place of its trainings.
fn searching() -> Place {
    let place = Place::new();
    let text = fs::read_to_string(place.path("study.rlx")).unwrap();
    let (start, end) = (
        text.find("data puzzles").unwrap(),
        text.find("benchmark held_out").unwrap(),
    );
    let trained = (
        text.find("train rl").unwrap(),
        text.find("figure coverage").unwrap(),
    );
    let kept = format!("{}{}", &text[..start], &text[end..trained.0]);
    let kept = kept.replace("use std.algorithms.grpo\n", "");
    place.write("study.rlx", &format!("{kept}{SEARCHED}"));
    place
}

#[test]
fn a_killed_search_finds_the_same_temperature_with_the_same_bytes() {
    let whole = searching();
    whole.run();
    let wanted = whole.traces();
    let looked = String::from_utf8(wanted["results/study/tables/looked.csv"].clone()).unwrap();
    assert!(looked.lines().nth(1).unwrap().ends_with(",found"), "{looked}");
    let first = looked.lines().nth(1).unwrap();
    assert!(!first.contains(",,"), "every number has both intervals: {first}");
    let report = fs::read_to_string(whole.path("results/study/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["claims"][0]["verdict"], "holds", "{looked}");
    // Killed when it has told of so many responses: in the first look, between looks, in a later one.
    let mut kills = 0;
    for told in [5, 24, 40, 61] {
        let place = searching();
        let mut child = place
            .command(&["run", "study.rlx", "--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            let done = event["done"].as_u64().unwrap_or(0);
            if event["event"] == "progress" && event["name"] == "search matched" && done >= told {
                child.kill().unwrap();
                kills += 1;
                break;
            }
        }
        child.wait().unwrap();
        place.run();
        let got = place.traces();
        assert_eq!(got.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
        for (name, bytes) in &wanted {
            assert!(
                got[name] == *bytes,
                "{name} differs after a kill at {told} responses"
            );
        }
    }
    assert_eq!(kills, 4, "every run is killed in its search");
}

#[test]
fn a_target_out_of_reach_ends_the_run_and_its_mend_goes_on() {
    let place = searching();
    let text = place.refused(
        &["run", "study.rlx", "--set", "matched.between=0.2..1.0"],
        "rlx::run::search",
    );
    for part in ["out of reach", "at temperature 0.2", "begin `between` lower"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let plan = place.rlx(&["plan", "study.rlx", "--set", "matched.between=0.2..1.0"]);
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("search matched"), "{plan}");
    // What is not needed goes; what a search drew stays.
    place.run();
    let before = place.traces();
    assert!(place.rlx(&["gc", "study.rlx"]).status.success());
    let output = place.rlx(&["run", "study.rlx"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to do"));
    let kept: Vec<&String> = before.keys().filter(|name| name.contains("results/")).collect();
    assert!(kept.iter().all(|name| place.traces().contains_key(*name)));
    let packed = place.rlx(&["pack", "study.rlx", "--output", "study.rlxpack"]);
    assert!(
        packed.status.success(),
        "{}",
        String::from_utf8_lossy(&packed.stderr)
    );
    let verified = place.rlx(&["verify", "study.rlxpack", "--level", "1"]);
    assert!(
        verified.status.success(),
        "{}{}",
        String::from_utf8_lossy(&verified.stdout),
        String::from_utf8_lossy(&verified.stderr)
    );
    // The study states no licence, so the tokenizer of the fresh model is not in the pack: said, and mended by its place.
    let again = |more: &[&str]| {
        let mut arguments = vec!["verify", "study.rlxpack", "--level", "3"];
        arguments.extend(more);
        let output = place.rlx(&arguments);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.success(), text)
    };
    let (sound, without) = again(&[]);
    assert!(
        !sound && without.contains("its tokenizer is not in the pack"),
        "{without}"
    );
    let tokenizer = place.path("tokenizer");
    let (sound, with) = again(&["--model", &format!("base={}", tokenizer.display())]);
    assert!(sound && with.contains("token by token the same"), "{with}");
}
