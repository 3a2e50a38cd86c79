//! The value network of PPO: a copy of the start model whose head gives one number a token.

use rlx_engine::LanguageModel;
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::algorithms::aggregation::{Aggregation, Normalisers};
use crate::algorithms::value::value_loss;
use crate::batch::{MicroBatch, numbers, split};
use crate::forward::{Decoded, decode};
use crate::optimizer::Optimizer;
use crate::policy::{Average, Row, micro_batch};
use crate::rl_spec::CriticSpec;
use crate::spec::Tuning;

pub(crate) struct Critic {
    model: LanguageModel,
    /// `[H]`, and a number; both begin at 0, so that the first values are 0.
    weight: Tensor,
    bias: Tensor,
    pub(crate) optimizer: Optimizer,
    spec: CriticSpec,
    checkpointing: bool,
}

/// What is measured of an update.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CriticMeasures {
    pub(crate) loss: Average,
    pub(crate) clipped: Average,
}

impl Critic {
    /// A critic for a policy that starts at `start`.
    pub(crate) fn new(
        start: &LanguageModel,
        spec: CriticSpec,
        tuning: &Tuning,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let model = tuning.trainable(start, seed ^ 1)?;
        let options = (Kind::Float, model.device());
        let weight = Tensor::f_zeros([model.config.hidden], options)?.f_set_requires_grad(true)?;
        let bias = Tensor::f_zeros([1], options)?.f_set_requires_grad(true)?;
        let mut parameters: Vec<(String, Tensor)> = model
            .trained_parameters()
            .into_iter()
            // The language model's own head has no part in the values.
            .filter(|(name, _)| name != "lm_head.weight")
            .map(|(name, tensor)| (format!("critic.{name}"), tensor))
            .collect();
        parameters.push(("critic.head.weight".to_owned(), weight.shallow_clone()));
        parameters.push(("critic.head.bias".to_owned(), bias.shallow_clone()));
        let optimizer = Optimizer::new(parameters, spec.optimizer.rule)?;
        Ok(Self {
            model,
            weight,
            bias,
            optimizer,
            spec,
            checkpointing: tuning.checkpointing,
        })
    }

    /// Values `[N]` of the states in which the batch's response tokens were drawn, fp32.
    fn values(&self, batch: &MicroBatch, checkpointing: bool) -> Result<(Tensor, Decoded), TrainError> {
        let decoded = decode(&self.model, batch, checkpointing)?;
        let hidden = decoded.hidden.f_to_kind(Kind::Float)?;
        Ok((hidden.f_mv(&self.weight)?.f_add(&self.bias)?, decoded))
    }

    /// Sets the rows' values.
    pub(crate) fn score(&self, rows: &mut [Row<'_>], budget: usize) -> Result<(), TrainError> {
        let _no_grad = tch::no_grad_guard();
        let widths: Vec<usize> = rows.iter().map(Row::width).collect();
        for group in split(&widths, budget) {
            let chosen: Vec<&Row<'_>> = group.iter().map(|&index| &rows[index]).collect();
            let batch = micro_batch(&chosen, &self.model)?;
            let mut values = numbers(&self.values(&batch, false)?.0)?.into_iter();
            for index in group {
                let length = rows[index].length();
                rows[index].values = values.by_ref().take(length).collect();
            }
        }
        Ok(())
    }

    /// One update on the rows; `None` where loss or gradient was not finite and nothing was changed.
    pub(crate) fn update(
        &mut self,
        rows: &[&Row<'_>],
        budget: usize,
        rate: f64,
        measures: &mut CriticMeasures,
    ) -> Result<bool, TrainError> {
        self.optimizer.zero_grad()?;
        let tokens: usize = rows.iter().map(|row| row.length()).sum();
        let normalisers = Normalisers::global(tokens, rows.len());
        let widths: Vec<usize> = rows.iter().map(|row| row.width()).collect();
        let mut total = 0.0;
        for group in split(&widths, budget) {
            let chosen: Vec<&Row<'_>> = group.iter().map(|&index| rows[index]).collect();
            let batch = micro_batch(&chosen, &self.model)?;
            let (values, decoded) = self.values(&batch, self.checkpointing)?;
            let values = batch.matrix(&values)?;
            let old = batch.matrix_of(&chosen.iter().map(|row| row.values.as_slice()).collect::<Vec<_>>())?;
            let returns = batch.matrix_of(
                &chosen
                    .iter()
                    .map(|row| row.returns.as_slice())
                    .collect::<Vec<_>>(),
            )?;
            let (loss, clipped) = value_loss(
                &values,
                &old,
                &returns,
                &batch.mask,
                self.spec.clip.unwrap_or(f64::INFINITY),
                Aggregation::TokenMean,
                &normalisers,
            )?;
            loss.f_backward()?;
            decoded.finish(&self.model)?;
            self.optimizer.learning(&self.model).collect()?;
            total += loss.f_double_value(&[])?;
            measures.clipped.add(clipped * batch.tokens as f64, batch.tokens);
        }
        let norm = self.optimizer.grad_norm()?;
        if !(total.is_finite() && norm.is_finite()) {
            return Ok(false);
        }
        measures.loss.add(total, 1);
        self.optimizer.step(&self.spec.optimizer, rate, norm)?;
        Ok(true)
    }

    pub(crate) fn spec(&self) -> &CriticSpec {
        &self.spec
    }
}
