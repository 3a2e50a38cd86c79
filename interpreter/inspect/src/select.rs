//! Which responses are worth reading.

use crate::InspectError;
use rlx_analysis::hard;
use rlx_data::Picture;
use rlx_language::{Evaluation, Study};
use rlx_plan::Plan;
use rlx_run::{RunError, World, solved};
use rlx_store::Store;
use std::collections::BTreeMap;

/// A problem that a model solves rarely, with every response that was judged right.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub evaluation: String,
    /// Label of the model: `rl@80`.
    pub model: String,
    pub problem: String,
    pub text: String,
    pub gold: Option<String>,
    pub pictures: Vec<Picture>,
    /// Right responses, of `samples`.
    pub correct: u64,
    pub samples: u64,
    pub chains: Vec<Chain>,
}

/// One right response.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Folder of the response in the store; its labels lie under the same key. A joined evaluation has several.
    pub key: String,
    /// The evaluation that drew it, where that is another one.
    pub part: Option<String>,
    pub sample: u64,
    pub text: String,
    pub extracted: Option<String>,
}

/// Below which accuracy a problem is read where nobody says: section 3.1 of "limit of RLVR".
const PAPERS_RULE: f64 = 0.05;

/// The hardest solved problems, 0 < accuracy < `below`, hardest first: of the models and evaluations that the study's tables and
/// claims have read, and below what they say unless `below` says otherwise; of all where they have none read. The samples
/// of joined evaluations count as they do in the study's numbers.
///
/// # Errors
/// Rows or problems that cannot be read.
pub fn hardest(
    study: &Study,
    plan: &Plan,
    store: &Store,
    world: &World,
    below: Option<f64>,
) -> Result<Vec<Reading>, InspectError> {
    rlx_run::decide(plan, store, world)?;
    let asked = rlx_run::read_by_hand(study);
    let mut readings = Vec::new();
    for evaluation in study.evaluations.values() {
        for model in &evaluation.models {
            let label = model.label();
            let own = asked.get(&(evaluation.name.clone(), label.clone())).copied();
            if own.is_none() && !asked.is_empty() {
                continue;
            }
            let below = below.or(own).unwrap_or(PAPERS_RULE);
            let mut counts = counts(evaluation, &label, plan, store)?;
            if counts.is_empty() {
                continue;
            }
            let problems = match world.problems(&evaluation.benchmark) {
                Ok(problems) => problems,
                // What it is about is not measured yet, so nothing of it can be read.
                Err(RunError::Undecided { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut found: Vec<Reading> = Vec::new();
            for problem in problems {
                let Some((samples, chains)) = counts.remove(&problem.id) else {
                    continue;
                };
                let correct = chains.len() as u64;
                if !hard(correct, samples, below) {
                    continue;
                }
                found.push(Reading {
                    evaluation: evaluation.name.clone(),
                    model: label.clone(),
                    problem: problem.id.clone(),
                    text: problem.text.clone(),
                    gold: problem.answer.clone(),
                    pictures: problem.pictures.clone(),
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

/// By problem how many samples a model drew, and the right ones.
type Counts = BTreeMap<String, (u64, Vec<Chain>)>;

fn counts(evaluation: &Evaluation, label: &str, plan: &Plan, store: &Store) -> Result<Counts, InspectError> {
    let mut counts = Counts::new();
    for (part, wanted, _) in evaluation.parts() {
        let step = |word: &str| plan.step(&format!("{word} {part} {label}"));
        let (Some(drawn), Some(judged)) = (step("sample"), step("judge")) else {
            continue;
        };
        let mut verdicts: BTreeMap<(String, u64), Option<String>> = store
            .verdicts(&judged.key.folder())
            .read()?
            .into_iter()
            .filter(|row| solved(&row.verdict))
            .map(|row| ((row.problem, row.sample), row.extracted))
            .collect();
        let key = drawn.key.folder();
        for row in store.samples(&key).read()? {
            if row.sample >= wanted {
                continue;
            }
            let (samples, chains) = counts.entry(row.problem.clone()).or_default();
            *samples += 1;
            if let Some(extracted) = verdicts.remove(&(row.problem, row.sample)) {
                chains.push(Chain {
                    key: key.clone(),
                    part: (part != evaluation.name).then(|| part.to_owned()),
                    sample: row.sample,
                    text: row.text,
                    extracted,
                });
            }
        }
    }
    Ok(counts)
}
