//! Published test sets, read in place where they are.

use rlx_data::{World, load};
use rlx_language::study::{Judge, ProblemSet, ProblemSource, Prompt};
use std::path::{Path, PathBuf};

fn set(path: &Path) -> ProblemSet {
    ProblemSet {
        name: "s".to_owned(),
        source: ProblemSource::Path {
            path: path.display().to_string(),
        },
        problem: String::new(),
        answer: None,
        response: None,
        id: None,
        prompt: Prompt {
            template: "{problem}".to_owned(),
            chat: false,
            system: None,
        },
        judge: Judge::Number,
        limit: None,
        skip: 0,
        size: None,
        exclude: Vec::new(),
        licence: None,
        code: None,
    }
}

#[test]
fn real_sets_load() {
    let data = std::env::var_os("RLX_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let sets_there = [
        ("openai/gsm8k/main/test.jsonl", "question", "answer", 1319),
        ("HuggingFaceH4/aime_2024/test.jsonl", "problem", "answer", 30),
        ("math-ai/amc23/test.jsonl", "question", "answer", 40),
    ];
    for (name, problem, answer, count) in sets_there {
        let path = data.join(name);
        if !path.is_file() {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        }
        let mut set = set(&path);
        (set.problem, set.answer) = (problem.to_owned(), Some(answer.to_owned()));
        let problems = load(
            "s",
            &[("s".to_owned(), set)].into_iter().collect(),
            None,
            &World::default(),
        )
        .unwrap();
        assert_eq!(problems.len(), count, "{name}");
        // Gold against itself: the number judge finds the answer in GSM8K's running text, too.
        for problem in &problems {
            let gold = problem.answer.as_deref().unwrap();
            let case = rlx_judge::Case {
                problem: "",
                gold,
                response: gold,
                truncated: false,
                gold_is_text: false,
            };
            let verdict = rlx_judge::Judge::judge(&rlx_judge::Number, &case);
            assert_eq!(verdict.outcome, rlx_judge::Outcome::Correct, "{gold}");
        }
    }
}
