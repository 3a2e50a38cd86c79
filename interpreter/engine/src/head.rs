//! The LM head for training on CPUs: log-probs of tokens, and the way back to the hidden states and the head's weight, in one pass
//! over each row of logits, without a copy of the logits in fp32 or a table of log-probs (as in fused linear cross-entropy).

use std::thread;

use half::bf16;
use tch::{Device, Kind, Tensor};

use crate::kernels::{Element, entropy_sum, exp_sums, fast_exp, row_max, softmax_gradient, widen_row};
use crate::{EngineError, LanguageModel};

/// Numbers that one chunk of logits may hold: a micro-batch of a training is mostly one chunk.
const CHUNK: i64 = 1 << 26;

/// What hidden states say of the tokens that came: `[N]` each, in fp32.
pub struct TokenScores {
    pub log_probs: Tensor,
    /// In nats, of the distributions at the temperature; 0 where they were not asked for.
    pub entropies: Tensor,
}

impl LanguageModel {
    /// Whether [`LanguageModel::token_scores`] and [`LanguageModel::token_gradients`] run here; elsewhere they are left to
    /// autograd through [`LanguageModel::logits`].
    pub fn has_fused_head(&self) -> bool {
        self.weights.head.device() == Device::Cpu
            && matches!(self.weights.head.kind(), Kind::Float | Kind::BFloat16)
    }

    /// Log-probs of `targets` [N] (int64) after `hidden` [N,H] under softmax(logits / temperature), and entropies where
    /// asked for, without gradients. [N,V] is never held at once. A row with a logit that is not a number gives NaN.
    ///
    /// # Errors
    /// Of shapes that do not fit, and of libtorch.
    pub fn token_scores(
        &self,
        hidden: &Tensor,
        targets: &Tensor,
        temperature: f64,
        entropies: bool,
    ) -> Result<TokenScores, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let targets = indices(targets)?;
        let mut found = vec![(f32::NAN, f32::NAN); targets.len()];
        let rows = self.rows_of_a_chunk();
        let parts = targets.chunks(rows).zip(found.chunks_mut(rows));
        for (hidden, (targets, found)) in hidden.f_split(rows as i64, 0)?.iter().zip(parts) {
            let logits = self.logits(hidden)?;
            score_chunk(&logits, targets, temperature, entropies, found)?;
        }
        let (log_probs, entropies): (Vec<f32>, Vec<f32>) = found.into_iter().unzip();
        Ok(TokenScores {
            log_probs: Tensor::f_from_slice(&log_probs)?,
            entropies: Tensor::f_from_slice(&entropies)?,
        })
    }

    /// The way back of [`LanguageModel::token_scores`] for `Σ a_i log p_i + Σ h_i H_i`, `log_probs` being the a and
    /// `entropies` the h, both [N]: returns the gradient of the hidden states [N,H], with the log-probs themselves [N], and adds
    /// the gradient of the head's weight to it where it is trained.
    ///
    /// With z = logits / T: `∂/∂z_j = a (1[j = target] − p_j) − h p_j (log p_j + H)`.
    ///
    /// # Errors
    /// Of shapes that do not fit, and of libtorch.
    pub fn token_gradients(
        &self,
        hidden: &Tensor,
        targets: &Tensor,
        temperature: f64,
        log_probs: &Tensor,
        entropies: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let head = &self.weights.head;
        let mut found = vec![f32::NAN; targets.numel()];
        let (hidden_gradient, sum) = {
            let _no_grad = tch::no_grad_guard();
            let targets = indices(targets)?;
            let a = numbers(log_probs)?;
            let h = match entropies {
                Some(entropies) => numbers(entropies)?,
                None => vec![0.0; a.len()],
            };
            let weights: Vec<(f32, f32)> = a.into_iter().zip(h).collect();
            if weights.len() != targets.len() {
                return Err(unfit("gradients", weights.len(), targets.len()));
            }
            let rows = self.rows_of_a_chunk();
            let mut back = Vec::new();
            let mut sum: Option<Tensor> = None;
            let parts = targets.chunks(rows).zip(weights.chunks(rows));
            let parts = parts.zip(found.chunks_mut(rows));
            for (hidden, ((targets, weights), found)) in hidden.f_split(rows as i64, 0)?.iter().zip(parts) {
                let mut logits = self.logits(hidden)?.f_contiguous()?;
                gradient_chunk(&mut logits, targets, temperature, weights, found)?;
                back.push(logits.f_mm(head)?);
                if head.requires_grad() {
                    let part = logits.f_tr()?.f_mm(hidden)?;
                    // Several chunks add up in fp32, so that they are not rounded again with each.
                    sum = Some(match sum {
                        Some(sum) => sum.f_to_kind(Kind::Float)?.f_add_(&part)?,
                        None => part,
                    });
                }
            }
            let sum = sum.map(|sum| sum.f_to_kind(head.kind())).transpose()?;
            (Tensor::f_cat(&back, 0)?, sum)
        };
        if let Some(sum) = sum {
            // The product's gradient with respect to the weight is the sum: autograd adds it where the others are.
            head.f_mul(&sum)?.f_sum(Kind::Float)?.f_backward()?;
        }
        Ok((hidden_gradient, Tensor::f_from_slice(&found)?))
    }

    fn rows_of_a_chunk(&self) -> usize {
        usize::try_from(CHUNK / self.config.vocab.max(1))
            .unwrap_or(1)
            .max(1)
    }
}

fn score_chunk(
    logits: &Tensor,
    targets: &[usize],
    temperature: f64,
    entropies: bool,
    found: &mut [(f32, f32)],
) -> Result<(), EngineError> {
    let logits = logits.f_contiguous()?;
    match logits.kind() {
        Kind::BFloat16 => score_rows::<bf16>(&logits, targets, temperature, entropies, found),
        Kind::Float => score_rows::<f32>(&logits, targets, temperature, entropies, found),
        kind => Err(EngineError::invalid(format!("logits of kind {kind:?}"), MEND)),
    }
}

/// Puts the gradient in the place of the logits, and the log-probs into `found`.
fn gradient_chunk(
    logits: &mut Tensor,
    targets: &[usize],
    temperature: f64,
    weights: &[(f32, f32)],
    found: &mut [f32],
) -> Result<(), EngineError> {
    match logits.kind() {
        Kind::BFloat16 => gradient_rows::<bf16>(logits, targets, temperature, weights, found),
        Kind::Float => gradient_rows::<f32>(logits, targets, temperature, weights, found),
        kind => Err(EngineError::invalid(format!("logits of kind {kind:?}"), MEND)),
    }
}

fn score_rows<E: Element>(
    logits: &Tensor,
    targets: &[usize],
    temperature: f64,
    entropies: bool,
    found: &mut [(f32, f32)],
) -> Result<(), EngineError> {
    let vocab = fitting(logits, targets)?;
    let scale = (1.0 / temperature) as f32;
    let share = share_of(targets.len());
    // SAFETY: a contiguous tensor of this kind on the CPU, as large as its shape says, which nobody writes meanwhile.
    #[allow(unsafe_code)]
    let rows = unsafe { std::slice::from_raw_parts(logits.data_ptr().cast::<E>(), targets.len() * vocab) };
    thread::scope(|scope| {
        let parts = rows.chunks(share * vocab).zip(targets.chunks(share));
        for ((rows, targets), found) in parts.zip(found.chunks_mut(share)) {
            scope.spawn(move || {
                let mut wide = vec![0f32; vocab];
                let mut sums = Vec::new();
                for ((row, target), found) in rows.chunks_exact(vocab).zip(targets).zip(found) {
                    widen_row(row, &mut wide);
                    let (Some((_, max)), Some(logit)) = (row_max(&wide), wide.get(*target)) else {
                        continue;
                    };
                    let sum = exp_sums(&wide, max, scale, &mut sums);
                    let log = sum.ln();
                    let log_prob = f64::from((logit - max) * scale) - log;
                    let entropy = if entropies {
                        log - entropy_sum(&wide, max, scale) / sum
                    } else {
                        0.0
                    };
                    *found = (log_prob as f32, entropy as f32);
                }
            });
        }
    });
    Ok(())
}

fn gradient_rows<E: Element>(
    logits: &mut Tensor,
    targets: &[usize],
    temperature: f64,
    weights: &[(f32, f32)],
    found: &mut [f32],
) -> Result<(), EngineError> {
    let vocab = fitting(logits, targets)?;
    let scale = (1.0 / temperature) as f32;
    let share = share_of(targets.len());
    // SAFETY: a contiguous tensor of this kind on the CPU, as large as its shape says, and no other is made of it here.
    #[allow(unsafe_code)]
    let rows =
        unsafe { std::slice::from_raw_parts_mut(logits.data_ptr().cast::<E>(), targets.len() * vocab) };
    thread::scope(|scope| {
        let parts = rows.chunks_mut(share * vocab).zip(targets.chunks(share));
        let parts = parts.zip(weights.chunks(share)).zip(found.chunks_mut(share));
        for (((rows, targets), weights), found) in parts {
            scope.spawn(move || {
                let mut wide = vec![0f32; vocab];
                let mut sums = Vec::new();
                let each = rows.chunks_exact_mut(vocab).zip(targets).zip(weights);
                for (((row, target), (a, h)), found) in each.zip(found) {
                    widen_row(row, &mut wide);
                    let (Some((_, max)), Some(logit)) = (row_max(&wide), wide.get(*target).copied()) else {
                        row.fill(E::narrow(f32::NAN));
                        continue;
                    };
                    let sum = exp_sums(&wide, max, scale, &mut sums);
                    let log = sum.ln();
                    *found = (f64::from((logit - max) * scale) - log) as f32;
                    let spread = if *h == 0.0 {
                        0.0
                    } else {
                        log - entropy_sum(&wide, max, scale) / sum
                    };
                    fast_exp(&mut wide, max, scale);
                    // log p_j + H = y_j − log Σ + H.
                    let factor = f64::from(*a) + f64::from(*h) * (spread - log);
                    softmax_gradient(row, &wide, max, scale, sum as f32, factor as f32, *h);
                    if let (Some(place), Some(e)) = (row.get_mut(*target), wide.get(*target)) {
                        let y = f64::from((logit - max) * scale);
                        let p = f64::from(*e) / sum;
                        let whole = f64::from(*a) - p * (factor + f64::from(*h) * y);
                        *place = E::narrow((whole * f64::from(scale)) as f32);
                    }
                }
            });
        }
    });
    Ok(())
}

const MEND: &str =
    "hidden states, targets and gradients belong to the same tokens, logits to a model in fp32 or bf16";

/// Rows of a thread's share.
fn share_of(rows: usize) -> usize {
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
    rows.div_ceil(threads).max(1)
}

/// The width of the vocabulary, if logits and targets belong together.
fn fitting(logits: &Tensor, targets: &[usize]) -> Result<usize, EngineError> {
    match logits.size().as_slice() {
        [rows, vocab] if *rows as usize == targets.len() && *vocab > 0 => {
            let vocab = *vocab as usize;
            match targets.iter().find(|target| **target >= vocab) {
                Some(target) => Err(unfit("a target", *target, vocab)),
                None => Ok(vocab),
            }
        }
        [rows, ..] => Err(unfit("rows of logits", *rows as usize, targets.len())),
        [] => Err(unfit("rows of logits", 0, targets.len())),
    }
}

fn unfit(what: &'static str, found: usize, expected: usize) -> EngineError {
    EngineError::invalid(format!("{what}: {found} beside {expected}"), MEND)
}

fn indices(targets: &Tensor) -> Result<Vec<usize>, EngineError> {
    let ids = Vec::<i64>::try_from(&targets.f_to_kind(Kind::Int64)?.f_contiguous()?)?;
    // A negative one is beyond every vocabulary.
    Ok(ids
        .into_iter()
        .map(|id| usize::try_from(id).unwrap_or(usize::MAX))
        .collect())
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>, EngineError> {
    Ok(Vec::<f32>::try_from(
        &tensor.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(rows: i64, vocab: i64, kind: Kind) -> Tensor {
        let values: Vec<f32> = (0..rows * vocab)
            .map(|place| ((place * 37 % 101) as f32 / 12.0 - 4.0) * (1.0 + (place % 7) as f32 / 3.0))
            .collect();
        Tensor::from_slice(&values).view([rows, vocab]).to_kind(kind)
    }

    /// Log-probs and entropies by libtorch, in f64.
    fn by_definition(logits: &Tensor, targets: &Tensor, temperature: f64) -> (Tensor, Tensor) {
        let log_probs = (logits.to_kind(Kind::Double) / temperature).log_softmax(-1, Kind::Double);
        let chosen = log_probs
            .gather(-1, &targets.unsqueeze(-1), false)
            .squeeze_dim(-1);
        let entropies = -(log_probs.exp() * &log_probs).sum_dim_intlist(-1, false, Kind::Double);
        (chosen, entropies)
    }

    fn worst(left: &Tensor, right: &Tensor) -> f64 {
        let wide = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        (wide(left) - wide(right)).abs().max().double_value(&[])
    }

    fn scored(logits: &Tensor, targets: &[usize], temperature: f64) -> (Tensor, Tensor) {
        let mut found = vec![(f32::NAN, f32::NAN); targets.len()];
        score_chunk(logits, targets, temperature, true, &mut found).unwrap();
        let (log_probs, entropies): (Vec<f32>, Vec<f32>) = found.into_iter().unzip();
        (Tensor::from_slice(&log_probs), Tensor::from_slice(&entropies))
    }

    fn places(targets: &[usize]) -> Tensor {
        let ids: Vec<i64> = targets.iter().map(|target| *target as i64).collect();
        Tensor::from_slice(&ids)
    }

    #[test]
    fn scores_are_those_of_the_definition() {
        for kind in [Kind::Float, Kind::BFloat16] {
            // 103: no multiple of a vector's width; five rows: no multiple of the threads.
            let logits = wave(5, 103, kind);
            let targets = [0, 102, 17, 50, 3];
            for temperature in [1.0, 0.6] {
                let found = scored(&logits, &targets, temperature);
                let expected = by_definition(&logits, &places(&targets), temperature);
                assert!(worst(&found.0, &expected.0) < 2e-5);
                assert!(worst(&found.1, &expected.1) < 2e-5);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_autograd() {
        let targets = [5, 0, 63, 102];
        let weights = [(0.5f32, 0.0f32), (-1.25, 0.3), (0.0, -0.2), (2.0, 0.1)];
        let (a, h): (Vec<f32>, Vec<f32>) = weights.iter().copied().unzip();
        // bf16 keeps 8 bits of numbers up to 2.
        for (kind, floor) in [(Kind::Float, 1e-6), (Kind::BFloat16, 2.0 / 256.0)] {
            for temperature in [1.0, 0.7] {
                let mut logits = wave(4, 103, kind);
                let leaf = logits.to_kind(Kind::Double).set_requires_grad(true);
                let (log_probs, entropies) = by_definition(&leaf, &places(&targets), temperature);
                let weighted =
                    |values: Tensor, by: &[f32]| (values * Tensor::from_slice(by)).sum(Kind::Double);
                (weighted(log_probs.shallow_clone(), &a) + weighted(entropies, &h)).backward();
                let mut found = [0.0; 4];
                gradient_chunk(&mut logits, &targets, temperature, &weights, &mut found).unwrap();
                assert!(worst(&Tensor::from_slice(&found), &log_probs.detach()) < 2e-5);
                let off = worst(&logits, &leaf.grad());
                assert!(off < floor, "{kind:?} at {temperature}: off by {off}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_one_row() {
        let mut logits = wave(3, 20, Kind::Float);
        let _ = logits.get(1).get(4).fill_(f64::NAN);
        let finite = Vec::<bool>::try_from(scored(&logits, &[1, 1, 1], 1.0).0.isfinite()).unwrap();
        assert_eq!(finite, [true, false, true]);
        gradient_chunk(&mut logits, &[1, 1, 1], 1.0, &[(1.0, 0.0); 3], &mut [0.0; 3]).unwrap();
        let finite = Vec::<bool>::try_from(logits.isfinite().all_dim(-1, false)).unwrap();
        assert_eq!(finite, [true, false, true]);
        let beyond = score_chunk(
            &wave(3, 20, Kind::Float),
            &[20, 0, 0],
            1.0,
            false,
            &mut [(0.0, 0.0); 3],
        );
        assert!(beyond.is_err());
    }
}
