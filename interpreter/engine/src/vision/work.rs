//! Drawing and scoring with pictures on the packed network of a CPU, group by group of requests.

use super::seen::{Album, Sight};
use crate::cpu::Network;
use crate::kernels::Element;
use crate::sample::{self, Order};
use crate::score;
use crate::{Completion, EngineError, Progress, SampleRequest, Score, ScoreRequest};

/// See [`crate::Sampler::sample_with_pictures_each`]; requests are checked already.
pub(crate) fn sample_on_cpu<E: Element>(
    network: &mut Network<E>,
    sight: &Sight,
    order: &Order<'_>,
    album: &mut Album<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    let all = order.requests;
    let mut before = Progress {
        tokens: 0,
        finished: 0,
        rows: all.iter().map(|r| r.streams.len()).sum(),
    };
    let mut start = 0;
    while start < all.len() {
        let gallery = sight.gather(album, start)?;
        let end = gallery.end;
        let part = all.get(start..end).unwrap_or_default();
        let longest = part.iter().map(|r| r.prompt.len()).max().unwrap_or(0);
        network.reach(longest + order.params.max_tokens)?;
        let prompts = (start..)
            .zip(part)
            .map(|(at, r)| (r.prompt.as_slice(), album.numbers(at)));
        let shown = sight.show(gallery, prompts, network.reached())?;
        network.show(shown.vectors, &shown.cos, &shown.sin);
        let requests: Vec<SampleRequest> = shown
            .seen
            .iter()
            .zip(part)
            .map(|(seen, r)| SampleRequest {
                prompt: seen.ids.clone(),
                streams: r.streams.clone(),
            })
            .collect();
        let order = Order {
            requests: &requests,
            ..*order
        };
        let mut own = before;
        sample::on_cpu(
            network,
            &order,
            &shown.seen,
            &mut |request, sample, completion| row(start + request, sample, completion),
            &mut |seen| {
                own.tokens = before.tokens + seen.tokens;
                own.finished = before.finished + seen.finished;
                progress(own)
            },
        )?;
        (before, start) = (own, end);
    }
    network.show(Vec::new(), &[], &[]);
    Ok(())
}

/// See [`crate::Sampler::score_with_pictures_each`]; pairs are checked already.
pub(crate) fn score_on_cpu<E: Element>(
    network: &mut Network<E>,
    sight: &Sight,
    pairs: &[ScoreRequest],
    album: &mut Album<'_>,
    (temperature, entropy): (f64, bool),
    cache_bytes: Option<usize>,
) -> Result<Vec<Score>, EngineError> {
    let mut scores = Vec::with_capacity(pairs.len());
    let mut start = 0;
    while start < pairs.len() {
        let gallery = sight.gather(album, start)?;
        let end = gallery.end;
        let part = pairs.get(start..end).unwrap_or_default();
        let longest = part.iter().map(|p| p.prompt.len() + p.response.len()).max();
        network.reach(longest.unwrap_or(0))?;
        let prompts = (start..)
            .zip(part)
            .map(|(at, p)| (p.prompt.as_slice(), album.numbers(at)));
        let shown = sight.show(gallery, prompts, network.reached())?;
        network.show(shown.vectors, &shown.cos, &shown.sin);
        let read: Vec<ScoreRequest> = shown
            .seen
            .iter()
            .zip(part)
            .map(|(seen, pair)| ScoreRequest {
                prompt: seen.ids.clone(),
                response: pair.response.clone(),
            })
            .collect();
        scores.extend(score::on_cpu(
            network,
            &read,
            &shown.seen,
            temperature,
            entropy,
            cache_bytes,
        )?);
        start = end;
    }
    network.show(Vec::new(), &[], &[]);
    Ok(scores)
}
