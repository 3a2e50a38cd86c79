//! How a model learns from rewards: the parts that an algorithm is composed of.

use serde::{Deserialize, Serialize};

use super::Optimizer;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Algorithm {
    pub name: String,
    pub method: Method,
    pub optimizer: Optimizer,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // a handful a study: a box would only be in the way
pub enum Method {
    Sft,
    Rl(Rl),
}

/// Policy gradients on rewards, as a composition of parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rl {
    pub baseline: Baseline,
    pub normalize_std: bool,
    pub epsilon: f64,
    /// Advantages are whitened over the tokens of the batch.
    pub whiten: bool,
    pub gamma: f64,
    pub lambda: f64,
    /// With `Baseline::Critic`, and only there.
    pub critic: Option<Critic>,
    pub loss: PolicyLoss,
    pub clip_low: f64,
    pub clip_high: f64,
    pub dual_clip: Option<f64>,
    pub ceiling: Option<f64>,
    pub aggregation: Aggregation,
    /// Divisor of `seq_mean_token_sum_norm`, in tokens.
    pub loss_length: Option<u64>,
    pub kl: Option<Kl>,
    pub entropy_bonus: f64,
    /// Passes over a batch of rollouts.
    pub updates: u64,
    /// Prompts an optimiser update; `None`: all of the step's.
    pub mini_batch: Option<u64>,
    /// Batches of prompts that a step may draw where groups of equal rewards are left out.
    pub dynamic_sampling: Option<u64>,
    pub overlong: Option<Overlong>,
    pub mask_truncated: bool,
    pub format: Option<FormatReward>,
    pub correction: Option<Correction>,
    pub temperature: f64,
    pub top_p: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    GroupMean,
    LeaveOneOut,
    Greedy,
    Critic,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLoss {
    Clip,
    Sequence,
    Cispo,
}

/// The value network of PPO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Critic {
    pub optimizer: Optimizer,
    pub clip: Option<f64>,
    pub warmup: u64,
}

/// DAPO's punishment of responses near the length limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlong {
    /// Tokens before the limit.
    pub buffer: u64,
    pub factor: f64,
}

/// A reward for a response that matches a regular expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatReward {
    pub pattern: String,
    pub reward: f64,
}

/// Rollout correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// `token`, `sequence`
    pub weights: Option<String>,
    pub low: Option<f64>,
    pub high: f64,
    pub normalize: bool,
    /// verl's name of a criterion: `seq_mean_k3`.
    pub reject: Option<String>,
    pub reject_low: Option<f64>,
    pub reject_high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    TokenMean,
    TokenSum,
    SeqMeanTokenSum,
    SeqMeanTokenMean,
    SeqMeanTokenSumNorm,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kl {
    /// `k1`, `k2`, `k3`, `abs`
    pub estimator: String,
    pub coefficient: f64,
    /// Taken off the rewards instead of added to the loss.
    pub in_reward: bool,
    /// The gradient is that of k2.
    pub straight_through: bool,
    /// Target and horizon of an adaptive coefficient.
    pub adaptive: Option<[f64; 2]>,
}
