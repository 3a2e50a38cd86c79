//! Verdicts on programs in a study: this binary is its own launcher of sandboxes, so it has a `main` of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may panic, and says what it does

use rlx_language::{Memory, Options, elaborate};
use rlx_plan::build;
use rlx_run::{World, judge_again, survey};
use rlx_store::{Finish, Response};
use std::{collections::BTreeMap, fs, process::ExitCode};

const TESTS: [(&str, fn()); 2] = [
    ("programs_are_judged_in_a_study", programs_are_judged_in_a_study),
    ("a_program_of_ones_own_judges", a_program_of_ones_own_judges),
];

fn main() -> ExitCode {
    if let Some(code) = rlx_sandbox::launch_if_asked() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    for (name, test) in TESTS {
        if filter.is_some_and(|filter| !name.contains(filter.as_str())) {
            continue;
        }
        let launcher = std::env::current_exe().unwrap();
        match rlx_sandbox::Sandbox::open(rlx_sandbox::SandboxOptions::new(launcher)) {
            Ok(_) => test(),
            Err(why) => println!("skipped: {why}"),
        }
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

fn programs_are_judged_in_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("model")).unwrap();
    fs::write(path("model/config.json"), "{}").unwrap();
    let rows = concat!(
        r#"{"id":"double","problem":"Write double(x).","tests":"def check(f):\n    assert f(2) == 4\n    assert f(-3) == -6\n","name":"double","setup":["import math"]}"#,
        "\n",
        r#"{"id":"echo","problem":"Print what you read.","tests":[{"input":"7\n","output":"7\n","testtype":"stdin"}],"name":"","setup":null}"#,
        "\n",
    );
    fs::write(path("tasks.jsonl"), rows).unwrap();
    let text = format!(
        r#"model base {{ source = "{}" }}
benchmark tasks {{ source = "{}", prompt = "{{problem}}", answer = "tests", entry_point = "name", setup = "setup", id = "id", judge = code }}
evaluate test {{ models = base, benchmark = tasks, samples = 5, sampling = {{ temperature = 1, max_tokens = 64 }} }}
"#,
        path("model").display(),
        path("tasks.jsonl").display(),
    );
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), text)]));
    let (study, _) = elaborate(&sources, "study.rlx", &Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    let world = World::new(&study, rlx_data::World::new([], true));
    let around = survey(&study, &world, &path("store")).unwrap();
    let plan = build(&study, &around).unwrap();
    let step = plan.step("judge test base").unwrap();

    let said = [
        (
            "double",
            "```python\ndef double(x):\n    return 2 * x\n```",
            Finish::Stop,
            "pass",
        ),
        (
            "double",
            "```python\ndef double(x):\n    return x * x\n```",
            Finish::Stop,
            "fail",
        ),
        ("double", "I cannot do that.", Finish::Stop, "no_program"),
        ("double", "Let me think about", Finish::Length, "truncated"),
        (
            "double",
            "```python\nimport os\nos._exit(0)\n```",
            Finish::Stop,
            "error",
        ),
        ("echo", "```python\nprint(input())\n```", Finish::Stop, "pass"),
        (
            "echo",
            "```python\nprint(1 + int(input()))\n```",
            Finish::Stop,
            "fail",
        ),
    ];
    let responses: Vec<Response> = said
        .iter()
        .enumerate()
        .map(|(sample, (problem, text, finish, _))| Response {
            problem: (*problem).to_owned(),
            sample: sample as u64,
            seed: 0,
            prompt: String::new(),
            tokens: Vec::new(),
            text: (*text).to_owned(),
            finish: *finish,
            length: None,
            logprob: None,
            engine: "test".into(),
        })
        .collect();
    let verdicts = judge_again(step, &responses, &world).unwrap();
    let found: Vec<&str> = verdicts.iter().map(|row| row.verdict.as_str()).collect();
    let wanted: Vec<&str> = said.iter().map(|(.., verdict)| *verdict).collect();
    assert_eq!(found, wanted, "{verdicts:#?}");
    assert!(verdicts.iter().all(|row| row.judge.starts_with("code ")));
}

const JUDGE: &str = r#"import json, sys
case = json.load(sys.stdin)
answer = case["response"].split()[-1] if case["response"].split() else None
if answer == "crash":
    raise ValueError("a case that nobody thought of")
if answer == "loop":
    while True: pass
if answer == "peek":
    open("/etc/passwd").read()
if answer == "chatter":
    print("thinking ...")
right = sorted(answer or "") == sorted(case["gold"])
print(json.dumps({"verdict": right, "extracted": answer, "reason": "letters in any order"}))
"#;

fn a_program_of_ones_own_judges() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("model")).unwrap();
    fs::write(path("model/config.json"), "{}").unwrap();
    fs::write(
        path("rows.jsonl"),
        "{\"id\":\"a\",\"problem\":\"An anagram of listen?\",\"answer\":\"silent\"}\n",
    )
    .unwrap();
    fs::write(path("judge.py"), JUDGE).unwrap();
    let text = format!(
        r#"model base {{ source = "{}" }}
benchmark words {{ source = "{}", prompt = "{{problem}}", id = "id", judge = command, program = "{}", time = 1 seconds }}
evaluate test {{ models = base, benchmark = words, samples = 9, sampling = {{ temperature = 1, max_tokens = 64 }} }}
"#,
        path("model").display(),
        path("rows.jsonl").display(),
        path("judge.py").display(),
    );
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), text)]));
    let (study, _) = elaborate(&sources, "study.rlx", &Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    let plan = || {
        let world = World::new(&study, rlx_data::World::new([], true));
        let around = survey(&study, &world, &path("store")).unwrap();
        (build(&study, &around).unwrap(), world)
    };
    let (before, world) = plan();
    let step = before.step("judge test base").unwrap();
    let said = [
        ("It is enlist", "correct"),
        ("It is banana", "wrong"),
        ("", "wrong"),
        ("I crash", "gave_up"),
        ("I loop", "gave_up"),
        ("I peek", "gave_up"),
        ("I chatter", "gave_up"),
    ];
    let responses: Vec<Response> = (0..)
        .zip(&said)
        .map(|(sample, (text, _))| Response {
            problem: "a".into(),
            sample,
            seed: 0,
            prompt: String::new(),
            tokens: Vec::new(),
            text: (*text).to_owned(),
            finish: Finish::Stop,
            logprob: Some(0.0),
            length: None,
            engine: "test".into(),
        })
        .collect();
    let verdicts = judge_again(step, &responses, &world).unwrap();
    let found: Vec<&str> = verdicts.iter().map(|row| row.verdict.as_str()).collect();
    let wanted: Vec<&str> = said.iter().map(|(_, verdict)| *verdict).collect();
    assert_eq!(found, wanted, "{verdicts:#?}");
    assert_eq!(verdicts[0].extracted.as_deref(), Some("enlist"));
    assert_eq!(verdicts[0].reason, "letters in any order");
    assert!(
        verdicts[3].reason.contains("nobody thought of"),
        "{}",
        verdicts[3].reason
    );
    assert!(
        verdicts[6].reason.contains("no verdict"),
        "{}",
        verdicts[6].reason
    );
    // Another program under the same name judges anew, and draws nothing again.
    fs::write(
        path("judge.py"),
        JUDGE.replace("sorted(answer or \"\")", "(answer or \"\")"),
    )
    .unwrap();
    let (after, _) = plan();
    assert_ne!(after.step("judge test base").unwrap().key, step.key);
    assert_eq!(
        after.step("sample test base").unwrap().key,
        before.step("sample test base").unwrap().key
    );
}
