//! Who watches a run.

use std::path::Path;

use rlx_engine::{Finish, Progress};

use crate::StepMetrics;

/// A response sampled in training.
#[derive(Clone, Copy, Debug)]
pub struct Rollout<'a> {
    /// The prompt's id.
    pub prompt: &'a str,
    /// Number of the response among those of its prompt.
    pub number: usize,
    /// Tokens as drawn, with the stop token.
    pub tokens: &'a [u32],
    pub finish: Finish,
    /// NaN where it could not be judged.
    pub reward: f64,
    pub advantage: f64,
}

/// Is told how a run goes. After an interruption steps may be told again, with the same numbers.
pub trait Observer {
    /// A step is done and its measures are written. False: stop here (the state is saved, the same call goes on later).
    fn step(&mut self, metrics: &StepMetrics) -> bool;

    /// The measures say that the run does not learn as it should; a sentence with the numbers, each kind once.
    fn warning(&mut self, _text: &str) {}

    /// The weights after `step` lie in `dir`, whole.
    fn checkpoint(&mut self, _step: u64, _dir: &Path) {}

    /// The responses of a step, before the update.
    fn rollouts(&mut self, _step: u64, _rollouts: &[Rollout<'_>]) {}

    /// Sampling of a step is under way. False: stop; the step is not taken.
    fn sampling(&mut self, _step: u64, _progress: Progress) -> bool {
        true
    }
}

/// Watches nothing and never stops a run.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _metrics: &StepMetrics) -> bool {
        true
    }
}
