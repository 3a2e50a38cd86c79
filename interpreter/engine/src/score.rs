//! Log-probabilities of responses that exist already.

use tch::{Kind, Tensor};

use crate::{EngineError, LanguageModel};

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

/// Teacher-forced log-probs (nats) of every response token given all tokens before it, at `temperature`;
/// `result[i].len() == pairs[i].response.len()`. Pairs of like length share a batch; the order of the result
/// is that of the pairs.
pub fn score(
    model: &LanguageModel,
    pairs: &[ScoreRequest],
    temperature: f64,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let context = model.config.context();
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
        check_ids(model, request, &pair.prompt)?;
        check_ids(model, request, &pair.response)?;
    }
    let length = |i: &usize| pairs.get(*i).map_or(0, |p| p.prompt.len() + p.response.len());
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(length);
    let mut results = vec![Vec::new(); pairs.len()];
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
        let (logprobs, _) = model.token_logprobs(&ids, Some(&mask), temperature, false)?;
        let count = logprobs.numel();
        let mut values = vec![0f32; count];
        logprobs
            .f_to_device(tch::Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_contiguous()?
            .f_copy_data(&mut values, count)?;
        for (row, &i) in values.chunks(width.saturating_sub(1).max(1)).zip(batch) {
            let (Some(pair), Some(result)) = (pairs.get(i), results.get_mut(i)) else {
                continue;
            };
            let start = pair.prompt.len() - 1;
            let scores = row.get(start..start + pair.response.len()).unwrap_or_default();
            if scores.iter().any(|x| !x.is_finite()) {
                return Err(EngineError::NotFinite {
                    what: format!("the log-probabilities of request {i}"),
                });
            }
            *result = scores.to_vec();
        }
    }
    Ok(results)
}

/// Refuses ids that the embedding has no row for.
pub(crate) fn check_ids(model: &LanguageModel, request: usize, ids: &[u32]) -> Result<(), EngineError> {
    match ids.iter().find(|&&id| i64::from(id) >= model.config.vocab) {
        None => Ok(()),
        Some(id) => Err(EngineError::invalid(
            format!(
                "request {request} holds the token id {id}; the model embeds {} tokens",
                model.config.vocab
            ),
            "use the tokenizer that was published with this model",
        )),
    }
}
