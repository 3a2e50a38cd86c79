//! A loaded model as the run sees it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::engine as failed;
use rlx_data::{Part, Picture, RenderedPrompt};
use rlx_engine::{
    Album, Completion, EngineError, ImageProcessor, Message, Pixels, Progress, Runtime, SampleOptions,
    SampleRequest, Sampler, SamplingParams, ScoreRequest, StopStrings, Tokenizer, Vision,
};
use rlx_language::Token;
use rlx_run::{BackendError, Drawn, OpenModel, Pair, Request, Rows, Settings};
use rlx_store::Finish;
use serde_json::json;

/// Weights, packed, and tokenizer.
pub(crate) struct Loaded {
    pub(crate) model: Sampler,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) runtime: Runtime,
    /// Bytes that keys and values may take; `None` lets the engine look at what is free.
    pub(crate) cache_bytes: Option<usize>,
    /// Of a model that reads pictures.
    pub(crate) pictures: Option<ImageProcessor>,
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
            examples,
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
            for (asked, answered) in examples {
                messages.extend([message("user", asked), message("assistant", answered)]);
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
        RenderedPrompt::Shown { .. } => Err(blind("nothing is trained on pictures")),
    }
}

/// Refuses pictures where nobody reads them.
fn blind(why: &str) -> BackendError {
    BackendError {
        code: "rlx::model::vision".into(),
        message: format!("a prompt shows a picture, and {why}"),
        help: Some("use a model that reads pictures, such as Qwen2.5-VL, and only to evaluate it".into()),
    }
}

/// A chat whose user shows pictures.
struct Said<'a> {
    system: Option<&'a str>,
    examples: &'a [(String, String)],
    user: &'a [Part],
    prefill: Option<&'a str>,
}

/// A chat with pictures, through the model's template, the tokens of each picture written out.
fn encode_shown(
    tokenizer: &Tokenizer,
    (processor, vision): (&ImageProcessor, &Vision),
    said: &Said<'_>,
) -> Result<Vec<u32>, BackendError> {
    let mut messages = Vec::new();
    if let Some(system) = said.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    for (asked, answered) in said.examples {
        messages.push(json!({ "role": "user", "content": asked }));
        messages.push(json!({ "role": "assistant", "content": answered }));
    }
    let mut counts = Vec::new();
    let mut parts = Vec::new();
    for part in said.user {
        match part {
            Part::Text(text) => parts.push(json!({ "type": "text", "text": text })),
            Part::Picture(picture) => {
                let bytes = picture.bytes().map_err(unread)?;
                counts.push(
                    processor
                        .count(&bytes, Path::new(&picture.name), vision)
                        .map_err(failed)?,
                );
                parts.push(json!({ "type": "image" }));
            }
        }
    }
    messages.push(json!({ "role": "user", "content": parts }));
    let mut text = tokenizer
        .render_messages(&messages.into(), true, &serde_json::Map::new())
        .map_err(failed)?;
    text.push_str(said.prefill.unwrap_or_default());
    let ids = tokenizer.encode(&text, false).map_err(failed)?;
    ImageProcessor::expand_by(&ids, &counts, vision).map_err(failed)
}

fn unread(error: rlx_data::DataError) -> BackendError {
    BackendError {
        code: "rlx::data::file".into(),
        message: error.to_string(),
        help: None,
    }
}

/// Pictures of several prompts, each once, and which prompt shows which.
fn album<'p>(shown: impl Iterator<Item = &'p [Picture]>) -> (Vec<&'p Picture>, Vec<Vec<usize>>) {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = Vec::new();
    let of = shown
        .map(|pictures| {
            let number = |picture: &'p Picture| {
                *known.entry(&picture.hash).or_insert_with(|| {
                    all.push(picture);
                    all.len() - 1
                })
            };
            pictures.iter().map(number).collect()
        })
        .collect();
    (all, of)
}

/// The pixels of a picture as the model's vision tower takes them.
fn pixels(processor: Option<&ImageProcessor>, picture: Option<&&Picture>) -> Result<Pixels, EngineError> {
    let (Some(processor), Some(picture)) = (processor, picture) else {
        return Err(EngineError::InvalidRequest {
            what: "a picture that nobody can read".to_owned(),
            mend: "use a model that reads pictures, such as Qwen2.5-VL".to_owned(),
        });
    };
    let bytes = picture.bytes().map_err(|error| EngineError::InvalidRequest {
        what: error.to_string(),
        mend: "put the problem set in place and start again".to_owned(),
    })?;
    processor.decode(&bytes, Path::new(&picture.name))
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
        let RenderedPrompt::Shown {
            system,
            examples,
            user,
            prefill,
        } = prompt
        else {
            return encode_prompt(&self.tokenizer, prompt);
        };
        let (Some(processor), Some(vision)) = (&self.pictures, &self.model.config().vision) else {
            return Err(blind("the model reads none"));
        };
        let said = Said {
            system: system.as_deref(),
            examples,
            user,
            prefill: prefill.as_deref(),
        };
        encode_shown(&self.tokenizer, (processor, vision), &said)
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
        let (pictures, of) = album(requests.iter().map(|request| request.pictures.as_slice()));
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
        let result = if pictures.is_empty() {
            self.model
                .sample_each(&requests, &params, &options, &mut row, &mut progress)
        } else {
            let processor = self.pictures.as_ref();
            let mut album = Album {
                of: &of,
                read: &mut |number| pixels(processor, pictures.get(number)),
            };
            self.model.sample_with_pictures_each(
                &requests,
                &mut album,
                &params,
                &options,
                &mut row,
                &mut progress,
            )
        };
        match (failure, result) {
            (Some(failure), _) => Err(failure),
            (None, Err(EngineError::Cancelled)) if ended.get() => Ok(()),
            (None, result) => result.map_err(failed),
        }
    }

    fn score(&mut self, pairs: &[Pair]) -> Result<Vec<Vec<f32>>, BackendError> {
        let (pictures, of) = album(pairs.iter().map(|pair| pair.pictures.as_slice()));
        let pairs: Vec<ScoreRequest> = pairs
            .iter()
            .map(|pair| ScoreRequest {
                prompt: pair.prompt.clone(),
                response: pair.response.clone(),
            })
            .collect();
        let scores = if pictures.is_empty() {
            self.model.score_each(&pairs, 1.0, false, self.cache_bytes)
        } else {
            let processor = self.pictures.as_ref();
            let mut album = Album {
                of: &of,
                read: &mut |number| pixels(processor, pictures.get(number)),
            };
            self.model
                .score_with_pictures_each(&pairs, &mut album, 1.0, false, self.cache_bytes)
        };
        let scores = scores.map_err(failed)?;
        Ok(scores.into_iter().map(|score| score.logprobs).collect())
    }
}
