//! `rlx score`: log-probabilities of responses made elsewhere.

use crate::{
    OpenBackend,
    args::ScoreArgs,
    backend,
    commands::{lines, loose},
    failure::Failure,
};
use rlx_data::RenderedPrompt;
use rlx_run::Pair;
use serde::Deserialize;
use std::{io::Write, process::ExitCode};

/// Rows scored between two writes.
const ROWS: usize = 64;

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    prompt: String,
    response: String,
}

pub(crate) fn run(args: &ScoreArgs, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    let rows = lines::read::<Row>(&args.texts)?.collect::<Result<Vec<Row>, Failure>>()?;
    let at = loose::model(&args.model, args.offline)?;
    let mut backend = backend(compute, &args.device)?;
    let mut model = backend.open(&at)?;
    let mut out = std::io::stdout().lock();
    for rows in rows.chunks(ROWS) {
        let mut pairs = Vec::new();
        for row in rows {
            let prompt = model.encode_prompt(&RenderedPrompt::Text(row.prompt.clone()))?;
            pairs.push(Pair {
                prompt,
                pictures: Vec::new(),
                response: model.encode_response(&row.response, false)?,
            });
        }
        for (row, logprobs) in rows.iter().zip(model.score(&pairs)?) {
            let mean =
                logprobs.iter().map(|value| f64::from(*value)).sum::<f64>() / logprobs.len().max(1) as f64;
            let perplexity = (!logprobs.is_empty()).then(|| (-mean).exp());
            let line = serde_json::json!({ "id": row.id, "logprobs": logprobs, "perplexity": perplexity });
            writeln!(out, "{line}").map_err(lines::stdout)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
