//! `rlx sample`: responses outside a study.

use crate::{
    OpenBackend,
    args::SampleArgs,
    backend,
    commands::{lines, loose},
    failure::Failure,
};
use rlx_data::{Part, Picture, RenderedPrompt};
use rlx_run::{Drawn, Request, Rows, Settings};
use serde::Deserialize;
use std::{collections::BTreeMap, io::Write, path::Path, process::ExitCode};

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Content,
}

/// A text, or parts of which some are pictures.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Said>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Text {
        text: String,
    },
    /// A path, seen from the file of prompts.
    Image {
        image: String,
    },
}

pub(crate) fn run(args: &SampleArgs, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    let rows = lines::read::<Row>(&args.prompts)?.collect::<Result<Vec<Row>, Failure>>()?;
    let at = loose::model(&args.model, args.offline)?;
    let mut backend = backend(compute, &args.device)?;
    let mut model = backend.open(&at)?;
    let settings = Settings {
        temperature: args.temperature,
        top_p: args.top_p,
        top_k: args.top_k,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        logit_bias: args.logit_bias.clone(),
        stop: args.stop.clone(),
        min_tokens: args.min_tokens,
        max_tokens: args.max_tokens,
    };
    let folder = args.prompts.parent().unwrap_or(Path::new(""));
    let mut requests = Vec::new();
    for row in &rows {
        let prompt = prompt(row, folder)?;
        let pictures = prompt.pictures().into_iter().cloned().collect();
        let prompt = model.encode_prompt(&prompt)?;
        let streams = (0..args.samples)
            .map(|sample| loose::stream(args.seed, &row.id, sample))
            .collect();
        requests.push(Request {
            prompt,
            pictures,
            streams,
        });
    }
    // Rows end in any order; they are told in that of the prompts, each as soon as those before it are there.
    let mut out = std::io::stdout().lock();
    let mut waiting = BTreeMap::new();
    let mut next = (0, 0);
    let mut failure = None;
    let mut hear = |request: usize, sample: usize, drawn: Drawn| {
        waiting.insert((request, sample), drawn);
        while let Some(drawn) = waiting.remove(&next) {
            let (request, sample) = next;
            next = if sample as u64 + 1 < args.samples {
                (request, sample + 1)
            } else {
                (request + 1, 0)
            };
            let line = serde_json::json!({
                "id": rows.get(request).map(|row| &row.id), "sample": sample, "text": drawn.text,
                "tokens": drawn.tokens, "finish": drawn.finish,
            });
            if let Err(error) = writeln!(out, "{line}") {
                failure = Some(lines::stdout(error));
                return false;
            }
        }
        true
    };
    let mut listener = Rows {
        row: &mut hear,
        tokens: &mut |_| {},
    };
    let result = model.sample(&requests, &settings, &mut listener);
    match failure {
        Some(failure) => return Err(failure),
        None => result?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A system message (optional) and a user's one are what a study's prompts are made of. `folder` is where paths of pictures
/// begin.
fn prompt(row: &Row, folder: &Path) -> Result<RenderedPrompt, Failure> {
    let bad = |message: String| {
        let help = "give `\"prompt\": text`, or `\"messages\"` with an optional system message and one of the user, whose \
                    content is a text or a list of `{\"type\": \"text\", …}` and `{\"type\": \"image\", \"image\": PATH}`";
        Failure::user("rlx::data::row", message, Some(help.into()))
    };
    let messages = match (&row.prompt, &row.messages) {
        (Some(text), None) => return Ok(RenderedPrompt::Text(text.clone())),
        (None, Some(messages)) => messages,
        _ => {
            let message = format!("row {}: needs either `prompt` or `messages`", row.id);
            return Err(bad(message));
        }
    };
    let (system, user) = match messages.as_slice() {
        [user] if user.role == "user" => (None, &user.content),
        [
            Message {
                role,
                content: Content::Text(system),
            },
            user,
        ] if role == "system" && user.role == "user" => (Some(system.clone()), &user.content),
        _ => {
            let message = format!(
                "row {}: these messages are more than a system text and a user message",
                row.id
            );
            return Err(bad(message));
        }
    };
    match user {
        Content::Text(user) => Ok(RenderedPrompt::Chat {
            system,
            examples: Vec::new(),
            user: user.clone(),
            prefill: None,
        }),
        Content::Parts(parts) => Ok(RenderedPrompt::Shown {
            system,
            examples: Vec::new(),
            user: parts
                .iter()
                .map(|part| match part {
                    Said::Text { text } => Ok(Part::Text(text.clone())),
                    Said::Image { image } => Picture::open(image.clone(), folder.join(image))
                        .map(Part::Picture)
                        .map_err(|error| bad(format!("row {}: {error}", row.id))),
                })
                .collect::<Result<_, _>>()?,
            prefill: None,
        }),
    }
}
