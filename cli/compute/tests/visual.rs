//! Problems with pictures, from a `.rlx` file to the page: a tiny Qwen2.5-VL reads them, is judged and scored.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::Place;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const STUDY: &str = r#"//! A small visual study.

model eyes {
    source = "MODEL"
    vision = true
}

benchmark shown {
    source    = "./data/rows.jsonl"
    problem   = "question"
    image     = ["decoded", "image"]
    answer    = "answer"
    precision = "places"
    filter    = kind == "free"
    prompt    = { template = "{problem}\nAnswer:", chat = true }
    judge     = number
    size      = 3 problems
}

evaluate look {
    models    = eyes
    benchmark = shown
    sampling  = { temperature = 1.0, max_tokens = 12 }
    samples   = 4
}

table  overview   = summary(look)
figure likelihood = perplexity(look, of = eyes, under = eyes)
"#;

fn models() -> Vec<PathBuf> {
    let folder = std::env::var_os("RLX_REFERENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference"),
        PathBuf::from,
    );
    let all = fs::read_dir(folder.join("models")).unwrap();
    let mut found: Vec<PathBuf> = all
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("images").is_dir() && path.join("model.safetensors").is_file())
        .collect();
    found.sort();
    found
}

/// Base64 with the usual alphabet.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let word =
            part.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            match place <= part.len() {
                true => out.push(LETTERS[(word >> (18 - 6 * place) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

fn place(model: &Path) -> Place {
    let place = Place::new();
    place.write("study.rlx", &STUDY.replace("MODEL", &model.display().to_string()));
    fs::create_dir_all(place.path("data/images")).unwrap();
    let mut pictures: Vec<PathBuf> = fs::read_dir(model.join("images"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pictures.sort();
    fs::copy(&pictures[0], place.path("data/images/one.png")).unwrap();
    let inline = base64(&fs::read(&pictures[1]).unwrap());
    place.write(
        "data/rows.jsonl",
        &format!(
            "{}\n{}\n{}\n{}\n",
            r#"{"question":"What is the area?","image":"images/one.png","answer":"1.2","places":1,"kind":"free"}"#,
            format_args!(r#"{{"question":"<image1> How many?","image":"images/none.png","decoded":{{"bytes":"{inline}","path":null}},"answer":"3","places":null,"kind":"free"}}"#),
            r#"{"question":"Not asked","image":"images/none.png","answer":"A","places":null,"kind":"choice"}"#,
            format_args!(r#"{{"question":"Compare <image> with <image>.","image":["images/one.png","data:image/png;base64,{inline}"],"answer":"7","places":null,"kind":"free"}}"#),
        ),
    );
    place
}

/// Rows of a table of the store, by problem and sample.
fn rows(place: &Place, table: &str) -> BTreeMap<(String, u64), Value> {
    let mut found = BTreeMap::new();
    for step in fs::read_dir(place.path(".rlx/store").join(table)).unwrap() {
        for file in fs::read_dir(step.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if !path.file_name().unwrap().to_string_lossy().starts_with("rows-") {
                continue;
            }
            for line in fs::read_to_string(path).unwrap().lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                let at = (
                    row["problem"].as_str().unwrap().to_owned(),
                    row["sample"].as_u64().unwrap(),
                );
                assert!(found.insert(at, row).is_none(), "a row twice");
            }
        }
    }
    found
}

#[test]
fn reference_pictures_are_sampled_judged_scored_and_shown() {
    for model in models() {
        let place = place(&model);
        place.run();
        let drawn = rows(&place, "samples");
        assert_eq!(drawn.len(), 12, "three problems of four samples");
        assert_eq!(rows(&place, "verdicts").len(), 12);
        let scored = rows(&place, "scores");
        // What is scored is what was drawn: the same pass, the same bits.
        for (at, row) in &drawn {
            let (drawn, scored) = (
                row["logprob"].as_f64().unwrap(),
                scored[at]["logprob"].as_f64().unwrap(),
            );
            assert!((drawn - scored).abs() < 1e-9, "{at:?}: {drawn} and {scored}");
        }
        let page = fs::read_to_string(place.path("results/study/report.html")).unwrap();
        assert!(
            page.contains("[picture images/one.png]"),
            "pictures by their names"
        );
        // Nothing is left to do, and a run that is cut short ends with the same rows.
        let output = place.rlx(&["run", "study.rlx"]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to do"));
        let again = self::place(&model);
        again.change("samples   = 4", "samples   = 2");
        again.run();
        again.change("samples   = 2", "samples   = 4");
        again.run();
        assert_eq!(
            rows(&again, "samples"),
            drawn,
            "rows do not depend on their company"
        );
        // Another picture under the same name is another problem.
        let other = fs::read_dir(model.join("images"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .max()
            .unwrap();
        fs::copy(other, place.path("data/images/one.png")).unwrap();
        let plan = place.rlx(&["plan", "study.rlx"]);
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        assert!(plan.contains("to do"), "{plan}");
    }
}

#[test]
fn reference_what_cannot_see_is_refused_before_anything_runs() {
    for model in models() {
        let place = place(&model);
        place.change("    vision = true\n", "");
        let text = place.refused(&["check", "study.rlx"], "rlx::model::vision");
        assert!(text.contains("vision = true"), "{text}");
        // A declaration that is not true is found when the model is asked.
        let place = self::place(&model);
        let blind = model.parent().unwrap().join("qwen2_tied_gqa2");
        place.change(&model.display().to_string(), &blind.display().to_string());
        place.refused(&["run", "study.rlx"], "rlx::model::vision");
        // More places in a text than pictures.
        let place = self::place(&model);
        let rows = fs::read_to_string(place.path("data/rows.jsonl")).unwrap();
        let places = rows.replacen("What is the area?", "Between <image> and <image>?", 1);
        place.write("data/rows.jsonl", &places);
        place.refused(&["run", "study.rlx"], "rlx::data::prompt");
        // A picture that is not there is named, with its row.
        let place = self::place(&model);
        fs::remove_file(place.path("data/images/one.png")).unwrap();
        let text = place.refused(&["run", "study.rlx"], "rlx::data::row");
        assert!(
            text.contains("images/one.png") && text.contains("line 1"),
            "{text}"
        );
    }
}

#[test]
fn reference_pictures_outside_of_a_study() {
    for model in models() {
        let place = place(&model);
        place.write(
            "prompts.jsonl",
            r#"{"id":1,"messages":[{"role":"user","content":[{"type":"image","image":"data/images/one.png"},{"type":"text","text":"What is it?"}]}]}"#,
        );
        let path = model.display().to_string();
        let ask = |samples: &str| {
            let output = place.rlx(&[
                "sample",
                "--model",
                &path,
                "--prompts",
                "prompts.jsonl",
                "--samples",
                samples,
                "--max-tokens",
                "6",
            ]);
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let (one, three) = (ask("1"), ask("3"));
        assert_eq!(three.lines().count(), 3);
        assert_eq!(one.lines().next(), three.lines().next(), "a row knows no company");
    }
}

/// A pack holds the hashes of pictures, not their bytes: numbers and verdicts come from it alone, and what is drawn again takes
/// the pictures from this machine.
#[test]
fn reference_a_visual_study_is_packed_and_checked() {
    let Some(model) = models().into_iter().next() else {
        return;
    };
    let place = place(&model);
    place.change(
        "    judge     = number",
        "    judge     = number\n    licence   = \"MIT\"",
    );
    place.run();
    let succeed = |arguments: &[&str]| {
        let output = place.rlx(arguments);
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    succeed(&["pack", "study.rlx"]);
    let eyes = format!("eyes={}", model.display());
    let data = format!("shown={}", place.path("data/rows.jsonl").display());
    let said = succeed(&[
        "verify",
        "study.rlxpack",
        "--level",
        "3",
        "--model",
        &eyes,
        "--data",
        &data,
    ]);
    assert!(said.contains("drawn again"), "{said}");
    // Another picture on this machine is not the one that was packed.
    fs::remove_file(place.path("data/images/one.png")).unwrap();
    let other = fs::read_dir(model.join("images"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    fs::copy(other, place.path("data/images/one.png")).unwrap();
    let output = place.rlx(&[
        "verify",
        "study.rlxpack",
        "--level",
        "3",
        "--model",
        &eyes,
        "--data",
        &data,
    ]);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("another one than was packed"), "{said}");
}
