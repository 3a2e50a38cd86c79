//! What two judges say of the same responses.

/// What one judge said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its name of the verdict.
    pub verdict: String,
    pub solved: bool,
    /// What it took for the answer.
    pub answer: Option<String>,
}

/// A response that two judges have judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedTwice {
    pub model: String,
    pub problem: String,
    pub sample: u64,
    /// The benchmark's judge.
    pub first: Said,
    pub second: Said,
}

/// Two judges and the responses of an evaluation that both have judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputes {
    pub evaluation: String,
    /// Names of the benchmark's judge and of the other one.
    pub judges: [String; 2],
    /// In the order of models, problems and samples.
    pub rows: Vec<JudgedTwice>,
}
