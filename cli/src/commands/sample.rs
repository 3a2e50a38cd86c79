//! `rlx sample`: responses outside a study.

use crate::{
    OpenBackend,
    args::SampleArgs,
    backend,
    commands::{lines, loose},
    failure::Failure,
};
use rlx_data::RenderedPrompt;
use rlx_run::{Drawn, Request, Rows, Settings};
use serde::Deserialize;
use std::{collections::BTreeMap, io::Write, process::ExitCode};

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
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
    let mut requests = Vec::new();
    for row in &rows {
        let prompt = model.encode_prompt(&prompt(row)?)?;
        let streams = (0..args.samples)
            .map(|sample| loose::stream(args.seed, &row.id, sample))
            .collect();
        requests.push(Request { prompt, streams });
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

/// A system message (optional) and a user's one are what a study's prompts are made of.
fn prompt(row: &Row) -> Result<RenderedPrompt, Failure> {
    let bad = |message: String| {
        let help =
            "give `\"prompt\": text`, or `\"messages\"` with an optional system message and one of the user";
        Failure::user("rlx::data::row", message, Some(help.into()))
    };
    match (&row.prompt, &row.messages) {
        (Some(text), None) => Ok(RenderedPrompt::Text(text.clone())),
        (None, Some(messages)) => match messages.as_slice() {
            [user] if user.role == "user" => Ok(RenderedPrompt::Chat {
                system: None,
                user: user.content.clone(),
                prefill: None,
            }),
            [system, user] if system.role == "system" && user.role == "user" => Ok(RenderedPrompt::Chat {
                system: Some(system.content.clone()),
                user: user.content.clone(),
                prefill: None,
            }),
            _ => Err(bad(format!(
                "row {}: these messages are more than a system and a user message",
                row.id
            ))),
        },
        _ => Err(bad(format!(
            "row {}: needs either `prompt` or `messages`",
            row.id
        ))),
    }
}
