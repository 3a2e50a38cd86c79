//! Rows on an accelerator: batches that a budget holds, halved where the memory does not.

use super::{DeviceDecoder, Sequence};
use crate::sample::Order;
use crate::stop::StopStrings;
use crate::{
    Completion, EngineError, Finish, LanguageModel, Precision, Progress, SampleRequest, SamplingParams,
};

/// Decode steps between two calls of `progress`.
const STEPS_PER_REPORT: usize = 20;

/// Bytes of KV cache where nobody says.
const CACHE_BYTES: usize = 3 << 30;

/// Rows of a batch at most: more gain nothing on any device tried.
const MOST_ROWS: usize = 512;

/// One row to be drawn.
#[derive(Clone, Copy)]
struct Row {
    request: usize,
    sample: usize,
    stream: u64,
}

/// All rows, batch after batch; see [`crate::sample_each`].
pub(crate) fn on_device(
    model: &LanguageModel,
    order: &Order<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    let Order {
        requests,
        params,
        options,
    } = *order;
    if model.config.sliding.is_some() {
        let none = vec![Vec::new(); requests.len()];
        let mut album = crate::vision::Album {
            of: &none,
            read: &mut |_| {
                Err(EngineError::invalid(
                    "a picture in a prompt without any",
                    "report this defect",
                ))
            },
        };
        return crate::plain::sample_album(model, order, &mut album, row, progress);
    }
    let _no_grad = tch::no_grad_guard();
    let rows: Vec<Row> = requests
        .iter()
        .enumerate()
        .flat_map(|(request, r)| {
            r.streams.iter().enumerate().map(move |(sample, &stream)| Row {
                request,
                sample,
                stream,
            })
        })
        .collect();
    let mut before = Progress {
        tokens: 0,
        finished: 0,
        rows: rows.len(),
    };
    let most = options.rows.unwrap_or_else(|| {
        let longest = requests.iter().map(|r| r.prompt.len()).max().unwrap_or(0);
        fitting(model, longest + params.max_tokens, options.cache_bytes)
    });
    in_batches(&rows, most, &mut |batch| {
        let mut decoder = DeviceDecoder::new(model.shallow(), params.clone());
        let mut seen = |own: Progress| {
            progress(Progress {
                tokens: before.tokens + own.tokens,
                finished: before.finished + own.finished,
                rows: before.rows,
            })
        };
        let drawn = draw(&mut decoder, requests, params, options.stop, batch, &mut seen)?;
        for (place, completion) in batch.iter().zip(drawn) {
            before.tokens += completion.tokens.len() as u64;
            before.finished += 1;
            row(place.request, place.sample, completion);
        }
        Ok(())
    })
}

/// Rows of `tokens` tokens whose keys and values a budget holds.
pub(crate) fn fitting(model: &LanguageModel, tokens: usize, budget: Option<usize>) -> usize {
    let c = &model.config;
    let bytes = match model.precision() {
        Precision::Fp32 => 4,
        Precision::Bf16 => 2,
    };
    let token = usize::try_from(2 * c.layers * c.kv_heads * c.head_dim).unwrap_or(usize::MAX);
    let row = token.saturating_mul(bytes).saturating_mul(tokens).max(1);
    (budget.unwrap_or(CACHE_BYTES) / row).clamp(1, MOST_ROWS)
}

/// Hands `rows` on in batches of at most `most`; a batch that the memory does not hold is halved, and so are those
/// after it. One row alone that does not fit is the caller's error.
fn in_batches<T>(
    rows: &[T],
    most: usize,
    each: &mut dyn FnMut(&[T]) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let (mut rest, mut most) = (rows, most.max(1));
    while !rest.is_empty() {
        let (batch, tail) = rest.split_at(most.min(rest.len()));
        match each(batch) {
            Ok(()) => rest = tail,
            Err(EngineError::OutOfMemory { .. }) if batch.len() > 1 => most = batch.len().div_ceil(2),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Draws rows step by step to their end.
fn draw(
    decoder: &mut DeviceDecoder,
    requests: &[SampleRequest],
    params: &SamplingParams,
    stop: Option<&StopStrings<'_>>,
    rows: &[Row],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Completion>, EngineError> {
    let mut so_far = Progress {
        tokens: 0,
        finished: 0,
        rows: rows.len(),
    };
    let mut prompts: Vec<&[u32]> = Vec::new();
    let mut sequences = Vec::with_capacity(rows.len());
    for row in rows {
        let prompt = requests
            .get(row.request)
            .map(|r| r.prompt.as_slice())
            .unwrap_or_default();
        // Rows of one prompt follow one another, but requests may repeat a prompt.
        let place = match prompts.iter().rposition(|p| *p == prompt) {
            Some(place) => place,
            None => {
                prompts.push(prompt);
                prompts.len() - 1
            }
        };
        sequences.push(Sequence {
            prompt: place,
            stream: row.stream,
        });
    }
    let mut out: Vec<Completion> = rows
        .iter()
        .map(|_| Completion {
            tokens: Vec::new(),
            logprobs: Vec::new(),
            finish: Finish::Length,
        })
        .collect();
    if rows.is_empty() {
        return Ok(out);
    }
    let fail = |place: usize, step: usize| match rows.get(place) {
        Some(row) => EngineError::NotFinite {
            what: format!(
                "the logits of request {}, row {}, token {step}",
                row.request, row.sample
            ),
        },
        None => EngineError::NotFinite {
            what: "a row of logits".to_owned(),
        },
    };
    let mut active: Vec<usize> = (0..rows.len()).collect();
    let mut draws = decoder.start(&prompts, &sequences, params.max_tokens)?;
    let mut keep = Vec::new();
    let mut last = Vec::new();
    for step in 0..params.max_tokens {
        keep.clear();
        last.clear();
        let mut ended = 0;
        for (slot, (&place, draw)) in active.iter().zip(&draws).enumerate() {
            let Some(draw) = draw else {
                return Err(fail(place, step));
            };
            let Some(completion) = out.get_mut(place) else {
                continue;
            };
            completion.tokens.push(draw.token);
            completion.logprobs.push(draw.logprob);
            let stopped = match stop {
                Some(stop) if completion.tokens.len() >= params.min_tokens => {
                    stop.found(&completion.tokens)?
                }
                _ => false,
            };
            if stopped || params.stop_ids.contains(&draw.token) {
                completion.finish = Finish::Stop;
                ended += 1;
            } else {
                keep.push(slot);
                last.push(draw.token);
            }
        }
        let at_end = step + 1 == params.max_tokens;
        so_far.tokens += active.len() as u64;
        so_far.finished += if at_end { active.len() } else { ended };
        let last_step = keep.is_empty() || at_end;
        if (last_step || (step + 1) % STEPS_PER_REPORT == 0) && !progress(so_far) {
            return Err(EngineError::Cancelled);
        }
        if last_step {
            break;
        }
        active = keep
            .iter()
            .filter_map(|&slot| active.get(slot).copied())
            .collect();
        draws = decoder.step(&keep, &last)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_does_not_fit_is_halved() {
        let rows: Vec<usize> = (0..23).collect();
        let (mut seen, mut tries) = (Vec::new(), 0);
        in_batches(&rows, 100, &mut |batch| {
            tries += 1;
            if batch.len() > 5 {
                return Err(EngineError::OutOfMemory { what: String::new() });
            }
            seen.extend_from_slice(batch);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, rows);
        // 23, 12 and 6 are too many; eight batches of 3 are not.
        assert_eq!(tries, 3 + 8);
        let full = |_: &[usize]| Err(EngineError::OutOfMemory { what: String::new() });
        assert!(matches!(
            in_batches(&rows, 4, &mut { full }),
            Err(EngineError::OutOfMemory { .. })
        ));
    }
}
