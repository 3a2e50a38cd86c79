//! Log-probs and entropies of response tokens under a model, and the way back through them.

use rlx_engine::{LanguageModel, Replay};
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::batch::MicroBatch;

/// Numbers that one chunk of log-probs over the vocabulary may hold (64 MB in fp32).
const CHUNK: i64 = 1 << 24;
/// From this size of a vocabulary on the head has a pass of its own where the engine has one for the device.
const FUSED_VOCAB: i64 = 4096;

/// What to do about entropies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entropies {
    No,
    /// For a metric: no gradient.
    Measured,
    /// For a bonus in the loss.
    Differentiable,
}

/// The decoder's part of a pass.
pub(crate) struct Decoded {
    /// `[N, H]`: the hidden states that predict the batch's response tokens.
    pub(crate) hidden: Tensor,
    replay: Option<Replay>,
}

/// Runs the decoder. With `checkpointing` activations are made again on the way back instead of kept.
pub(crate) fn decode(
    model: &LanguageModel,
    batch: &MicroBatch,
    checkpointing: bool,
) -> Result<Decoded, TrainError> {
    let (hidden, replay) = if checkpointing {
        let (hidden, replay) = model.hidden_replayed(&batch.ids, &batch.lengths)?;
        (hidden, Some(replay))
    } else {
        (model.hidden_packed(&batch.ids, &batch.lengths)?, None)
    };
    Ok(Decoded {
        hidden: hidden.f_index_select(0, &batch.positions)?,
        replay,
    })
}

impl Decoded {
    /// The way back from the gradient of the hidden states.
    fn backward(self, model: &LanguageModel, gradient: &Tensor) -> Result<(), TrainError> {
        // The sum's gradient with respect to the hidden states is the gradient that has come so far.
        self.hidden.f_mul(gradient)?.f_sum(Kind::Float)?.f_backward()?;
        self.finish(model)
    }

    /// Ends the way back, once the hidden states have their gradient.
    pub(crate) fn finish(self, model: &LanguageModel) -> Result<(), TrainError> {
        match self.replay {
            None => Ok(()),
            Some(replay) => Ok(replay.backward(model)?),
        }
    }
}

/// Log-probs of a micro-batch, of which a loss is made.
///
/// Where the head's output is small, everything is one graph. Where it is not, the log-probs are leaves: the head's
/// graph is made again chunk by chunk on the way back, so that [tokens, vocabulary] is never held.
pub(crate) struct Scored {
    /// `[N]` in fp32, at the temperature asked for.
    pub(crate) log_probs: Tensor,
    /// `[N]`, of the distributions that the tokens were drawn from.
    pub(crate) entropies: Option<Tensor>,
    decoded: Decoded,
    later: Option<Later>,
}

/// What the way back needs.
struct Later {
    targets: Tensor,
    temperature: f64,
    rows: i64,
    fused: bool,
}

/// Scores the batch's response tokens. The head runs on response positions only, in chunks of rows. `checkpointing` is for
/// passes that go back.
pub(crate) fn score(
    model: &LanguageModel,
    batch: &MicroBatch,
    temperature: f64,
    entropies: Entropies,
    checkpointing: bool,
) -> Result<Scored, TrainError> {
    let rows = (CHUNK / model.config.vocab.max(1)).max(1);
    score_by(model, batch, temperature, entropies, checkpointing, rows)
}

/// The same with chunks of so many `rows`.
fn score_by(
    model: &LanguageModel,
    batch: &MicroBatch,
    temperature: f64,
    entropies: Entropies,
    checkpointing: bool,
    rows: i64,
) -> Result<Scored, TrainError> {
    let decoded = decode(model, batch, checkpointing)?;
    let hidden = &decoded.hidden;
    let targets = &batch.targets;
    let goes_back = hidden.requires_grad();
    let fused = fused(model);
    if !fused && (batch.tokens as i64 <= rows || !goes_back) {
        let (log_probs, entropies) = head_in_chunks(model, hidden, targets, temperature, entropies, rows)?;
        return Ok(Scored {
            log_probs,
            entropies,
            decoded,
            later: None,
        });
    }
    let (log_probs, measured) = if fused {
        let wanted = entropies != Entropies::No;
        let found = model.token_scores(hidden, targets, temperature, wanted)?;
        (found.log_probs, wanted.then_some(found.entropies))
    } else {
        let _no_grad = tch::no_grad_guard();
        head_in_chunks(model, hidden, targets, temperature, entropies, rows)?
    };
    if !goes_back {
        return Ok(Scored {
            log_probs,
            entropies: measured,
            decoded,
            later: None,
        });
    }
    let log_probs = log_probs.f_set_requires_grad(true)?;
    let measured = match (entropies, measured) {
        (Entropies::Differentiable, Some(values)) => Some(values.f_set_requires_grad(true)?),
        (_, values) => values,
    };
    Ok(Scored {
        log_probs,
        entropies: measured,
        decoded,
        later: Some(Later {
            targets: targets.shallow_clone(),
            temperature,
            rows,
            fused,
        }),
    })
}

/// The value of a loss that is linear in the log-probs of the batch's response tokens, whose gradient it adds to the
/// model's parameters. Such a loss weighs tokens before their log-probs are known: one pass of the head does it all.
pub(crate) fn linear(
    model: &LanguageModel,
    batch: &MicroBatch,
    checkpointing: bool,
    loss: impl Fn(&Tensor) -> Result<Tensor, TrainError>,
) -> Result<f64, TrainError> {
    if !fused(model) {
        let scored = score(model, batch, 1.0, Entropies::No, checkpointing)?;
        let loss = loss(&scored.log_probs)?;
        let value = loss.f_double_value(&[])?;
        scored.backward(model, &loss)?;
        return Ok(value);
    }
    let decoded = decode(model, batch, checkpointing)?;
    let place = (Kind::Float, model.device());
    let anywhere = Tensor::f_zeros([batch.tokens as i64], place)?.f_set_requires_grad(true)?;
    loss(&anywhere)?.f_backward()?;
    let weights = anywhere.f_grad()?;
    let (gradient, log_probs) =
        model.token_gradients(&decoded.hidden, &batch.targets, 1.0, &weights, None)?;
    decoded.backward(model, &gradient)?;
    Ok(loss(&log_probs)?.f_double_value(&[])?)
}

/// Whether the head has a pass of its own: a matter of the model alone, so that passes with and without gradients round
/// alike.
fn fused(model: &LanguageModel) -> bool {
    model.has_fused_head() && model.config.vocab >= FUSED_VOCAB
}

/// The head over all rows, `rows` at a time.
fn head_in_chunks(
    model: &LanguageModel,
    hidden: &Tensor,
    targets: &Tensor,
    temperature: f64,
    entropies: Entropies,
    rows: i64,
) -> Result<(Tensor, Option<Tensor>), TrainError> {
    let (mut chosen, mut spread) = (Vec::new(), Vec::new());
    let targets = targets.f_split(rows, 0)?;
    for (hidden, targets) in hidden.f_split(rows, 0)?.iter().zip(targets) {
        let (log_probs, entropy) = head(model, hidden, &targets, temperature, entropies)?;
        chosen.push(log_probs);
        spread.extend(entropy);
    }
    let spread = match entropies {
        Entropies::No => None,
        _ => Some(Tensor::f_cat(&spread, 0)?),
    };
    Ok((Tensor::f_cat(&chosen, 0)?, spread))
}

/// Log-probs of the targets and entropies for some rows of hidden states.
fn head(
    model: &LanguageModel,
    hidden: &Tensor,
    targets: &Tensor,
    temperature: f64,
    entropies: Entropies,
) -> Result<(Tensor, Option<Tensor>), TrainError> {
    let mut logits = model.logits(hidden)?.f_to_kind(Kind::Float)?;
    if temperature != 1.0 {
        logits = logits.f_div_scalar(temperature)?;
    }
    let log_probs = logits.f_log_softmax(-1, Kind::Float)?;
    let chosen = log_probs
        .f_gather(-1, &targets.f_unsqueeze(-1)?, false)?
        .f_squeeze_dim(-1)?;
    let source = match entropies {
        Entropies::No => return Ok((chosen, None)),
        Entropies::Measured => log_probs.f_detach()?,
        Entropies::Differentiable => log_probs,
    };
    let products = source.f_exp()?.f_mul(&source)?;
    let entropy = products.f_sum_dim_intlist(-1, false, Kind::Float)?.f_neg()?;
    Ok((chosen, Some(entropy)))
}

impl Later {
    /// The gradient of the hidden states, with the head's added to its weight, by autograd.
    fn gradients(
        &self,
        model: &LanguageModel,
        hidden: &Tensor,
        gradient: &Tensor,
        spread: Option<&Tensor>,
    ) -> Result<Tensor, TrainError> {
        let leaf = hidden.f_detach()?.f_set_requires_grad(true)?;
        let count = gradient.size().first().copied().unwrap_or(0);
        let entropies = match spread {
            Some(_) => Entropies::Differentiable,
            None => Entropies::No,
        };
        for start in (0..count).step_by(usize::try_from(self.rows).unwrap_or(1)) {
            let size = self.rows.min(count - start);
            let part = |tensor: &Tensor| tensor.f_narrow(0, start, size);
            let (chosen, entropy) = head(
                model,
                &part(&leaf)?,
                &part(&self.targets)?,
                self.temperature,
                entropies,
            )?;
            let mut share = chosen.f_mul(&part(gradient)?)?.f_sum(Kind::Float)?;
            if let (Some(entropy), Some(spread)) = (entropy, spread) {
                share = share.f_add(&entropy.f_mul(&part(spread)?)?.f_sum(Kind::Float)?)?;
            }
            share.f_backward()?;
        }
        Ok(leaf.f_grad()?)
    }
}

impl Scored {
    /// Adds the gradient of `loss`, a function of the log-probs and entropies, to the model's parameters.
    pub(crate) fn backward(self, model: &LanguageModel, loss: &Tensor) -> Result<(), TrainError> {
        loss.f_backward()?;
        let Some(later) = self.later else {
            return self.decoded.finish(model);
        };
        let gradient = self.log_probs.f_grad()?;
        let spread = match &self.entropies {
            Some(values) if values.requires_grad() => Some(values.f_grad()?),
            _ => None,
        };
        let hidden = &self.decoded.hidden;
        let gradient = if later.fused {
            let spread = spread.as_ref();
            model
                .token_gradients(hidden, &later.targets, later.temperature, &gradient, spread)?
                .0
        } else {
            later.gradients(model, hidden, &gradient, spread.as_ref())?
        };
        self.decoded.backward(model, &gradient)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::batch::Sequence;
    use rlx_engine::{Config, DeviceChoice, Init, Precision, Runtime};

    fn model() -> LanguageModel {
        let config = serde_json::json!({
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 64, "vocab_size": 24,
            "rms_norm_eps": 1e-6, "rope_theta": 1e4, "tie_word_embeddings": false, "max_position_embeddings": 128
        });
        let config = Config::from_json(&config.to_string()).unwrap();
        let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap();
        let model = LanguageModel::init(config, &Init::default(), 5, &runtime).unwrap();
        model.to_trainable().unwrap()
    }

    /// Loss (a weighted sum of log-probs and entropies) and gradients of some sequences, so many to a micro-batch.
    fn pass(
        sequences: &[Sequence<'_>],
        together: usize,
        checkpointing: bool,
        rows: i64,
    ) -> (f64, Vec<(String, Tensor)>) {
        let model = model();
        let mut total = 0.0;
        for (number, group) in sequences.chunks(together).enumerate() {
            let batch = MicroBatch::new(group, model.device()).unwrap();
            let how = Entropies::Differentiable;
            let scored = score_by(&model, &batch, 0.8, how, checkpointing, rows).unwrap();
            // A weight of its own for every sequence: a gradient that goes to the wrong one is seen.
            let weights: Vec<Vec<f32>> = (0..group.len())
                .map(|row| {
                    let weight = 0.3 + (number * together + row) as f32;
                    vec![weight; group[row].response.len()]
                })
                .collect();
            let weights: Vec<&[f32]> = weights.iter().map(Vec::as_slice).collect();
            let spread = batch.matrix(scored.entropies.as_ref().unwrap()).unwrap();
            let terms = batch.matrix(&scored.log_probs).unwrap() * 0.7 + spread * 0.2;
            let loss = (terms * batch.matrix_of(&weights).unwrap()).sum(Kind::Float);
            total += loss.double_value(&[]);
            scored.backward(&model, &loss).unwrap();
        }
        let gradients = model
            .parameters()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.grad().copy()));
        (total, gradients.collect())
    }

    #[test]
    fn sequences_end_to_end_give_the_gradients_that_they_give_alone() {
        let tokens: Vec<u32> = (0..64).map(|at| (at * 7 + at * at) % 24).collect();
        let sequence = |start: usize, prompt: usize, response: usize| Sequence {
            prompt: &tokens[start..start + prompt],
            response: &tokens[start + prompt..start + prompt + response],
        };
        // Of very unequal length, one token of a response among them.
        let sequences = [
            sequence(0, 3, 9),
            sequence(5, 1, 1),
            sequence(11, 14, 20),
            sequence(30, 2, 5),
        ];
        let (loss, alone) = pass(&sequences, 1, false, 100);
        // The last two by way of a head whose graph is made again in chunks.
        for (together, checkpointing, rows) in [
            (2, false, 100),
            (4, false, 100),
            (4, true, 100),
            (4, false, 3),
            (4, true, 7),
        ] {
            let (packed_loss, packed) = pass(&sequences, together, checkpointing, rows);
            assert!(
                (packed_loss - loss).abs() < 1e-4 * loss.abs(),
                "{packed_loss} and {loss}"
            );
            for ((name, alone), (_, packed)) in alone.iter().zip(&packed) {
                let scale = alone.abs().max().double_value(&[]);
                let off = (alone - packed).abs().max().double_value(&[]);
                // Sums of some hundred fp32 products in another order.
                assert!(
                    scale > 0.0 && off < 2e-5 * scale.max(1.0),
                    "{name}, {together} together: {off} of {scale}"
                );
            }
        }
    }
}
