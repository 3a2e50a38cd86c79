//! Trainings: what learns from what, for how long, and how weights are changed.

use serde::{Deserialize, Serialize};

use super::{ModelRef, Rl, Sampling};

/// How a gradient becomes a change of the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateRule {
    #[default]
    AdamW,
    Adafactor,
}

impl UpdateRule {
    fn is_adamw(&self) -> bool {
        *self == Self::AdamW
    }
}

/// Low-rank changes in the place of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LowRank {
    pub rank: u64,
    pub alpha: f64,
    pub targets: LowRankTargets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LowRankTargets {
    All,
    Attention,
    FeedForward,
}

fn usual_skip_limit() -> u64 {
    5
}

fn is_usual_skip_limit(limit: &u64) -> bool {
    *limit == usual_skip_limit()
}

/// The optimiser and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    // Not written where usual, so that keys of studies without it stay what they are.
    #[serde(default, skip_serializing_if = "UpdateRule::is_adamw")]
    pub rule: UpdateRule,
    pub learning_rate: f64,
    pub betas: [f64; 2],
    pub epsilon: f64,
    pub weight_decay: f64,
    pub clip_norm: Option<f64>,
    pub warmup: u64,
    /// `constant`, `linear` or `cosine`
    pub schedule: Schedule,
    /// What the schedule ends at, as a share of `learning_rate`.
    pub floor: f64,
    /// Updates in a row that are not finite, at which the training stops. No part of what a training means.
    #[serde(default = "usual_skip_limit", skip_serializing_if = "is_usual_skip_limit")]
    pub skip_limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Constant,
    Linear,
    Cosine,
}

/// A `train` or a `distill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub name: String,
    pub start: ModelRef,
    /// A key of `Study::problem_sets`.
    pub data: String,
    pub recipe: Recipe,
    pub optimizer: Optimizer,
    /// Steps (optimiser batches) whose checkpoints are kept, ascending; the last step is always among them.
    /// Empty for a `distill`, which keeps its end (step 0 of a [`ModelRef`]).
    pub keep: Vec<u64>,
    pub seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LowRank>,
    /// Activations are made again on the way back. No part of what a training means.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpointing: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // a handful a study: a box would only be in the way
pub enum Recipe {
    /// Reinforcement learning with verifiable rewards.
    Rl {
        algorithm: Rl,
        /// Prompts a step.
        batch: u64,
        /// Samples a prompt.
        rollouts: u64,
        steps: u64,
        /// Tokens a rollout.
        max_tokens: u64,
    },
    /// Supervised fine-tuning on the data's own responses.
    Sft { batch: u64, steps: u64, max_tokens: u64 },
    /// Learning from a teacher.
    Distill {
        teacher: ModelRef,
        /// Prompts taken from the data (None: all of it).
        prompts: Option<u64>,
        /// Responses a prompt.
        samples: u64,
        sampling: Sampling,
        /// Only responses that the judge calls right.
        only_correct: bool,
        epochs: u64,
        batch: u64,
        /// The teacher's distributions are learnt, not its responses alone.
        divergence: Option<Divergence>,
    },
}

/// Logit distillation: the generalised Jensen-Shannon divergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// 0: forward KL(teacher || student), 1: reverse.
    pub beta: f64,
    /// Temperature of both distributions.
    pub temperature: f64,
    /// Responses are drawn by the student as it learns; the teacher draws none.
    pub on_policy: bool,
}
