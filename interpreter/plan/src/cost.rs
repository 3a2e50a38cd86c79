//! What a step will cost, as far as it can be known before it runs.

use serde::Serialize;

/// Upper bounds: every response is counted at `max_tokens`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Tokens drawn.
    pub sampled_tokens: u64,
    /// Tokens passed forward and backward.
    pub trained_tokens: u64,
    /// Tokens passed forward only (scoring).
    pub scored_tokens: u64,
    /// Floating-point operations: 2 a parameter and token forward, 6 with the backward pass. None where the number of
    /// parameters is not known before the model is fetched.
    pub flops: Option<f64>,
    /// Bytes written to the store.
    pub disk: u64,
}

/// Floating-point operations a second that a device sustains, for time estimates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DeviceSpeed {
    pub sampling: f64,
    pub training: f64,
}

impl Cost {
    pub(crate) fn sampling(parameters: Option<u64>, responses: u64, max_tokens: u64) -> Cost {
        let tokens = responses.saturating_mul(max_tokens);
        Cost {
            sampled_tokens: tokens,
            flops: parameters.map(|p| 2.0 * p as f64 * tokens as f64),
            // About 6 bytes a token id with its comma, 5 of text.
            disk: tokens.saturating_mul(11),
            ..Cost::default()
        }
    }

    pub(crate) fn scoring(parameters: Option<u64>, responses: u64, max_tokens: u64) -> Cost {
        let tokens = responses.saturating_mul(max_tokens);
        Cost {
            scored_tokens: tokens,
            flops: parameters.map(|p| 2.0 * p as f64 * tokens as f64),
            disk: responses * 96,
            ..Cost::default()
        }
    }

    /// `checkpoints` are written in 4 bytes a parameter, the resume state in 12.
    pub(crate) fn training(parameters: Option<u64>, sampled: u64, trained: u64, checkpoints: u64) -> Cost {
        Cost {
            sampled_tokens: sampled,
            trained_tokens: trained,
            flops: parameters.map(|p| p as f64 * (2.0 * sampled as f64 + 6.0 * trained as f64)),
            disk: parameters.map_or(0, |p| p * (4 * checkpoints + 12)),
            ..Cost::default()
        }
    }

    /// Seconds on a device; None where the operations are not known.
    pub fn seconds(&self, speed: DeviceSpeed) -> Option<f64> {
        let flops = self.flops?;
        Some(if self.trained_tokens > 0 {
            flops / speed.training
        } else {
            flops / speed.sampling
        })
    }

    /// Sum of two costs; unknown operations make the sum unknown.
    pub fn plus(&self, other: &Cost) -> Cost {
        Cost {
            sampled_tokens: self.sampled_tokens + other.sampled_tokens,
            trained_tokens: self.trained_tokens + other.trained_tokens,
            scored_tokens: self.scored_tokens + other.scored_tokens,
            flops: match (self.flops, other.flops) {
                (Some(a), Some(b)) => Some(a + b),
                _ => None,
            },
            disk: self.disk + other.disk,
        }
    }

    /// The part of this cost that is still to be paid when `share` (0..=1) of the step is done.
    pub fn remaining(&self, share: f64) -> Cost {
        let left = (1.0 - share).clamp(0.0, 1.0);
        let part = |whole: u64| (whole as f64 * left).ceil() as u64;
        Cost {
            sampled_tokens: part(self.sampled_tokens),
            trained_tokens: part(self.trained_tokens),
            scored_tokens: part(self.scored_tokens),
            flops: self.flops.map(|flops| flops * left),
            disk: part(self.disk),
        }
    }
}
