//! Drawing responses, a block at a time.
//!
//! The wanted samples are cut into canonical blocks: a range of sample numbers of a few neighbouring problems. What is
//! missing of a block is drawn in one call and written as one file. So a block's rows are a function of what was there
//! when the step began, never of where an earlier run was killed, and the same command ends with the same bytes.

use crate::{
    RunError,
    backend::{OpenModel, Request, Settings},
    event::{Event, Listener},
    state::sampled_problems,
    world::World,
};
use rlx_data::Problem;
use rlx_language::Sampling;
use rlx_plan::{SampleStep, Step};
use rlx_store::{Response, Store, problems_hash};
use std::collections::BTreeSet;

/// Problems and sample numbers of one block; only what is missing.
struct Block<'a> {
    wanted: Vec<(&'a Problem, Vec<u64>)>,
}

/// Rows of a block when a problem's samples fill it.
const SAMPLES_A_BLOCK: u64 = 256;

fn blocks<'a>(
    problems: &'a [Problem],
    samples: u64,
    rows: usize,
    present: &BTreeSet<(String, u64)>,
) -> Vec<Block<'a>> {
    let width = samples.clamp(1, SAMPLES_A_BLOCK);
    let group = (rows as u64 / width).max(1) as usize;
    let mut blocks = Vec::new();
    for first in (0..samples).step_by(width as usize) {
        for neighbours in problems.chunks(group) {
            let mut wanted = Vec::new();
            for problem in neighbours {
                let missing: Vec<u64> = (first..samples.min(first + width))
                    .filter(|sample| !present.contains(&(problem.id.clone(), *sample)))
                    .collect();
                if !missing.is_empty() {
                    wanted.push((problem, missing));
                }
            }
            if !wanted.is_empty() {
                blocks.push(Block { wanted });
            }
        }
    }
    blocks
}

/// The number of a row's random stream.
///
/// It depends on the study's seed, the model, the problem and the sample number alone.
fn stream(draw: &SampleStep, problem: &Problem, sample: u64) -> u64 {
    draw.model.key.stream(&[
        &draw.seed.to_le_bytes(),
        problem.id.as_bytes(),
        &sample.to_le_bytes(),
    ])
}

/// Draws what is missing of a step; returns the number of tokens drawn.
pub(crate) fn run(
    step: &Step,
    draw: &SampleStep,
    store: &Store,
    world: &World,
    model: &mut dyn OpenModel,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let table = store.samples(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let set = world.set(&draw.set)?;
    let present = table.present()?;
    let settings = settings(&draw.sampling);
    let failed = || RunError::backend(&step.name);
    let mut prompts = std::collections::BTreeMap::new();
    let mut longest = 0;
    for problem in problems {
        let ids = model
            .encode_prompt(&rlx_data::render(&set.prompt, problem)?)
            .map_err(failed())?;
        longest = longest.max(ids.len());
        let room = model.context();
        if ids.len() as u64 + draw.sampling.max_tokens > room {
            return Err(RunError::Step {
                step: step.name.clone(),
                code: "rlx::run::context",
                message: format!(
                    "the prompt of problem `{}` has {} tokens; with max_tokens = {} that is more than the model's context of {room}",
                    problem.id,
                    ids.len(),
                    draw.sampling.max_tokens
                ),
                help: format!(
                    "lower `max_tokens` to at most {}",
                    room.saturating_sub(ids.len() as u64)
                ),
            });
        }
        prompts.insert(problem.id.as_str(), ids);
    }
    let engine = model.fingerprint();
    let blocks = blocks(
        problems,
        draw.samples,
        model.rows_at_once(longest, settings.max_tokens),
        &present,
    );
    let missing: usize = blocks
        .iter()
        .flat_map(|block| &block.wanted)
        .map(|(_, samples)| samples.len())
        .sum();
    // What an earlier run left counts as done.
    let mut done = problems.len() as u64 * draw.samples - missing as u64;
    let mut drawn_tokens = 0;
    for block in blocks {
        let mut requests = Vec::new();
        for (problem, samples) in &block.wanted {
            let prompt = prompts.get(problem.id.as_str()).cloned().unwrap_or_default();
            requests.push(Request {
                prompt,
                streams: samples
                    .iter()
                    .map(|sample| stream(draw, problem, *sample))
                    .collect(),
            });
        }
        let mut in_flight = 0;
        let drawn = model
            .sample(&requests, &settings, &mut |tokens| {
                in_flight += tokens;
                let tokens = drawn_tokens + in_flight;
                listener.hear(&Event::Progress {
                    name: &step.name,
                    done,
                    tokens,
                    note: None,
                });
            })
            .map_err(failed())?;
        let mut rows = Vec::new();
        for (((problem, samples), request), completions) in block.wanted.iter().zip(&requests).zip(drawn) {
            let prompt = prompt_hash(&request.prompt);
            for ((sample, seed), completion) in samples.iter().zip(&request.streams).zip(completions) {
                drawn_tokens += completion.tokens.len() as u64;
                rows.push(Response {
                    problem: problem.id.clone(),
                    sample: *sample,
                    seed: *seed,
                    prompt: prompt.clone(),
                    text: settings.cut(model.decode(&completion.tokens).map_err(failed())?),
                    logprob: completion.logprobs.iter().map(|value| f64::from(*value)).sum(),
                    finish: completion.finish,
                    tokens: completion.tokens,
                    engine: engine.clone(),
                });
            }
        }
        table.append(&rows)?;
        done += rows.len() as u64;
        listener.hear(&Event::Progress {
            name: &step.name,
            done,
            tokens: drawn_tokens,
            note: None,
        });
    }
    table.mark_complete(
        &problems_hash(problems.iter().map(|problem| problem.id.as_str())),
        draw.samples,
    )?;
    Ok(drawn_tokens)
}

/// Draws given rows again, each from its own random stream; nothing is read from or written to a store.
///
/// # Errors
/// A problem that `world` does not hold, or a backend that fails.
pub fn draw_again(
    step: &Step,
    draw: &SampleStep,
    rows: &[Response],
    world: &World,
    model: &mut dyn OpenModel,
) -> Result<Vec<Response>, RunError> {
    let failed = || RunError::backend(&step.name);
    let set = world.set(&draw.set)?;
    let problems = world.problems(&draw.set)?;
    let mut requests = Vec::new();
    for row in rows {
        let problem = problems.iter().find(|problem| problem.id == row.problem);
        let problem = problem.ok_or_else(|| RunError::Step {
            step: step.name.clone(),
            code: "rlx::run::problem",
            message: format!(
                "there is a response to problem `{}`, which `{}` does not hold",
                row.problem, draw.set
            ),
            help: "the rows and the problems do not belong together: get both from where they were made"
                .into(),
        })?;
        requests.push(Request {
            prompt: model
                .encode_prompt(&rlx_data::render(&set.prompt, problem)?)
                .map_err(failed())?,
            streams: vec![stream(draw, problem, row.sample)],
        });
    }
    let settings = settings(&draw.sampling);
    let engine = model.fingerprint();
    let drawn = model
        .sample(&requests, &settings, &mut |_| {})
        .map_err(failed())?;
    let mut again = Vec::new();
    for ((row, request), completions) in rows.iter().zip(&requests).zip(drawn) {
        for (seed, completion) in request.streams.iter().zip(completions) {
            again.push(Response {
                problem: row.problem.clone(),
                sample: row.sample,
                seed: *seed,
                prompt: prompt_hash(&request.prompt),
                text: settings.cut(model.decode(&completion.tokens).map_err(failed())?),
                logprob: completion.logprobs.iter().map(|value| f64::from(*value)).sum(),
                finish: completion.finish,
                tokens: completion.tokens,
                engine: engine.clone(),
            });
        }
    }
    Ok(again)
}

pub(crate) fn settings(sampling: &Sampling) -> Settings {
    Settings {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        min_p: sampling.min_p,
        repetition_penalty: sampling.repetition_penalty,
        stop: sampling.stop.clone(),
        min_tokens: sampling.min_tokens,
        max_tokens: sampling.max_tokens,
    }
}

fn prompt_hash(ids: &[u32]) -> String {
    let mut hasher = blake3::Hasher::new();
    for id in ids {
        hasher.update(&id.to_le_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
