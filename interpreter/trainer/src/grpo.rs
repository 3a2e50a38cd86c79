//! GRPO: sample responses, judge them, and raise the probability of those that are better than the others to the same prompt.

use std::path::Path;
use std::time::Instant;

use rlx_engine::{EngineError, Finish, LanguageModel, Tokenizer};

use crate::algorithms::aggregation::Aggregation;
use crate::algorithms::group;
use crate::batch::token_budget;
use crate::policy::{Measures, Policy, Row};
use crate::rollout::{self, Group};
use crate::session::{Session, Setting};
use crate::{GrpoSpec, KlPlace, Observer, Rollout, SourceError, StepMetrics, TrainError};

/// A prompt to sample responses to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpoPrompt {
    /// Names the prompt in messages and records.
    pub id: String,
    pub ids: Vec<u32>,
}

/// Where prompts and rewards come from. Both must depend on their arguments alone, or a resumed run differs.
pub trait RewardSource {
    /// The `count` prompts of a step (from 1).
    ///
    /// # Errors
    /// Of the source; ends the run.
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<GrpoPrompt>, SourceError>;

    /// The reward of a response, as drawn with the stop token. NaN: could not be judged; the response is left out.
    ///
    /// # Errors
    /// Of the source; ends the run.
    fn reward(&mut self, prompt: &GrpoPrompt, tokens: &[u32], finish: Finish) -> Result<f64, SourceError>;
}

/// Trains a model on rewards and returns it, in its own precision. Working directory, interruption and errors are as in
/// [`crate::train_sft`]. Responses are drawn by the model in its own precision, training is in fp32.
///
/// # Errors
/// See [`TrainError`]. After [`TrainError::Stopped`] the same call goes on.
pub fn train_grpo(
    mut model: LanguageModel,
    tokenizer: &Tokenizer,
    spec: &GrpoSpec,
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
    };
    let policy = Policy {
        budget: token_budget(&model),
        temperature: spec.temperature,
        clip: spec.clip,
        // A width that depends on the batch would make the loss depend on it too.
        aggregation: match spec.aggregation {
            Aggregation::SeqMeanTokenSumNorm { length: None } => Aggregation::SeqMeanTokenSumNorm {
                length: Some(spec.max_tokens as f64),
            },
            other => other,
        },
        kl_in_loss: spec
            .kl
            .filter(|kl| kl.place == KlPlace::Loss && kl.coefficient != 0.0),
        entropy_bonus: spec.entropy_bonus,
    };
    // The start model is what a KL penalty refers to.
    let reference = spec.kl.map(|_| model.to_trainable()).transpose()?;
    let mut session = Session::open(&model, setting, &("grpo", spec), observer)?;
    model.load_parameters(&session.model.parameters())?;
    while let Some(step) = session.next_step() {
        let start = Instant::now();
        let groups = match rollout::sample_step(&model, spec, step, source, observer) {
            Err(TrainError::Engine(EngineError::Cancelled)) => {
                session.save()?;
                return Err(TrainError::Stopped { step: step - 1 });
            }
            other => other?,
        };
        let rollout_seconds = start.elapsed().as_secs_f64();
        let mut metrics = rollout::measure(&groups, spec);
        metrics.step = step;
        metrics.learning_rate = session.learning_rate();
        train_on(
            &mut session,
            &policy,
            spec,
            reference.as_ref(),
            &groups,
            observer,
            &mut metrics,
        )?;
        model.load_parameters(&session.model.parameters())?;
        let seconds = start.elapsed().as_secs_f64();
        metrics.rollout_seconds = rollout_seconds;
        metrics.update_seconds = seconds - rollout_seconds;
        session.finish_step(&metrics, seconds, observer)?;
    }
    Ok(model)
}

/// All updates of one step.
fn train_on(
    session: &mut Session<'_>,
    policy: &Policy,
    spec: &GrpoSpec,
    reference: Option<&LanguageModel>,
    groups: &[Group],
    observer: &mut dyn Observer,
    metrics: &mut StepMetrics,
) -> Result<(), TrainError> {
    let per_update = spec.mini_batch.unwrap_or(groups.len()).max(1);
    let on_policy = spec.updates_per_batch == 1 && per_update >= groups.len();
    let kl_in_reward = spec.kl.filter(|kl| kl.place == KlPlace::Reward);
    let mut rows = judged_rows(groups);
    // With a single update the old log-probs are the new ones without gradient, so no pass of its own is needed.
    let needs_old = !on_policy || kl_in_reward.is_some();
    let mut measures = Measures::default();
    if needs_old {
        policy.score(&session.model, &mut rows, &mut measures, |row, values| {
            row.old = Some(values)
        })?;
    }
    if let Some(reference) = reference {
        // Metrics of this pass would be those of the reference model.
        let mut unused = Measures::default();
        policy.score(reference, &mut rows, &mut unused, |row, values| {
            row.reference = Some(values)
        })?;
    }
    if let Some(kl) = kl_in_reward {
        for row in &mut rows {
            let sum = policy.kl_sum(row, &kl)?;
            row.score -= kl.coefficient * sum;
            measures.kl.add(sum, row.completion.tokens.len());
        }
    }
    let mut scores = vec![f64::NAN; groups.len() * spec.rollouts];
    for row in &rows {
        scores[row.place] = row.score;
    }
    let members: Vec<usize> = (0..scores.len()).map(|place| place / spec.rollouts).collect();
    let advantages = group::grpo(
        &scores,
        &members,
        spec.advantage.normalize_std,
        spec.advantage.epsilon,
    );
    for row in &mut rows {
        row.advantage = advantages[row.place];
    }
    let idle = |group: &&[f64]| group.iter().all(|&advantage| advantage == 0.0);
    metrics.skipped_groups = Some(advantages.chunks(spec.rollouts).filter(idle).count() as u64);
    report(observer, metrics.step, groups, &advantages);

    let (mut losses, mut norms) = (Vec::new(), Vec::new());
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
            let update = session.update(
                |model| policy.backward(model, &batch, needs_old, &mut measures),
                names,
            )?;
            metrics.skipped_updates += u32::from(!update.applied);
            losses.push(update.loss);
            norms.push(update.grad_norm);
        }
    }
    let mean = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(mean).filter(|mean| mean.is_finite())
    };
    metrics.loss = mean(&losses);
    metrics.grad_norm = mean(&norms);
    metrics.entropy = measures.entropy.mean();
    metrics.kl = measures.kl.mean();
    metrics.clip_fraction = measures.clipped.mean();
    metrics.rollout_logprob_difference = measures.difference.mean();
    Ok(())
}

/// The responses that could be judged, as rows of the training batch.
fn judged_rows(groups: &[Group]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut place = 0;
    for group in groups {
        for (completion, &reward) in group.completions.iter().zip(&group.rewards) {
            if !reward.is_nan() && !completion.tokens.is_empty() {
                rows.push(Row::new(place, &group.prompt.ids, completion, reward));
            }
            place += 1;
        }
    }
    rows
}

/// Tells the observer the responses with their advantages.
fn report(observer: &mut dyn Observer, step: u64, groups: &[Group], advantages: &[f64]) {
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
    observer.rollouts(step, &told);
}
