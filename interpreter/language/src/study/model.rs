//! Models: those that are there before the study, and how it refers to them.

use serde::{Deserialize, Serialize};

/// A model that exists before the study: on the hub, in a folder or file, freshly initialised, or only heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub name: String,
    pub source: ModelSource,
    /// The folder of a LoRA adapter that is merged into the weights, joined as paths of `source` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Longest sequence in tokens, prompt and response together, where the declaration states it.
    pub context: Option<u64>,
    /// Number of parameters, for cost estimates, where stated.
    pub parameters: Option<u64>,
    /// The tokenizer's family, for the check of logit distillation and for reports.
    pub vocabulary: Option<u64>,
    /// SPDX identifier: whether a package may pass the weights on.
    pub licence: Option<String>,
    /// It reads pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vision: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelSource {
    /// `hf:org/name@revision`
    Hub { repo: String, revision: String },
    /// A Hugging Face directory or a `.gguf` file; relative paths are relative to the file that declares them
    /// and are already joined with its folder here.
    Path { path: String },
    /// Fresh weights: `source = init { family = qwen2, hidden = 128, … }`.
    Init {
        architecture: Architecture,
        tokenizer: String,
        seed: u64,
    },
    /// Responses that were drawn elsewhere: `source = responses { file = "./r1.jsonl" }`.
    Responses { recorded: crate::Recorded },
    /// A server that draws responses: `source = endpoint { url = "https://…/v1", model = "…" }`.
    Endpoint { endpoint: crate::Endpoint },
}

/// Sizes of a freshly initialised decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// `qwen2` or `llama`
    pub family: String,
    pub hidden: u64,
    pub layers: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub feed_forward: u64,
    pub context: u64,
    pub rope_theta: f64,
    pub norm_epsilon: f64,
    pub tied: bool,
}

/// A model that is used: one that exists before, or a checkpoint of a training of this study.
/// Step 0 of a training is its end, for a `distill`: how many steps it takes is known only when the
/// teacher's responses are drawn and filtered. A `train` is always named by a kept step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelRef {
    Model { name: String },
    Checkpoint { training: String, step: u64 },
}

impl ModelRef {
    /// `base`, `rl@150`, `student`.
    pub fn label(&self) -> String {
        match self {
            ModelRef::Model { name } => name.clone(),
            ModelRef::Checkpoint { training, step: 0 } => training.clone(),
            ModelRef::Checkpoint { training, step } => format!("{training}@{step}"),
        }
    }
}
