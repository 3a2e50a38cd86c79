//! What a training run is told: plain data.

use rlx_engine::{LanguageModel, Lora};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The learning rate over the steps of a run, after the linear warm-up. A floor is a fraction of the peak rate, reached
/// at the last step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Constant,
    Linear { floor: f64 },
    Cosine { floor: f64 },
}

/// How a gradient becomes a change of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Two moments a weight.
    #[default]
    AdamW,
    /// Second moments as products of rows and columns, no first moments: next to no memory beside the weights.
    Adafactor,
}

/// Updates in a row that may be left out before a run counts as diverged, where nobody says.
const SKIP_LIMIT: u32 = 5;

fn skip_limit() -> u32 {
    SKIP_LIMIT
}

/// The optimiser, with decoupled weight decay on every tensor, and clipping of the total gradient norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerSpec {
    #[serde(default)]
    pub rule: Rule,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Of AdamW, as `epsilon` is.
    pub betas: [f64; 2],
    pub epsilon: f64,
    pub weight_decay: f64,
    /// Gradients are scaled by `min(1, clip / (norm + 1e-6))`.
    pub clip_norm: Option<f64>,
    /// Steps of linear warm-up: step `n` runs at `n / warmup` of the peak.
    pub warmup: u64,
    pub schedule: Schedule,
    /// Updates in a row with a loss or gradient that is not finite, at which a run stops. No part of a run's meaning: a
    /// run that stopped goes on with a higher limit.
    #[serde(skip, default = "skip_limit")]
    pub skip_limit: u32,
}

impl Default for OptimizerSpec {
    /// AdamW as PyTorch has it, without weight decay, at a constant rate of 1e-5, clipped at 1.
    fn default() -> Self {
        Self {
            rule: Rule::AdamW,
            learning_rate: 1e-5,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: Some(1.0),
            warmup: 0,
            schedule: Schedule::Constant,
            skip_limit: SKIP_LIMIT,
        }
    }
}

/// Which weights a training changes, and how their gradients are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Low-rank changes are trained in the place of all weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
    /// Activations are made again on the way back instead of kept: about a third more work in a fraction of the memory. No
    /// part of a run's meaning.
    #[serde(skip)]
    pub checkpointing: bool,
}

impl Tuning {
    /// What is trained of a model.
    pub(crate) fn trainable(&self, start: &LanguageModel, seed: u64) -> Result<LanguageModel, TrainError> {
        Ok(match &self.lora {
            None => start.to_trainable_in(start.precision())?,
            Some(lora) => start.to_trainable_lora(start.precision(), lora, seed)?,
        })
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let Some(lora) = &self.lora else {
            return Ok(());
        };
        at_least_one("tuning.lora.rank", u64::try_from(lora.rank).unwrap_or(0))?;
        positive("tuning.lora.alpha", lora.alpha)
    }
}

impl OptimizerSpec {
    /// The learning rate of step `step` (from 1) of a run of `steps`.
    pub fn rate_at(&self, step: u64, steps: u64) -> f64 {
        if step < self.warmup {
            return self.learning_rate * step as f64 / self.warmup as f64;
        }
        let span = steps.saturating_sub(self.warmup).max(1) as f64;
        let done = ((step - self.warmup) as f64 / span).min(1.0);
        self.learning_rate
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Linear { floor } => floor + (1.0 - floor) * (1.0 - done),
                Schedule::Cosine { floor } => {
                    floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
                }
            }
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        at_least_one("optimizer.skip_limit", self.skip_limit.into())?;
        positive("optimizer.learning_rate", self.learning_rate)?;
        positive("optimizer.epsilon", self.epsilon)?;
        for beta in self.betas {
            if !(0.0..1.0).contains(&beta) {
                return refuse("optimizer.betas", format!("{beta} is not in [0, 1)"));
            }
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            let found = self.weight_decay;
            return refuse("optimizer.weight_decay", format!("{found} is not 0 or more"));
        }
        if let Some(norm) = self.clip_norm {
            positive("optimizer.clip_norm", norm)?;
        }
        match self.schedule {
            Schedule::Linear { floor } | Schedule::Cosine { floor } if !(0.0..=1.0).contains(&floor) => {
                refuse(
                    "optimizer.schedule",
                    format!("the floor {floor} is not in [0, 1]"),
                )
            }
            _ => Ok(()),
        }
    }
}

/// A supervised fine-tuning run. Steps are numbered from 1; the weights after step `n` are those of checkpoint `n`, and 0 is the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SftSpec {
    pub steps: u64,
    /// Examples a step.
    pub batch: usize,
    pub optimizer: OptimizerSpec,
    /// Steps whose weights are kept as checkpoints (0: the start). The last step is always kept.
    pub keep: Vec<u64>,
    /// Seed of the shuffles.
    pub seed: u64,
    pub tuning: Tuning,
}

/// Steps of `epochs` passes over `examples`. The last batch of a pass holds what is left, so a pass has `ceil(examples / batch)` steps.
pub fn steps_of_epochs(examples: usize, batch: usize, epochs: u64) -> u64 {
    epochs * examples.div_ceil(batch.max(1)) as u64
}

impl SftSpec {
    /// # Errors
    /// [`TrainError::Spec`] names the first field that cannot be.
    pub fn check(&self) -> Result<(), TrainError> {
        at_least_one("steps", self.steps)?;
        at_least_one("batch", self.batch as u64)?;
        kept_within(&self.keep, self.steps)?;
        self.tuning.check()?;
        self.optimizer.check()
    }
}

pub(crate) fn refuse(field: &'static str, what: String) -> Result<(), TrainError> {
    Err(TrainError::Spec { field, what })
}

pub(crate) fn positive(field: &'static str, value: f64) -> Result<(), TrainError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    refuse(field, format!("{value} is not a positive number"))
}

pub(crate) fn at_least_one(field: &'static str, value: u64) -> Result<(), TrainError> {
    if value > 0 {
        return Ok(());
    }
    refuse(field, "is 0, must be at least 1".to_owned())
}

pub(crate) fn kept_within(keep: &[u64], steps: u64) -> Result<(), TrainError> {
    match keep.iter().find(|&&step| step > steps) {
        None => Ok(()),
        Some(step) => refuse("keep", format!("step {step} lies beyond the last step, {steps}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optimizer(warmup: u64, schedule: Schedule) -> OptimizerSpec {
        OptimizerSpec {
            learning_rate: 2.0,
            betas: [0.9, 0.95],
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: None,
            warmup,
            schedule,
            ..OptimizerSpec::default()
        }
    }

    #[test]
    fn rates_warm_up_and_decay_to_the_floor() {
        let cosine = optimizer(4, Schedule::Cosine { floor: 0.1 });
        assert_eq!(cosine.rate_at(1, 12), 0.5);
        assert_eq!(cosine.rate_at(4, 12), 2.0);
        assert!((cosine.rate_at(8, 12) - 1.1).abs() < 1e-12);
        assert!((cosine.rate_at(12, 12) - 0.2).abs() < 1e-12);
        let linear = optimizer(0, Schedule::Linear { floor: 0.5 });
        assert!((linear.rate_at(5, 10) - 1.5).abs() < 1e-12);
        assert_eq!(optimizer(0, Schedule::Constant).rate_at(7, 10), 2.0);
        assert_eq!(optimizer(3, Schedule::Constant).rate_at(3, 3), 2.0);
    }

    #[test]
    fn specs_that_cannot_be_are_refused_by_field() {
        let spec = SftSpec {
            steps: 3,
            batch: 0,
            optimizer: optimizer(0, Schedule::Constant),
            keep: vec![],
            seed: 1,
            tuning: Tuning::default(),
        };
        assert!(matches!(
            spec.check(),
            Err(TrainError::Spec { field: "batch", .. })
        ));
        let spec = SftSpec {
            batch: 1,
            keep: vec![9],
            ..spec
        };
        assert!(matches!(
            spec.check(),
            Err(TrainError::Spec { field: "keep", .. })
        ));
        assert_eq!(steps_of_epochs(10, 4, 2), 6);
    }
}
