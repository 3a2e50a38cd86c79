//! From one row of logits to one token: temperature, top-k, top-p, the draw.

use crate::kernels::{exp_sum, fast_exp, row_max};
use crate::{EngineError, SamplingParams};

/// What a row of logits yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    pub(crate) token: u32,
    /// Under the untruncated, temperature-scaled distribution (temperature 1 when greedy).
    pub(crate) logprob: f32,
}

/// Working memory that is kept from row to row.
#[derive(Default)]
pub(crate) struct Scratch {
    weights: Vec<f32>,
    candidates: Vec<(u32, f32)>,
}

impl SamplingParams {
    /// Refuses values that define no distribution.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(EngineError::invalid(
                format!("a temperature of {}", self.temperature),
                "use 0 for greedy decoding or a positive number",
            ));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(EngineError::invalid(
                format!("a top_p of {}", self.top_p),
                "use a number above 0, at most 1",
            ));
        }
        if self.max_tokens == 0 {
            return Err(EngineError::invalid(
                "max_tokens of 0",
                "ask for at least one token",
            ));
        }
        Ok(())
    }

    /// Whether every token stays possible.
    fn keeps_all(&self, vocab: usize) -> bool {
        self.top_p >= 1.0 && self.top_k_of(vocab).is_none()
    }

    /// `top_k` where it cuts anything.
    fn top_k_of(&self, vocab: usize) -> Option<usize> {
        let k = usize::try_from(self.top_k?).unwrap_or(usize::MAX);
        (k > 0 && k < vocab).then_some(k)
    }
}

/// The distribution from which [`crate::sample`] draws, one probability per token: logits divided by the
/// temperature, cut to the top k, then to the top p of what is left (each token, in descending order, whose
/// preceding mass is below p), renormalised. Temperature 0 puts all mass on the largest logit.
///
/// NaN or an infinite maximum is [`EngineError::NotFinite`].
pub fn filtered_distribution(logits: &[f32], params: &SamplingParams) -> Result<Vec<f32>, EngineError> {
    params.check()?;
    let mut scratch = Scratch::default();
    let mut out = vec![0.0; logits.len()];
    let Some((best, max)) = row_max(logits) else {
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
    scratch.weigh(logits, max, scale);
    scratch.keep(params);
    let mass: f64 = scratch.candidates.iter().map(|&(_, w)| f64::from(w)).sum();
    for &(token, weight) in &scratch.candidates {
        if let Some(p) = out.get_mut(token as usize) {
            *p = (f64::from(weight) / mass) as f32;
        }
    }
    Ok(out)
}

/// Draws one token; `u` in [0,1) decides. `None` where the logits hold NaN or infinity.
pub(crate) fn draw(logits: &[f32], params: &SamplingParams, u: f64, scratch: &mut Scratch) -> Option<Draw> {
    let (best, max) = row_max(logits)?;
    if params.temperature == 0.0 {
        let total = exp_sum(logits, max, 1.0);
        return Some(Draw {
            token: best as u32,
            logprob: -total.ln() as f32,
        });
    }
    let scale = (1.0 / params.temperature) as f32;
    let total = scratch.weigh(logits, max, scale);
    let token = if params.keeps_all(logits.len()) {
        pick(scratch.weights.iter().copied(), u * total)
    } else {
        scratch.keep(params);
        let mass: f64 = scratch.candidates.iter().map(|&(_, w)| f64::from(w)).sum();
        let place = pick(scratch.candidates.iter().map(|&(_, w)| w), u * mass);
        scratch
            .candidates
            .get(place)
            .map_or(best, |&(token, _)| token as usize)
    };
    let logit = f64::from(logits.get(token).copied().unwrap_or(max));
    let logprob = (logit - f64::from(max)) * f64::from(scale) - total.ln();
    Some(Draw {
        token: token as u32,
        logprob: logprob as f32,
    })
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
    /// Unnormalised probabilities of all tokens; returns their sum.
    fn weigh(&mut self, logits: &[f32], max: f32, scale: f32) -> f64 {
        self.weights.clear();
        self.weights.extend_from_slice(logits);
        fast_exp(&mut self.weights, max, scale);
        self.weights
            .chunks(1024)
            .map(|c| f64::from(c.iter().sum::<f32>()))
            .sum()
    }

    /// Fills `candidates` with the tokens that top-k and then top-p leave, best first (ties by token id)
    /// when either cuts, else in the order of the vocabulary.
    fn keep(&mut self, params: &SamplingParams) {
        let vocab = self.weights.len();
        let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        self.candidates.clear();
        let all = self.weights.iter().enumerate().map(|(i, &w)| (i as u32, w));
        let k = params.top_k_of(vocab);
        if let Some(k) = k {
            self.candidates.extend(all);
            self.candidates.select_nth_unstable_by(k - 1, descending);
            self.candidates.truncate(k);
        } else if params.top_p < 1.0 {
            // Tokens below (1-p)/V of the mass hold less than 1-p together, so the nucleus lies above; half of
            // that leaves room for rounding. Only what is left needs sorting.
            let total: f64 = self.weights.iter().map(|&w| f64::from(w)).sum();
            let floor = (0.5 * (1.0 - params.top_p) * total / vocab as f64) as f32;
            self.candidates.extend(all.filter(|&(_, w)| w >= floor));
        } else {
            self.candidates.extend(all);
            return;
        }
        self.candidates.sort_unstable_by(descending);
        if params.top_p < 1.0 {
            // Against the whole mass that top-k left, which without top-k includes the tail below the floor.
            let total: f64 = match k {
                Some(_) => self.candidates.iter().map(|&(_, w)| f64::from(w)).sum(),
                None => self.weights.iter().map(|&w| f64::from(w)).sum(),
            };
            let (mut before, mut kept) = (0.0, 0);
            for &(_, weight) in &self.candidates {
                if kept > 0 && before >= params.top_p * total {
                    break;
                }
                before += f64::from(weight);
                kept += 1;
            }
            self.candidates.truncate(kept);
        }
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
            stop_ids: Vec::new(),
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
            let draw = draw(&logits, &params, u, &mut Scratch::default()).unwrap();
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
                let d = draw(&logits, &params, crate::uniform(11, i), &mut scratch).unwrap();
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
        let d = draw(&logits, &params(t, 0.5, Some(1)), 0.9, &mut Scratch::default()).unwrap();
        assert_eq!(d.token, 1);
        assert!((f64::from(d.logprob) - (3.0 / t - z.ln())).abs() < 1e-6);
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused() {
        let p = params(1.0, 0.9, None);
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(draw(&[0.0, bad, 1.0], &p, 0.5, &mut Scratch::default()).is_none());
            assert!(filtered_distribution(&[0.0, bad, 1.0], &p).is_err());
        }
        assert!(draw(&[f32::NEG_INFINITY; 3], &p, 0.5, &mut Scratch::default()).is_none());
    }
}
