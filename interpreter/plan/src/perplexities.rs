//! What a claim has to have scored before it can be evaluated.

use rlx_language::{Condition, ModelRef, Quantity};

/// The perplexities that a claim measures: (evaluation, of, under), in the order they are read.
pub fn perplexities(condition: &Condition) -> Vec<(String, ModelRef, ModelRef)> {
    let mut found = Vec::new();
    condition_perplexities(condition, &mut found);
    found
}

fn condition_perplexities(condition: &Condition, found: &mut Vec<(String, ModelRef, ModelRef)>) {
    match condition {
        Condition::Compare { left, right, .. } => {
            quantity_perplexities(left, found);
            quantity_perplexities(right, found);
        }
        Condition::And { left, right } | Condition::Or { left, right } => {
            condition_perplexities(left, found);
            condition_perplexities(right, found);
        }
        Condition::Not { condition } => condition_perplexities(condition, found),
    }
}

fn quantity_perplexities(quantity: &Quantity, found: &mut Vec<(String, ModelRef, ModelRef)>) {
    for (evaluation, of, under) in quantity.scores() {
        let entry = (evaluation.to_owned(), of.clone(), under.clone());
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
}
