//! From one row of logits to one token: penalties, temperature, top-k, top-p, min-p, the draw.

use crate::kernels::{EXP_CHUNK, exp_sums, fast_exp, gather, row_max};
use crate::{EngineError, SamplingParams};

/// What a row of logits yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    pub(crate) token: u32,
    /// Under the untruncated, temperature-scaled distribution (temperature 1 when greedy).
    pub(crate) logprob: f32,
}

/// What came before the token that is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Past<'a> {
    pub(crate) prompt: &'a [u32],
    pub(crate) drawn: &'a [u32],
}

/// Working memory that is kept from row to row.
#[derive(Default)]
pub(crate) struct Scratch {
    changed: Vec<f32>,
    sums: Vec<f64>,
    part: Vec<f32>,
    candidates: Vec<(u32, f32)>,
    seen: Vec<u32>,
}

impl Default for SamplingParams {
    /// The model's own distribution, 256 tokens at most.
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: None,
            min_p: 0.0,
            repetition_penalty: 1.0,
            logit_bias: Vec::new(),
            min_tokens: 0,
            max_tokens: 256,
            stop_ids: Vec::new(),
        }
    }
}

impl SamplingParams {
    /// Refuses values that define no distribution.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let wrong = |what: String, mend: &str| Err(EngineError::invalid(what, mend));
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return wrong(
                format!("a temperature of {}", self.temperature),
                "use 0 for greedy decoding or a positive number",
            );
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return wrong(
                format!("a top_p of {}", self.top_p),
                "use a number above 0, at most 1",
            );
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            return wrong(
                format!("a min_p of {}", self.min_p),
                "use 0 to keep every token, or a share of the best token's probability up to 1",
            );
        }
        if !(self.repetition_penalty.is_finite() && self.repetition_penalty > 0.0) {
            return wrong(
                format!("a repetition_penalty of {}", self.repetition_penalty),
                "use 1 for none, or a number somewhat above 1",
            );
        }
        if let Some((token, bias)) = self
            .logit_bias
            .iter()
            .find(|(_, b)| b.is_nan() || *b == f32::INFINITY)
        {
            return wrong(
                format!("a logit_bias of {bias} for token {token}"),
                "use a finite number, or -inf to forbid the token",
            );
        }
        if self.max_tokens == 0 {
            return wrong("max_tokens of 0".to_owned(), "ask for at least one token");
        }
        if self.min_tokens > self.max_tokens {
            return wrong(
                format!(
                    "min_tokens of {} above max_tokens of {}",
                    self.min_tokens, self.max_tokens
                ),
                "lower min_tokens",
            );
        }
        Ok(())
    }

    /// `top_k` where it cuts anything.
    fn top_k_of(&self, vocab: usize) -> Option<usize> {
        let k = usize::try_from(self.top_k?).unwrap_or(usize::MAX);
        (k > 0 && k < vocab).then_some(k)
    }

    /// Whether anything beside temperature, top-k and top-p shapes the distribution.
    pub(crate) fn is_special(&self) -> bool {
        self.min_p > 0.0
            || self.repetition_penalty != 1.0
            || !self.logit_bias.is_empty()
            || self.min_tokens > 0
    }

    fn changes_logits(&self, drawn: usize) -> bool {
        self.repetition_penalty != 1.0 || !self.logit_bias.is_empty() || drawn < self.min_tokens
    }

    /// The logits with the repetition penalty of Keskar et al. (CTRL, 2019) as transformers applies it (tokens of
    /// prompt and response, each once), the bias, and without stop tokens before `min_tokens`.
    fn changed(&self, logits: &[f32], past: Past<'_>, scratch: &mut Scratch) {
        scratch.changed.clear();
        scratch.changed.extend_from_slice(logits);
        if self.repetition_penalty != 1.0 {
            let penalty = self.repetition_penalty as f32;
            scratch.seen.clear();
            scratch.seen.extend(past.prompt.iter().chain(past.drawn));
            scratch.seen.sort_unstable();
            scratch.seen.dedup();
            for token in &scratch.seen {
                if let Some(x) = scratch.changed.get_mut(*token as usize) {
                    *x = if *x > 0.0 { *x / penalty } else { *x * penalty };
                }
            }
        }
        for (token, bias) in &self.logit_bias {
            if let Some(x) = scratch.changed.get_mut(*token as usize) {
                *x += bias;
            }
        }
        if past.drawn.len() < self.min_tokens {
            for token in &self.stop_ids {
                if let Some(x) = scratch.changed.get_mut(*token as usize) {
                    *x = f32::NEG_INFINITY;
                }
            }
        }
    }
}

/// The distribution from which [`crate::sample`] draws, one probability per token: logits with their bias, divided
/// by the temperature, cut to the top k, then to the top p of what is left (each token, in descending order, whose
/// preceding mass is below p), then to those of at least min-p times the best one's probability; renormalised.
/// Temperature 0 puts all mass on the largest logit.
///
/// NaN or an infinite maximum is [`EngineError::NotFinite`].
pub fn filtered_distribution(logits: &[f32], params: &SamplingParams) -> Result<Vec<f32>, EngineError> {
    params.check()?;
    let mut scratch = Scratch::default();
    let mut out = vec![0.0; logits.len()];
    params.changed(logits, Past::default(), &mut scratch);
    let logits = std::mem::take(&mut scratch.changed);
    let Some((best, max)) = row_max(&logits) else {
        return Err(EngineError::NotFinite {
            what: "the row of logits".to_owned(),
        });
    };
    if params.temperature == 0.0 {
        if let Some(p) = out.get_mut(best) {
            *p = 1.0;
        }
        return Ok(out);
    }
    let scale = (1.0 / params.temperature) as f32;
    let total = exp_sums(&logits, max, scale, &mut scratch.sums);
    scratch.keep(&logits, max, scale, total, params);
    let mass: f64 = scratch.candidates.iter().map(|&(_, w)| f64::from(w)).sum();
    for &(token, weight) in &scratch.candidates {
        if let Some(p) = out.get_mut(token as usize) {
            *p = (f64::from(weight) / mass) as f32;
        }
    }
    Ok(out)
}

/// Draws one token; `u` in [0,1) decides. `None` where the logits hold NaN or infinity.
pub(crate) fn draw(
    logits: &[f32],
    params: &SamplingParams,
    past: Past<'_>,
    u: f64,
    scratch: &mut Scratch,
) -> Option<Draw> {
    if params.changes_logits(past.drawn.len()) {
        params.changed(logits, past, scratch);
        let changed = std::mem::take(&mut scratch.changed);
        let draw = draw_from(&changed, params, u, scratch);
        scratch.changed = changed;
        return draw;
    }
    draw_from(logits, params, u, scratch)
}

fn draw_from(logits: &[f32], params: &SamplingParams, u: f64, scratch: &mut Scratch) -> Option<Draw> {
    let (best, max) = row_max(logits)?;
    if params.temperature == 0.0 {
        let total = exp_sums(logits, max, 1.0, &mut scratch.sums);
        return Some(Draw {
            token: best as u32,
            logprob: -total.ln() as f32,
        });
    }
    let scale = (1.0 / params.temperature) as f32;
    let total = exp_sums(logits, max, scale, &mut scratch.sums);
    let token = if params.top_p >= 1.0 && params.min_p == 0.0 && params.top_k_of(logits.len()).is_none() {
        scratch.pick_of_all(logits, max, scale, u * total)
    } else {
        scratch.keep(logits, max, scale, total, params);
        let mass: f64 = scratch.candidates.iter().map(|&(_, w)| f64::from(w)).sum();
        let place = pick(scratch.candidates.iter().map(|&(_, w)| w), u * mass);
        scratch
            .candidates
            .get(place)
            .map_or(best, |&(token, _)| token as usize)
    };
    let logit = logits.get(token).copied().unwrap_or(max);
    Some(Draw {
        token: token as u32,
        logprob: logprob_of(logit, max, scale, total),
    })
}

/// Log-prob of a token from its logit, the largest logit, the inverse temperature, and the sum of
/// e^((x - max) * scale).
pub(crate) fn logprob_of(logit: f32, max: f32, scale: f32, total: f64) -> f32 {
    ((f64::from(logit) - f64::from(max)) * f64::from(scale) - total.ln()) as f32
}

/// The first place where the running sum exceeds `target`, or the last one with any weight.
fn pick(weights: impl Iterator<Item = f32>, target: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (i, weight) in weights.enumerate() {
        if weight > 0.0 {
            sum += f64::from(weight);
            last = i;
            if sum > target {
                break;
            }
        }
    }
    last
}

impl Scratch {
    /// [`pick`] over the whole vocabulary, with the help of the sums of its chunks.
    fn pick_of_all(&mut self, logits: &[f32], max: f32, scale: f32, target: f64) -> usize {
        let (mut before, mut chunk) = (0.0, None);
        for (number, sum) in self.sums.iter().enumerate() {
            if *sum > 0.0 {
                chunk = Some((number, before));
                if before + sum > target {
                    break;
                }
            }
            before += sum;
        }
        let (number, before) = chunk.unwrap_or((0, 0.0));
        self.part.clear();
        self.part
            .extend(logits.iter().skip(number * EXP_CHUNK).take(EXP_CHUNK));
        fast_exp(&mut self.part, max, scale);
        number * EXP_CHUNK + pick(self.part.iter().copied(), target - before)
    }

    /// Fills `candidates` with the tokens that top-k, top-p and min-p leave and their unnormalised probabilities;
    /// best first (ties by token id) when top-k or top-p cuts, else in the order of the vocabulary.
    ///
    /// Few tokens of a vocabulary can be among the best, so only those above a threshold are looked at; where they
    /// turn out to be too few, the threshold falls.
    fn keep(&mut self, logits: &[f32], max: f32, scale: f32, total: f64, params: &SamplingParams) {
        let vocab = logits.len();
        let k = params.top_k_of(vocab);
        let cuts = k.is_some() || params.top_p < 1.0;
        // Tokens below (1-p)/V of the mass hold less than 1-p together; half of that leaves room for rounding.
        let safe = 0.5 * (1.0 - params.top_p) / vocab.max(1) as f64;
        for share in [2e-3, 2e-5, safe, 0.0] {
            if !cuts && share > 0.0 {
                continue;
            }
            let mut least = (f64::from(max) + (share * total).min(1.0).ln() / f64::from(scale)) as f32;
            if !cuts && params.min_p > 0.0 {
                least = (f64::from(max) + (params.min_p * (1.0 - 1e-5)).ln() / f64::from(scale)) as f32;
            }
            self.candidates.clear();
            gather(logits, least, &mut self.candidates);
            for (_, x) in &mut self.candidates {
                *x = (*x - max) * scale;
            }
            self.part.clear();
            self.part.extend(self.candidates.iter().map(|&(_, x)| x));
            fast_exp(&mut self.part, 0.0, 1.0);
            for ((_, x), weight) in self.candidates.iter_mut().zip(&self.part) {
                *x = *weight;
            }
            if cuts && !self.cut(k, params.top_p, total) && share > 0.0 {
                continue;
            }
            break;
        }
        if params.min_p > 0.0 {
            self.candidates.retain(|&(_, w)| f64::from(w) >= params.min_p);
        }
    }

    /// Cuts the candidates, all of them better than any other token, to the top k and the top p. False where more
    /// tokens are needed to say.
    fn cut(&mut self, k: Option<usize>, top_p: f64, total: f64) -> bool {
        let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        let mut total = total;
        if let Some(k) = k {
            if self.candidates.len() < k {
                return false;
            }
            if self.candidates.len() > k {
                self.candidates.select_nth_unstable_by(k - 1, descending);
                self.candidates.truncate(k);
            }
            self.candidates.sort_unstable_by(descending);
            total = self.candidates.iter().map(|&(_, w)| f64::from(w)).sum();
        } else {
            self.candidates.sort_unstable_by(descending);
        }
        if top_p < 1.0 {
            let (mut before, mut kept) = (0.0, 0);
            for &(_, weight) in &self.candidates {
                if kept > 0 && before >= top_p * total {
                    break;
                }
                before += f64::from(weight);
                kept += 1;
            }
            if k.is_none() && before < top_p * total {
                return false;
            }
            self.candidates.truncate(kept);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(temperature: f64, top_p: f64, top_k: Option<u64>) -> SamplingParams {
        SamplingParams {
            temperature,
            top_p,
            top_k,
            max_tokens: 1,
            ..SamplingParams::default()
        }
    }

    /// The definition, by a full sort in f64.
    fn plain(logits: &[f32], p: &SamplingParams) -> Vec<f64> {
        let max = logits.iter().copied().fold(f32::MIN, f32::max);
        let w: Vec<f64> = logits
            .iter()
            .map(|&l| (f64::from(l - max) / p.temperature).exp())
            .collect();
        let mut order: Vec<usize> = (0..w.len()).collect();
        order.sort_by(|&a, &b| w[b].total_cmp(&w[a]).then(a.cmp(&b)));
        order.truncate(
            p.top_k
                .filter(|&k| k > 0)
                .map_or(w.len(), |k| (k as usize).min(w.len())),
        );
        let total: f64 = order.iter().map(|&i| w[i]).sum();
        let mut out = vec![0.0; w.len()];
        let mut before = 0.0;
        for &i in &order {
            if before > 0.0 && before >= p.top_p * total {
                break;
            }
            out[i] = w[i];
            before += w[i];
        }
        let sum: f64 = out.iter().sum();
        out.iter().map(|x| x / sum).collect()
    }

    proptest! {
        #[test]
        fn the_filter_is_its_definition(
            logits in prop::collection::vec(-12f32..12.0, 1..300),
            t in 0.2f64..2.0, p in 0.05f64..1.0, k in 0u64..40,
        ) {
            let params = params(t, p, Some(k));
            let ours = filtered_distribution(&logits, &params).unwrap();
            let want = plain(&logits, &params);
            // fp32 weights may move a cut that lies within rounding of a token's border: then one token differs.
            let off = ours.iter().zip(&want).filter(|(a, b)| (f64::from(**a) - **b).abs() > 1e-5).count();
            let moved = ours.iter().zip(&want).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count();
            prop_assert!(off == 0 || moved == 1, "{} off, {} moved", off, moved);
            prop_assert!((ours.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }

        #[test]
        fn a_draw_never_leaves_the_kept_set(
            logits in prop::collection::vec(-12f32..12.0, 1..300),
            p in 0.05f64..1.0, u in 0f64..1.0,
        ) {
            let params = params(1.0, p, None);
            let kept = filtered_distribution(&logits, &params).unwrap();
            let draw = draw(&logits, &params, Past::default(), u, &mut Scratch::default()).unwrap();
            prop_assert!(kept[draw.token as usize] > 0.0);
        }
    }

    #[test]
    fn draws_follow_the_distribution() {
        let logits: Vec<f32> = (0..12).map(|i| (i as f32 * 1.7).sin() * 2.0).collect();
        for params in [
            params(1.0, 1.0, None),
            params(0.7, 0.9, None),
            params(1.3, 1.0, Some(5)),
        ] {
            let want = filtered_distribution(&logits, &params).unwrap();
            let n = 200_000u64;
            let mut counts = vec![0u64; logits.len()];
            let mut scratch = Scratch::default();
            for i in 0..n {
                let d = draw(
                    &logits,
                    &params,
                    Past::default(),
                    crate::uniform(11, i),
                    &mut scratch,
                )
                .unwrap();
                counts[d.token as usize] += 1;
            }
            for (count, p) in counts.iter().zip(&want) {
                let p = f64::from(*p);
                // Five standard deviations of the binomial count.
                let slack = 5.0 * (n as f64 * p * (1.0 - p)).sqrt() + 1e-9;
                assert!(
                    (*count as f64 - n as f64 * p).abs() <= slack,
                    "{count} draws at p {p}"
                );
            }
        }
    }

    #[test]
    fn logprobs_are_those_of_the_untruncated_distribution() {
        let logits = [1.0f32, 3.0, -2.0, 0.5];
        let t = 0.6;
        let z: f64 = logits.iter().map(|&l| (f64::from(l) / t).exp()).sum();
        let d = draw(
            &logits,
            &params(t, 0.5, Some(1)),
            Past::default(),
            0.9,
            &mut Scratch::default(),
        )
        .unwrap();
        assert_eq!(d.token, 1);
        assert!((f64::from(d.logprob) - (3.0 / t - z.ln())).abs() < 1e-6);
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused() {
        let p = params(1.0, 0.9, None);
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(
                draw(
                    &[0.0, bad, 1.0],
                    &p,
                    Past::default(),
                    0.5,
                    &mut Scratch::default()
                )
                .is_none()
            );
            assert!(filtered_distribution(&[0.0, bad, 1.0], &p).is_err());
        }
        assert!(
            draw(
                &[f32::NEG_INFINITY; 3],
                &p,
                Past::default(),
                0.5,
                &mut Scratch::default()
            )
            .is_none()
        );
    }

    #[test]
    fn min_p_is_a_share_of_the_best() {
        let logits: Vec<f32> = [0.5f32, 0.3, 0.15, 0.05].iter().map(|p| p.ln()).collect();
        let with = |min_p: f64, top_p: f64| {
            let p = SamplingParams {
                min_p,
                top_p,
                ..SamplingParams::default()
            };
            filtered_distribution(&logits, &p).unwrap()
        };
        let near = |a: Vec<f32>, b: [f32; 4]| {
            a.iter()
                .zip(b)
                .for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"))
        };
        near(with(0.25, 1.0), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0]);
        near(with(0.35, 1.0), [0.625, 0.375, 0.0, 0.0]);
        near(with(0.05, 0.7), [0.625, 0.375, 0.0, 0.0]);
        near(with(1.0, 1.0), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn penalties_and_biases_change_logits_before_anything_else() {
        let logits = [2.0f32, 1.0, -1.0, 0.5];
        let p = SamplingParams {
            repetition_penalty: 2.0,
            logit_bias: vec![(3, 1.5)],
            stop_ids: vec![1],
            min_tokens: 3,
            ..SamplingParams::default()
        };
        let past = Past {
            prompt: &[0, 0],
            drawn: &[2, 0],
        };
        let mut scratch = Scratch::default();
        p.changed(&logits, past, &mut scratch);
        assert_eq!(scratch.changed, [1.0, f32::NEG_INFINITY, -2.0, 2.0]);
        let greedy = SamplingParams {
            temperature: 0.0,
            ..p.clone()
        };
        assert_eq!(draw(&logits, &greedy, past, 0.0, &mut scratch).unwrap().token, 3);
        // Once min_tokens have been drawn, the stop token is possible again.
        let later = Past {
            prompt: &[],
            drawn: &[3, 3, 3],
        };
        p.changed(&logits, later, &mut scratch);
        assert_eq!(scratch.changed[1], 1.0);
    }

    /// The threshold never changes what is kept: nearly flat logits, where it has to fall, and peaked ones.
    #[test]
    fn cuts_do_not_depend_on_thresholds() {
        for spread in [0.001f32, 0.5, 3.0, 12.0] {
            let logits: Vec<f32> = (0..5000).map(|i| spread * (i as f32 * 0.731).sin()).collect();
            for p in [
                params(0.6, 0.95, None),
                params(1.0, 0.999, None),
                params(1.0, 0.5, Some(3000)),
                params(0.3, 1.0, Some(7)),
            ] {
                let ours = filtered_distribution(&logits, &p).unwrap();
                let want = plain(&logits, &p);
                let signed = |n: usize| n as i64;
                // Weights that are equal in fp32 may be counted in another order.
                let (ours, want) = (
                    signed(ours.iter().filter(|p| **p > 0.0).count()),
                    signed(want.iter().filter(|p| **p > 0.0).count()),
                );
                assert!(
                    (ours - want).abs() <= 1,
                    "{ours}, not {want} tokens at spread {spread}, {p:?}"
                );
            }
        }
    }
}
