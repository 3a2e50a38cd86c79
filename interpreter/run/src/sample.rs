//! Drawing responses.
//!
//! The wanted samples are cut into canonical blocks: a range of sample numbers of a few neighbouring problems. All of them
//! are drawn in one call, in whatever order rows end; each is in the store's journal at once, and a block is written as one
//! file when it is whole and those before it are written. So a block's rows are a function of what was there when the step
//! began, never of where an earlier run was killed, the same command ends with the same bytes, and what lies in memory are
//! the rows of a few blocks.

use crate::{
    RunError,
    backend::{Drawn, OpenModel, Request, Rows, Settings},
    event::{Event, Listener},
    state::sampled_problems,
    world::World,
};
use rlx_data::{Picture, Problem};
use rlx_language::Sampling;
use rlx_plan::{SampleStep, Step};
use rlx_store::{Finish, Journal, Response, Store, Table, problems_hash};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Samples of one problem in a block at most.
const SAMPLES_A_BLOCK: u64 = 256;

/// Rows of a block, where a problem's samples do not fill it.
const ROWS_A_BLOCK: u64 = 512;

/// The samples of each block: number of the problem and of the sample; only what is missing.
fn blocks(problems: &[Problem], samples: u64, present: &BTreeSet<(String, u64)>) -> Vec<Vec<(usize, u64)>> {
    let width = samples.clamp(1, SAMPLES_A_BLOCK);
    let group = (ROWS_A_BLOCK / width).max(1) as usize;
    let numbered: Vec<(usize, &Problem)> = problems.iter().enumerate().collect();
    let mut blocks = Vec::new();
    for first in (0..samples).step_by(width as usize) {
        for neighbours in numbered.chunks(group) {
            let mut wanted = Vec::new();
            for (number, problem) in neighbours {
                wanted.extend(
                    (first..samples.min(first + width))
                        .filter(|sample| !present.contains(&(problem.id.clone(), *sample)))
                        .map(|sample| (*number, sample)),
                );
            }
            if !wanted.is_empty() {
                blocks.push(wanted);
            }
        }
    }
    blocks
}

/// A block as far as its rows are there.
struct Pending {
    /// Empty before the first row has come.
    rows: Vec<Option<Response>>,
    size: usize,
    missing: usize,
}

/// Rows on their way into blocks.
struct Collector<'a> {
    table: &'a Table<Response>,
    journal: Journal<Response>,
    /// Blocks that are not written yet.
    blocks: VecDeque<Pending>,
    /// Blocks that are written.
    written: usize,
}

impl Collector<'_> {
    /// Takes the row of a block's place in; a block that is whole is written.
    fn take(&mut self, (block, place): (usize, usize), row: Response) -> Result<(), RunError> {
        self.journal.push(&row)?;
        self.put((block, place), row);
        self.write()
    }

    fn put(&mut self, (block, place): (usize, usize), row: Response) {
        let block = block
            .checked_sub(self.written)
            .and_then(|at| self.blocks.get_mut(at));
        let Some(block) = block else { return };
        if block.rows.is_empty() {
            block.rows.resize(block.size, None);
        }
        if let Some(free) = block.rows.get_mut(place) {
            block.missing -= usize::from(free.is_none());
            *free = Some(row);
        }
    }

    fn write(&mut self) -> Result<(), RunError> {
        let mut wrote = false;
        while let Some(block) = self.blocks.pop_front_if(|block| block.missing == 0) {
            let rows: Vec<Response> = block.rows.into_iter().flatten().collect();
            self.table.append(&rows)?;
            self.written += 1;
            wrote = true;
        }
        if wrote {
            self.journal
                .keep(self.blocks.iter().flat_map(|block| &block.rows).flatten())?;
        }
        Ok(())
    }
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

/// What a row holds, besides whose it is.
pub(crate) struct Given {
    pub(crate) tokens: Vec<u32>,
    pub(crate) text: String,
    pub(crate) finish: Finish,
    pub(crate) length: Option<u64>,
    pub(crate) logprob: Option<f64>,
    pub(crate) engine: String,
}

/// Rows that are missing of one problem, by their random streams.
pub(crate) struct Wanted {
    /// Number of the problem.
    pub(crate) problem: usize,
    pub(crate) streams: Vec<u64>,
}

/// Where rows go while they are drawn; as [`Rows`].
pub(crate) struct Hear<'a> {
    pub(crate) row: &'a mut dyn FnMut(usize, usize, Given) -> bool,
    pub(crate) tokens: &'a mut dyn FnMut(u64),
}

/// Draws what is wanted, and hands each row over as it ends.
pub(crate) type Ask<'a> = dyn FnMut(&[Wanted], &mut Hear<'_>) -> Result<(), RunError> + 'a;

/// Draws what is missing of a step, at the temperature that its sampling means; returns the number of tokens drawn.
pub(crate) fn run(
    step: &Step,
    (draw, temperature): (&SampleStep, f64),
    store: &Store,
    world: &World,
    model: &mut dyn OpenModel,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let problems = sampled_problems(world, draw)?;
    let set = world.set(&draw.set)?;
    let settings = settings(&draw.sampling, temperature);
    let failed = || RunError::backend(&step.name);
    let mut prompts = Vec::with_capacity(problems.len());
    for problem in problems {
        let prompt = rlx_data::render(&set.prompt, problem)?;
        let ids = model.encode_prompt(&prompt).map_err(failed())?;
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
        let pictures: Vec<Picture> = prompt.pictures().into_iter().cloned().collect();
        prompts.push((ids, pictures));
    }
    let hashes: Vec<String> = prompts
        .iter()
        .map(|(ids, pictures)| prompt_hash(ids, pictures))
        .collect();
    let engine = model.fingerprint();
    let mut ask = |wanted: &[Wanted], hear: &mut Hear<'_>| {
        let requests: Vec<Request> = wanted
            .iter()
            .map(|wanted| {
                let (prompt, pictures) = prompts.get(wanted.problem).cloned().unwrap_or_default();
                Request {
                    prompt,
                    pictures,
                    streams: wanted.streams.clone(),
                }
            })
            .collect();
        let heard = &mut *hear.row;
        let mut row =
            |request: usize, stream: usize, drawn: Drawn| heard(request, stream, given(drawn, &engine));
        let mut rows = Rows {
            row: &mut row,
            tokens: &mut *hear.tokens,
        };
        model.sample(&requests, &settings, &mut rows).map_err(failed())
    };
    collect(step, draw, store, world, &hashes, &mut ask, listener)
}

/// Brings the rows that `ask` draws into the store; `hashes` are those of the problems' prompts. Returns the number of
/// tokens drawn.
pub(crate) fn collect(
    step: &Step,
    draw: &SampleStep,
    store: &Store,
    world: &World,
    hashes: &[String],
    ask: &mut Ask<'_>,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let table = store.samples(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let present = table.present()?;
    let blocks = blocks(problems, draw.samples, &present);
    let (journal, left) = table.journal()?;
    let mut left: BTreeMap<(String, u64), Response> = left
        .into_iter()
        .map(|row| ((row.problem.clone(), row.sample), row))
        .collect();
    let mut collector = Collector {
        table: &table,
        journal,
        blocks: blocks
            .iter()
            .map(|block| Pending {
                rows: Vec::new(),
                size: block.len(),
                missing: block.len(),
            })
            .collect(),
        written: 0,
    };
    // What is to be drawn: a problem's samples in a block, and where its rows go.
    let mut requests: Vec<Wanted> = Vec::new();
    let mut places: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut missing = 0;
    for (block, wanted) in blocks.iter().enumerate() {
        let mut last = None;
        for (place, (number, sample)) in wanted.iter().enumerate() {
            let Some(problem) = problems.get(*number) else {
                continue;
            };
            if let Some(row) = left.remove(&(problem.id.clone(), *sample)) {
                collector.put((block, place), row);
                continue;
            }
            if last != Some(*number) {
                last = Some(*number);
                requests.push(Wanted {
                    problem: *number,
                    streams: Vec::new(),
                });
                places.push(Vec::new());
            }
            if let (Some(request), Some(places)) = (requests.last_mut(), places.last_mut()) {
                request.streams.push(stream(draw, problem, *sample));
                places.push((block, place));
            }
            missing += 1;
        }
    }
    collector.write()?;
    // What an earlier run left counts as done.
    let mut done = problems.len() as u64 * draw.samples - missing;
    let (mut drawn_tokens, mut failure) = (0, None);
    let heard = std::cell::RefCell::new((done, listener));
    let mut row = |request: usize, stream: usize, given: Given| {
        let (Some(own), Some(wanted)) = (places.get(request), requests.get(request)) else {
            return true;
        };
        let (Some(problem), Some(hash), Some(place), Some(seed)) = (
            problems.get(wanted.problem),
            hashes.get(wanted.problem),
            own.get(stream),
            wanted.streams.get(stream),
        ) else {
            return true;
        };
        let sample = blocks.get(place.0).and_then(|block| block.get(place.1));
        // A server draws as it likes.
        let seed = given.logprob.map_or(0, |_| *seed);
        let row = response(problem, sample.map_or(0, |s| s.1), seed, hash, given);
        drawn_tokens += row.length();
        done += 1;
        heard.borrow_mut().0 = done;
        match collector.take(*place, row) {
            Ok(()) => true,
            Err(error) => {
                failure = Some(error);
                false
            }
        }
    };
    let mut in_flight = 0;
    let mut tokens = |tokens: u64| {
        in_flight += tokens;
        let (done, listener) = &mut *heard.borrow_mut();
        listener.hear(&Event::Progress {
            name: &step.name,
            done: *done,
            tokens: in_flight,
            note: None,
        });
    };
    if !requests.is_empty() {
        let mut hear = Hear {
            row: &mut row,
            tokens: &mut tokens,
        };
        let result = ask(&requests, &mut hear);
        if let Some(error) = failure {
            return Err(error);
        }
        result?;
    }
    let (_, listener) = heard.into_inner();
    listener.hear(&Event::Progress {
        name: &step.name,
        done,
        tokens: drawn_tokens,
        note: None,
    });
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
    (draw, temperature): (&SampleStep, f64),
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
        let prompt = rlx_data::render(&set.prompt, problem)?;
        requests.push(Request {
            prompt: model.encode_prompt(&prompt).map_err(failed())?,
            pictures: prompt.pictures().into_iter().cloned().collect(),
            streams: vec![stream(draw, problem, row.sample)],
        });
    }
    let settings = settings(&draw.sampling, temperature);
    let engine = model.fingerprint();
    let mut again = vec![None; rows.len()];
    let mut row = |request: usize, _: usize, drawn: Drawn| {
        if let (Some(place), Some(row), Some(given)) =
            (again.get_mut(request), rows.get(request), requests.get(request))
        {
            let problem = problems.iter().find(|problem| problem.id == row.problem);
            let seed = given.streams.first().copied().unwrap_or_default();
            *place = problem.map(|problem| {
                response(
                    problem,
                    row.sample,
                    seed,
                    &prompt_hash(&given.prompt, &given.pictures),
                    self::given(drawn, &engine),
                )
            });
        }
        true
    };
    let mut listener = Rows {
        row: &mut row,
        tokens: &mut |_| {},
    };
    model
        .sample(&requests, &settings, &mut listener)
        .map_err(failed())?;
    Ok(again.into_iter().flatten().collect())
}

/// What was drawn here, with the ids and probabilities of its tokens.
fn given(drawn: Drawn, engine: &str) -> Given {
    Given {
        logprob: Some(drawn.logprobs.iter().map(|value| f64::from(*value)).sum()),
        length: None,
        tokens: drawn.tokens,
        text: drawn.text,
        finish: drawn.finish,
        engine: engine.to_owned(),
    }
}

fn response(problem: &Problem, sample: u64, seed: u64, prompt: &str, given: Given) -> Response {
    Response {
        problem: problem.id.clone(),
        sample,
        seed,
        prompt: prompt.to_owned(),
        tokens: given.tokens,
        text: given.text,
        finish: given.finish,
        length: given.length,
        logprob: given.logprob,
        engine: given.engine,
    }
}

/// The engine's settings, at the temperature that the sampling's own means.
pub(crate) fn settings(sampling: &Sampling, temperature: f64) -> Settings {
    Settings {
        temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        min_p: sampling.min_p,
        repetition_penalty: sampling.repetition_penalty,
        logit_bias: sampling.logit_bias.clone(),
        stop: sampling.stop.clone(),
        min_tokens: sampling.min_tokens,
        max_tokens: sampling.max_tokens,
    }
}

/// A hash of the tokens, and of the pictures where there are any.
fn prompt_hash(ids: &[u32], pictures: &[Picture]) -> String {
    let mut hasher = blake3::Hasher::new();
    for id in ids {
        hasher.update(&id.to_le_bytes());
    }
    for picture in pictures {
        hasher.update(picture.hash.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
