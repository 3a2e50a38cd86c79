//! Damaged studies end in diagnostics, never in a panic, and every diagnostic points into a text.

use rlx_language::{Diagnostic, Memory, Options, Rendered, elaborate};

fn experiment(name: &str) -> String {
    std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../experiments")
            .join(name),
    )
    .expect("an experiment")
}

fn diagnostics(text: &str, options: &Options) -> Vec<Diagnostic> {
    let sources = Memory([("a/study.rlx".to_owned(), text.to_owned())].into());
    match elaborate(&sources, "a/study.rlx", options) {
        Ok((_, warnings)) => warnings,
        Err(errors) => {
            assert!(
                errors.iter().any(Diagnostic::is_error),
                "refused without an error"
            );
            errors
        }
    }
}

fn check(text: &str) {
    for diagnostic in diagnostics(text, &Options::default()) {
        for label in &diagnostic.labels {
            assert!(
                label.file.text.get(label.span.start..label.span.end).is_some(),
                "{diagnostic}: {:?}",
                label.span
            );
        }
        assert!(
            rlx_language::codes::story(diagnostic.code).is_some(),
            "{} has no story",
            diagnostic.code
        );
    }
}

#[test]
fn lines_left_out_doubled_and_swapped() {
    for name in ["aime.rlx", "quickstart.rlx", "pretrain.rlx"] {
        let text = experiment(name);
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(at);
            check(&without.join("\n"));
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            check(&twice.join("\n"));
            let mut swapped = lines.clone();
            swapped.swap(at, (at * 7 + 3) % lines.len());
            check(&swapped.join("\n"));
        }
    }
}

#[test]
fn words_replaced_by_others_of_the_file() {
    let text = experiment("quickstart.rlx");
    let words: Vec<(usize, &str)> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "_.@*%".contains(c)))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect();
    for (index, (at, word)) in words.iter().enumerate() {
        let (_, other) = words[(index * 31 + 17) % words.len()];
        check(&format!("{}{other}{}", &text[..*at], &text[at + word.len()..]));
        check(&format!("{}1e300{}", &text[..*at], &text[at + word.len()..]));
    }
}

#[test]
fn deep_and_long_values_end() {
    let deep = |open: &str, close: &str| format!("let a = {}1{}\n", open.repeat(5_000), close.repeat(5_000));
    for text in [
        deep("(", ")"),
        deep("[", "]"),
        deep("-", ""),
        deep("a { b = ", " }"),
    ] {
        check(&text);
    }
    let chain: String = (0..2_000)
        .map(|at| format!("let a{at} = a{}\n", at + 1))
        .collect();
    check(&format!(
        "{chain}let a2000 = 1\nuse std.models.smollm2_135m\nmodel m = smollm2_135m {{ context = a0 }}\n"
    ));
    check(&chain);
    let models: String = (0..500)
        .map(|at| format!("model m{at} = m{} {{ context = {} }}\n", at + 1, at + 1))
        .collect();
    check(&models);
    let depth = |text: &str| {
        let found = diagnostics(text, &Options::default());
        assert!(
            found
                .iter()
                .any(|diagnostic| diagnostic.code == "rlx::name::depth"),
            "{found:?}"
        );
    };
    let doubled: String = (0..60)
        .map(|at| format!("let a{at} = a{n} + a{n}\n", n = at + 1))
        .collect();
    let rest = "let a60 = 1\nmodel m = std.models.smollm2_135m { context = a0 }\nlet b60 = [m]\n";
    let lists: String = (0..60)
        .map(|at| format!("let b{at} = [b{n}, b{n}]\n", n = at + 1))
        .collect();
    let evaluate = "evaluate e { models = b0, benchmark = std.benchmarks.gsm8k, samples = a0, sampling = { temperature = 1, max_tokens = 8 } }\n";
    depth(&format!("{doubled}{lists}{rest}{evaluate}"));
    depth(&chain);
    let long: String = (0..50_000).map(|at| format!("let a{at}=a{}\n", at + 1)).collect();
    depth(&long);
    let trainings: String = (0..200)
        .map(|at| format!("train t{at} = t200 {{ start = t{} }}\n", at + 1))
        .collect();
    let last = "train t200 { start = std.models.smollm2_135m, algorithm = std.algorithms.grpo, data = std.data.gsm8k_train, batch = 4, rollouts = 4, steps = 3 }\n";
    depth(&format!("{trainings}{last}"));
}

#[test]
fn odd_settings_end() {
    let text = experiment("quickstart.rlx");
    for set in [
        "",
        "=",
        "n",
        "n=",
        "=3",
        "n=[",
        "n=\"",
        "rl=3",
        "rl.x.y.z=3",
        "n.a=1",
        "base=3",
        "rl@20=3",
        "coverage=3",
        "coverage=summary(countdown)",
        "sharper=3",
        "п=3",
        "n=64\nparam x = 3",
    ] {
        let options = Options {
            set: vec![set.into()],
            ..Options::default()
        };
        let found = diagnostics(&text, &options);
        assert_eq!(
            found.iter().any(Diagnostic::is_error),
            set != "coverage=summary(countdown)",
            "{set}: {found:?}"
        );
    }
}

#[test]
fn a_report_shows_both_places() {
    let text = "use std.models.smollm2_135m\nuse std.benchmarks.gsm8k\nparam n = 8 steps\nevaluate e {\n    models = smollm2_135m\n    benchmark = gsm8k\n    sampling = { temperature = 0.6, topp = 0.9, max_tokens = 8_192 }\n    samples = n\n}\n";
    let found = diagnostics(text, &Options::default());
    let reports: Vec<String> = found
        .iter()
        .map(|diagnostic| {
            let mut out = String::new();
            let handler =
                miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
            handler
                .render_report(&mut out, &Rendered::from(diagnostic))
                .unwrap();
            out
        })
        .collect();
    let all = reports.join("\n");
    for part in [
        "rlx::unit::mismatch",
        "this is in steps",
        "samples are wanted here",
        "write `8 samples`",
        "did you mean `top_p`?",
        "a/study.rlx:3:11",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    let json = serde_json::to_value(&found[0]).unwrap();
    assert_eq!(json["labels"][0]["file"], "a/study.rlx");
    assert!(json["labels"][0]["line"].as_u64().unwrap() > 0);
}

/// What fuzzing found once: places inside of characters, …
#[test]
fn seeds_of_the_fuzzer_are_checked() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for diagnostic in diagnostics(&text, &Options::default()) {
            for label in &diagnostic.labels {
                assert!(
                    label.file.text.get(label.span.start..label.span.end).is_some(),
                    "{diagnostic}"
                );
            }
        }
        check(&text);
        seen += 1;
    }
    assert!(seen > 1);
}
