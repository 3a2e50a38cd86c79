//! Searches for a temperature.

use serde::{Deserialize, Serialize};

use super::{ModelRef, Quantity, Sampling};

/// `search matched { … }`: the temperature at which a model's outputs have an entropy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    pub name: String,
    pub model: ModelRef,
    /// A key of `Study::problem_sets`.
    pub benchmark: String,
    /// How each look draws; its temperature is the one that this search finds.
    pub sampling: Sampling,
    /// Samples a problem of each look.
    pub samples: u64,
    pub seed: u64,
    /// Nats a token: made of `entropy(…)`, numbers and published numbers.
    pub target: Quantity,
    /// The lowest and the highest temperature.
    pub between: [f64; 2],
    /// How near to the target, in nats a token.
    pub within: f64,
    /// Looks at most, the two ends among them.
    pub looks: u64,
}
