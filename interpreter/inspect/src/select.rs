//! Which responses are worth reading.

use crate::InspectError;
use rlx_language::Study;
use rlx_plan::Plan;
use rlx_run::World;
use rlx_store::Store;
use serde::Serialize;
use std::collections::BTreeMap;

/// A problem that a model solves rarely, with every response that was judged right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    pub evaluation: String,
    /// Label of the model: `rl@80`.
    pub model: String,
    /// Folder of the responses in the store; labels lie under the same key.
    pub key: String,
    pub problem: String,
    pub text: String,
    pub gold: Option<String>,
    /// Right responses, of `samples`.
    pub correct: u64,
    pub samples: u64,
    pub chains: Vec<Chain>,
}

/// One right response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    pub sample: u64,
    pub text: String,
    pub extracted: Option<String>,
}

/// The hardest solved problems of every model of every evaluation: 0 < accuracy < `below`, hardest first.
///
/// The paper reads those below 5% (its section 3.1).
///
/// # Errors
/// Rows or problems that cannot be read.
pub fn hardest(
    study: &Study,
    plan: &Plan,
    store: &Store,
    world: &World,
    below: f64,
) -> Result<Vec<Reading>, InspectError> {
    let mut readings = Vec::new();
    for evaluation in study.evaluations.values() {
        let problems = world.problems(&evaluation.benchmark)?;
        for model in &evaluation.models {
            let label = model.label();
            let step = |word: &str| plan.step(&format!("{word} {} {label}", evaluation.name));
            let (Some(drawn), Some(judged)) = (step("sample"), step("judge")) else {
                continue;
            };
            let verdicts: BTreeMap<(String, u64), Option<String>> = store
                .verdicts(&judged.key.folder())
                .read()?
                .into_iter()
                .filter(|row| row.verdict == "correct")
                .map(|row| ((row.problem, row.sample), row.extracted))
                .collect();
            let mut counts: BTreeMap<String, (u64, Vec<Chain>)> = BTreeMap::new();
            for row in store.samples(&drawn.key.folder()).read()? {
                if row.sample >= evaluation.own_samples() {
                    continue;
                }
                let (samples, chains) = counts.entry(row.problem.clone()).or_default();
                *samples += 1;
                if let Some(extracted) = verdicts.get(&(row.problem, row.sample)) {
                    chains.push(Chain {
                        sample: row.sample,
                        text: row.text,
                        extracted: extracted.clone(),
                    });
                }
            }
            let mut found: Vec<Reading> = Vec::new();
            for problem in problems {
                let Some((samples, chains)) = counts.remove(&problem.id) else {
                    continue;
                };
                let correct = chains.len() as u64;
                if correct == 0 || correct as f64 >= below * samples as f64 {
                    continue;
                }
                found.push(Reading {
                    evaluation: evaluation.name.clone(),
                    model: label.clone(),
                    key: drawn.key.folder(),
                    problem: problem.id.clone(),
                    text: problem.text.clone(),
                    gold: problem.answer.clone(),
                    correct,
                    samples,
                    chains,
                });
            }
            // A stable sort: problems of one accuracy stay in the benchmark's order.
            found.sort_by(|one, other| (one.correct * other.samples).cmp(&(other.correct * one.samples)));
            readings.extend(found);
        }
    }
    Ok(readings)
}
