//! What a run of reinforcement learning is told: the parts that an algorithm is composed of.

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::algorithms::aggregation::Aggregation;
use crate::algorithms::group::Scale;
use crate::algorithms::kl::KlEstimate;
use crate::algorithms::ppo::Clip;
use crate::algorithms::rollout_correction::{Divergence, Reduction, Rejection, Weights};
use crate::spec::{OptimizerSpec, Tuning, at_least_one, kept_within, positive, refuse};

/// What the reward of a response is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Nothing: the advantage of a token is the return from there on (REINFORCE++).
    None,
    /// The mean of the group, the response itself included (GRPO, Dr. GRPO, REINFORCE++-baseline).
    GroupMean,
    /// The mean of the other responses of the group (RLOO).
    LeaveOneOut,
    /// The reward of the greedy response to the same prompt (ReMax).
    Greedy,
    /// A value network's estimate, by GAE (PPO).
    Critic,
}

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdvantageSpec {
    pub baseline: Baseline,
    /// With [`Baseline::GroupMean`]: what the difference is divided by.
    pub scale: Scale,
    /// Added to the standard deviation. The field's values differ: 1e-6 in verl, 1e-4 in TRL.
    pub epsilon: f64,
    /// Whiten over all tokens of the batch afterwards.
    pub whiten: bool,
    /// Discount of later rewards (no baseline, or a critic).
    pub gamma: f64,
    /// GAE's lambda.
    pub lambda: f64,
}

/// The policy loss of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLoss {
    /// PPO's clipped loss with the token's own ratio.
    Clip,
    /// The same with the ratio of the whole response (GSPO).
    Sequence,
    /// A clipped weight without gradient times the log-prob (CISPO).
    Cispo,
}

/// Where a KL penalty enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlPlace {
    /// Added to the loss, aggregated like it.
    Loss,
    /// Taken off the rewards of the tokens before advantages are computed.
    Reward,
}

/// A KL penalty to the model that training started from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KlSpec {
    pub estimate: KlEstimate,
    pub coefficient: f64,
    pub place: KlPlace,
    /// In the reward: the coefficient follows the KL towards `target` over `horizon` responses.
    pub adaptive: Option<Adaptive>,
}

/// verl's adaptive KL controller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    pub target: f64,
    pub horizon: f64,
}

/// A value network: a copy of the start model with a linear head that begins at 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticSpec {
    pub optimizer: OptimizerSpec,
    /// Values move at most this far from the old ones before they count as clipped; `None`: no clipping.
    pub clip: Option<f64>,
    /// Steps in which the critic learns alone.
    pub warmup: u64,
}

/// Correction of the difference between the log-probs at sampling and in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CorrectionSpec {
    pub weights: Option<Weights>,
    pub reject: Vec<Rejection>,
}

/// Groups whose rewards are all equal are left out and others drawn in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicSampling {
    /// Batches of prompts that a step may draw in all. A step that is not full by then trains on what it has.
    pub batches: u32,
}

/// DAPO's soft punishment of responses near the length limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlong {
    /// The last so many tokens before the limit are punished, linearly.
    pub buffer: f64,
    /// What is taken off at the limit.
    pub factor: f64,
}

/// A run of reinforcement learning. Steps are numbered as in [`crate::SftSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RlSpec {
    pub steps: u64,
    /// Prompts a step.
    pub prompts: usize,
    /// Responses sampled for each prompt.
    pub rollouts: usize,
    /// Prompts an optimizer update; `None`: all of the step's.
    pub mini_batch: Option<usize>,
    /// Passes over a step's rollouts. With 1 (and no mini-batches) training is on-policy and the ratio is 1.
    pub updates_per_batch: u32,
    pub temperature: f64,
    pub top_p: f64,
    /// Most tokens a response may have.
    pub max_tokens: usize,
    /// Tokens that end a response.
    pub stop_ids: Vec<u32>,
    pub advantage: AdvantageSpec,
    pub loss: PolicyLoss,
    pub clip: Clip,
    pub aggregation: Aggregation,
    pub kl: Option<KlSpec>,
    pub entropy_bonus: f64,
    /// Needed by [`Baseline::Critic`], and by nothing else.
    pub critic: Option<CriticSpec>,
    pub correction: CorrectionSpec,
    pub dynamic_sampling: Option<DynamicSampling>,
    pub overlong: Option<Overlong>,
    /// Responses that reached the limit take no part in the loss (their rewards still count in the baselines).
    pub mask_truncated: bool,
    pub optimizer: OptimizerSpec,
    /// As in [`crate::SftSpec::keep`].
    pub keep: Vec<u64>,
    /// Seed of the rollouts.
    pub seed: u64,
    pub tuning: Tuning,
}

impl RlSpec {
    /// # Errors
    /// [`TrainError::Spec`] names the first field that cannot be.
    pub fn check(&self) -> Result<(), TrainError> {
        at_least_one("steps", self.steps)?;
        at_least_one("prompts", self.prompts as u64)?;
        at_least_one("rollouts", self.rollouts as u64)?;
        at_least_one("updates_per_batch", self.updates_per_batch.into())?;
        at_least_one("max_tokens", self.max_tokens as u64)?;
        if let Some(prompts) = self.mini_batch {
            at_least_one("mini_batch", prompts as u64)?;
        }
        positive("temperature", self.temperature)?;
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return refuse("top_p", format!("{} is not in (0, 1]", self.top_p));
        }
        self.check_advantage()?;
        self.check_loss()?;
        if let Some(overlong) = self.overlong {
            positive("overlong.buffer", overlong.buffer)?;
            if overlong.buffer > self.max_tokens as f64 {
                let (buffer, limit) = (overlong.buffer, self.max_tokens);
                return refuse(
                    "overlong.buffer",
                    format!("{buffer} is above max_tokens, {limit}"),
                );
            }
        }
        if let Some(dynamic) = self.dynamic_sampling {
            at_least_one("dynamic_sampling.batches", dynamic.batches.into())?;
        }
        kept_within(&self.keep, self.steps)?;
        self.tuning.check()?;
        self.optimizer.check()
    }

    fn check_advantage(&self) -> Result<(), TrainError> {
        let found = self.advantage.epsilon;
        if found.is_nan() || found < 0.0 {
            return refuse("advantage.epsilon", format!("{found} is not 0 or more"));
        }
        for (field, value) in [
            ("advantage.gamma", self.advantage.gamma),
            ("advantage.lambda", self.advantage.lambda),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return refuse(field, format!("{value} is not in [0, 1]"));
            }
        }
        match (self.advantage.baseline, &self.critic) {
            (Baseline::Critic, None) => {
                refuse("critic", "is missing, and the baseline is a critic".to_owned())
            }
            (Baseline::Critic, Some(critic)) => {
                if let Some(clip) = critic.clip {
                    positive("critic.clip", clip)?;
                }
                critic.optimizer.check()
            }
            (_, Some(_)) => refuse("critic", "is given, and the baseline is none".to_owned()),
            (_, None) => Ok(()),
        }
    }

    fn check_loss(&self) -> Result<(), TrainError> {
        for (field, bound) in [("clip.low", self.clip.low), ("clip.high", self.clip.high)] {
            if bound.is_nan() || bound < 0.0 {
                return refuse(field, format!("{bound} is not 0 or more"));
            }
        }
        if let Some(dual) = self.clip.dual
            && (dual.is_nan() || dual <= 1.0)
        {
            return refuse("clip.dual", format!("{dual} is not above 1"));
        }
        if let Aggregation::SeqMeanTokenSumNorm { length: Some(length) } = self.aggregation {
            positive("aggregation.length", length)?;
        }
        for (field, value) in [
            ("entropy_bonus", self.entropy_bonus),
            ("kl.coefficient", self.kl.map_or(0.0, |kl| kl.coefficient)),
        ] {
            if !value.is_finite() {
                return refuse(field, format!("{value} is not finite"));
            }
        }
        if let Some(KlSpec {
            adaptive: Some(adaptive),
            place,
            ..
        }) = self.kl
        {
            positive("kl.adaptive.target", adaptive.target)?;
            positive("kl.adaptive.horizon", adaptive.horizon)?;
            if place == KlPlace::Loss {
                let what = "an adaptive coefficient needs the KL in the reward".to_owned();
                return refuse("kl.adaptive", what);
            }
        }
        if let Some(weights) = self.correction.weights {
            positive("correction.high", weights.high)?;
            if let Some(low) = weights.low {
                positive("correction.low", low)?;
            }
        }
        for criterion in &self.correction.reject {
            positive("correction.reject.high", criterion.high)?;
            if let Some(low) = criterion.low {
                positive("correction.reject.low", low)?;
            }
            if criterion.reduction == Reduction::SeqMax && criterion.divergence == Divergence::K1 {
                let what = "the largest k1 of a response has no meaning; take k2 or k3".to_owned();
                return refuse("correction.reject", what);
            }
        }
        Ok(())
    }
}
