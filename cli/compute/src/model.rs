//! A loaded model as the run sees it.

use crate::failure::engine as failed;
use rlx_data::RenderedPrompt;
use rlx_engine::{
    Completion, Message, Progress, Runtime, SampleOptions, SampleRequest, Sampler, SamplingParams,
    ScoreRequest, StopStrings, Tokenizer,
};
use rlx_run::{BackendError, Drawn, OpenModel, Request, Settings};
use rlx_store::Finish;

/// Weights, packed, and tokenizer.
pub(crate) struct Loaded {
    pub(crate) model: Sampler,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) runtime: Runtime,
}

/// Memory that the key-value cache of one batch may take.
const CACHE_BYTES: usize = 3 << 30;
/// More rows than this gain nothing on any device tried.
const MOST_ROWS: usize = 512;

/// Token ids of a prompt as `tokenizer` reads it: plain text with its special tokens, a chat through the template.
pub(crate) fn encode_prompt(
    tokenizer: &Tokenizer,
    prompt: &RenderedPrompt,
) -> Result<Vec<u32>, BackendError> {
    match prompt {
        RenderedPrompt::Text(text) => tokenizer.encode(text, true).map_err(failed),
        RenderedPrompt::Chat {
            system,
            user,
            prefill,
        } => {
            let message = |role: &str, content: &str| Message {
                role: role.to_owned(),
                content: content.to_owned(),
            };
            let mut messages = Vec::new();
            if let Some(system) = system {
                messages.push(message("system", system));
            }
            messages.push(message("user", user));
            let mut text = tokenizer
                .render_chat(&messages, true, &serde_json::Map::new())
                .map_err(failed)?;
            // The assistant's turn is open: the model goes on from here.
            text.push_str(prefill.as_deref().unwrap_or_default());
            // The template has written the special tokens.
            tokenizer.encode(&text, false).map_err(failed)
        }
    }
}

/// Token ids of a response; with the end-of-sequence token when `ended`.
pub(crate) fn encode_response(
    tokenizer: &Tokenizer,
    text: &str,
    ended: bool,
) -> Result<Vec<u32>, BackendError> {
    let mut ids = tokenizer.encode(text, false).map_err(failed)?;
    if ended {
        ids.extend(tokenizer.eos_ids().first());
    }
    Ok(ids)
}

impl OpenModel for Loaded {
    fn fingerprint(&self) -> String {
        self.runtime.fingerprint(self.model.precision())
    }

    fn context(&self) -> u64 {
        self.model.config().context()
    }

    fn tokenizer(&self) -> String {
        self.tokenizer.fingerprint()
    }

    fn encode_prompt(&self, prompt: &RenderedPrompt) -> Result<Vec<u32>, BackendError> {
        encode_prompt(&self.tokenizer, prompt)
    }

    fn encode_response(&self, text: &str, ended: bool) -> Result<Vec<u32>, BackendError> {
        encode_response(&self.tokenizer, text, ended)
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, BackendError> {
        self.tokenizer.decode(tokens, true).map_err(failed)
    }

    fn rows_at_once(&self, prompt_tokens: usize, max_tokens: u64) -> usize {
        let config = self.model.config();
        let bytes = if self.model.precision() == rlx_engine::Precision::Fp32 {
            4
        } else {
            2
        };
        let per_token = 2 * (config.layers * config.kv_heads * config.head_dim) as usize * bytes;
        let row = per_token
            .saturating_mul(prompt_tokens + max_tokens as usize)
            .max(1);
        (CACHE_BYTES / row).clamp(1, MOST_ROWS)
    }

    fn sample(
        &mut self,
        requests: &[Request],
        settings: &Settings,
        seen: &mut dyn FnMut(u64),
    ) -> Result<Vec<Vec<Drawn>>, BackendError> {
        let params = SamplingParams {
            temperature: settings.temperature,
            top_p: settings.top_p,
            top_k: settings.top_k,
            min_p: settings.min_p.unwrap_or(0.0),
            repetition_penalty: settings.repetition_penalty.unwrap_or(1.0),
            min_tokens: settings.min_tokens.unwrap_or(0) as usize,
            max_tokens: settings.max_tokens as usize,
            stop_ids: self.tokenizer.eos_ids().to_vec(),
            ..SamplingParams::default()
        };
        let requests: Vec<SampleRequest> = requests
            .iter()
            .map(|request| SampleRequest {
                prompt: request.prompt.clone(),
                streams: request.streams.clone(),
            })
            .collect();
        let mut before = 0;
        let mut progress = |progress: Progress| {
            seen(progress.tokens.saturating_sub(before));
            before = progress.tokens;
            true
        };
        let stop = match &settings.stop {
            Some(text) => {
                Some(StopStrings::new(&self.tokenizer, std::slice::from_ref(text)).map_err(failed)?)
            }
            None => None,
        };
        let options = SampleOptions {
            stop: stop.as_ref(),
            ..SampleOptions::default()
        };
        let mut drawn: Vec<Vec<Option<Drawn>>> = requests
            .iter()
            .map(|request| request.streams.iter().map(|_| None).collect())
            .collect();
        let mut row = |request: usize, sample: usize, row: Completion| {
            if let Some(place) = drawn.get_mut(request).and_then(|rows| rows.get_mut(sample)) {
                *place = Some(Drawn {
                    finish: match row.finish {
                        rlx_engine::Finish::Stop => Finish::Stop,
                        rlx_engine::Finish::Length => Finish::Length,
                    },
                    tokens: row.tokens,
                    logprobs: row.logprobs,
                });
            }
        };
        self.model
            .sample_each(&requests, &params, &options, &mut row, &mut progress)
            .map_err(failed)?;
        // Without an error every row has come.
        Ok(drawn
            .into_iter()
            .map(|rows| rows.into_iter().flatten().collect())
            .collect())
    }

    fn score(&mut self, pairs: &[(Vec<u32>, Vec<u32>)]) -> Result<Vec<Vec<f32>>, BackendError> {
        let pairs: Vec<ScoreRequest> = pairs
            .iter()
            .map(|(prompt, response)| ScoreRequest {
                prompt: prompt.clone(),
                response: response.clone(),
            })
            .collect();
        let scores = self.model.score_each(&pairs, 1.0, false, None).map_err(failed)?;
        Ok(scores.into_iter().map(|score| score.logprobs).collect())
    }
}
