//! What is drawn from models, and how.

use serde::{Deserialize, Serialize};

use super::ModelRef;

/// A token: its number, or a text that the model's tokenizer writes as one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Token {
    Id(u64),
    Text(String),
}

/// At which temperature responses are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Temperature {
    Fixed(f64),
    /// The one that a search finds.
    Found {
        search: String,
    },
}

impl Temperature {
    /// The number, where the study says it.
    pub fn fixed(&self) -> Option<f64> {
        match self {
            Temperature::Fixed(value) => Some(*value),
            Temperature::Found { .. } => None,
        }
    }

    /// The search that finds it.
    pub fn search(&self) -> Option<&str> {
        match self {
            Temperature::Fixed(_) => None,
            Temperature::Found { search } => Some(search),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub temperature: Temperature,
    pub top_p: f64,
    pub top_k: Option<u64>,
    // Not written where absent, so that keys of studies without them stay what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logit_bias: Vec<(Token, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tokens: Option<u64>,
    pub max_tokens: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub name: String,
    pub models: Vec<ModelRef>,
    /// A key of `Study::problem_sets`.
    pub benchmark: String,
    pub sampling: Sampling,
    /// Samples a problem, joined ones too.
    pub samples: u64,
    pub seed: u64,
    /// Evaluations whose samples count here, too, in their order; none of them is joined with others itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
}

/// Samples of another evaluation, drawn from another seed and alike in everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub evaluation: String,
    /// Samples a problem that it draws itself.
    pub samples: u64,
    pub seed: u64,
}

impl Evaluation {
    /// Samples a problem that are drawn for this evaluation itself.
    pub fn own_samples(&self) -> u64 {
        let joined: u64 = self.joined.iter().map(|part| part.samples).sum();
        self.samples.saturating_sub(joined)
    }

    /// Whose samples count: its own first, each with how many there are and the number of its first one.
    pub fn parts(&self) -> Vec<(&str, u64, u64)> {
        let mut parts = vec![(self.name.as_str(), self.own_samples(), 0)];
        let mut from = self.own_samples();
        for part in &self.joined {
            parts.push((&part.evaluation, part.samples, from));
            from = from.saturating_add(part.samples);
        }
        parts
    }
}
