//! Every declaration of the standard library elaborates and says what it is.

use rlx_grammar::ast::{ItemKind, Keyword};
use rlx_language::{Memory, Options, elaborate, standard_library};

fn declarations() -> Vec<(String, String, Keyword, bool)> {
    let mut all = Vec::new();
    for (name, text) in standard_library() {
        let parsed = rlx_grammar::parse(text);
        assert!(parsed.errors.is_empty(), "{name}: {:?}", parsed.errors);
        assert!(parsed.file.doc.is_some(), "{name} has no doc");
        let module = name.trim_start_matches("std/").trim_end_matches(".rlx");
        for item in parsed.file.items {
            if let ItemKind::Declaration(declaration) = item.kind {
                all.push((
                    module.to_owned(),
                    declaration.name.node,
                    declaration.keyword.node,
                    item.doc.is_some(),
                ));
            }
        }
    }
    all
}

#[test]
fn everything_in_it_can_be_used() {
    for (module, name, keyword, documented) in declarations() {
        assert!(documented, "std.{module}.{name} has no doc");
        let thing = format!("std.{module}.{name}");
        let base = "use \"./lab.rlx\" as lab\n";
        let text = match keyword {
            Keyword::Model => format!("{base}evaluate e = lab.eval {{ models = {thing} }}"),
            Keyword::Data => format!(
                "{base}train t = lab.rl {{ data = {thing} }}\ntrain s = lab.rl {{ data = {thing}, algorithm = std.algorithms.sft, rollouts = none }}"
            ),
            // One model that reads pictures, for the benchmarks that show some.
            Keyword::Benchmark => format!(
                "{base}model eyes = lab.base {{ vision = true }}\nevaluate e = lab.eval {{ models = eyes, benchmark = {thing} }}"
            ),
            Keyword::Algorithm if name == "sft" => continue,
            Keyword::Algorithm => format!("{base}train t = lab.rl {{ algorithm = {thing} }}"),
            // Published numbers: experiments/paper reads them, and a test of its own holds that.
            Keyword::Let if module == "limit_of_rlvr" => continue,
            Keyword::Let => format!(
                "{base}benchmark b = lab.test_set {{ prompt = {thing} }}\nevaluate e = lab.eval {{ benchmark = b }}"
            ),
            other => panic!("{other:?} in the standard library"),
        };
        let lab = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/language/lab.rlx"),
        )
        .unwrap();
        let files = [("study.rlx".to_owned(), text), ("lab.rlx".to_owned(), lab)].into();
        if let Err(errors) = elaborate(&Memory(files), "study.rlx", &Options::default()) {
            panic!("{thing}: {}", errors[0]);
        }
    }
}

#[test]
fn dr_grpo_divides_by_the_rollouts_length() {
    let lab = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/language/lab.rlx"),
    )
    .unwrap();
    let text = "use \"./lab.rlx\" as lab\ntrain t = lab.rl { algorithm = std.algorithms.dr_grpo }".to_owned();
    let files = [("study.rlx".to_owned(), text), ("lab.rlx".to_owned(), lab)].into();
    let (study, _) = elaborate(&Memory(files), "study.rlx", &Options::default()).unwrap();
    let rlx_language::Recipe::Rl {
        algorithm,
        max_tokens,
        ..
    } = &study.trainings["t"].recipe
    else {
        panic!("no rl")
    };
    assert_eq!((algorithm.loss_length, *max_tokens), (Some(64), 64));
    assert!(!algorithm.normalize_std);
    assert_eq!(algorithm.kl, None);
}
