//! Verdicts and scores: one row a response that was drawn.

use crate::{
    RunError,
    backend::{OpenModel, Pair},
    event::{Event, Listener},
    judging::Judging,
    state::sampled_problems,
    world::World,
};
use rayon::prelude::*;
use rlx_data::{Picture, Problem};
use rlx_language::Judge;
use rlx_plan::{Action, SampleStep, Step};
use rlx_store::{Finish, Response, ScoreRow, Store, VerdictRow, problems_hash};
use std::collections::{BTreeMap, BTreeSet};

/// Rows judged between two writes; programs take their time, and a kill loses a block at most.
const VERDICTS_A_BLOCK: usize = 4096;
const PROGRAMS_A_BLOCK: usize = 128;
/// Rows scored between two writes.
const SCORES_A_BLOCK: usize = 1024;

/// The responses of `draw` that have no row in a table yet, with their problems.
fn missing<'a>(
    responses: &'a [Response],
    problems: &'a [Problem],
    samples: u64,
    present: &BTreeSet<(String, u64)>,
) -> Vec<(&'a Problem, &'a Response)> {
    let by_id: BTreeMap<&str, &Problem> = problems
        .iter()
        .map(|problem| (problem.id.as_str(), problem))
        .collect();
    responses
        .iter()
        .filter(|row| row.sample < samples && !present.contains(&(row.problem.clone(), row.sample)))
        .filter_map(|row| by_id.get(row.problem.as_str()).map(|problem| (*problem, row)))
        .collect()
}

/// Judges what is not judged yet.
pub(crate) fn run(
    step: &Step,
    samples: &Step,
    draw: &SampleStep,
    judge: Judge,
    store: &Store,
    world: &World,
    listener: &mut dyn Listener,
) -> Result<(), RunError> {
    let table = store.verdicts(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    crate::answers::check(world.set(&draw.set)?, problems, &step.name)?;
    let responses = store.samples(&samples.key.folder()).read()?;
    let judge = Judging::open(judge, world.set(&draw.set)?, &step.name)?;
    let missing = missing(&responses, problems, draw.samples, &table.present()?);
    let mut done = problems.len() as u64 * draw.samples - missing.len() as u64;
    let block = match judge.runs_programs() {
        true => PROGRAMS_A_BLOCK,
        false => VERDICTS_A_BLOCK,
    };
    for block in missing.chunks(block) {
        let rows = verdicts(block, &judge);
        table.append(&rows)?;
        done += rows.len() as u64;
        listener.hear(&Event::Progress {
            name: &step.name,
            done,
            tokens: 0,
            note: None,
        });
    }
    table.mark_complete(
        &problems_hash(problems.iter().map(|problem| problem.id.as_str())),
        draw.samples,
    )?;
    Ok(())
}

/// One verdict a case, in order.
fn verdicts(cases: &[(&Problem, &Response)], judge: &Judging) -> Vec<VerdictRow> {
    let label = judge.label();
    cases
        .par_iter()
        .map(|(problem, row)| {
            let verdict = judge.judge(problem, &row.text, row.truncated());
            VerdictRow {
                problem: row.problem.clone(),
                sample: row.sample,
                judge: label.clone(),
                verdict: verdict.outcome.name().to_owned(),
                extracted: verdict.extracted,
                rule: verdict.rule,
                reason: verdict.reason,
            }
        })
        .collect()
}

/// Verdicts of a judging step on given responses, made now: nothing is read from or written to a store.
///
/// Responses to problems that `world` does not hold are left out.
///
/// # Errors
/// A step that judges nothing, or a set that `world` does not hold.
pub fn judge_again(step: &Step, responses: &[Response], world: &World) -> Result<Vec<VerdictRow>, RunError> {
    let Action::Judge { set, judge, .. } = &step.action else {
        return Ok(Vec::new());
    };
    let judge = Judging::open(*judge, world.set(set)?, &step.name)?;
    let nothing = BTreeSet::new();
    let cases = missing(responses, world.problems(set)?, u64::MAX, &nothing);
    Ok(verdicts(&cases, &judge))
}

/// A case for a judge.
pub(crate) fn case<'a>(problem: &'a Problem, response: &'a str, truncated: bool) -> rlx_judge::Case<'a> {
    rlx_judge::Case {
        problem: &problem.text,
        gold: problem.answer.as_deref().unwrap_or_default(),
        response,
        truncated,
        // GSM8K's golds are worked solutions that end in `#### answer`.
        gold_is_text: problem
            .answer
            .as_deref()
            .is_some_and(|answer| answer.contains("####")),
    }
}

/// The responses that a step reads.
pub(crate) struct Responses<'a> {
    pub(crate) step: &'a Step,
    pub(crate) draw: &'a SampleStep,
    /// Name of the tokenizer that drew them.
    pub(crate) tokenizer: &'a str,
}

/// Scores what is not scored yet; returns the number of tokens scored.
pub(crate) fn score(
    step: &Step,
    from: &Responses<'_>,
    store: &Store,
    world: &World,
    model: &mut dyn OpenModel,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let draw = from.draw;
    let table = store.scores(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let set = world.set(&draw.set)?;
    let responses = store.samples(&from.step.key.folder()).read()?;
    let failed = || RunError::backend(&step.name);
    let engine = model.fingerprint();
    // The drawn ids are scored as they are where they mean the same to this model; else its own reading of the text.
    let same_tokens = from.tokenizer == model.tokenizer();
    let missing = missing(&responses, problems, draw.samples, &table.present()?);
    let mut done = problems.len() as u64 * draw.samples - missing.len() as u64;
    let mut tokens = 0;
    let mut prompts: BTreeMap<&str, (Vec<u32>, Vec<Picture>)> = BTreeMap::new();
    for problem in problems {
        let prompt = rlx_data::render(&set.prompt, problem)?;
        let ids = model.encode_prompt(&prompt).map_err(failed())?;
        prompts.insert(
            &problem.id,
            (ids, prompt.pictures().into_iter().cloned().collect()),
        );
    }
    for block in missing.chunks(SCORES_A_BLOCK) {
        let mut pairs = Vec::with_capacity(block.len());
        for (problem, row) in block {
            let response = if same_tokens {
                row.tokens.clone()
            } else {
                model
                    .encode_response(&row.text, row.finish == Finish::Stop)
                    .map_err(failed())?
            };
            let (prompt, pictures) = prompts.get(problem.id.as_str()).cloned().unwrap_or_default();
            pairs.push(Pair {
                prompt,
                pictures,
                response,
            });
        }
        let logprobs = model.score(&pairs).map_err(failed())?;
        let rows: Vec<ScoreRow> = block
            .iter()
            .zip(logprobs)
            .map(|((_, row), logprobs)| ScoreRow {
                problem: row.problem.clone(),
                sample: row.sample,
                tokens: logprobs.len() as u64,
                logprob: logprobs.iter().map(|value| f64::from(*value)).sum(),
                engine: engine.clone(),
            })
            .collect();
        tokens += rows.iter().map(|row| row.tokens).sum::<u64>();
        table.append(&rows)?;
        done += rows.len() as u64;
        listener.hear(&Event::Progress {
            name: &step.name,
            done,
            tokens,
            note: None,
        });
    }
    table.mark_complete(
        &problems_hash(problems.iter().map(|problem| problem.id.as_str())),
        draw.samples,
    )?;
    Ok(tokens)
}
