//! Supervised fine-tuning: cross-entropy of the response tokens given the prompt.

use std::path::Path;
use std::time::Instant;

use rlx_engine::{LanguageModel, Tokenizer};

use crate::algorithms::aggregation::Normalisers;
use crate::algorithms::sft::from_log_probs;
use crate::batch::{ACTIVATION_BYTES, MicroBatch, Sequence, split, token_budget};
use crate::forward::linear;
use crate::optimizer::Learning;
use crate::random::{permutation, stream};
use crate::session::{Session, Setting};
use crate::{Observer, SftSpec, SourceError, StepMetrics, TrainError};

/// One example. Only response tokens carry the loss; end the response with the end token where the model shall learn to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftExample {
    pub prompt: Vec<u32>,
    pub response: Vec<u32>,
}

/// Where examples come from.
pub enum SftData<'a> {
    /// A set, shuffled anew for each pass. The last batch of a pass holds what is left.
    Fixed(&'a [SftExample]),
    /// The examples of a step (from 1), given the batch size. Must depend on the step alone, or a resumed run differs.
    Stream(&'a mut dyn FnMut(u64, usize) -> Result<Vec<SftExample>, SourceError>),
}

impl SftData<'_> {
    /// The examples of a step with their names.
    pub(crate) fn batch(
        &mut self,
        step: u64,
        spec: &SftSpec,
    ) -> Result<(Vec<SftExample>, Vec<String>), TrainError> {
        match self {
            SftData::Fixed(examples) => {
                let passes = examples.len().div_ceil(spec.batch).max(1) as u64;
                let (pass, place) = ((step - 1) / passes, (step - 1) % passes);
                let order = permutation(stream(spec.seed, &[pass]), examples.len());
                let chosen = order.chunks(spec.batch).nth(place as usize).unwrap_or_default();
                Ok((
                    chosen.iter().map(|&index| examples[index].clone()).collect(),
                    chosen.iter().map(|index| format!("example {index}")).collect(),
                ))
            }
            SftData::Stream(next) => {
                let examples = next(step, spec.batch).map_err(|source| TrainError::Data { step, source })?;
                let names = (0..examples.len()).map(|index| format!("example {index} of step {step}"));
                let names = names.collect();
                Ok((examples, names))
            }
        }
    }
}

/// Trains a model on examples and returns it, in its own precision. `dir` is the run's working directory: checkpoints,
/// measures, and the state that an interrupted run goes on from when called again with the same arguments. A finished run
/// returns its result at once.
///
/// # Errors
/// See [`TrainError`]. After [`TrainError::Stopped`] the same call goes on.
pub fn train_sft(
    mut model: LanguageModel,
    tokenizer: &Tokenizer,
    spec: &SftSpec,
    mut data: SftData<'_>,
    dir: &Path,
    observer: &mut dyn Observer,
) -> Result<LanguageModel, TrainError> {
    spec.check()?;
    let setting = Setting {
        dir,
        tokenizer,
        optimizer: &spec.optimizer,
        steps: spec.steps,
        keep: &spec.keep,
        tuning: spec.tuning,
        seed: spec.seed,
    };
    let mut session = Session::open(&model, setting, &("sft", spec), None, observer)?;
    let budget = token_budget(&model, spec.tuning.checkpointing, ACTIVATION_BYTES);
    while let Some(step) = session.next_step() {
        let start = Instant::now();
        let (examples, names) = data.batch(step, spec)?;
        let sequences = checked(&examples, &names, step, &model)?;
        let tokens: usize = sequences.iter().map(|sequence| sequence.response.len()).sum();
        let learning_rate = session.learning_rate();
        let update = session.update(
            |learning| backward(learning, &sequences, tokens, budget, spec.tuning.checkpointing),
            || names.clone(),
        )?;
        let seconds = start.elapsed().as_secs_f64();
        let metrics = StepMetrics {
            step,
            loss: Some(update.loss).filter(|loss| loss.is_finite()),
            grad_norm: Some(update.grad_norm).filter(|norm| norm.is_finite()),
            learning_rate,
            tokens: tokens as u64,
            skipped_updates: u32::from(!update.applied),
            update_seconds: seconds,
            ..StepMetrics::default()
        };
        session.finish_step(&metrics, seconds, observer)?;
    }
    model.load_parameters(&session.model.merged_parameters()?)?;
    Ok(model)
}

/// The examples as sequences, if they can be trained on.
pub(crate) fn checked<'a>(
    examples: &'a [SftExample],
    names: &[String],
    step: u64,
    model: &LanguageModel,
) -> Result<Vec<Sequence<'a>>, TrainError> {
    let refuse = |what: String| Err(TrainError::Batch { step, what });
    let context = model.config.context();
    for (example, name) in examples.iter().zip(names) {
        let length = (example.prompt.len() + example.response.len()) as u64;
        let largest = example.prompt.iter().chain(&example.response).max();
        if example.prompt.is_empty() {
            return refuse(format!(
                "{name} has an empty prompt; the first token of a response needs one before it"
            ));
        }
        if length > context {
            return refuse(format!(
                "{name} has {length} tokens, the model reads {context} at most"
            ));
        }
        if let Some(&id) = largest.filter(|&&id| i64::from(id) >= model.config.vocab) {
            return refuse(format!(
                "{name} has token {id}, the model knows {} tokens",
                model.config.vocab
            ));
        }
    }
    let sequences: Vec<_> = examples
        .iter()
        .filter(|example| !example.response.is_empty())
        .map(|example| Sequence {
            prompt: &example.prompt,
            response: &example.response,
        })
        .collect();
    if sequences.is_empty() {
        return refuse("no example of the batch has a response".to_owned());
    }
    Ok(sequences)
}

/// Adds the gradient of the batch's mean token loss, micro-batch by micro-batch, and returns the loss.
fn backward(
    learning: &Learning<'_>,
    sequences: &[Sequence<'_>],
    tokens: usize,
    budget: usize,
    checkpointing: bool,
) -> Result<f64, TrainError> {
    let widths: Vec<usize> = sequences.iter().map(Sequence::width).collect();
    let mut total = 0.0;
    for group in split(&widths, budget) {
        let rows: Vec<_> = group.iter().map(|&index| sequences[index]).collect();
        let batch = MicroBatch::new(&rows, learning.model.device())?;
        let normalisers = Normalisers::global(tokens, sequences.len());
        total += linear(learning.model, &batch, checkpointing, |log_probs| {
            let mask = log_probs.f_detach()?.f_ones_like()?;
            Ok(from_log_probs(log_probs, &mask, &normalisers)?)
        })?;
        learning.collect()?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support;

    /// Largest difference of two gradients relative to the largest entry.
    fn distance(left: &LanguageModel, right: &LanguageModel) -> f64 {
        let pairs = left.parameters().into_iter().zip(right.parameters());
        let (mut worst, mut largest) = (0.0_f64, 0.0_f64);
        for ((_, left), (_, right)) in pairs {
            let (left, right) = (left.grad(), right.grad());
            worst = worst.max((&left - &right).abs().max().double_value(&[]));
            largest = largest.max(left.abs().max().double_value(&[]));
        }
        worst / largest
    }

    #[test]
    fn micro_batches_add_up_to_the_whole() {
        let examples: Vec<SftExample> = (0..20).map(support::example).collect();
        let sequences: Vec<Sequence<'_>> = examples
            .iter()
            .map(|example| Sequence {
                prompt: &example.prompt,
                response: &example.response,
            })
            .collect();
        let tokens = sequences.iter().map(|sequence| sequence.response.len()).sum();
        let start = support::model(true, 1);
        let whole = start.to_trainable().unwrap();
        let expected = backward(&Learning::plain(&whole), &sequences, tokens, usize::MAX, false).unwrap();
        for (budget, checkpointing) in [(9, false), (9, true), (usize::MAX, true)] {
            let parts = start.to_trainable().unwrap();
            let found = backward(
                &Learning::plain(&parts),
                &sequences,
                tokens,
                budget,
                checkpointing,
            )
            .unwrap();
            // fp32 sums of 20 x 5 terms in another order.
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            let distance = distance(&whole, &parts);
            assert!(distance < 1e-5, "budget {budget}, {checkpointing}: {distance}");
        }
    }
}
