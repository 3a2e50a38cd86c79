//! The trainer: changes the weights of a language model, by examples (SFT) or by rewards (RL).
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts, a step of the plan may ask for a
//! trained model: this crate makes it from the engine's [`rlx_engine::LanguageModel`], a spec of plain data, and examples or rewards
//! that the caller supplies. The formulas are pure functions in [`algorithms`]; the loops are [`train_sft`] and
//! [`train_rl`]. A run that is killed at any moment and started again ends with the same bits.

mod advantage;
pub mod algorithms;
mod batch;
mod correction;
mod critic;
mod distill;
mod error;
mod export;
mod forward;
mod metrics;
mod observer;
mod optimizer;
mod policy;
mod random;
mod rl;
mod rl_spec;
mod rollout;
mod session;
mod sft;
mod spec;
mod state;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
mod warnings;

// The shared test support speaks of this crate by its name.
#[cfg(test)]
extern crate self as rlx_trainer;

pub use distill::{DistillData, DistillSpec, PromptsOf, train_distill};
pub use error::{SourceError, TrainError};
pub use metrics::{StepMetrics, read_metrics};
pub use observer::{Observer, Rollout, Silent};
pub use optimizer::Optimizer;
pub use rl::{RewardSource, RlPrompt, train_rl};
pub use rl_spec::{
    Adaptive, AdvantageSpec, Baseline, CorrectionSpec, CriticSpec, DynamicSampling, KlPlace, KlSpec,
    Overlong, PolicyLoss, RlSpec,
};
pub use sft::{SftData, SftExample, train_sft};
pub use spec::{OptimizerSpec, Rule, Schedule, SftSpec, Tuning, steps_of_epochs};
