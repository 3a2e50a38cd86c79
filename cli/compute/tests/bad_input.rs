//! What a person can get wrong ends with a diagnostic: what, where, how to mend it; exit code 1; nothing lost.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::Place;
use std::fs;

/// A saved model to spoil: the checkpoint of a short run.
fn saved() -> (Place, std::path::PathBuf) {
    let place = Place::new();
    place.run();
    let mut found = None;
    for entry in fs::read_dir(place.path(".rlx/store/training")).unwrap() {
        let folder = entry.unwrap().path().join("checkpoints/step-000006");
        if folder.is_dir() {
            found = Some(folder);
        }
    }
    let model = place.path("model");
    fs::rename(found.unwrap(), &model).unwrap();
    fs::remove_dir_all(place.path(".rlx")).unwrap();
    let text = fs::read_to_string(place.path("study.rlx")).unwrap();
    let (start, end) = (
        text.find("    source = init {").unwrap(),
        text.find("data puzzles").unwrap(),
    );
    place.write(
        "study.rlx",
        &format!(
            "{}    source = \"./model\"\n}}\n\n{}",
            &text[..start],
            &text[end..]
        ),
    );
    (place, model)
}

#[test]
fn models_that_cannot_be_used() {
    let (place, model) = saved();
    let run = ["run", "study.rlx"];

    let weights = model.join("model.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    assert!(
        place
            .refused(&run, "rlx::model::corrupt")
            .contains("model.safetensors")
    );
    fs::write(&weights, &whole).unwrap();

    let config = model.join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("Qwen2ForCausalLM", "MambaForCausalLM")
            .replace("\"qwen2\"", "\"mamba\""),
    )
    .unwrap();
    assert!(
        place
            .refused(&run, "rlx::model::architecture")
            .to_lowercase()
            .contains("mamba")
    );
    fs::write(&config, &text).unwrap();

    let tokenizer = model.join("tokenizer.json");
    let text = fs::read_to_string(&tokenizer).unwrap();
    fs::write(&tokenizer, "{").unwrap();
    assert!(
        place
            .refused(&run, "rlx::model::corrupt")
            .contains("tokenizer.json")
    );
    fs::write(&tokenizer, &text).unwrap();

    let text = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    place.refused(&run, "rlx::model::missing");
    let plain = "\"rope_scaling\": null";
    assert!(text.contains(plain), "{text}");
    let scaled = text.replace(
        plain,
        "\"rope_scaling\": { \"rope_type\": \"spiral\", \"factor\": 2.0 }",
    );
    fs::write(&config, scaled).unwrap();
    place.refused(&run, "rlx::model::unsupported");
    fs::write(&config, &text).unwrap();

    // With everything in its place again the same command succeeds.
    place.run();
}

#[test]
fn a_missing_model_is_named_before_anything_runs() {
    let (place, model) = saved();
    fs::remove_dir_all(&model).unwrap();
    let text = place.refused(&["run", "study.rlx"], "rlx::data");
    assert!(text.contains("model"), "{text}");
    assert!(!place.path(".rlx/store/training").exists());
}

#[test]
fn what_the_language_refuses() {
    let place = Place::new();
    place.change("k = 1..n by *2", "k = 1..64 by *2");
    assert!(
        place
            .refused(&["run", "study.rlx"], "rlx::query")
            .contains("k = ")
    );
    let place = Place::new();
    place.change(
        "max_tokens = 24\n    keep",
        "max_tokens = 24\n    temprature = 1\n    keep",
    );
    place.refused(&["check", "study.rlx"], "temprature");
    place.refused(&["run", "nowhere.rlx"], "nowhere.rlx");
}

#[test]
fn a_tokenizer_that_ends_nothing_teaches_nothing() {
    let place = Place::new();
    fs::remove_file(place.path("tokenizer/tokenizer_config.json")).unwrap();
    place.change("use std.algorithms.grpo", "use std.algorithms.sft");
    place.change(
        "algorithm  = grpo { kl = { estimator = k3, coefficient = 0.01 } }\n",
        "algorithm  = sft\n",
    );
    place.change("    rollouts   = 4 samples\n", "");
    place.change("    max_tokens = 24\n    keep", "    keep");
    let text = place.refused(&["run", "study.rlx"], "rlx::model::tokenizer");
    assert!(text.contains("eos_token"), "{text}");
}

#[test]
fn a_new_study_learns_to_end_its_responses() {
    let place = Place::new();
    fs::create_dir(place.path("fresh")).unwrap();
    let said = place.rlx(&["new", "fresh/study.rlx"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    // A hundredth of it: as many steps as it takes to learn where a response ends.
    let small = [
        "base.steps=60",
        "rl.steps=1",
        "rl.keep=[1]",
        "n=2",
        "held_out.size=4",
    ];
    let mut arguments = vec!["run", "fresh/study.rlx"];
    arguments.extend(small.iter().flat_map(|setting| ["--set", setting]));
    let done = place.rlx(&arguments);
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}");
    assert!(!text.contains("100% of base"), "no response ended:\n{text}");
}

#[test]
fn a_bias_for_what_is_no_token_is_refused() {
    let place = Place::new();
    place.change(
        "sampling  = { temperature",
        "sampling  = { logit_bias = [[1_000_000, 2.0]], temperature",
    );
    place.refused(&["run", "study.rlx"], "rlx::run::token");
}

#[test]
fn a_bad_line_of_data_is_named() {
    let place = Place::new();
    place.write(
        "problems.jsonl",
        "{\"problem\": \"a\", \"answer\": \"1\"}\n{\"problem\": \"b\" \"answer\": 2}\n",
    );
    place.change(
        "source = countdown { seed = 2, numbers = 3 }\n    size   = 12 problems",
        "source = \"./problems.jsonl\"",
    );
    place.change("judge  = countdown\n}\n\ntrain", "judge  = number\n}\n\ntrain");
    let text = place.refused(&["run", "study.rlx"], "rlx::data");
    assert!(
        text.contains("problems.jsonl") && text.contains("line 2"),
        "{text}"
    );
}

#[test]
fn a_training_that_diverges_stops_and_says_where() {
    let place = Place::new();
    // A learning rate beyond every bound: the first update leaves the numbers that fp32 can hold.
    place.change(
        "algorithm  = grpo { kl = { estimator = k3, coefficient = 0.01 } }",
        "algorithm  = grpo { kl = none, entropy_bonus = 1.0, optimizer = { learning_rate = 1e30 } }",
    );
    place.change("steps      = 6 steps", "steps      = 20 steps");
    place.change("keep       = [3, 6]", "keep       = [3, 6, 20]");
    let text = place.refused(&["run", "study.rlx"], "rlx::engine::not_finite");
    assert!(text.contains("not finite") || text.contains("NaN"), "{text}");
}

#[test]
fn a_flipped_byte_in_the_store_is_found_and_mended_by_removing_the_block() {
    let place = Place::new();
    place.run();
    let before = place.traces();
    // All of them: which one belongs to a step that is not read again (a distillation's) depends on the keys.
    for (name, bytes) in before
        .iter()
        .filter(|(name, _)| name.contains("samples/") && name.contains("rows-"))
    {
        let mut bytes = bytes.clone();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(place.path(name), &bytes).unwrap();
    }
    // A finished study is not read again; more samples have to be.
    let text = place.refused(&["run", "study.rlx", "--set", "n=16"], "rlx::store::damaged");
    assert!(text.contains("rows-"), "{text}");
}

#[test]
fn a_checkpoint_that_was_removed_is_named() {
    let place = Place::new();
    place.run();
    for training in fs::read_dir(place.path(".rlx/store/training")).unwrap() {
        let checkpoints = training.unwrap().path().join("checkpoints");
        if checkpoints.is_dir() {
            fs::remove_dir_all(checkpoints).unwrap();
        }
    }
    // What was drawn is not drawn again; more samples want the weights.
    place.refused(&["run", "study.rlx", "--set", "n=16"], "rlx::run::checkpoint");
}

#[test]
fn claims_can_fail_a_run() {
    let place = Place::new();
    let output = place.rlx(&["run", "study.rlx", "--check-claims"]);
    // Random weights: "RL is better" cannot hold.
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(place.path("results/study/report.html").is_file());
    assert_eq!(place.rlx(&["run"]).status.code(), Some(2));
}
