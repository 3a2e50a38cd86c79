//! What a claim has to have scored before it can be evaluated.

use rlx_language::{Condition, ModelRef, ProblemsExpr, Quantity};

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
    match quantity {
        Quantity::Perplexity {
            evaluation,
            of,
            under,
            ..
        } => {
            let entry = (evaluation.clone(), of.clone(), under.clone());
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        Quantity::Add { left, right }
        | Quantity::Subtract { left, right }
        | Quantity::Multiply { left, right }
        | Quantity::Divide { left, right } => {
            quantity_perplexities(left, found);
            quantity_perplexities(right, found);
        }
        Quantity::Number { .. } | Quantity::Pass { .. } | Quantity::DeltaSe { .. } => {}
        Quantity::Share { set } | Quantity::Count { set } => no_perplexity(set),
    }
}

/// A set of problems measures no perplexity; named so that a new kind of set forces a decision here.
fn no_perplexity(set: &ProblemsExpr) {
    match set {
        ProblemsExpr::Solved { .. } => {}
        ProblemsExpr::Union { left, right }
        | ProblemsExpr::Intersection { left, right }
        | ProblemsExpr::Difference { left, right } => {
            no_perplexity(left);
            no_perplexity(right);
        }
    }
}
