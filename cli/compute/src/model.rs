//! A loaded model as the run sees it.

use std::cell::Cell;

use crate::failure::engine as failed;
use rlx_data::RenderedPrompt;
use rlx_engine::{
    Completion, EngineError, Message, Progress, Runtime, SampleOptions, SampleRequest, Sampler,
    SamplingParams, ScoreRequest, StopStrings, Tokenizer,
};
use rlx_language::Token;
use rlx_run::{BackendError, Drawn, OpenModel, Request, Rows, Settings};
use rlx_store::Finish;

/// Weights, packed, and tokenizer.
pub(crate) struct Loaded {
    pub(crate) model: Sampler,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) runtime: Runtime,
    /// Bytes that keys and values may take; `None` lets the engine look at what is free.
    pub(crate) cache_bytes: Option<usize>,
}

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

/// The ids of tokens that are to be likelier or less likely.
pub(crate) fn biases(
    tokenizer: &Tokenizer,
    biases: &[(Token, f64)],
) -> Result<Vec<(u32, f32)>, BackendError> {
    let refuse = |message: String, help: &str| BackendError {
        code: "rlx::run::token".into(),
        message,
        help: Some(help.into()),
    };
    let mut all: Vec<(u32, f32)> = Vec::with_capacity(biases.len());
    for (token, bias) in biases {
        let id = match token {
            Token::Id(id) => {
                let known = tokenizer.vocab_size();
                let id = u32::try_from(*id).ok().filter(|id| (*id as usize) < known);
                id.ok_or_else(|| {
                    refuse(
                        format!(
                            "`logit_bias` names token {token:?}, and the model's tokenizer has {known} tokens"
                        ),
                        "use an id below that number, or the token's text",
                    )
                })?
            }
            Token::Text(text) => match tokenizer.encode(text, false).map_err(failed)?.as_slice() {
                [id] => *id,
                ids => {
                    return Err(refuse(
                        format!(
                            "`logit_bias` names the text {text:?}, which is {} tokens to this model: {ids:?}",
                            ids.len()
                        ),
                        "name texts of one token each (a word in a sentence mostly begins with a space), or give ids",
                    ));
                }
            },
        };
        if all.iter().any(|(other, _)| *other == id) {
            return Err(refuse(
                format!("`logit_bias` names token {id} twice, as text and as id"),
                "give each token one number",
            ));
        }
        // -100 is the end of the range, and means never.
        let bias = if *bias <= -100.0 {
            f32::NEG_INFINITY
        } else {
            *bias as f32
        };
        all.push((id, bias));
    }
    Ok(all)
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

    fn sample(
        &mut self,
        requests: &[Request],
        settings: &Settings,
        listener: &mut Rows<'_>,
    ) -> Result<(), BackendError> {
        let params = SamplingParams {
            temperature: settings.temperature,
            top_p: settings.top_p,
            top_k: settings.top_k,
            min_p: settings.min_p.unwrap_or(0.0),
            repetition_penalty: settings.repetition_penalty.unwrap_or(1.0),
            logit_bias: biases(&self.tokenizer, &settings.logit_bias)?,
            min_tokens: settings.min_tokens.unwrap_or(0) as usize,
            max_tokens: settings.max_tokens as usize,
            stop_ids: self.tokenizer.eos_ids().to_vec(),
        };
        let requests: Vec<SampleRequest> = requests
            .iter()
            .map(|request| SampleRequest {
                prompt: request.prompt.clone(),
                streams: request.streams.clone(),
            })
            .collect();
        let stop = match &settings.stop {
            Some(text) => {
                Some(StopStrings::new(&self.tokenizer, std::slice::from_ref(text)).map_err(failed)?)
            }
            None => None,
        };
        let options = SampleOptions {
            stop: stop.as_ref(),
            cache_bytes: self.cache_bytes,
            ..SampleOptions::default()
        };
        let Rows { row: hear, tokens } = listener;
        // Set by whoever wants no more rows, and by a text that cannot be made.
        let ended = Cell::new(false);
        let mut failure = None;
        let tokenizer = &self.tokenizer;
        let mut row = |request: usize, sample: usize, row: Completion| {
            if ended.get() {
                return;
            }
            match tokenizer.decode(&row.tokens, true) {
                Ok(text) => {
                    let drawn = Drawn {
                        finish: match row.finish {
                            rlx_engine::Finish::Stop => Finish::Stop,
                            rlx_engine::Finish::Length => Finish::Length,
                        },
                        text: settings.cut(text),
                        tokens: row.tokens,
                        logprobs: row.logprobs,
                    };
                    ended.set(!hear(request, sample, drawn));
                }
                Err(error) => {
                    failure = Some(failed(error));
                    ended.set(true);
                }
            }
        };
        let mut before = 0;
        let mut progress = |progress: Progress| {
            tokens(progress.tokens.saturating_sub(before));
            before = progress.tokens;
            !ended.get()
        };
        let result = self
            .model
            .sample_each(&requests, &params, &options, &mut row, &mut progress);
        match (failure, result) {
            (Some(failure), _) => Err(failure),
            (None, Err(EngineError::Cancelled)) if ended.get() => Ok(()),
            (None, result) => result.map_err(failed),
        }
    }

    fn score(&mut self, pairs: &[(Vec<u32>, Vec<u32>)]) -> Result<Vec<Vec<f32>>, BackendError> {
        let pairs: Vec<ScoreRequest> = pairs
            .iter()
            .map(|(prompt, response)| ScoreRequest {
                prompt: prompt.clone(),
                response: response.clone(),
            })
            .collect();
        let scores = self
            .model
            .score_each(&pairs, 1.0, false, self.cache_bytes)
            .map_err(failed)?;
        Ok(scores.into_iter().map(|score| score.logprobs).collect())
    }
}
