//! The experiments of the repository elaborate, and mean the same however they are laid out.

use rlx_language::{Options, Study, elaborate};

fn read(name: &str) -> Option<String> {
    std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(name),
    )
    .ok()
}

struct Repository;

impl rlx_language::Sources for Repository {
    fn read(&self, name: &str) -> Option<String> {
        read(name)
    }
}

fn study(name: &str, options: &Options) -> Study {
    match elaborate(&Repository, name, options) {
        Ok((study, _)) => study,
        Err(errors) => {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{name}:\n{}", text.join("\n"));
        }
    }
}

#[test]
fn all_experiments_elaborate() {
    for name in ["aime", "quickstart", "pretrain", "smollm2_gsm8k"] {
        let study = study(&format!("experiments/{name}.rlx"), &Options::default());
        println!("{}", serde_json::to_string_pretty(&study).unwrap());
    }
    for name in [
        "published",
        "simplerl",
        "temperature",
        "families",
        "algorithms",
        "distillation",
        "code",
        "visual",
    ] {
        study(&format!("experiments/paper/{name}.rlx"), &Options::default());
    }
    study(
        "experiments/aime.rlx",
        &Options {
            profile: Some("laptop".into()),
            ..Options::default()
        },
    );
}

/// What a study means: all of it but the places in the text.
fn meaning(study: &Study) -> serde_json::Value {
    let mut value = serde_json::to_value(study).expect("a value");
    for (_, leaf) in value["origins"].as_object_mut().expect("an object") {
        leaf.as_object_mut()
            .expect("an object")
            .retain(|key, _| key == "value" || key == "unit");
    }
    value
}

fn from_text(text: &str, options: &Options) -> Study {
    let sources = rlx_language::Memory([("experiments/study.rlx".to_owned(), text.to_owned())].into());
    match elaborate(&sources, "experiments/study.rlx", options) {
        Ok((study, _)) => study,
        Err(errors) => panic!(
            "{}\n{text}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        ),
    }
}

const NAMES: [&str; 4] = ["aime", "quickstart", "pretrain", "smollm2_gsm8k"];

/// Line breaks after values and commas, and no alignment.
fn squeezed(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let (code, comment) = line.find("  //").map_or((line, ""), |at| line.split_at(at));
        let mut out = String::new();
        for c in code.trim().chars() {
            if c != ' ' || !out.ends_with(' ') {
                out.push(c);
            }
        }
        format!("{out}{}", comment.trim())
    });
    lines.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// The same items from the last to the first; the file's doc stays in front.
fn reversed(text: &str) -> String {
    let doc: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let items = rlx_grammar::parse(text).file.items;
    let pieces: Vec<&str> = items
        .iter()
        .rev()
        .map(|item| &text[item.span.start..item.span.end])
        .collect();
    format!("{}\n\n{}\n", doc.join("\n"), pieces.join("\n"))
}

#[test]
fn layout_does_not_change_the_meaning() {
    for name in NAMES {
        let text = read(&format!("experiments/{name}.rlx")).unwrap();
        let options = Options::default();
        let before = meaning(&from_text(&text, &options));
        assert_eq!(before, meaning(&from_text(&squeezed(&text), &options)), "{name}");
    }
}

#[test]
fn the_order_of_declarations_does_not_change_the_meaning() {
    for (name, profile) in [
        ("aime", None),
        ("aime", Some("laptop")),
        ("quickstart", None),
        ("pretrain", None),
        ("smollm2_gsm8k", None),
    ] {
        let text = read(&format!("experiments/{name}.rlx")).unwrap();
        let options = Options {
            profile: profile.map(str::to_owned),
            ..Options::default()
        };
        // Maps of JSON values are equal whatever their order.
        assert_eq!(
            meaning(&from_text(&text, &options)),
            meaning(&from_text(&reversed(&text), &options)),
            "{name}"
        );
    }
}

#[test]
fn names_of_lets_and_params_do_not_change_the_meaning() {
    let plain = |text: &str, names: &[&str]| {
        let mut value = meaning(&from_text(text, &Options::default()));
        for name in names {
            value["origins"].as_object_mut().unwrap().shift_remove(*name);
        }
        // The text of outputs and claims holds the names as written.
        for (_, leaf) in value["origins"].as_object_mut().unwrap() {
            if leaf["value"].as_str().unwrap().contains('(') || leaf["value"] == names[0] {
                leaf["value"] = "…".into();
            }
        }
        for (_, claim) in value["claims"].as_object_mut().unwrap() {
            claim["text"] = "…".into();
        }
        value
    };
    let text = read("experiments/pretrain.rlx").unwrap();
    let renamed = text.replace("let recipe", "let how").replace("= recipe", "= how");
    assert_eq!(plain(&text, &["recipe"]), plain(&renamed, &["how"]));
    let text = read("experiments/quickstart.rlx").unwrap();
    let renamed = text
        .replace("param n ", "param draws ")
        .replace("= n\n", "= draws\n")
        .replace("..n ", "..draws ")
        .replace("= n)", "= draws)");
    assert_eq!(plain(&text, &["n"]), plain(&renamed, &["draws"]));
}

#[test]
fn set_and_profile_leave_a_record() {
    let text = read("experiments/quickstart.rlx").unwrap();
    let options = Options {
        set: vec!["n=64".into(), "rl.optimizer.learning_rate = 2e-4".into()],
        seed: Some(3),
        ..Options::default()
    };
    let study = from_text(&text, &options);
    assert_eq!(study.evaluations["countdown"].samples, 64);
    assert_eq!(study.trainings["rl"].optimizer.learning_rate, 2e-4);
    assert_eq!(
        study.trainings["rl"].optimizer.betas,
        [0.9, 0.95],
        "the rest of the optimizer stays"
    );
    assert_eq!(study.trainings["rl"].optimizer.warmup, 5);
    assert_eq!((study.seed, study.trainings["rl"].seed), (3, 3));
    let change = &study.overrides[0];
    assert_eq!(
        (change.path.as_str(), change.from.as_deref(), change.to.as_str()),
        ("n", Some("256 samples"), "64")
    );
    let leaf = &study.origins["rl.optimizer.learning_rate"];
    assert_eq!(
        leaf.origin,
        rlx_language::Origin::Set {
            text: "--set rl.optimizer.learning_rate = 2e-4".into()
        }
    );
    let written = text
        .lines()
        .position(|line| line.contains("learning_rate = 1e-4"))
        .unwrap()
        + 1;
    assert!(
        matches!(leaf.overrode.as_slice(), [rlx_language::Origin::Written { line, .. }] if *line == written),
        "{:?}",
        leaf.overrode
    );

    let text = read("experiments/aime.rlx").unwrap();
    let study = from_text(
        &text,
        &Options {
            profile: Some("laptop".into()),
            ..Options::default()
        },
    );
    assert_eq!(study.trainings["rl"].keep, [2, 4]);
    assert_eq!(study.problem_sets["aime24"].limit, Some(4));
    assert_eq!(study.evaluations["aime"].sampling.max_tokens, 512);
    assert_eq!(
        study.evaluations["aime"]
            .models
            .iter()
            .map(rlx_language::ModelRef::label)
            .collect::<Vec<_>>(),
        ["base", "rl@2", "rl@4", "student"]
    );
    let profile = study.profile.unwrap();
    assert_eq!(profile.changes.len(), 14);
    assert_eq!(profile.changes[0].from.as_deref(), Some("qwen2_5_7b"));
    assert_eq!(study.origins["rl.batch"].value, "4");
    assert_eq!(
        rlx_language::explain(&from_text(&text, &Options::default()), "rl.batch")[0]
            .1
            .unit
            .as_deref(),
        Some("prompts")
    );
}

#[test]
fn the_gap_of_all_checkpoints_is_that_of_the_measured_ones() {
    let study = from_text(&read("experiments/quickstart.rlx").unwrap(), &Options::default());
    let rlx_language::Query::DeltaSe { of, .. } = &study.outputs["gap"].query else {
        panic!("no gap")
    };
    assert_eq!(
        of.iter().map(rlx_language::ModelRef::label).collect::<Vec<_>>(),
        ["rl@20", "rl@80", "student"]
    );
    assert_eq!(
        study.models["base"].source,
        rlx_language::ModelSource::Path {
            path: "experiments/quickstart/base".into()
        }
    );
    assert_eq!(
        study.title,
        "Quickstart: does RL with verifiable rewards teach a small model to solve countdown puzzles that its base model cannot?"
    );
}

/// The floor that the design states is 5 ms; a loaded test machine gets ten times that.
#[test]
fn a_check_takes_milliseconds() {
    for name in NAMES {
        let file = format!("experiments/{name}.rlx");
        study(&file, &Options::default());
        let best = (0..10)
            .map(|_| {
                let start = std::time::Instant::now();
                study(&file, &Options::default());
                start.elapsed()
            })
            .min()
            .unwrap();
        eprintln!("{name}: {best:?}");
        assert!(best.as_millis() < 50, "{name}: {best:?}");
    }
}
