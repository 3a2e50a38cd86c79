//! What an editor asks of a study: `‸` marks the cursor.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_language::index::{Completion, Index, RenameError};
use rlx_language::{Memory, Options, elaborate};

const LAB: &str = include_str!("../../../tests/language/lab.rlx");

const STUDY: &str = r#"//! A study.

use "./lab.rlx" as lab
use std.algorithms.{grpo, dr_grpo}
use std.algorithms.sft as imitate

/// Samples a problem.
param n = 64 samples
let decoding = { temperature = 0.6, max_tokens = 32 }

train rl = lab.rl {
    algorithm = grpo { kl = none, aggregation = token_sum }
    steps     = 20 steps
    keep      = [5, 10]
}
train rl_2 = rl { algorithm = dr_grpo, seed = 2 }
train warm = lab.rl { algorithm = imitate, rollouts = none, data = lab.train_set { response = "worked" } }

evaluate test {
    models    = [lab.base, rl, rl@10, rl_2, warm]
    benchmark = lab.test_set
    sampling  = decoding { top_p = 0.9 }
    samples   = n
}

figure coverage = pass_at_k(test, of = rl, k = 1..n by *2)
claim better "better" {
    pass(test, rl, k = 1) > pass(test, lab.base, k = 1)
}

profile small {
    n        = 8
    rl.steps = 10
}
"#;

fn index(text: &str) -> Index {
    let files = [
        ("study.rlx".to_owned(), text.to_owned()),
        ("lab.rlx".to_owned(), LAB.to_owned()),
    ];
    Index::new(&Memory(files.into()), "study.rlx").unwrap()
}

/// The offset of the middle of `part`'s occurrence number `nth`.
fn at(text: &str, part: &str, nth: usize) -> usize {
    text.match_indices(part)
        .nth(nth)
        .unwrap_or_else(|| panic!("no {part}"))
        .0
        + part.len() / 2
}

fn hover(part: &str, nth: usize) -> String {
    let found = index(STUDY).hover("study.rlx", at(STUDY, part, nth));
    found.unwrap_or_else(|| panic!("nothing on {part}")).text
}

#[test]
fn a_hover_tells_type_unit_value_and_origin() {
    assert!(
        index(STUDY).diagnostics().is_empty(),
        "{:?}",
        index(STUDY).diagnostics()
    );
    for (part, nth, wanted) in [
        (
            "steps",
            0,
            &[
                "a number of steps",
                "value: `20` steps",
                "written in `study.rlx:13:17`",
            ][..],
        ),
        (
            "kl",
            0,
            &["Penalty", "value: `none`", "written in `study.rlx:12:29`"],
        ),
        (
            "aggregation",
            0,
            &[
                "one of `token_mean`",
                "default: `token_mean`",
                "value: `token_sum`",
            ],
        ),
        ("token_sum", 0, &["A word of `aggregation`"]),
        (
            "grpo",
            2,
            &[
                "Group-relative",
                "algorithm grpo",
                "the standard library, `std/algorithms.rlx`",
            ],
        ),
        ("imitate", 1, &["algorithm sft", "Supervised"]),
        (
            " n ",
            0,
            &["param n = 64 samples", "Samples a problem.", "= `64 samples`"],
        ),
        ("train", 0, &["**`train`**", "`rollouts`"]),
        (
            "pass_at_k",
            0,
            &["pass_at_k(evaluation, of, k, axis)", "Unbiased"],
        ),
        ("test_set", 0, &["benchmark test_set", "Declared in `lab.rlx`"]),
        ("top_p", 0, &["above 0 and at most 1", "value: `0.9`"]),
        ("small", 0, &["--profile"]),
        ("rl.steps", 0, &["a number of steps"]),
    ] {
        let nudge = if part == "rl.steps" { 2 } else { 0 };
        let text = index(STUDY)
            .hover("study.rlx", at(STUDY, part, nth) + nudge)
            .map(|hover| hover.text);
        let text = text.unwrap_or_else(|| panic!("nothing on {part}"));
        for part in wanted {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
    assert!(hover("samples   = n", 0).contains("a number of samples"));
    let broken = STUDY.replace("steps     = 20 steps", "steps     = = 20");
    let later = index(&broken).after(&index(STUDY));
    assert!(
        later
            .hover("study.rlx", at(&broken, "top_p", 0))
            .unwrap()
            .text
            .contains("value: `0.9`")
    );
}

#[test]
fn a_definition_is_found_across_files_and_in_the_library() {
    let index = index(STUDY);
    for (part, nth, file, declared) in [
        ("rl@10", 0, "study.rlx", "rl"),
        ("grpo {", 0, "std/algorithms.rlx", "grpo"),
        ("imitate", 1, "std/algorithms.rlx", "sft"),
        ("test_set", 0, "lab.rlx", "test_set"),
        ("rl {", 1, "study.rlx", "rl"),
        ("decoding {", 0, "study.rlx", "decoding"),
        ("*2", 0, "", ""),
    ] {
        let nudge = usize::from(part == "rl@10");
        let found = index.definition("study.rlx", at(STUDY, part, nth) - nudge);
        let Some(found) = found else {
            assert_eq!(file, "", "{part}");
            continue;
        };
        assert_eq!(found.file.name, file, "{part}");
        assert_eq!(
            &found.file.text[found.span.start..found.span.end],
            declared,
            "{part}"
        );
    }
    let whole = index
        .definition("study.rlx", at(STUDY, "\"./lab.rlx\"", 0))
        .unwrap();
    assert_eq!((whole.file.name.as_str(), whole.span.start), ("lab.rlx", 0));
    let uses = index.references("study.rlx", at(STUDY, "param n", 0) + 3);
    assert_eq!(uses.len(), 4, "{uses:?}");
}

fn complete(marked: &str) -> Vec<Completion> {
    let at = marked.find('‸').unwrap();
    index(&marked.replace('‸', "")).complete("study.rlx", at)
}

#[test]
fn completions_fit_the_place() {
    let head = "use \"./lab.rlx\" as lab\nuse std.algorithms.grpo\nparam n = 8\n";
    for (text, wanted, unwanted) in [
        ("tr‸", &["train", "evaluate", "use"][..], &["n", "batch"][..]),
        ("use std.‸", &["models", "algorithms"], &["train"]),
        ("use std.algorithms.‸", &["grpo", "sft"], &["models"]),
        ("use std.algorithms.{grpo, d‸", &["dr_grpo"], &["n"]),
        (
            "train t {\n    ba‸\n}",
            &["batch", "rollouts"],
            &["n", "temperature"],
        ),
        ("train t {\n    batch = 4\n    ‸\n}", &["rollouts"], &["batch"]),
        (
            "train t {\n    algorithm = g‸\n}",
            &["grpo", "std"],
            &["n", "batch"],
        ),
        (
            "train t {\n    algorithm = grpo { ‸",
            &["kl", "clip_low"],
            &["batch"],
        ),
        (
            "train t {\n    algorithm = grpo { aggregation = ‸",
            &["token_sum"],
            &["kl"],
        ),
        (
            "train t = lab.rl { optimizer = { sch‸ } }",
            &["schedule", "warmup"],
            &["batch"],
        ),
        (
            "train t = lab.rl { optimizer = { schedule = ‸ } }",
            &["cosine"],
            &["warmup"],
        ),
        ("train t {\n    steps = ‸\n}", &["n"], &["grpo"]),
        (
            "evaluate e {\n    models = [lab.‸]\n}",
            &["base", "rl"],
            &["grpo"],
        ),
        (
            "evaluate e = lab.eval { sampling = { ‸",
            &["temperature", "top_p"],
            &["samples"],
        ),
        ("data d { source = c‸ }", &["countdown"], &["init"]),
        ("data d { source = countdown { ‸", &["clean"], &["prompt"]),
        ("model m { source = init { family = ‸", &["llama"], &["hidden"]),
        ("figure f = pa‸", &["pass_at_k", "summary"], &["n", "pass"]),
        ("figure f = pass_at_k(lab.eval, ‸", &["of", "k"], &["evaluation"]),
        (
            "evaluate e = lab.eval {}\nfigure f = pass_at_k(‸",
            &["e", "lab"],
            &["train"],
        ),
        ("claim c \"x\" { pa‸", &["pass", "share"], &["pass_at_k"]),
        (
            "train rl = lab.rl { keep = [5, 10] }\nevaluate e = lab.eval { models = [rl@‸",
            &["*", "last"],
            &["n"],
        ),
        ("profile p { lab.rl.‸", &["batch"], &["n"]),
        ("profile p { ‸", &["n", "lab"], &["batch"]),
    ] {
        let found = complete(&format!("{head}{text}"));
        let labels: Vec<&str> = found.iter().map(|item| item.label.as_str()).collect();
        for label in wanted {
            assert!(labels.contains(label), "{text}: no {label} in {labels:?}");
        }
        for label in unwanted {
            assert!(!labels.contains(label), "{text}: {label} in {labels:?}");
        }
    }
    assert!(complete("// tr‸").is_empty() && complete("param n = \"tr‸\"").is_empty());
    let typed = complete("use std.algorithms.grpo\ntrain t {\n    algorithm = gr‸\n}");
    let grpo = typed.iter().find(|item| item.label == "grpo").unwrap();
    assert_eq!(grpo.replaces.end - grpo.replaces.start, 2);
    assert!(grpo.doc.contains("Group-relative"));
}

fn renamed(part: &str, nth: usize, new: &str) -> Result<(String, String), RenameError> {
    let mut edits = index(STUDY).rename("study.rlx", at(STUDY, part, nth), new)?;
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    let (mut study, mut lab) = (STUDY.to_owned(), LAB.to_owned());
    for edit in edits {
        let text = if edit.file.name == "lab.rlx" {
            &mut lab
        } else {
            &mut study
        };
        text.replace_range(edit.span.start..edit.span.end, &edit.text);
    }
    Ok((study, lab))
}

#[test]
fn a_rename_reaches_every_use_and_changes_no_meaning() {
    let (study, lab) = renamed(" n ", 0, "draws").unwrap();
    assert!(
        study.contains("param draws = 64 samples")
            && study.contains("1..draws by")
            && study.contains("draws        = 8")
    );
    assert_eq!(lab, LAB);
    let (study, lab) = renamed("test_set", 0, "held_out").unwrap();
    assert!(study.contains("lab.held_out") && lab.contains("benchmark held_out"));
    let files = [("study.rlx".to_owned(), study), ("lab.rlx".to_owned(), lab)].into();
    assert!(elaborate(&Memory(files), "study.rlx", &Options::default()).is_ok());
    let (study, _) = renamed("imitate", 1, "copy").unwrap();
    assert!(study.contains("sft as copy") && study.contains("algorithm = copy"));
    assert!(matches!(renamed("rl_2", 0, "rl"), Err(RenameError::Taken { .. })));
    assert!(
        matches!(renamed("test_set", 0, "rl"), Err(RenameError::Taken { file, .. }) if file == "lab.rlx")
    );
    assert!(matches!(renamed("grpo", 1, "mine"), Err(RenameError::Library(_))));
    assert!(matches!(renamed("rl_2", 0, "4x"), Err(RenameError::NotAName(_))));
    assert!(matches!(
        renamed("rl_2", 0, "none"),
        Err(RenameError::NotAName(_))
    ));
    assert!(matches!(renamed("keep", 0, "kept"), Err(RenameError::NoName)));
    // `constant` is a word of `schedule`: the name would no longer be read there.
    let text = format!(
        "{STUDY}let how = linear\ntrain t = lab.rl {{ optimizer = {{ learning_rate = 1e-3, schedule = how }} }}\n"
    );
    let taken = index(&text).rename("study.rlx", at(&text, "how", 0), "constant");
    assert!(matches!(taken, Err(RenameError::Meaning { .. })), "{taken:?}");
    let broken = STUDY.replace("seed = 2", "seed = =");
    let refused = index(&broken).rename("study.rlx", at(&broken, "decoding", 0), "how");
    assert!(matches!(refused, Err(RenameError::Broken(_))), "{refused:?}");
}

#[test]
fn the_outline_has_declarations_and_their_fields() {
    let outline = index(STUDY).outline("study.rlx");
    let names: Vec<(&str, &str)> = outline
        .iter()
        .map(|item| (item.kind, item.name.as_str()))
        .collect();
    assert_eq!(names[0], ("param", "n"));
    assert_eq!(names.last(), Some(&("profile", "small")));
    let test = outline.iter().find(|item| item.name == "test").unwrap();
    assert_eq!(
        test.children
            .iter()
            .map(|child| child.name.as_str())
            .collect::<Vec<_>>(),
        ["models", "benchmark", "sampling", "samples"]
    );
}

#[test]
fn a_file_without_results_is_there_for_others() {
    let library = index("model base { source = \"./x\" }\nlet n = 3\n");
    assert!(library.diagnostics().is_empty(), "{:?}", library.diagnostics());
    let study = index("use \"./lab.rlx\" as lab\nevaluate e = lab.eval {}\nlet n = 3\n");
    assert_eq!(study.diagnostics().len(), 1);
}

#[test]
fn mends_mend() {
    for (before, after) in [
        (
            "use \"./lab.rlx\" as lab\ntrain t = lab.rl { stesp = 400 }\n",
            "steps = 400",
        ),
        (
            "use \"./lab.rlx\" as lab\ntrain t = lab.rl { steps = 400 samples }\n",
            "steps = 400 steps",
        ),
        (
            "//! Doc.\n\nuse \"./lab.rlx\" as lab\ntrain t = lab.rl { algorithm = grpo }\n",
            "//! Doc.\n\nuse std.algorithms.grpo\nuse",
        ),
        (
            "use \"./lab.rlx\" as lab\ntrain t = lab.rl { algorithm = std.algorithms.grpo { normalize_std = True } }\n",
            "= true }",
        ),
    ] {
        let found = index(before);
        let mend = found
            .diagnostics()
            .iter()
            .find_map(rlx_language::Diagnostic::mend);
        let mend = mend.unwrap_or_else(|| panic!("no mend: {:?}", found.diagnostics()));
        let mut text = before.to_owned();
        text.replace_range(mend.span.start..mend.span.end, &mend.text);
        assert!(text.contains(after), "{text}");
        assert!(
            index(&text).diagnostics().is_empty(),
            "{text}\n{:?}",
            index(&text).diagnostics()
        );
    }
}

/// Cut anywhere, any question has an answer or none, and no panic.
#[test]
fn broken_texts_are_no_danger() {
    for end in (0..STUDY.len()).step_by(7) {
        let text = &STUDY[..end];
        let index = index(text);
        for at in [0, end / 2, end.saturating_sub(1), end, end + 10] {
            let _ = (index.hover("study.rlx", at), index.definition("study.rlx", at));
            let _ = (
                index.complete("study.rlx", at),
                index.rename("study.rlx", at, "x"),
            );
        }
        let _ = index.outline("study.rlx");
    }
}

#[test]
fn axes_of_a_family_are_names_of_their_own() {
    let text = "use \"./lab.rlx\" as lab\nlet seeds = [1, 2]\ntrain rl for s in seeds {\n    start     = lab.base\n    algorithm = std.algorithms.grpo\n    data      = lab.train_set\n    batch     = 4\n    rollouts  = 4\n    steps     = 5\n    max_tokens = 64\n    seed      = s\n}\nevaluate e = lab.eval { models = [lab.base, rl[1], rl[2]] }\n";
    let found = index(text);
    assert!(found.diagnostics().is_empty(), "{:?}", found.diagnostics());
    let edits = found
        .rename("study.rlx", at(text, " seeds ", 0), "draws")
        .unwrap();
    assert_eq!(edits.len(), 2);
    assert_eq!(found.references("study.rlx", at(text, " rl[1]", 0) - 1).len(), 3);
    let clash = found.rename("study.rlx", at(text, " seeds ", 0), "s");
    assert!(matches!(clash, Err(RenameError::Meaning { .. })), "{clash:?}");
    assert!(
        found
            .hover("study.rlx", at(text, " s\n", 0))
            .unwrap()
            .text
            .contains("axis")
    );
}
