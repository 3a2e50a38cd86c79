//! Log-probabilities of responses that exist already.

use std::sync::PoisonError;

use tch::{Device, Kind, Tensor};

use crate::cpu::{Network, Places, Pool, Table, Token, too_small};
use crate::kernels::{Element, entropy_sum, exp_sums, row_max};
use crate::memory::free_for_cache;
use crate::sampling::logprob_of;
use crate::vision::{Album, Seen};
use crate::{Config, EngineError, LanguageModel, Sampler};

/// Tokens of one pass on a CPU: enough to keep the multiplications busy, and few enough for the caches.
const PASS_TOKENS: usize = 528;

/// Padded tokens of one batch: enough to keep the multiplications busy, small enough for any memory.
const BATCH_TOKENS: usize = 8192;

/// A prompt and the response whose tokens are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRequest {
    /// Token ids before the response; at least one.
    pub prompt: Vec<u32>,
    /// Token ids to be scored.
    pub response: Vec<u32>,
}

/// What teacher forcing says about a response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// Log-prob (nats) of every response token given all tokens before it.
    pub logprobs: Vec<f32>,
    /// Entropy (nats) of the distribution that each was taken from; empty where it was not asked for.
    pub entropies: Vec<f32>,
}

impl Score {
    /// e to the mean negative log-prob; `None` for an empty response.
    pub fn perplexity(&self) -> Option<f64> {
        let sum: f64 = self.logprobs.iter().map(|&l| f64::from(l)).sum();
        (!self.logprobs.is_empty()).then(|| (-sum / self.logprobs.len() as f64).exp())
    }
}

/// Teacher-forced log-probs (nats) of every response token given all tokens before it, at `temperature`;
/// `result[i].len() == pairs[i].response.len()`. As [`score_each`], log-probs alone.
pub fn score(
    model: &LanguageModel,
    pairs: &[ScoreRequest],
    temperature: f64,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let scores = score_each(model, pairs, temperature, false)?;
    Ok(scores.into_iter().map(|s| s.logprobs).collect())
}

/// Log-probs and, when asked, entropies of every pair's response at `temperature`, in the order of the pairs.
///
/// Logits exist for some rows at a time, never for all. On CPUs the pass is the one that draws: a response's
/// log-probs are the same bits as those that [`crate::sample`] returned with it (without penalty and bias).
pub fn score_each(
    model: &LanguageModel,
    pairs: &[ScoreRequest],
    temperature: f64,
    entropy: bool,
) -> Result<Vec<Score>, EngineError> {
    Sampler::of(model)?.score_each(pairs, temperature, entropy, None)
}

/// Refuses what cannot be scored.
pub(crate) fn check(config: &Config, pairs: &[ScoreRequest], temperature: f64) -> Result<(), EngineError> {
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(EngineError::invalid(
            format!("a temperature of {temperature} defines no log-probabilities"),
            "use a temperature above 0",
        ));
    }
    let context = config.context();
    for (request, pair) in pairs.iter().enumerate() {
        if pair.prompt.is_empty() {
            return Err(EngineError::invalid(
                format!("request {request} has an empty prompt"),
                "give it a token, such as BOS",
            ));
        }
        let tokens = pair.prompt.len() + pair.response.len();
        if tokens as u64 > context {
            return Err(EngineError::PromptTooLong {
                request,
                tokens,
                max_tokens: 0,
                context,
            });
        }
        check_ids(config, request, &pair.prompt)?;
        check_ids(config, request, &pair.response)?;
    }
    Ok(())
}

/// Refuses scores that are no numbers.
pub(crate) fn all_finite(scores: Vec<Score>) -> Result<Vec<Score>, EngineError> {
    let finite = |s: &Score| s.logprobs.iter().all(|x| x.is_finite());
    match scores.iter().position(|s| !finite(s)) {
        None => Ok(scores),
        Some(i) => Err(EngineError::NotFinite {
            what: format!("the log-probabilities of request {i}"),
        }),
    }
}

/// A pair that is being read.
struct Reader<E> {
    pair: usize,
    table: Table<E>,
    cached: usize,
}

/// `seen` has what pictures make of each prompt, or nothing where there are none.
pub(crate) fn on_cpu<E: Element>(
    network: &mut Network<E>,
    pairs: &[ScoreRequest],
    seen: &[Seen],
    temperature: f64,
    entropy: bool,
    cache_bytes: Option<usize>,
) -> Result<Vec<Score>, EngineError> {
    let length = |p: &ScoreRequest| p.prompt.len() + p.response.len();
    network.reach(pairs.iter().map(length).max().unwrap_or(0))?;
    let mut pool = Pool::<E>::new(network.shape, cache_bytes.unwrap_or_else(free_for_cache));
    let scale = (1.0 / temperature) as f32;
    let mut scores: Vec<Score> = pairs.iter().map(|_| Score::default()).collect();
    // An empty response has no scores, and the last token of a response predicts nothing that is asked for.
    let mut waiting = (0..pairs.len()).filter(|&i| pairs.get(i).is_some_and(|p| !p.response.is_empty()));
    let mut held: Option<Reader<E>> = None;
    loop {
        let (mut tokens, mut wanted) = (Vec::new(), Vec::new());
        let mut readers: Vec<Reader<E>> = Vec::new();
        while tokens.len() < PASS_TOKENS {
            let next = held.take().or_else(|| {
                waiting.next().map(|pair| Reader {
                    pair,
                    table: Table::new(),
                    cached: 0,
                })
            });
            let Some(mut reader) = next else { break };
            let Some(pair) = pairs.get(reader.pair) else {
                continue;
            };
            let total = length(pair) - 1;
            let take = (total - reader.cached).min(PASS_TOKENS - tokens.len());
            if !pool.extend(&mut reader.table, reader.cached, reader.cached + take) {
                if readers.is_empty() {
                    return Err(too_small(&pool, total));
                }
                held = Some(reader);
                break;
            }
            let target = |position: usize| {
                let after = (position + 1).checked_sub(pair.prompt.len())?;
                pair.response.get(after).copied()
            };
            let shown = seen.get(reader.pair);
            for position in reader.cached..reader.cached + take {
                let id = pair
                    .prompt
                    .get(position)
                    .or_else(|| pair.response.get(position - pair.prompt.len()));
                if let Some(target) = target(position) {
                    wanted.push((tokens.len(), reader.pair, target));
                }
                tokens.push(Token {
                    id: id.copied().unwrap_or(0),
                    position,
                    turn: shown.map_or(position, |seen| seen.turn(position)),
                    table: readers.len(),
                });
            }
            reader.cached += take;
            readers.push(reader);
        }
        if tokens.is_empty() {
            return Ok(scores);
        }
        let mut tables: Vec<Table<E>> = readers.iter_mut().map(|r| std::mem::take(&mut r.table)).collect();
        network.forward(&tokens, &mut tables);
        let rows: Vec<usize> = wanted.iter().map(|w| w.0).collect();
        let vocab = network.vocab().max(1);
        let mut results = vec![(0f32, 0f32); wanted.len()];
        network.logits(&rows, &mut |team, first, logits| {
            let count = logits.len() / vocab;
            let Some(part) = results.get_mut(first..first + count) else {
                return;
            };
            let places = Places::new(part);
            let scratch: Vec<std::sync::Mutex<Vec<f64>>> =
                (0..team.size()).map(|_| Default::default()).collect();
            team.each(count, |worker, piece| {
                let (Some(row), Some((_, _, target)), Some(sums)) = (
                    logits.get(piece * vocab..(piece + 1) * vocab),
                    wanted.get(first + piece),
                    scratch.get(worker),
                ) else {
                    return;
                };
                let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                let result = match row_max(row) {
                    None => (f32::NAN, f32::NAN),
                    Some((_, max)) => {
                        let total = exp_sums(row, max, scale, &mut sums);
                        let logit = row.get(*target as usize).copied().unwrap_or(f32::NAN);
                        let spread = if entropy {
                            total.ln() - entropy_sum(row, max, scale) / total
                        } else {
                            0.0
                        };
                        (logprob_of(logit, max, scale, total), spread as f32)
                    }
                };
                // SAFETY: every row has an element of its own.
                #[allow(unsafe_code)]
                unsafe {
                    places.part(piece, 1).fill(result);
                }
            });
        });
        for ((_, pair, _), (logprob, spread)) in wanted.iter().zip(results) {
            if let Some(score) = scores.get_mut(*pair) {
                score.logprobs.push(logprob);
                if entropy {
                    score.entropies.push(spread);
                }
            }
        }
        for (mut reader, mut table) in readers.into_iter().zip(tables) {
            let total = pairs.get(reader.pair).map_or(0, length);
            if reader.cached + 1 < total {
                reader.table = table;
                held = Some(reader);
            } else {
                pool.give(&mut table);
            }
        }
    }
}

/// Padded batches through libtorch; pairs of like length share one.
pub(crate) fn on_device(
    model: &LanguageModel,
    pairs: &[ScoreRequest],
    temperature: f64,
    entropy: bool,
) -> Result<Vec<Score>, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let length = |i: &usize| pairs.get(*i).map_or(0, |p| p.prompt.len() + p.response.len());
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(length);
    let mut results = vec![Score::default(); pairs.len()];
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        // Lengths rise, so the last of a batch decides its width.
        let mut take = 1;
        while let Some(next) = rest.get(take)
            && length(next) * (take + 1) <= BATCH_TOKENS.max(length(first))
        {
            take += 1;
        }
        let (batch, tail) = rest.split_at(take);
        rest = tail;
        let width = batch.last().map_or(0, length);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for pair in batch.iter().filter_map(|&i| pairs.get(i)) {
            let real = pair.prompt.len() + pair.response.len();
            ids.extend(pair.prompt.iter().chain(&pair.response).map(|&t| i64::from(t)));
            ids.resize(ids.len() + width - real, 0);
            mask.resize(mask.len() + real, 1i64);
            mask.resize(mask.len() + width - real, 0);
        }
        let shape = [batch.len() as i64, width as i64];
        let ids = Tensor::f_from_slice(&ids)?.f_reshape(shape)?;
        let mask = Tensor::f_from_slice(&mask)?.f_reshape(shape)?;
        let (logprobs, spread) = model.token_logprobs(&ids, Some(&mask), temperature, entropy)?;
        let values = numbers(&logprobs)?;
        let spreads = match &spread {
            Some(spread) => numbers(spread)?,
            None => Vec::new(),
        };
        for (row, &i) in batch.iter().enumerate() {
            let (Some(pair), Some(result)) = (pairs.get(i), results.get_mut(i)) else {
                continue;
            };
            let start = row * width.saturating_sub(1) + pair.prompt.len() - 1;
            let part = |values: &[f32]| {
                values
                    .get(start..start + pair.response.len())
                    .unwrap_or_default()
                    .to_vec()
            };
            result.logprobs = part(&values);
            result.entropies = part(&spreads);
        }
    }
    Ok(results)
}

/// As [`on_device`], of prompts with pictures: pair by pair.
pub(crate) fn album_on_device(
    model: &LanguageModel,
    pairs: &[ScoreRequest],
    album: &mut Album<'_>,
    temperature: f64,
    entropy: bool,
) -> Result<Vec<Score>, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let mut scores = Vec::with_capacity(pairs.len());
    for (number, pair) in pairs.iter().enumerate() {
        let pixels = album.pixels(number)?;
        let pictures: Vec<&crate::Pixels> = pixels.iter().collect();
        let ids: Vec<i64> = pair
            .prompt
            .iter()
            .chain(&pair.response)
            .map(|&t| i64::from(t))
            .collect();
        let ids = Tensor::f_from_slice(&ids)?.f_unsqueeze(0)?;
        let (logprobs, spread) = model.token_logprobs_with(&ids, None, &pictures, temperature, entropy)?;
        let part = |t: &Tensor| {
            let all = numbers(t)?;
            let own = all.get(pair.prompt.len() - 1..).unwrap_or_default();
            Ok::<_, EngineError>(own.to_vec())
        };
        scores.push(Score {
            logprobs: part(&logprobs)?,
            entropies: spread.as_ref().map(part).transpose()?.unwrap_or_default(),
        });
    }
    Ok(scores)
}

/// The elements of a tensor.
pub(crate) fn numbers(t: &Tensor) -> Result<Vec<f32>, EngineError> {
    let t = t
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let mut values = vec![0f32; t.numel()];
    let count = values.len();
    t.f_copy_data(&mut values, count)?;
    Ok(values)
}

/// Refuses ids that the embedding has no row for.
pub(crate) fn check_ids(config: &Config, request: usize, ids: &[u32]) -> Result<(), EngineError> {
    match ids.iter().find(|&&id| i64::from(id) >= config.vocab) {
        None => Ok(()),
        Some(id) => Err(EngineError::invalid(
            format!(
                "request {request} holds the token id {id}; the model embeds {} tokens",
                config.vocab
            ),
            "use the tokenizer that was published with this model",
        )),
    }
}
