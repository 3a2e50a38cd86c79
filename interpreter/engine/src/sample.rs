//! Drawing responses: requests in, completions out.

use tch::Device;

use crate::cpu::{Network, Path};
use crate::decode::{DeviceDecoder, Sequence};
use crate::kernels::Element;
use crate::schedule::{Batch, Limits, Listener};
use crate::score::check_ids;
use crate::stop::StopStrings;
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
    /// After top-p, tokens below this share of the best one's probability go. 0 keeps all.
    pub min_p: f64,
    /// Logits of tokens that occur in prompt or response are divided (where positive) or multiplied by this,
    /// before anything else. 1 changes nothing.
    pub repetition_penalty: f64,
    /// Added to the logits of single tokens, before the temperature; -inf forbids a token.
    pub logit_bias: Vec<(u32, f32)>,
    /// Tokens before which no stop token is drawn and no stop string ends a row.
    pub min_tokens: usize,
    /// New tokens at most.
    pub max_tokens: usize,
    /// Tokens that end a row.
    pub stop_ids: Vec<u32>,
}

/// Why a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It drew a stop token or completed a stop string.
    Stop,
    /// It reached `max_tokens`: the response is truncated.
    Length,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The tokens as drawn, the stop token included.
    pub tokens: Vec<u32>,
    /// Log-prob (nats) of each token under the temperature-scaled distribution (temperature 1 when greedy), after
    /// penalty and bias, before top-k, top-p and min-p.
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

/// Decode steps of a device between two calls of `progress`.
const STEPS_PER_REPORT: usize = 20;

/// How rows are drawn, beside what they are: nothing here changes a row.
#[derive(Default)]
pub struct SampleOptions<'a> {
    /// Rows that decode at one time; `None` lets the engine decide.
    pub rows: Option<usize>,
    /// Bytes of KV cache; `None` takes a part of the memory that is free. When it is used up, rows are put back
    /// and read again later.
    pub cache_bytes: Option<usize>,
    /// Threads; `None` takes as many as libtorch was given.
    pub threads: Option<usize>,
    /// Strings that end a row.
    pub stop: Option<&'a StopStrings<'a>>,
}

/// Rows that decode at one time where nobody says otherwise. More gain nothing on the CPUs tried: the weights are
/// read once a pass, and at this many rows that costs little beside the arithmetic.
const ROWS: usize = 160;

/// Share of the free memory that the KV cache takes, and its bounds.
const CACHE_SHARE: f64 = 0.5;
const LEAST_CACHE: usize = 64 << 20;
const MOST_CACHE: usize = 64 << 30;
/// The cache where the system does not say what is free.
const BLIND_CACHE: usize = 1 << 30;

/// Draws all rows of all requests; `result[i][j]` belongs to `requests[i].streams[j]`. As [`sample_each`], with the
/// results collected.
pub fn sample(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Vec<Completion>>, EngineError> {
    let mut results: Vec<Vec<Option<Completion>>> = requests
        .iter()
        .map(|r| r.streams.iter().map(|_| None).collect())
        .collect();
    let mut row = |request: usize, sample: usize, completion| {
        if let Some(place) = results.get_mut(request).and_then(|r| r.get_mut(sample)) {
            *place = Some(completion);
        }
    };
    sample_each(
        model,
        requests,
        params,
        &SampleOptions::default(),
        &mut row,
        progress,
    )?;
    // Every row has ended, or there would have been an error.
    Ok(results
        .into_iter()
        .map(|r| r.into_iter().flatten().collect())
        .collect())
}

/// Draws all rows of all requests and hands each to `row` (its request, its place there) as it ends.
///
/// On CPUs rows are batched continuously: a row that ends makes place for the next at once, every distinct prompt is
/// read once, and its rows share its part of the KV cache. What is drawn depends on model, parameters, prompt and
/// stream alone: it is the same bits whatever the other rows, their order, the number of threads, the rows at one
/// time and the size of the cache. On other devices all rows are one batch, which callers size, and a row's last bits
/// may depend on its company.
///
/// `progress` is called now and then; returning false ends the call with [`EngineError::Cancelled`]. NaN in a row's
/// logits is [`EngineError::NotFinite`] and names the row.
pub fn sample_each(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    options: &SampleOptions<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
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
    if model.device() != Device::Cpu {
        return on_device(model, requests, params, options, row, progress);
    }
    match model.precision() {
        Precision::Fp32 => on_cpu::<f32>(model, requests, params, options, row, progress),
        Precision::Bf16 => on_cpu::<half::bf16>(model, requests, params, options, row, progress),
    }
}

fn on_cpu<E: Element>(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    options: &SampleOptions<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    let mut network = Network::<E>::new(model, threads(options.threads), Path::detect())?;
    let limits = Limits {
        rows: options.rows.unwrap_or(ROWS).max(1),
        cache_bytes: options.cache_bytes.unwrap_or_else(free_for_cache),
    };
    let mut batch = Batch::new(&mut network, limits, params, options.stop, requests);
    batch.run(&mut Listener { row, progress })?;
    if progress(batch.progress()) {
        Ok(())
    } else {
        Err(EngineError::Cancelled)
    }
}

/// Threads for the engine's own loops.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    asked
        .unwrap_or_else(|| usize::try_from(tch::get_num_threads()).unwrap_or(1))
        .max(1)
}

/// What the KV cache may take of the memory that the system calls available.
pub(crate) fn free_for_cache() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.lines().find_map(|line| {
        line.strip_prefix("MemAvailable:")?
            .split_whitespace()
            .next()?
            .parse::<usize>()
            .ok()
    });
    kib.map_or(BLIND_CACHE, |kib| {
        ((kib as f64 * 1024.0 * CACHE_SHARE) as usize).clamp(LEAST_CACHE, MOST_CACHE)
    })
}

/// One row to be drawn.
struct Row {
    request: usize,
    sample: usize,
    stream: u64,
}

/// All rows as one batch of tensor operations.
fn on_device(
    model: &LanguageModel,
    requests: &[SampleRequest],
    params: &SamplingParams,
    options: &SampleOptions<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    if model.config.sliding.is_some() {
        if options.stop.is_some() {
            return Err(EngineError::invalid(
                "stop strings with a model of sliding windows on an accelerator",
                "use stop token ids, or the CPU",
            ));
        }
        let drawn = crate::plain::sample_plainly(model, requests, params, progress)?;
        for (request, rows) in drawn.into_iter().enumerate() {
            for (sample, completion) in rows.into_iter().enumerate() {
                row(request, sample, completion);
            }
        }
        return Ok(());
    }
    let _no_grad = tch::no_grad_guard();
    let fused;
    let model = if model.is_fused() {
        model
    } else {
        fused = model.to_inference(model.precision())?;
        &fused
    };
    let rows: Vec<Row> = requests
        .iter()
        .enumerate()
        .flat_map(|(request, r)| {
            r.streams.iter().enumerate().map(move |(sample, &stream)| Row {
                request,
                sample,
                stream,
            })
        })
        .collect();
    let mut decoder = DeviceDecoder::new(model.shallow(), params.clone());
    let drawn = run(&mut decoder, requests, params, options.stop, &rows, progress)?;
    for (place, completion) in rows.iter().zip(drawn) {
        row(place.request, place.sample, completion);
    }
    Ok(())
}

/// Draws rows step by step to their end.
fn run(
    decoder: &mut DeviceDecoder,
    requests: &[SampleRequest],
    params: &SamplingParams,
    stop: Option<&StopStrings<'_>>,
    rows: &[Row],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Completion>, EngineError> {
    let mut so_far = Progress {
        tokens: 0,
        finished: 0,
        rows: rows.len(),
    };
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
            let stopped = match stop {
                Some(stop) if completion.tokens.len() >= params.min_tokens => {
                    stop.found(&completion.tokens)?
                }
                _ => false,
            };
            if stopped || params.stop_ids.contains(&draw.token) {
                completion.finish = Finish::Stop;
                ended += 1;
            } else {
                keep.push(slot);
                last.push(draw.token);
            }
        }
        let at_end = step + 1 == params.max_tokens;
        so_far.tokens += active.len() as u64;
        so_far.finished += if at_end { active.len() } else { ended };
        let last_step = keep.is_empty() || at_end;
        if (last_step || (step + 1) % STEPS_PER_REPORT == 0) && !progress(so_far) {
            return Err(EngineError::Cancelled);
        }
        if last_step {
            break;
        }
        active = keep
            .iter()
            .filter_map(|&slot| active.get(slot).copied())
            .collect();
        draws = decoder.step(&keep, &last)?;
    }
    Ok(out)
}
