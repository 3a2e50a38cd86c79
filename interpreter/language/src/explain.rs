//! What `rlx explain FILE path` shows.

use crate::study::{Leaf, Study};

/// The value at a dotted path (`rl.batch`), or all values below it (`rl`), in the order of reading.
pub fn explain<'s>(study: &'s Study, path: &str) -> Vec<(&'s str, &'s Leaf)> {
    let below = format!("{path}.");
    study
        .origins
        .iter()
        .filter(|(name, _)| *name == path || name.starts_with(&below))
        .map(|(name, leaf)| (name.as_str(), leaf))
        .collect()
}
