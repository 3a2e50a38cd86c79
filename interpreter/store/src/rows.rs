//! The rows: one a response, one a verdict, one a score. They are the truth; every number is counted from them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A row of a table, found by problem and sample number.
pub trait Row: Serialize + DeserializeOwned + Clone + Send + Sync {
    fn problem(&self) -> &str;
    fn sample(&self) -> u64;
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it with a stop token.
    Stop,
    /// It was cut at `max_tokens`.
    Length,
}

/// One drawn response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    pub problem: String,
    pub sample: u64,
    /// Number of the random stream that drew it; 0 where nothing here drew it.
    pub seed: u64,
    /// Hash of the prompt's token ids, or of its text where a server was asked; empty where the prompt is not known.
    pub prompt: String,
    /// The drawn token ids, the stop token included; none where they are not known.
    pub tokens: Vec<u32>,
    /// The tokens as text, special tokens left out.
    pub text: String,
    pub finish: Finish,
    /// Tokens of a response whose ids are not known, as the server that drew it counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Sum of the drawn tokens' log-probabilities at the sampling temperature, before top-p; None where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprob: Option<f64>,
    /// Engine, device, precision and threads that drew it.
    pub engine: String,
}

/// One verdict on one response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictRow {
    pub problem: String,
    pub sample: u64,
    /// Name and version: `number 1`.
    pub judge: String,
    /// `correct`, `wrong`, `unparsed`, `truncated`, `gave_up`.
    pub verdict: String,
    pub extracted: Option<String>,
    /// The rule that decided.
    pub rule: String,
    pub reason: String,
}

/// The log-probability of one response under one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    pub problem: String,
    pub sample: u64,
    /// Tokens scored, the stop token included.
    pub tokens: u64,
    /// Sum of natural log-probabilities, teacher-forced, at temperature 1.
    pub logprob: f64,
    pub engine: String,
}

impl Response {
    /// Tokens of the response.
    pub fn length(&self) -> u64 {
        self.length.unwrap_or(self.tokens.len() as u64)
    }

    pub fn truncated(&self) -> bool {
        self.finish == Finish::Length
    }
}

impl ScoreRow {
    /// exp of the mean negative log-probability a token; None for an empty response.
    pub fn perplexity(&self) -> Option<f64> {
        (self.tokens > 0).then(|| libm::exp(-self.logprob / self.tokens as f64))
    }
}

macro_rules! row {
    ($($name:ty),*) => {$(
        impl Row for $name {
            fn problem(&self) -> &str {
                &self.problem
            }
            fn sample(&self) -> u64 {
                self.sample
            }
        }
    )*};
}
row!(Response, VerdictRow, ScoreRow);
