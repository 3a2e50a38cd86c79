//! Drawing responses: requests in, completions out.

use crate::cpu::Network;
use crate::kernels::Element;
use crate::memory::free_for_cache;
use crate::schedule::{Batch, Limits, Listener};
use crate::score::check_ids;
use crate::stop::StopStrings;
use crate::vision::Seen;
use crate::{Config, EngineError, LanguageModel, Sampler};

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

/// How rows are drawn, beside what they are: nothing here changes a row.
#[derive(Default)]
pub struct SampleOptions<'a> {
    /// Rows that decode at one time; `None` lets the engine decide.
    pub rows: Option<usize>,
    /// Bytes of KV cache; `None` takes a part of the memory that is free. When it is used up, rows are put back
    /// and read again later (on accelerators, batches are made that fit).
    pub cache_bytes: Option<usize>,
    /// Threads; `None` takes as many as libtorch was given.
    pub threads: Option<usize>,
    /// Strings that end a row.
    pub stop: Option<&'a StopStrings<'a>>,
}

/// Rows that decode at one time where nobody says otherwise. More gain nothing on the CPUs tried: the weights are
/// read once a pass, and at this many rows that costs little beside the arithmetic.
const ROWS: usize = 160;

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
    Sampler::of(model)?.sample_each(requests, params, options, row, progress)
}

/// What is to be drawn.
pub(crate) struct Order<'a> {
    pub(crate) requests: &'a [SampleRequest],
    pub(crate) params: &'a SamplingParams,
    pub(crate) options: &'a SampleOptions<'a>,
}

/// Refuses what cannot be drawn.
pub(crate) fn check(
    config: &Config,
    requests: &[SampleRequest],
    params: &SamplingParams,
) -> Result<(), EngineError> {
    params.check()?;
    requests
        .iter()
        .enumerate()
        .try_for_each(|(request, r)| check_prompt(config, request, &r.prompt, params))
}

/// Refuses a prompt that is empty, too long, or of another vocabulary.
pub(crate) fn check_prompt(
    config: &Config,
    request: usize,
    prompt: &[u32],
    params: &SamplingParams,
) -> Result<(), EngineError> {
    if prompt.is_empty() {
        return Err(EngineError::invalid(
            format!("request {request} has an empty prompt"),
            "give it a token, such as BOS",
        ));
    }
    let (tokens, context) = (prompt.len(), config.context());
    if (tokens as u64).saturating_add(params.max_tokens as u64) > context {
        return Err(EngineError::PromptTooLong {
            request,
            tokens,
            max_tokens: params.max_tokens,
            context,
        });
    }
    check_ids(config, request, prompt)
}

/// `seen` has what pictures make of each prompt, or nothing where there are none.
pub(crate) fn on_cpu<E: Element>(
    network: &mut Network<E>,
    order: &Order<'_>,
    seen: &[Seen],
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    let options = order.options;
    network.set_threads(threads(options.threads));
    let limits = Limits {
        rows: options.rows.unwrap_or(ROWS).max(1),
        cache_bytes: options.cache_bytes.unwrap_or_else(free_for_cache),
    };
    let mut batch = Batch::new(network, limits, order.params, options.stop, order.requests, seen);
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
