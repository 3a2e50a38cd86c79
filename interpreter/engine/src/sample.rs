//! Drawing responses: requests in, completions out.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use tch::Device;

use crate::decode::{CpuDecoder, Decoder, DeviceDecoder, Matrices, Sequence};
use crate::score::check_ids;
use crate::{EngineError, LanguageModel, Precision};

/// A prompt and the random streams of the rows to be drawn for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRequest {
    /// Token ids; at least one.
    pub prompt: Vec<u32>,
    /// One row is drawn for each; token t of a row takes number t of its stream and no other.
    pub streams: Vec<u64>,
}

/// How tokens are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingParams {
    /// Divisor of the logits; 0 is greedy.
    pub temperature: f64,
    /// Nucleus: tokens whose preceding mass is below this stay. 1 keeps all.
    pub top_p: f64,
    /// Only this many most probable tokens stay; `None` or 0 keeps all. Applied before top-p.
    pub top_k: Option<u64>,
    /// New tokens at most.
    pub max_tokens: usize,
    /// Tokens that end a row.
    pub stop_ids: Vec<u32>,
}

/// Why a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It drew a stop token.
    Stop,
    /// It reached `max_tokens`.
    Length,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The tokens as drawn, the stop token included.
    pub tokens: Vec<u32>,
    /// Log-prob (nats) of each token under the untruncated, temperature-scaled distribution (temperature 1
    /// when greedy).
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Tokens drawn so far, over all rows.
    pub tokens: u64,
    /// Rows that have ended.
    pub finished: usize,
    /// Rows in all.
    pub rows: usize,
}

/// Decode steps between two calls of `progress`.
const STEPS_PER_REPORT: usize = 20;

/// Draws all rows of all requests as one batch (callers size it); `result[i][j]` belongs to
/// `requests[i].streams[j]`.
///
/// Every distinct prompt is read once. Rows leave the batch when they end. Numbers drawn depend on the row's
/// stream and token index only; the same call twice gives the same bits, whatever the number of threads.
/// `progress` is called about once per 20 steps; returning false ends the call with
/// [`EngineError::Cancelled`]. NaN in a row's logits is [`EngineError::NotFinite`] and names the row.
pub fn sample(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Vec<Completion>>, EngineError> {
    params.check()?;
    let context = model.config.context();
    for (request, r) in requests.iter().enumerate() {
        if r.prompt.is_empty() {
            return Err(EngineError::invalid(
                format!("request {request} has an empty prompt"),
                "give it a token, such as BOS",
            ));
        }
        let tokens = r.prompt.len();
        if tokens as u64 + params.max_tokens as u64 > context {
            return Err(EngineError::PromptTooLong {
                request,
                tokens,
                max_tokens: params.max_tokens,
                context,
            });
        }
        check_ids(model, request, &r.prompt)?;
    }
    if model.config.sliding.is_some() {
        return crate::plain::sample_plainly(model, requests, params, progress);
    }
    let fused;
    let model = if model.is_fused() {
        model
    } else {
        fused = model.to_inference(model.precision())?;
        &fused
    };
    let mut rows: Vec<Row> = Vec::new();
    for (request, r) in requests.iter().enumerate() {
        for (sample, &stream) in r.streams.iter().enumerate() {
            rows.push(Row {
                request,
                sample,
                stream,
            });
        }
    }
    let shared = Shared {
        tokens: AtomicU64::new(0),
        finished: AtomicUsize::new(0),
        cancelled: AtomicBool::new(false),
        rows: rows.len(),
    };
    let drawn = if model.device() == Device::Cpu {
        on_cpu(model, requests, params, &rows, &shared, progress)?
    } else {
        let _no_grad = tch::no_grad_guard();
        let mut decoder = DeviceDecoder::new(model.shallow(), params.clone());
        let mut report = || {
            if !progress(shared.progress()) {
                shared.cancelled.store(true, Ordering::Relaxed);
            }
        };
        vec![run(&mut decoder, requests, params, &rows, &shared, &mut report)?]
    };
    if !progress(shared.progress()) {
        return Err(EngineError::Cancelled);
    }
    let mut results: Vec<Vec<Completion>> = requests
        .iter()
        .map(|r| Vec::with_capacity(r.streams.len()))
        .collect();
    for (row, completion) in rows.iter().zip(drawn.into_iter().flatten()) {
        if let Some(result) = results.get_mut(row.request) {
            result.push(completion);
        }
    }
    Ok(results)
}

/// One row to be drawn.
struct Row {
    request: usize,
    sample: usize,
    stream: u64,
}

/// What lanes tell the caller.
struct Shared {
    tokens: AtomicU64,
    finished: AtomicUsize,
    cancelled: AtomicBool,
    rows: usize,
}

impl Shared {
    fn progress(&self) -> Progress {
        Progress {
            tokens: self.tokens.load(Ordering::Relaxed),
            finished: self.finished.load(Ordering::Relaxed),
            rows: self.rows,
        }
    }
}

/// Rows of one CPU lane. A function of the number of rows alone, so that results do not depend on how many
/// threads work the lanes off.
fn lane_rows(rows: usize, parameters: u64) -> usize {
    // Large models read all their weights every step, which wants many rows to share the cost.
    let (least, most) = if parameters > 20_000_000 {
        (32, 128)
    } else {
        (16, 128)
    };
    rows.div_ceil(2).clamp(least, most)
}

/// How many calls hold libtorch to one thread, and the number of threads to put back.
static HELD: Mutex<(usize, i32)> = Mutex::new((0, 1));

/// Holds libtorch, whose setting is one for the whole process, to one thread while lanes run.
struct OneThread {
    /// Threads that libtorch had.
    threads: usize,
}

impl OneThread {
    fn hold() -> Self {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == 0 {
            held.1 = tch::get_num_threads();
            tch::set_num_threads(1);
        }
        held.0 += 1;
        Self {
            threads: usize::try_from(held.1).unwrap_or(1),
        }
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 = held.0.saturating_sub(1);
        if held.0 == 0 {
            tch::set_num_threads(held.1);
        }
    }
}

/// Splits the rows into lanes that threads work off, each with libtorch on one thread: rows need nothing from
/// one another, so no step has to wait for another lane.
fn on_cpu(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    rows: &[Row],
    shared: &Shared,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Vec<Completion>>, EngineError> {
    let lanes: Vec<&[Row]> = rows
        .chunks(lane_rows(rows.len(), model.config.parameters()))
        .collect();
    let held = OneThread::hold();
    let workers = held.threads.clamp(1, lanes.len().max(1));
    let matrices = Matrices::of(model)?;
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel::<Event>();
    let mut results: Vec<Option<Vec<Completion>>> = lanes.iter().map(|_| None).collect();
    let mut failure: Option<(usize, EngineError)> = None;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, model, matrices) = (sender.clone(), model.shallow(), matrices.shallow());
            let (lanes, next) = (&lanes, &next);
            scope.spawn(move || {
                let _no_grad = tch::no_grad_guard();
                let mut decoder: Box<dyn Decoder> = match model.precision() {
                    Precision::Fp32 => Box::new(CpuDecoder::<f32>::new(model, matrices, params.clone())),
                    Precision::Bf16 => {
                        Box::new(CpuDecoder::<half::bf16>::new(model, matrices, params.clone()))
                    }
                };
                loop {
                    let lane = next.fetch_add(1, Ordering::Relaxed);
                    let Some(rows) = lanes.get(lane) else { break };
                    // A receiver that is gone means that the call has failed already.
                    let mut report = || drop(sender.send(Event::Report));
                    let result = run(decoder.as_mut(), requests, params, rows, shared, &mut report);
                    if sender.send(Event::Done(lane, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for event in receiver {
            match event {
                Event::Report => {
                    if !progress(shared.progress()) {
                        shared.cancelled.store(true, Ordering::Relaxed);
                    }
                }
                Event::Done(lane, Ok(completions)) => {
                    if let Some(place) = results.get_mut(lane) {
                        *place = Some(completions);
                    }
                }
                Event::Done(lane, Err(error)) => {
                    shared.cancelled.store(true, Ordering::Relaxed);
                    // A lane that failed by itself says more than those that were told to stop.
                    let replaces = match &failure {
                        None => true,
                        Some((_, EngineError::Cancelled)) => true,
                        Some((first, _)) => lane < *first && !matches!(error, EngineError::Cancelled),
                    };
                    if replaces {
                        failure = Some((lane, error));
                    }
                }
            }
        }
    });
    if let Some((_, error)) = failure {
        return Err(error);
    }
    results
        .into_iter()
        .collect::<Option<_>>()
        .ok_or(EngineError::Cancelled)
}

enum Event {
    Report,
    Done(usize, Result<Vec<Completion>, EngineError>),
}

/// Draws the rows of one lane to their end.
fn run(
    decoder: &mut dyn Decoder,
    requests: &[SampleRequest],
    params: &SamplingParams,
    rows: &[Row],
    shared: &Shared,
    report: &mut dyn FnMut(),
) -> Result<Vec<Completion>, EngineError> {
    let mut prompts: Vec<&[u32]> = Vec::new();
    let mut sequences = Vec::with_capacity(rows.len());
    for row in rows {
        let prompt = requests
            .get(row.request)
            .map(|r| r.prompt.as_slice())
            .unwrap_or_default();
        // Rows of one prompt follow one another, but requests may repeat a prompt.
        let place = match prompts.iter().rposition(|p| *p == prompt) {
            Some(place) => place,
            None => {
                prompts.push(prompt);
                prompts.len() - 1
            }
        };
        sequences.push(Sequence {
            prompt: place,
            stream: row.stream,
        });
    }
    let mut out: Vec<Completion> = rows
        .iter()
        .map(|_| Completion {
            tokens: Vec::new(),
            logprobs: Vec::new(),
            finish: Finish::Length,
        })
        .collect();
    if rows.is_empty() {
        return Ok(out);
    }
    let fail = |place: usize, step: usize| match rows.get(place) {
        Some(row) => EngineError::NotFinite {
            what: format!(
                "the logits of request {}, row {}, token {step}",
                row.request, row.sample
            ),
        },
        None => EngineError::NotFinite {
            what: "a row of logits".to_owned(),
        },
    };
    let mut active: Vec<usize> = (0..rows.len()).collect();
    let mut draws = decoder.start(&prompts, &sequences, params.max_tokens)?;
    let mut keep = Vec::new();
    let mut last = Vec::new();
    for step in 0..params.max_tokens {
        keep.clear();
        last.clear();
        let mut ended = 0;
        for (slot, (&place, draw)) in active.iter().zip(&draws).enumerate() {
            let Some(draw) = draw else {
                return Err(fail(place, step));
            };
            let Some(completion) = out.get_mut(place) else {
                continue;
            };
            completion.tokens.push(draw.token);
            completion.logprobs.push(draw.logprob);
            if params.stop_ids.contains(&draw.token) {
                completion.finish = Finish::Stop;
                ended += 1;
            } else {
                keep.push(slot);
                last.push(draw.token);
            }
        }
        let at_end = step + 1 == params.max_tokens;
        shared.tokens.fetch_add(active.len() as u64, Ordering::Relaxed);
        shared
            .finished
            .fetch_add(if at_end { active.len() } else { ended }, Ordering::Relaxed);
        if keep.is_empty() || at_end {
            break;
        }
        if (step + 1) % STEPS_PER_REPORT == 0 {
            report();
        }
        if shared.cancelled.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        active = keep
            .iter()
            .filter_map(|&slot| active.get(slot).copied())
            .collect();
        draws = decoder.step(&keep, &last)?;
    }
    Ok(out)
}
