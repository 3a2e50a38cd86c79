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
            examples: Vec::new(),
            prefill: None,
        },
        judge: Judge::Number,
        limit: None,
        skip: 0,
        size: None,
        exclude: Vec::new(),
        licence: None,
        filter: None,
        shuffle: None,
        among: None,
        image: Vec::new(),
        precision: None,
        code: None,
        command: None,
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

/// The sets of the standard library over copies of their rows: sizes as published, texts as the sets' own tools make them.
#[test]
fn the_librarys_code_sets_load() {
    let data = std::env::var_os("RLX_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let load_as = |benchmark: &str, file: &str, changes: &str| {
        let path = data.join(file);
        if !path.is_file() {
            eprintln!("skipped: {} is not there", path.display());
            return None;
        }
        let text = format!(
            "model m {{ source = \"./m\" }}\nbenchmark b = std.benchmarks.{benchmark} {{ source = \"{}\", {changes} }}\n\
             evaluate e {{ models = m, benchmark = b, samples = 1, sampling = {{ temperature = 1, max_tokens = 8 }} }}\n",
            path.display()
        );
        let sources = rlx_language::Memory([("study.rlx".to_owned(), text)].into());
        let (study, _) = rlx_language::elaborate(&sources, "study.rlx", &rlx_language::Options::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
            .unwrap();
        let size = study.problem_sets["b"].size;
        Some((
            load("b", &study.problem_sets, None, &World::default()).unwrap(),
            size,
        ))
    };
    for (benchmark, file) in [
        ("humaneval", "openai/openai_humaneval/HumanEval.jsonl.gz"),
        (
            "humaneval_plus",
            "evalplus/humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz",
        ),
        ("mbpp", "google-research-datasets/mbpp/full/mbpp.jsonl"),
        ("mbpp_plus", "evalplus/mbppplus/MbppPlus-OriginFmt.jsonl.gz"),
        (
            "olympiadbench",
            "Hothan/OlympiadBench/OE_TO_maths_en_COMP/test.jsonl",
        ),
    ] {
        if let Some((problems, size)) = load_as(benchmark, file, "") {
            assert_eq!(Some(problems.len() as u64), size, "{benchmark}");
        }
    }
    // Their copies have public tests only.
    if let Some((problems, _)) = load_as(
        "livecodebench_v5",
        "livecodebench/code_generation_lite/refined_test5.jsonl",
        "hidden = none, size = none",
    ) {
        assert_eq!(problems.len(), 167);
        assert!(
            problems
                .iter()
                .any(|problem| problem.text.contains("Read the inputs from stdin"))
        );
        assert!(
            problems
                .iter()
                .any(|problem| problem.text.contains("class Solution:"))
        );
        assert!(
            problems
                .iter()
                .all(|problem| !problem.text.contains("{starter_code}"))
        );
    }
    let (Some((made, _)), path) = (
        load_as("mbpp_plus", "evalplus/mbppplus/MbppPlus-OriginFmt.jsonl.gz", ""),
        data.join("evalplus/mbppplus/MbppPlus.jsonl.gz"),
    ) else {
        return;
    };
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
    let own: Vec<serde_json::Value> = text
        .lines()
        // Python's JSON, whose inputs may be infinite.
        .map(|line| {
            line.replace("-Infinity", "0")
                .replace("Infinity", "0")
                .replace("NaN", "0")
        })
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    let same = own
        .iter()
        .filter(|own| {
            let made = made
                .iter()
                .find(|made| own["task_id"] == format!("Mbpp/{}", made.id));
            made.is_some_and(|made| Some(made.text.trim()) == own["prompt"].as_str().map(str::trim))
        })
        .count();
    // EvalPlus cuts links out of 18 tasks.
    assert_eq!((same, own.len()), (360, 378), "texts as EvalPlus writes them");
}

/// The visual sets: sizes as published once multiple choice is left out; every picture that is here is the one that is named.
#[test]
fn the_librarys_visual_sets_load() {
    let data = std::env::var_os("RLX_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let sets = |benchmark: &str, file: &Path| {
        let text = format!(
            "model m {{ source = \"./m\", vision = true }}\nbenchmark b = std.benchmarks.{benchmark} {{ source = \"{}\" }}\n\
             evaluate e {{ models = m, benchmark = b, samples = 1, sampling = {{ temperature = 1, max_tokens = 8 }} }}\n",
            file.display()
        );
        let sources = rlx_language::Memory([("study.rlx".to_owned(), text)].into());
        let (study, _) = rlx_language::elaborate(&sources, "study.rlx", &rlx_language::Options::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
            .unwrap();
        study.problem_sets
    };
    let path = data.join("MathLLMs/MathVision/testmini.jsonl");
    if path.is_file() {
        let problems = load("b", &sets("mathvision", &path), None, &World::default()).unwrap();
        assert_eq!(problems.len(), 114);
        for problem in &problems {
            assert_eq!(problem.pictures.len(), 1);
            assert_eq!(problem.pictures[0].name, format!("images/{}.jpg", problem.id));
            assert!(!problem.pictures[0].bytes().unwrap().is_empty());
        }
        let prompt = rlx_data::render(&sets("mathvision", &path)["b"].prompt, &problems[0]).unwrap();
        assert_eq!(
            prompt.said(),
            "How many different digits can you find in this picture?\n[picture images/4.jpg]"
        );
    } else {
        eprintln!("skipped: {} is not there", path.display());
    }
    let path = data.join("AI4Math/MathVista/testmini.json");
    if path.is_file() {
        // Its pictures are not in its repository: a row that is asked for without one is an error that names it.
        let mut sets = sets("mathvista", &path);
        let error = load("b", &sets, None, &World::default()).unwrap_err().to_string();
        assert!(error.contains("images/1.jpg"), "{error}");
        sets.get_mut("b").unwrap().image.clear();
        let problems = load("b", &sets, None, &World::default()).unwrap();
        assert_eq!(problems.len(), 460);
        assert_eq!(problems[0].precision, Some(1));
        assert!(
            problems[0].text.ends_with("(Decimal places: 1)"),
            "{}",
            problems[0].text
        );
        assert!(problems[1].text.ends_with("(Unit: g)"), "{}", problems[1].text);
        // Gold against itself, and with a digit more than is asked for.
        for problem in &problems {
            let gold = problem.answer.as_deref().unwrap();
            let judged = |answer: &str| {
                let case = rlx_judge::Case {
                    problem: "",
                    gold,
                    response: &format!("\\boxed{{{answer}}}"),
                    truncated: false,
                    gold_is_text: false,
                };
                let verdict = rlx_judge::Judge::judge(&rlx_judge::Math, &case);
                match problem.precision {
                    Some(places) => rlx_judge::to_places(verdict, gold, places).outcome,
                    None => verdict.outcome,
                }
            };
            assert_eq!(judged(gold), rlx_judge::Outcome::Correct, "{gold}");
            if problem.precision.is_some() {
                assert_eq!(
                    judged(&format!("{gold}4")),
                    rlx_judge::Outcome::Correct,
                    "{gold}4"
                );
                assert_eq!(judged(&format!("{gold}6")), rlx_judge::Outcome::Wrong, "{gold}6");
            }
        }
    } else {
        eprintln!("skipped: {} is not there", path.display());
    }
}
