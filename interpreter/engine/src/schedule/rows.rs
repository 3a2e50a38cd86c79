//! From the logits of a pass to tokens, and from tokens to completions.

use std::sync::PoisonError;

use super::{Batch, Listener, Reading, Row, Sequence};
use crate::cpu::Places;
use crate::kernels::Element;
use crate::sample::{Completion, Finish, SampleRequest};
use crate::sampling::{Draw, Past, draw};
use crate::{EngineError, uniform};

/// A row of logits and what is drawn from it.
pub(super) struct Item {
    /// Place in the block of logits.
    place: usize,
    sequence: usize,
    /// For a prompt: which of its rows.
    sample: usize,
}

impl<E: Element> Batch<'_, E> {
    /// Draws from the logits of `rows`, the last ones of the sequences `ends`: for a prompt, the first token of each
    /// of its rows.
    pub(super) fn draw(&mut self, rows: &[usize], ends: &[usize]) -> Vec<(Item, Option<Draw>)> {
        let mut all = Vec::new();
        let Self {
            network,
            active,
            prompts,
            requests,
            params,
            scratch,
            ..
        } = self;
        let vocab = network.vocab();
        network.logits(rows, &mut |team, first, logits| {
            let mut items = Vec::new();
            for (place, &sequence) in ends
                .iter()
                .skip(first)
                .take(logits.len() / vocab.max(1))
                .enumerate()
            {
                let samples = match active.get(sequence) {
                    Some(Sequence {
                        row: None, prompt, ..
                    }) => prompts.get(*prompt).map_or(0, |p| p.rows.len()),
                    _ => 1,
                };
                items.extend((0..samples).map(|sample| Item {
                    place,
                    sequence,
                    sample,
                }));
            }
            let mut draws: Vec<Option<Draw>> = items.iter().map(|_| None).collect();
            let places = Places::new(&mut draws);
            team.each(items.len(), |worker, piece| {
                let (Some(item), Some(scratch)) = (items.get(piece), scratch.get(worker)) else {
                    return;
                };
                let Some(sequence) = active.get(item.sequence) else {
                    return;
                };
                let Some(prompt) = prompts.get(sequence.prompt) else {
                    return;
                };
                let (stream, drawn) = match &sequence.row {
                    Some(row) => (row.stream, row.tokens.as_slice()),
                    None => (stream_of(requests, prompt.rows.get(item.sample)), [].as_slice()),
                };
                let past = Past {
                    prompt: prompt.said(),
                    drawn,
                };
                let logits = logits
                    .get(item.place * vocab..(item.place + 1) * vocab)
                    .unwrap_or_default();
                let u = uniform(stream, drawn.len() as u64);
                let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
                let draw = draw(logits, params, past, u, &mut scratch);
                // SAFETY: every item has an element of its own.
                #[allow(unsafe_code)]
                unsafe {
                    places.part(piece, 1).fill(draw);
                }
            });
            all.extend(items.into_iter().zip(draws));
        });
        all
    }

    /// Adds drawn tokens to their rows; ends those that are done.
    pub(super) fn apply(
        &mut self,
        drawn: Vec<(Item, Option<Draw>)>,
        listener: &mut Listener<'_>,
    ) -> Result<(), EngineError> {
        let mut done = Vec::new();
        for (item, draw) in drawn {
            let Some(sequence) = self.active.get_mut(item.sequence) else {
                continue;
            };
            let number = sequence.prompt;
            let mut row = match sequence.row.take() {
                Some(row) => row,
                None => {
                    let Some(prompt) = self.prompts.get_mut(number) else {
                        continue;
                    };
                    if prompt.state != Reading::Done {
                        prompt.state = Reading::Done;
                        prompt.table = std::mem::take(&mut sequence.table);
                        prompt.cached = sequence.cached;
                        done.push(item.sequence);
                    }
                    let Some(&(request, sample)) = prompt.rows.get(item.sample) else {
                        continue;
                    };
                    Row {
                        prompt: number,
                        request,
                        sample,
                        stream: stream_of(self.requests, Some(&(request, sample))),
                        tokens: Vec::new(),
                        logprobs: Vec::new(),
                    }
                }
            };
            let Some(draw) = draw else {
                return Err(EngineError::NotFinite {
                    what: format!(
                        "the logits of request {}, row {}, token {}",
                        row.request,
                        row.sample,
                        row.tokens.len()
                    ),
                });
            };
            row.tokens.push(draw.token);
            row.logprobs.push(draw.logprob);
            self.tokens += 1;
            let finish = self.finish(&row)?;
            let is_new = row.tokens.len() == 1;
            match finish {
                Some(finish) => {
                    self.finished += 1;
                    if !is_new {
                        done.push(item.sequence);
                    }
                    let completion = Completion {
                        tokens: row.tokens,
                        logprobs: row.logprobs,
                        finish,
                    };
                    (listener.row)(row.request, row.sample, completion);
                    self.ended(number);
                }
                None if is_new => self.ready.push_back(row),
                None => {
                    if let Some(sequence) = self.active.get_mut(item.sequence) {
                        sequence.row = Some(row);
                    }
                }
            }
        }
        done.sort_unstable();
        for place in done.into_iter().rev() {
            let mut sequence = self.active.remove(place);
            self.pool.give(&mut sequence.table);
        }
        Ok(())
    }

    /// Whether and why a row is complete.
    fn finish(&self, row: &Row) -> Result<Option<Finish>, EngineError> {
        let last = row.tokens.last().copied().unwrap_or(0);
        if self.params.stop_ids.contains(&last) {
            return Ok(Some(Finish::Stop));
        }
        if row.tokens.len() >= self.params.min_tokens
            && let Some(stop) = self.stop
            && stop.found(&row.tokens)?
        {
            return Ok(Some(Finish::Stop));
        }
        Ok((row.tokens.len() >= self.params.max_tokens).then_some(Finish::Length))
    }
}

fn stream_of(requests: &[SampleRequest], row: Option<&(usize, usize)>) -> u64 {
    row.and_then(|&(request, sample)| requests.get(request)?.streams.get(sample).copied())
        .unwrap_or(0)
}
