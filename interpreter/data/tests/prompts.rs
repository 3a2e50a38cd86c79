//! The prompts of the standard library, rendered, word for word.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_data::{Problem, RenderedPrompt, render};
use rlx_language::{Memory, Options, elaborate};
use std::collections::BTreeMap;

/// System message, what the user says, how the assistant begins; a plain text has only the second.
fn rendered(name: &str, problem: &str) -> (Option<String>, String, Option<String>) {
    let text = format!(
        "model m {{ source = \"./m\" }}\nbenchmark b {{ source = \"./b.jsonl\", judge = math, prompt = std.prompts.{name} }}\n\
         evaluate e {{ models = m, benchmark = b, samples = 1, sampling = {{ temperature = 1, max_tokens = 8 }} }}\n"
    );
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), text)]));
    let (study, _) = elaborate(&sources, "study.rlx", &Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    let problem = Problem::new("0".into(), problem.into(), None, None);
    match render(&study.problem_sets["b"].prompt, &problem).unwrap() {
        RenderedPrompt::Text(text) => (None, text, None),
        RenderedPrompt::Chat {
            system,
            user,
            prefill,
            ..
        } => (system, user, prefill),
        RenderedPrompt::Shown { .. } => panic!("a text shows no picture"),
    }
}

#[test]
fn prompts_of_the_paper() {
    let own = |text: &str| Some(text.to_owned());
    let boxed = "Please reason step by step, and put your final answer within \\boxed{}.";
    let helpful = || own("You are a helpful assistant.");
    let asked = "What is {x}?";
    assert_eq!(
        rendered("qwen_boxed", asked),
        (helpful(), format!("What is {{x}}?\n{boxed}"), None)
    );
    assert_eq!(
        rendered("qwen_math_cot", asked),
        (own(boxed), asked.to_owned(), None)
    );
    assert_eq!(
        rendered("simple", asked),
        (
            None,
            "Question:\nWhat is {x}?\nAnswer:\nLet's think step by step.\n".to_owned(),
            None
        )
    );
    let script = "Please provide a self-contained Python script that solves the following problem in a markdown code \
                  block:\n```\nWhat is {x}?\n```\n";
    assert_eq!(
        rendered("python_script", asked),
        (helpful(), script.to_owned(), None)
    );
    let begun = "Below is a Python script with a self-contained function that solves the problem and passes \
                 corresponding tests:\n```python\n";
    assert_eq!(
        rendered("python_script_begun", asked),
        (helpful(), script.to_owned(), own(begun))
    );
    let (system, user, prefill) = rendered("livecodebench", "### Question:\nAdd.");
    assert_eq!((system, prefill), (helpful(), own("```python\n")));
    assert_eq!(
        user,
        "You will be given a question (problem specification) and will generate a correct Python program that matches \
         the specification and passes all tests. You will NOT return anything except for the program.\n\n\
         ### Question:\nAdd."
    );
    let (system, user, prefill) = rendered("r1_zero", asked);
    assert!(user.starts_with("A conversation between User and Assistant. The user asks a question, and"));
    assert!(user.ends_with("<answer> answer here </answer>. User: What is {x}? Assistant:"));
    assert_eq!((system, prefill), (None, None));
    let (system, user, _) = rendered("easy_r1", asked);
    assert!(
        system
            .unwrap()
            .ends_with("<think> </think> tags. The final answer MUST BE put in \\boxed{}.")
    );
    assert_eq!(user, asked);
    let (_, user, _) = rendered("dapo", asked);
    assert!(user.contains("where $Answer is the answer to the problem.\n\nWhat is {x}?\n\nRemember to put"));
    assert!(
        rendered("code_r1", asked)
            .0
            .unwrap()
            .contains("<think>...</think>")
    );
}
