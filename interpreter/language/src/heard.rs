//! Models that are only heard: their responses can be had, their weights cannot.

use crate::study::ModelSource;
use serde::{Deserialize, Serialize};

/// Responses that somebody else drew and kept: `source = responses { file = "./r1.jsonl" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The file, joined with the folder of the declaring one.
    pub path: String,
    /// How a row says which problem it answers.
    pub by: RecordedBy,
    /// Column with the response, or with a list of them.
    pub response: String,
    /// Column that says whether a response was cut; rows without it are whole.
    pub truncated: String,
    /// Column with verdicts that somebody gave before: then the benchmark's judge is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// How a row of recorded responses says which problem it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", content = "column", rename_all = "snake_case")]
pub enum RecordedBy {
    /// By the problem's id.
    Id(String),
    /// By the problem's text.
    Problem(String),
}

/// A server that speaks OpenAI's interface: `source = endpoint { url = "https://…/v1", model = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Up to and with `/v1`, without a slash at the end.
    pub url: String,
    /// What the server calls the model.
    pub model: String,
    /// The environment variable that holds the key; never the key itself.
    pub key: Option<String>,
    /// Seconds that an answer may take. This and what follows are no part of what the model means.
    pub timeout: u64,
    /// Questions that are asked at a time.
    pub parallel: u64,
    /// How often a question is asked again before the run ends.
    pub retries: u64,
}

impl ModelSource {
    /// Whether there are weights to train, and to give probabilities.
    pub fn has_weights(&self) -> bool {
        !matches!(self, ModelSource::Responses { .. } | ModelSource::Endpoint { .. })
    }

    /// The source in one line, for reports.
    pub fn described(&self) -> String {
        match self {
            ModelSource::Hub { repo, revision } => format!("hf:{repo}@{revision}"),
            ModelSource::Path { path } => path.clone(),
            ModelSource::Init { architecture, .. } => format!("fresh {} weights", architecture.family),
            ModelSource::Responses { recorded } => format!("responses in {}", recorded.path),
            ModelSource::Endpoint { endpoint } => {
                format!("{} at {} (not reproducible)", endpoint.model, endpoint.url)
            }
        }
    }
}
