//! Reinforcement learning: sample responses, judge them, and raise the probability of those that are better than a baseline.

use std::path::Path;
use std::time::Instant;

use rlx_engine::{EngineError, Finish, LanguageModel, Tokenizer};

use crate::advantage::{self, Beside};
use crate::algorithms::aggregation::Aggregation;
use crate::batch::{RL_ACTIVATION_BYTES, token_budget};
use crate::correction;
use crate::critic::{Critic, CriticMeasures};
use crate::policy::{Measures, Policy, Row};
use crate::rollout::{self, Around, Group};
use crate::session::{Session, Setting};
use crate::{KlPlace, KlSpec, Observer, RlSpec, Rollout, SourceError, StepMetrics, TrainError};

/// A prompt to sample responses to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RlPrompt {
    /// Names the prompt in messages and records.
    pub id: String,
    pub ids: Vec<u32>,
}

/// Where prompts and rewards come from. Both must depend on their arguments alone, or a resumed run differs.
pub trait RewardSource {
    /// The `count` prompts of a draw. Draws are numbered from 1; each step is one, or several where sampling is dynamic.
    ///
    /// # Errors
    /// Of the source; ends the run.
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError>;

    /// The reward of a response, as drawn with the stop token. NaN: could not be judged; the response is left out.
    ///
    /// # Errors
    /// Of the source; ends the run.
    fn reward(&mut self, prompt: &RlPrompt, tokens: &[u32], finish: Finish) -> Result<f64, SourceError>;
}

/// Trains a model on rewards and returns it, in its own precision. Working directory, interruption and errors are as in
/// [`crate::train_sft`]. Responses are drawn and gradients are made in the model's own
/// precision; the optimizer's state is in fp32.
///
/// # Errors
/// See [`TrainError`]. After [`TrainError::Stopped`] the same call goes on.
pub fn train_rl(
    mut model: LanguageModel,
    tokenizer: &Tokenizer,
    spec: &RlSpec,
    source: &mut dyn RewardSource,
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
    let policy = policy(&model, spec);
    // The start model is what a KL penalty refers to.
    let reference = active_kl(spec)
        .map(|_| model.to_inference(model.precision()))
        .transpose()?;
    let critic = spec
        .critic
        .map(|critic| Critic::new(&model, critic, &spec.tuning, spec.seed))
        .transpose()?;
    let mut session = Session::open(&model, setting, &("rl", spec), critic, observer)?;
    model.load_parameters(&session.model.merged_parameters()?)?;
    while let Some(step) = session.next_step() {
        let start = Instant::now();
        let mut around = Around {
            source,
            observer,
            step,
        };
        let drawn = match rollout::sample_step(&model, spec, session.counters.draws, &mut around) {
            Err(TrainError::Engine(EngineError::Cancelled)) => {
                session.save()?;
                return Err(TrainError::Stopped { step: step - 1 });
            }
            other => other?,
        };
        let rollout_seconds = start.elapsed().as_secs_f64();
        let mut metrics = rollout::measure(&drawn);
        metrics.step = step;
        metrics.learning_rate = session.learning_rate();
        metrics.draws = spec.dynamic_sampling.map(|_| drawn.draws);
        session.counters.draws += drawn.draws;
        let mut step = Step {
            session: &mut session,
            policy: &policy,
            spec,
            groups: &drawn.groups,
            metrics: &mut metrics,
        };
        step.train(reference.as_ref(), observer)?;
        model.load_parameters(&session.model.merged_parameters()?)?;
        let seconds = start.elapsed().as_secs_f64();
        metrics.rollout_seconds = rollout_seconds;
        metrics.update_seconds = seconds - rollout_seconds;
        session.finish_step(&metrics, seconds, observer)?;
    }
    Ok(model)
}

/// The KL penalty, if it has a weight; no reference model is needed for one without.
fn active_kl(spec: &RlSpec) -> Option<KlSpec> {
    spec.kl
        .filter(|kl| kl.coefficient != 0.0 || kl.adaptive.is_some())
}

fn policy(model: &LanguageModel, spec: &RlSpec) -> Policy {
    Policy {
        budget: token_budget(model, spec.tuning.checkpointing, RL_ACTIVATION_BYTES),
        checkpointing: spec.tuning.checkpointing,
        temperature: spec.temperature,
        loss: spec.loss,
        clip: spec.clip,
        // A width that depends on the batch would make the loss depend on it too.
        aggregation: match spec.aggregation {
            Aggregation::SeqMeanTokenSumNorm { length: None } => Aggregation::SeqMeanTokenSumNorm {
                length: Some(spec.max_tokens as f64),
            },
            other => other,
        },
        kl_in_loss: active_kl(spec).filter(|kl| kl.place == KlPlace::Loss),
        entropy_bonus: spec.entropy_bonus,
    }
}

/// The training half of one step.
struct Step<'a, 'b> {
    session: &'a mut Session<'b>,
    policy: &'a Policy,
    spec: &'a RlSpec,
    groups: &'a [Group],
    metrics: &'a mut StepMetrics,
}

impl Step<'_, '_> {
    /// All updates of the step.
    fn train(
        &mut self,
        reference: Option<&LanguageModel>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let (spec, groups) = (self.spec, self.groups);
        let per_update = spec.mini_batch.unwrap_or(groups.len()).max(1);
        let on_policy = spec.updates_per_batch == 1 && per_update >= groups.len();
        let kl_in_reward = active_kl(spec).filter(|kl| kl.place == KlPlace::Reward);
        let mut rows = judged_rows(groups, spec);
        // With a single update the old log-probs are the new ones without gradient, so no pass of its own is needed.
        let needs_old = !on_policy || kl_in_reward.is_some() || correction::is_on(&spec.correction);
        let mut measures = Measures::default();
        if needs_old {
            self.policy
                .score(&self.session.model, &mut rows, &mut measures, |row, values| {
                    row.old = Some(values)
                })?;
        }
        if let Some(reference) = reference {
            // Metrics of this pass would be those of the reference model.
            let mut unused = Measures::default();
            self.policy
                .score(reference, &mut rows, &mut unused, |row, values| {
                    row.reference = Some(values)
                })?;
        }
        if let Some(critic) = &self.session.critic {
            critic.score(&mut rows, self.policy.budget)?;
        }
        self.advantages(&mut rows, &mut measures)?;
        correction::apply(&mut rows, &spec.correction, spec.mask_truncated, self.metrics)?;
        let advantage = |place: usize| -> f64 {
            let row = rows.iter().find(|row| row.place == place);
            row.map_or(0.0, |row| row.advantages.first().copied().map_or(0.0, f64::from))
        };
        let advantages: Vec<f64> = (0..groups.len() * spec.rollouts).map(advantage).collect();
        let idle = groups
            .iter()
            .filter(|group| group.rewards.windows(2).all(|pair| pair[0] == pair[1]));
        self.metrics.skipped_groups = Some(idle.count() as u64);
        let told = rollouts(groups, &advantages);
        self.session.keep_rollouts(self.metrics.step, &told)?;
        observer.rollouts(self.metrics.step, &told);
        self.updates(&rows, per_update, needs_old, &mut measures)?;
        self.metrics.entropy = measures.entropy.mean();
        self.metrics.kl = measures.kl.mean();
        self.metrics.clip_fraction = measures.clipped.mean();
        self.metrics.rollout_logprob_difference = measures.difference.mean();
        Ok(())
    }

    /// Advantages of all rows, and the next KL coefficient where that adapts.
    fn advantages(&mut self, rows: &mut [Row<'_>], measures: &mut Measures) -> Result<(), TrainError> {
        let kl = advantage::reward_kl(rows, active_kl(self.spec))?;
        for (row, kl) in rows.iter().zip(&kl) {
            measures.kl.add(kl.iter().sum(), row.length());
        }
        let declared = self.spec.kl.map_or(0.0, |kl| kl.coefficient);
        let coefficient = self
            .session
            .counters
            .kl_coefficient
            .map_or(declared, f64::from_bits);
        let greedy: Vec<f64> = self.groups.iter().map(|group| group.greedy).collect();
        let beside = Beside {
            greedy: &greedy,
            rollouts: self.spec.rollouts,
            kl_coefficient: coefficient,
        };
        advantage::assign(rows, &self.spec.advantage, &kl, &beside)?;
        if let Some(adaptive) = self.spec.kl.and_then(|kl| kl.adaptive) {
            self.metrics.kl_coefficient = Some(coefficient);
            let row_means = kl
                .iter()
                .map(|row| row.iter().sum::<f64>() / row.len().max(1) as f64);
            let current = row_means.sum::<f64>() / kl.len().max(1) as f64;
            let error = (current / adaptive.target - 1.0).clamp(-0.2, 0.2);
            let next = coefficient * (1.0 + error * kl.len() as f64 / adaptive.horizon);
            if next.is_finite() {
                self.session.counters.kl_coefficient = Some(next.to_bits());
            }
        }
        Ok(())
    }

    /// Optimizer updates of policy and critic, mini-batch by mini-batch.
    fn updates(
        &mut self,
        rows: &[Row<'_>],
        per_update: usize,
        has_old: bool,
        measures: &mut Measures,
    ) -> Result<(), TrainError> {
        let (spec, groups, policy) = (self.spec, self.groups, self.policy);
        let (mut losses, mut norms) = (Vec::new(), Vec::new());
        let mut critic_measures = CriticMeasures::default();
        let critic_alone = spec
            .critic
            .is_some_and(|critic| self.metrics.step <= critic.warmup);
        for _ in 0..spec.updates_per_batch {
            for first in (0..groups.len()).step_by(per_update) {
                let places = first * spec.rollouts..(first + per_update) * spec.rollouts;
                let batch: Vec<&Row<'_>> = rows.iter().filter(|row| places.contains(&row.place)).collect();
                if batch.is_empty() {
                    continue;
                }
                let names = || {
                    let groups = groups.iter().skip(first).take(per_update);
                    groups.map(|group| group.prompt.id.clone()).collect()
                };
                if !self.update_critic(&batch, &mut critic_measures)? {
                    self.metrics.skipped_updates += 1;
                    self.session.skipped(names)?;
                }
                if critic_alone {
                    continue;
                }
                let update = self.session.update(
                    |learning| policy.backward(learning, &batch, has_old, measures),
                    names,
                )?;
                self.metrics.skipped_updates += u32::from(!update.applied);
                losses.push(update.loss);
                norms.push(update.grad_norm);
            }
        }
        let mean = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            Some(mean).filter(|mean| mean.is_finite())
        };
        self.metrics.loss = mean(&losses);
        self.metrics.grad_norm = mean(&norms);
        self.metrics.value_loss = critic_measures.loss.mean();
        self.metrics.value_clip_fraction = critic_measures.clipped.mean();
        Ok(())
    }

    /// One update of the critic, where there is one; false where it was left out.
    fn update_critic(
        &mut self,
        batch: &[&Row<'_>],
        measures: &mut CriticMeasures,
    ) -> Result<bool, TrainError> {
        let (step, steps, budget) = (self.metrics.step, self.spec.steps, self.policy.budget);
        match &mut self.session.critic {
            None => Ok(true),
            Some(critic) => {
                let rate = critic.spec().optimizer.rate_at(step, steps);
                critic.update(batch, budget, rate, measures)
            }
        }
    }
}

/// The responses that could be judged, as rows of the training batch.
fn judged_rows<'a>(groups: &'a [Group], spec: &RlSpec) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut place = 0;
    for group in groups {
        for (completion, &reward) in group.completions.iter().zip(&group.rewards) {
            if !reward.is_nan() && !completion.tokens.is_empty() {
                let reward = rollout::shaped(spec, reward, completion.tokens.len());
                rows.push(Row::new(place, &group.prompt.ids, completion, reward));
            }
            place += 1;
        }
    }
    rows
}

/// The responses with their advantages.
fn rollouts<'a>(groups: &'a [Group], advantages: &[f64]) -> Vec<Rollout<'a>> {
    let mut advantages = advantages.iter();
    let mut told = Vec::new();
    for group in groups {
        for (number, (completion, &reward)) in group.completions.iter().zip(&group.rewards).enumerate() {
            told.push(Rollout {
                prompt: &group.prompt.id,
                number,
                tokens: &completion.tokens,
                finish: completion.finish,
                reward,
                advantage: advantages.next().copied().unwrap_or(0.0),
            });
        }
    }
    told
}
