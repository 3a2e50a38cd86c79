//! The training half of a GRPO step: log-probs of the sampled responses, the loss, its gradient.

use rlx_engine::{Completion, LanguageModel};
use tch::Tensor;

use crate::algorithms::actor::{ActorTerms, actor_loss};
use crate::algorithms::aggregation::{Aggregation, Normalisers};
use crate::algorithms::ppo::{Clip, PolicyTerms, ppo};
use crate::algorithms::{cispo, gspo};
use crate::batch::{MicroBatch, Sequence, numbers, split};
use crate::forward::{Entropies, Scored, score};
use crate::optimizer::Learning;
use crate::{KlSpec, PolicyLoss, TrainError};

/// A judged response as a row of the training batch.
pub(crate) struct Row<'a> {
    /// Its number among all responses of the step.
    pub(crate) place: usize,
    prompt: &'a [u32],
    pub(crate) completion: &'a Completion,
    /// What advantages are made of: the shaped reward.
    pub(crate) score: f64,
    /// Advantage of each token.
    pub(crate) advantages: Vec<f32>,
    /// Values of the critic before the step's updates, and what it learns, per token.
    pub(crate) values: Vec<f32>,
    pub(crate) returns: Vec<f32>,
    /// Importance weight of each token, where there is a correction.
    pub(crate) weights: Option<Vec<f32>>,
    /// 1 for the tokens that take part in the loss; `None`: all do.
    pub(crate) kept: Option<Vec<f32>>,
    /// Log-probs under the weights before the step's first update, where there are several updates.
    pub(crate) old: Option<Vec<f32>>,
    /// Log-probs under the start model, where there is a KL penalty.
    pub(crate) reference: Option<Vec<f32>>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(place: usize, prompt: &'a [u32], completion: &'a Completion, reward: f64) -> Self {
        Self {
            place,
            prompt,
            completion,
            score: reward,
            advantages: vec![0.0; completion.tokens.len()],
            values: Vec::new(),
            returns: Vec::new(),
            weights: None,
            kept: None,
            old: None,
            reference: None,
        }
    }

    /// Response tokens.
    pub(crate) fn length(&self) -> usize {
        self.completion.tokens.len()
    }

    /// Tokens that go through the model.
    pub(crate) fn width(&self) -> usize {
        self.sequence().width()
    }

    pub(crate) fn old(&self) -> &[f32] {
        stored(&self.old)
    }

    pub(crate) fn reference(&self) -> &[f32] {
        stored(&self.reference)
    }

    /// Tokens that take part in the loss.
    pub(crate) fn kept_tokens(&self) -> usize {
        match &self.kept {
            None => self.length(),
            Some(kept) => kept.iter().filter(|&&kept| kept != 0.0).count(),
        }
    }

    /// Nothing in the policy loss depends on this row.
    fn is_idle(&self) -> bool {
        self.advantages.iter().all(|&advantage| advantage == 0.0)
    }

    fn sequence(&self) -> Sequence<'a> {
        Sequence {
            prompt: self.prompt,
            response: &self.completion.tokens,
        }
    }
}

/// A running mean over tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Average {
    sum: f64,
    count: f64,
}

impl Average {
    pub(crate) fn add(&mut self, sum: f64, count: usize) {
        self.sum += sum;
        self.count += count as f64;
    }

    pub(crate) fn mean(self) -> Option<f64> {
        Some(self.sum / self.count).filter(|mean| mean.is_finite())
    }
}

/// Token averages that come with the passes of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measures {
    pub(crate) entropy: Average,
    pub(crate) kl: Average,
    pub(crate) clipped: Average,
    /// |log-prob at sampling - log-prob in training|.
    pub(crate) difference: Average,
}

/// The loss and how it is computed.
pub(crate) struct Policy {
    /// Tokens of a micro-batch.
    pub(crate) budget: usize,
    pub(crate) checkpointing: bool,
    pub(crate) temperature: f64,
    pub(crate) loss: PolicyLoss,
    pub(crate) clip: Clip,
    pub(crate) aggregation: Aggregation,
    pub(crate) kl_in_loss: Option<KlSpec>,
    pub(crate) entropy_bonus: f64,
}

impl Policy {
    /// Log-probs of all rows under a model, without gradient; `keep` stores a row's. Adds entropy and distance to the
    /// rollout to `measures`.
    pub(crate) fn score(
        &self,
        model: &LanguageModel,
        rows: &mut [Row<'_>],
        measures: &mut Measures,
        keep: impl Fn(&mut Row<'_>, Vec<f32>),
    ) -> Result<(), TrainError> {
        let _no_grad = tch::no_grad_guard();
        for group in self.micro_batches(&rows.iter().collect::<Vec<_>>()) {
            let chosen: Vec<&Row<'_>> = group.iter().map(|&index| &rows[index]).collect();
            let batch = micro_batch(&chosen, model)?;
            let scored = score(model, &batch, self.temperature, Entropies::Measured, false)?;
            measure_pass(&chosen, &scored, measures)?;
            let mut values = numbers(&scored.log_probs)?.into_iter();
            for index in group {
                let row = &mut rows[index];
                let own = values.by_ref().take(row.completion.tokens.len()).collect();
                keep(row, own);
            }
        }
        Ok(())
    }

    /// Adds the gradient of the batch's loss to the model's parameters and returns the loss. `has_old`: the rows bring their
    /// old log-probs; else they are the new ones without gradient.
    ///
    /// Rows with advantage 0 have neither loss nor gradient unless there is a KL or entropy term. They still count in the
    /// denominators; their pass is made without gradient, for the metrics.
    pub(crate) fn backward(
        &self,
        learning: &Learning<'_>,
        rows: &[&Row<'_>],
        has_old: bool,
        measures: &mut Measures,
    ) -> Result<f64, TrainError> {
        let tokens: usize = rows.iter().map(|row| row.kept_tokens()).sum();
        let sequences = rows.iter().filter(|row| row.kept_tokens() > 0).count();
        if tokens == 0 {
            return Ok(0.0);
        }
        let normalisers = Normalisers::global(tokens, sequences);
        let every_row_counts = self.kl_in_loss.is_some() || self.entropy_bonus != 0.0;
        let (active, idle): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
            rows.iter().partition(|row| every_row_counts || !row.is_idle());
        let mut total = 0.0;
        for group in self.micro_batches(&active) {
            let chosen: Vec<&Row<'_>> = group.iter().map(|&index| active[index]).collect();
            total += self.backward_micro(learning, &chosen, has_old, &normalisers, measures)?;
        }
        measures
            .clipped
            .add(0.0, idle.iter().map(|row| row.completion.tokens.len()).sum());
        if !has_old {
            let _no_grad = tch::no_grad_guard();
            for group in self.micro_batches(&idle) {
                let chosen: Vec<&Row<'_>> = group.iter().map(|&index| idle[index]).collect();
                let batch = micro_batch(&chosen, learning.model)?;
                let scored = score(
                    learning.model,
                    &batch,
                    self.temperature,
                    Entropies::Measured,
                    false,
                )?;
                measure_pass(&chosen, &scored, measures)?;
            }
        }
        Ok(total)
    }

    fn backward_micro(
        &self,
        learning: &Learning<'_>,
        rows: &[&Row<'_>],
        has_old: bool,
        normalisers: &Normalisers,
        measures: &mut Measures,
    ) -> Result<f64, TrainError> {
        let batch = micro_batch(rows, learning.model)?;
        let entropies = match (self.entropy_bonus != 0.0, has_old) {
            (true, _) => Entropies::Differentiable,
            (false, true) => Entropies::No,
            (false, false) => Entropies::Measured,
        };
        let scored = score(
            learning.model,
            &batch,
            self.temperature,
            entropies,
            self.checkpointing,
        )?;
        if !has_old {
            measure_pass(rows, &scored, measures)?;
        }
        let new = batch.matrix(&scored.log_probs)?;
        let old = if has_old {
            batch.matrix_of(&rows.iter().map(|row| stored(&row.old)).collect::<Vec<_>>())?
        } else {
            new.f_detach()?
        };
        let advantages: Vec<&[f32]> = rows.iter().map(|row| row.advantages.as_slice()).collect();
        let mask = loss_mask(rows, &batch)?;
        let mut terms = self.terms(&old, &new, &batch.matrix_of(&advantages)?, &mask)?;
        if rows.iter().any(|row| row.weights.is_some()) {
            let weights: Vec<&[f32]> = rows.iter().map(|row| stored(&row.weights)).collect();
            terms = terms.weighted(&batch.matrix_of(&weights)?)?;
        }
        let clipped = terms.clipped.f_mul(&mask)?.f_sum(terms.clipped.kind())?;
        measures.clipped.add(clipped.f_double_value(&[])?, batch.tokens);
        let entropy = match scored.entropies.as_ref().filter(|_| self.entropy_bonus != 0.0) {
            Some(values) => Some(batch.matrix(values)?),
            None => None,
        };
        let kl = match self.kl_in_loss {
            None => None,
            Some(kl) => {
                let reference: Vec<&[f32]> = rows.iter().map(|row| stored(&row.reference)).collect();
                let estimate = kl.estimate.penalty(&new, &batch.matrix_of(&reference)?)?;
                let sum = estimate.f_detach()?.f_mul(&batch.mask)?.f_sum(estimate.kind())?;
                measures.kl.add(sum.f_double_value(&[])?, batch.tokens);
                Some((estimate, kl.coefficient))
            }
        };
        let terms = ActorTerms {
            policy: &terms.loss,
            entropy: entropy.as_ref().map(|entropy| (entropy, self.entropy_bonus)),
            kl: kl
                .as_ref()
                .map(|(estimate, coefficient)| (estimate, *coefficient)),
        };
        let loss = actor_loss(&terms, &mask, self.aggregation, normalisers)?;
        let value = loss.f_double_value(&[])?;
        scored.backward(learning.model, &loss)?;
        learning.collect()?;
        Ok(value)
    }

    /// The policy loss per token.
    fn terms(
        &self,
        old: &Tensor,
        new: &Tensor,
        advantages: &Tensor,
        mask: &Tensor,
    ) -> Result<PolicyTerms, TrainError> {
        Ok(match self.loss {
            PolicyLoss::Clip => ppo(old, new, advantages, &self.clip)?,
            PolicyLoss::Sequence => gspo::gspo(old, new, advantages, mask, &self.clip)?,
            PolicyLoss::Cispo => cispo::cispo(old, new, advantages, &self.clip)?,
        })
    }

    fn micro_batches(&self, rows: &[&Row<'_>]) -> Vec<Vec<usize>> {
        let widths: Vec<usize> = rows.iter().map(|row| row.sequence().width()).collect();
        split(&widths, self.budget)
    }
}

/// 1 for the response tokens that take part in the loss.
fn loss_mask(rows: &[&Row<'_>], batch: &MicroBatch) -> Result<Tensor, TrainError> {
    if rows.iter().all(|row| row.kept.is_none()) {
        return Ok(batch.mask.shallow_clone());
    }
    let all: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| row.kept.clone().unwrap_or_else(|| vec![1.0; row.length()]))
        .collect();
    let all: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
    Ok(batch.matrix_of(&all)?)
}

pub(crate) fn micro_batch(rows: &[&Row<'_>], model: &LanguageModel) -> Result<MicroBatch, TrainError> {
    let sequences: Vec<Sequence<'_>> = rows.iter().map(|row| row.sequence()).collect();
    Ok(MicroBatch::new(&sequences, model.device())?)
}

fn stored(values: &Option<Vec<f32>>) -> &[f32] {
    values.as_deref().unwrap_or_default()
}

/// Adds entropy and distance to the rollout, both before any update of the step.
fn measure_pass(rows: &[&Row<'_>], scored: &Scored, measures: &mut Measures) -> Result<(), TrainError> {
    let values = numbers(&scored.log_probs)?;
    let drawn = rows.iter().flat_map(|row| &row.completion.logprobs);
    let difference: f64 = values
        .iter()
        .zip(drawn)
        .map(|(new, old)| f64::from((new - old).abs()))
        .sum();
    measures.difference.add(difference, values.len());
    if let Some(entropies) = &scored.entropies {
        let sum = entropies
            .f_detach()?
            .f_sum(tch::Kind::Double)?
            .f_double_value(&[])?;
        measures.entropy.add(sum, values.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rlx_engine::Finish;

    use super::*;
    use crate::algorithms::kl::{Estimator, KlEstimate};
    use crate::{KlPlace, support};

    fn policy(budget: usize, aggregation: Aggregation) -> Policy {
        Policy {
            budget,
            checkpointing: false,
            temperature: 0.9,
            loss: PolicyLoss::Clip,
            clip: Clip {
                low: 0.2,
                high: 0.28,
                dual: Some(3.0),
                ceiling: None,
            },
            aggregation,
            kl_in_loss: None,
            entropy_bonus: 0.0,
        }
    }

    /// Gradients of the model, and loss and measures, of one backward pass.
    fn pass(policy: &Policy, rows: &[Row<'_>], has_old: bool) -> (LanguageModel, f64, Measures) {
        let model = support::model(true, 1).to_trainable().unwrap();
        let mut measures = Measures::default();
        let rows: Vec<&Row<'_>> = rows.iter().collect();
        let loss = {
            let learning = Learning::plain(&model);
            policy.backward(&learning, &rows, has_old, &mut measures).unwrap()
        };
        (model, loss, measures)
    }

    fn assert_close(
        left: &(LanguageModel, f64, Measures),
        right: &(LanguageModel, f64, Measures),
        what: &str,
    ) {
        // fp32 sums over some 60 tokens in another order.
        assert!(
            (left.1 - right.1).abs() < 1e-5,
            "{what}: losses {} {}",
            left.1,
            right.1
        );
        for ((name, left), (_, right)) in left.0.parameters().into_iter().zip(right.0.parameters()) {
            let (left, right) = (left.grad(), right.grad());
            let difference = (&left - &right).abs().max().double_value(&[]);
            assert!(
                difference < 1e-5,
                "{what}: gradients of {name} differ by {difference}"
            );
        }
        let measures = |m: &Measures| [m.entropy.mean(), m.clipped.mean(), m.difference.mean()];
        for (left, right) in measures(&left.2).into_iter().zip(measures(&right.2)) {
            let difference = left.unwrap() - right.unwrap();
            assert!(difference.abs() < 1e-5, "{what}: measures differ by {difference}");
        }
    }

    #[test]
    fn shortcuts_change_nothing_but_rounding() {
        let examples: Vec<_> = (0..18).map(support::example).collect();
        let completions: Vec<Completion> = examples
            .iter()
            .map(|example| Completion {
                tokens: example.response.clone(),
                logprobs: vec![-2.5; example.response.len()],
                finish: Finish::Stop,
            })
            .collect();
        let make = |advantage: fn(usize) -> f64| -> Vec<Row<'_>> {
            let rows = examples.iter().zip(&completions).enumerate();
            rows.map(|(place, (example, completion))| Row {
                advantages: vec![advantage(place) as f32; completion.tokens.len()],
                ..Row::new(place, &example.prompt, completion, 0.0)
            })
            .collect()
        };
        let mut rows = make(|place| [1.5, 0.0, 0.0, -0.7][place % 4]);
        for aggregation in [
            Aggregation::TokenMean,
            Aggregation::TokenSum,
            Aggregation::SeqMeanTokenSum,
            Aggregation::SeqMeanTokenMean,
            Aggregation::SeqMeanTokenSumNorm { length: Some(7.0) },
        ] {
            let whole = pass(&policy(usize::MAX, aggregation), &rows, false);
            let split = pass(&policy(11, aggregation), &rows, false);
            assert_close(&whole, &split, "micro-batches");
            let mut replayed = policy(11, aggregation);
            replayed.checkpointing = true;
            assert_close(&whole, &pass(&replayed, &rows, false), "checkpointing");
            // A KL term with coefficient 0 sends the idle rows through the whole pass.
            for row in &mut rows {
                row.reference = Some(row.completion.logprobs.clone());
            }
            let mut full = policy(usize::MAX, aggregation);
            full.kl_in_loss = Some(KlSpec {
                estimate: KlEstimate {
                    estimator: Estimator::K3,
                    straight_through: false,
                },
                coefficient: 0.0,
                place: KlPlace::Loss,
                adaptive: None,
            });
            assert_close(&whole, &pass(&full, &rows, false), "rows without advantage");
        }
    }

    #[test]
    fn old_log_probs_of_their_own_pass_equal_the_detached_ones() {
        let examples: Vec<_> = (0..6).map(support::example).collect();
        let completions: Vec<Completion> = examples
            .iter()
            .map(|example| Completion {
                tokens: example.response.clone(),
                logprobs: vec![-2.5; example.response.len()],
                finish: Finish::Stop,
            })
            .collect();
        let mut rows: Vec<Row<'_>> = examples
            .iter()
            .zip(&completions)
            .enumerate()
            .map(|(place, (example, completion))| Row {
                advantages: vec![place as f32 - 2.5; completion.tokens.len()],
                ..Row::new(place, &example.prompt, completion, 0.0)
            })
            .collect();
        let policy = policy(usize::MAX, Aggregation::TokenMean);
        let detached = pass(&policy, &rows, false);
        let model = support::model(true, 1);
        let mut measures = Measures::default();
        policy
            .score(&model, &mut rows, &mut measures, |row, values| {
                row.old = Some(values)
            })
            .unwrap();
        let mut own = pass(&policy, &rows, true);
        own.2.entropy = measures.entropy;
        own.2.difference = measures.difference;
        assert_close(&detached, &own, "old log-probs");
    }
}
