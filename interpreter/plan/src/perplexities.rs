//! What a claim has to have scored before it can be evaluated.

use rlx_language::{Condition, ModelRef};

/// The perplexities that a claim measures: (evaluation, of, under), in the order they are read.
pub fn perplexities(condition: &Condition) -> Vec<(String, ModelRef, ModelRef)> {
    let mut found = Vec::new();
    for quantity in condition.sides() {
        for (evaluation, of, under) in quantity.scores() {
            let entry = (evaluation.to_owned(), of.clone(), under.clone());
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}
