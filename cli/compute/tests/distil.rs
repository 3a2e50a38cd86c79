//! Logit distillation, low-rank training and the rest that a training can be told, from a `.rlx` file to weights.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::Place;
use std::fs;

const STUDENT: &str = "    sampling = { temperature = 1.0, top_p = 1.0, max_tokens = 40 }\n}";

/// Losses of the training that has so many steps, and whether an adapter was saved.
fn trained(place: &Place, steps: usize) -> (Vec<f64>, bool) {
    let mut found = Vec::new();
    for entry in fs::read_dir(place.path(".rlx/store/training")).unwrap() {
        let folder = entry.unwrap().path();
        let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
        let losses: Vec<f64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"]
                    .as_f64()
                    .unwrap()
            })
            .collect();
        if losses.len() == steps {
            let adapter = format!("checkpoints/step-{steps:06}/adapter/adapter_config.json");
            found.push((losses, folder.join(adapter).is_file()));
        }
    }
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn a_student_comes_closer_to_its_teacher_by_every_divergence() {
    let ways = [
        "divergence = forward_kl",
        "divergence = reverse_kl\n    checkpointing = true",
        "divergence = jsd\n    beta = 0.3\n    on_policy = true",
        "divergence = forward_kl\n    lora = { rank = 4 }",
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let place = Place::new();
        // A teacher whose distributions are far from the student's.
        place.change(
            "data puzzles {",
            "model other = base { source = init { family = qwen2, hidden = 16, layers = 2, heads = 2, kv_heads = 1, feed_forward = 32, \
             context = 96 tokens, rope_theta = 10_000, norm_epsilon = 1e-6, tied = false, tokenizer = \"./tokenizer\", seed = 9 } }\n\n\
             data puzzles {",
        );
        place.change("teacher  = rl@3", "teacher  = other");
        place.change(
            STUDENT,
            &format!(
                "    sampling = {{ temperature = 1.0, top_p = 1.0, max_tokens = 40 }}\n    \
                 optimizer = {{ learning_rate = 1e-2 }}\n    {way}\n}}"
            ),
        );
        place.run();
        // 16 prompts, 2 samples, 2 epochs, 8 a step.
        let (losses, adapter) = trained(&place, 8);
        assert!(losses[7] < losses[0], "{way}: {losses:?}");
        assert_eq!(adapter, number == 3, "{way}");
    }
}

#[test]
fn a_training_takes_every_part_of_its_optimiser() {
    let place = Place::new();
    place.change(
        "    keep       = [3, 6]",
        "    keep       = [3, 6]\n    lora = { rank = 2, targets = attention }\n    checkpointing = true\n    \
         optimizer = { rule = adafactor, learning_rate = 1e-1, skip_limit = 2 }",
    );
    place.run();
    assert!(trained(&place, 6).1);
    let watched = place.rlx(&["watch", "study.rlx", "--once"]);
    let text = String::from_utf8_lossy(&watched.stdout).into_owned();
    assert!(text.contains("rl: 6/6 steps · reward "), "{text}");
    assert!(text.contains("student: 8 steps · loss "), "{text}");
}

#[test]
fn responses_in_a_file_teach_and_the_lock_holds_the_file_to_its_content() {
    let place = Place::new();
    let row = |id: u64, at: u64| {
        let sum = id % 5 + at;
        format!(
            "{{\"id\": \"{id}\", \"response\": \"{} + {at} = {sum}\\n\"}}\n",
            id % 5
        )
    };
    let lines: String = (0..24).flat_map(|id| [row(id, 1), row(id, 2)]).collect();
    place.write("told.jsonl", &lines);
    place.change(
        "data puzzles {",
        "model told { source = responses { file = \"./told.jsonl\" } }\n\ndata puzzles {",
    );
    place.change("teacher  = rl@3", "teacher  = told");
    place.change(STUDENT, "    optimizer = { learning_rate = 1e-2 }\n}");
    place.run();
    // 16 prompts, 2 responses, 2 epochs, 8 a step.
    let (losses, _) = trained(&place, 8);
    assert!(losses[7] < 0.8 * losses[0], "{losses:?}");
    let lock = fs::read_to_string(place.path("study.lock")).unwrap();
    assert!(lock.contains("./told.jsonl"), "{lock}");
    place.write("told.jsonl", &lines.replace("+ 1 =", "+ 0 ="));
    let text = place.refused(&["run", "study.rlx"], "rlx::lock::drift");
    assert!(text.contains("told.jsonl"), "{text}");
}
