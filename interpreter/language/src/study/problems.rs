//! Sets of problems: where they come from, how they are put to a model, who judges the answers.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::ProblemsExpr;

/// Problems with checkable answers: a `data` declaration (training) or a `benchmark`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemSet {
    pub name: String,
    pub source: ProblemSource,
    /// Column that holds the problem's text.
    pub problem: String,
    /// Column that holds the gold answer.
    pub answer: Option<String>,
    /// Column with a worked response to imitate (supervised training).
    pub response: Option<String>,
    /// Column with a stable id; else the row's number.
    pub id: Option<String>,
    pub prompt: Prompt,
    pub judge: Judge,
    /// At most this many problems (after `skip`).
    pub limit: Option<u64>,
    pub skip: u64,
    /// The published number of problems.
    pub size: Option<u64>,
    /// Another problem set whose problems must not occur in this one.
    pub exclude: Vec<String>,
    /// SPDX identifier: whether a package may pass the content on.
    pub licence: Option<String>,
    /// Rows for which it does not hold are left out, before everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<crate::Filter>,
    /// Seed of the order in which rows are taken, before `skip` and `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// Only problems that an evaluation puts into this set, after everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<ProblemsExpr>,
    /// Columns with pictures, of which the first that a row has counts; none where problems are text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<String>,
    /// Column with the decimal places to which answers are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// Only with `judge = code`; its `answer` is the column with the tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeColumns>,
    /// Only with `judge = command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<JudgeProgram>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProblemSource {
    /// `hf:org/name@revision`, with configuration and split.
    Hub {
        repo: String,
        revision: String,
        config: Option<String>,
        split: String,
    },
    /// JSON lines, joined with the folder of the declaring file.
    Path { path: String },
    /// A procedural family: `source = countdown { … }`. Options are part of the meaning.
    Task {
        task: String,
        options: IndexMap<String, f64>,
        seed: u64,
    },
}

/// How a problem becomes a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Text with `{problem}` in it.
    pub template: String,
    /// Wrapped in the model's own chat template.
    pub chat: bool,
    pub system: Option<String>,
    /// Worked examples before the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<PromptExample>,
    /// What the assistant's turn begins with; the judge reads it before the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<String>,
}

/// A worked example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptExample {
    pub problem: String,
    pub response: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// The last number equals the gold number.
    Number,
    /// `\boxed{}` or final answer, mathematical equality.
    Math,
    /// The rules of the paper's repository, quirks included.
    MathPaper,
    /// The letter chosen is the gold letter.
    Choice,
    /// The final answer is the gold answer's text.
    Exact,
    /// A countdown solution is checked step by step.
    Countdown,
    /// A program is run against its tests.
    Code,
    /// A program of the user's own says.
    Command,
}

impl Judge {
    /// All judges.
    pub const ALL: [Judge; 8] = [
        Judge::Number,
        Judge::Math,
        Judge::MathPaper,
        Judge::Choice,
        Judge::Exact,
        Judge::Countdown,
        Judge::Code,
        Judge::Command,
    ];

    /// The judge of this name in the language.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|judge| judge.name() == name)
    }

    /// As the language writes it.
    pub fn name(self) -> &'static str {
        match self {
            Judge::Number => "number",
            Judge::Math => "math",
            Judge::MathPaper => "math_paper",
            Judge::Choice => "choice",
            Judge::Exact => "exact",
            Judge::Countdown => "countdown",
            Judge::Code => "code",
            Judge::Command => "command",
        }
    }
}

/// What a problem set says of problems that ask for a program, beside the column with the tests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeColumns {
    /// Column with source that runs before the program.
    pub setup: Option<String>,
    /// Column with the name of the function that is asked for.
    pub entry_point: Option<String>,
    /// Column with the code that the problem gives to begin with.
    pub starter_code: Option<String>,
    /// Column with further tests, plain or as LiveCodeBench packs its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// Responses continue the problem's text, instead of answering it.
    pub completion: bool,
    /// Seconds of CPU time of a program, where the judge's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Bytes of its memory, where the judge's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// A program of the user's own that judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeProgram {
    /// Python source, joined with the folder of the declaring file.
    pub path: String,
    /// Seconds of CPU time a response, where the sandbox's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Bytes of its memory, where the sandbox's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}
