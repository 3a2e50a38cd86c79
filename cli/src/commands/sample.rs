//! `rlx sample`: responses outside a study.

use crate::{
    OpenBackend,
    args::SampleArgs,
    backend,
    commands::{lines, loose},
    failure::Failure,
};
use rlx_data::RenderedPrompt;
use rlx_run::{Request, Settings};
use serde::Deserialize;
use std::{io::Write, process::ExitCode};

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
    let longest = requests
        .iter()
        .map(|request| request.prompt.len())
        .max()
        .unwrap_or(0);
    let at_once = (model.rows_at_once(longest, args.max_tokens) as u64 / args.samples.max(1)).max(1) as usize;
    let mut out = std::io::stdout().lock();
    for (rows, requests) in rows.chunks(at_once).zip(requests.chunks(at_once)) {
        for (row, drawn) in rows.iter().zip(model.sample(requests, &settings, &mut |_| {})?) {
            for (sample, completion) in drawn.into_iter().enumerate() {
                let line = serde_json::json!({
                    "id": row.id, "sample": sample, "text": settings.cut(model.decode(&completion.tokens)?),
                    "tokens": completion.tokens, "finish": completion.finish,
                });
                writeln!(out, "{line}").map_err(lines::stdout)?;
            }
        }
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
