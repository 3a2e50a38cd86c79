//! `Verdict`: what a judge says of one response, and the trait every judge implements.

use serde::{Deserialize, Serialize};

/// One response to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The problem's raw text, as the data set has it.
    pub problem: &'a str,
    /// The gold answer; empty for judges that check the response against the problem alone.
    pub gold: &'a str,
    /// The model's response, special tokens removed.
    pub response: &'a str,
    /// The response ended because it ran into the token limit.
    pub truncated: bool,
    /// `gold` is running text (a worked solution) from which the answer is taken as from a response.
    pub gold_is_text: bool,
}

/// How a response was judged. Only `Correct` and, of programs, `Pass` count as solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Correct,
    Wrong,
    /// No answer was found in the response (or none in the gold: the reason says which).
    Unparsed,
    /// The response ran into the token limit before it gave a final answer.
    Truncated,
    /// The judge's limits were reached, or its input cannot be judged at all.
    GaveUp,
    /// A program passed its tests.
    Pass,
    /// A program gave a wrong answer.
    Fail,
    /// A program stopped before its tests were over.
    Error,
    /// A program did not come to an end.
    Timeout,
    /// A program asked for more memory than it may have.
    Memory,
    /// A program did what the sandbox refuses.
    Forbidden,
    /// The response holds no program.
    NoProgram,
}

impl Outcome {
    /// All outcomes, in the order in which tables list them.
    pub const ALL: [Outcome; 12] = [
        Outcome::Correct,
        Outcome::Wrong,
        Outcome::Unparsed,
        Outcome::Truncated,
        Outcome::GaveUp,
        Outcome::Pass,
        Outcome::Fail,
        Outcome::Error,
        Outcome::Timeout,
        Outcome::Memory,
        Outcome::Forbidden,
        Outcome::NoProgram,
    ];

    /// What judges of texts say, in the order in which tables list it.
    pub const OF_TEXTS: [Outcome; 5] = [
        Outcome::Correct,
        Outcome::Wrong,
        Outcome::Unparsed,
        Outcome::Truncated,
        Outcome::GaveUp,
    ];

    /// What the judge of programs says.
    pub const OF_PROGRAMS: [Outcome; 9] = [
        Outcome::Pass,
        Outcome::Fail,
        Outcome::Error,
        Outcome::Timeout,
        Outcome::Memory,
        Outcome::Forbidden,
        Outcome::NoProgram,
        Outcome::Truncated,
        Outcome::GaveUp,
    ];

    /// Whether the response solves its problem.
    pub fn solved(self) -> bool {
        matches!(self, Outcome::Correct | Outcome::Pass)
    }

    /// The outcome of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// The name used in rows and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Correct => "correct",
            Outcome::Wrong => "wrong",
            Outcome::Unparsed => "unparsed",
            Outcome::Truncated => "truncated",
            Outcome::GaveUp => "gave_up",
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Error => "error",
            Outcome::Timeout => "timeout",
            Outcome::Memory => "memory",
            Outcome::Forbidden => "forbidden",
            Outcome::NoProgram => "no_program",
        }
    }
}

/// A judgement with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub outcome: Outcome,
    /// The answer as it stands in the response.
    pub extracted: Option<String>,
    /// Where the answer was found (`boxed`, `####`, `last_number`, `chain`, …).
    pub rule: String,
    /// One sentence for a reader.
    pub reason: String,
}

impl Verdict {
    pub(crate) fn new(
        outcome: Outcome,
        extracted: Option<String>,
        rule: &str,
        reason: impl Into<String>,
    ) -> Self {
        Verdict {
            outcome,
            extracted,
            rule: rule.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A judge is a pure function of a case: no clock, no files, no state.
///
/// A truncated response is judged like any other where it already holds a final answer (the practice of the
/// common evaluation harnesses: what counts is the answer that is there); where it holds none its outcome is
/// [`Outcome::Truncated`], never `Wrong` or `Unparsed`. What a final answer is, each judge says.
pub trait Judge {
    /// The name used in studies and rows.
    fn name(&self) -> &str;
    /// Changes with every change of a verdict; part of a verdict's key.
    fn version(&self) -> &str;
    fn judge(&self, case: &Case) -> Verdict;
}
