//! Logit distillation: the student's next-token distributions are drawn towards the teacher's, on stored responses
//! (off-policy) or on responses that the student draws itself (on-policy).

use std::path::Path;
use std::time::Instant;

use rlx_engine::{EngineError, LanguageModel, SampleRequest, SamplingParams, Tokenizer, sample};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::algorithms::distillation::generalized_jsd;
use crate::batch::{ACTIVATION_BYTES, MicroBatch, Sequence, split, token_budget};
use crate::forward::decode;
use crate::optimizer::Learning;
use crate::random::stream;
use crate::session::{Session, Setting};
use crate::sft::{SftData, SftExample, checked};
use crate::spec::{OptimizerSpec, SftSpec, Tuning, positive, refuse};
use crate::{Observer, RlPrompt, SourceError, StepMetrics, TrainError};

/// Numbers that one chunk of the two distributions over the vocabulary may hold.
const CHUNK: i64 = 1 << 23;

/// A run of logit distillation. Steps are numbered as in [`SftSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistillSpec {
    pub steps: u64,
    /// Responses a step.
    pub batch: usize,
    /// 0 is the forward KL(teacher || student), 1 the reverse, between them the generalised Jensen-Shannon divergence.
    pub beta: f64,
    /// Both sides' logits are divided by it.
    pub temperature: f64,
    pub optimizer: OptimizerSpec,
    /// As in [`SftSpec::keep`].
    pub keep: Vec<u64>,
    pub seed: u64,
    pub tuning: Tuning,
}

impl DistillSpec {
    /// # Errors
    /// [`TrainError::Spec`] names the first field that cannot be.
    pub fn check(&self) -> Result<(), TrainError> {
        if !(0.0..=1.0).contains(&self.beta) {
            return refuse("beta", format!("{} is not in [0, 1]", self.beta));
        }
        positive("temperature", self.temperature)?;
        self.as_sft().check()
    }

    /// What it has in common with supervised training.
    fn as_sft(&self) -> SftSpec {
        SftSpec {
            steps: self.steps,
            batch: self.batch,
            optimizer: self.optimizer,
            keep: self.keep.clone(),
            seed: self.seed,
            tuning: self.tuning,
        }
    }
}

/// The prompts of a step, given the number of them; must depend on the step alone.
pub type PromptsOf<'a> = dyn FnMut(u64, usize) -> Result<Vec<RlPrompt>, SourceError> + 'a;

/// Where the responses come from.
pub enum DistillData<'a> {
    /// They exist.
    Responses(SftData<'a>),
    /// The student draws one for each prompt of a step, with the weights that it has by then.
    OnPolicy {
        prompts: &'a mut PromptsOf<'a>,
        sampling: SamplingParams,
    },
}

/// Trains a student on a teacher's distributions and returns it. Working directory, interruption and errors are as in
/// [`crate::train_sft`]. Both models must have the same tokens; where one vocabulary is padded, the shorter one counts.
///
/// # Errors
/// See [`TrainError`].
pub fn train_distill(
    mut student: LanguageModel,
    teacher: &LanguageModel,
    tokenizer: &Tokenizer,
    spec: &DistillSpec,
    mut data: DistillData<'_>,
    dir: &Path,
    observer: &mut dyn Observer,
) -> Result<LanguageModel, TrainError> {
    spec.check()?;
    let sft = spec.as_sft();
    let setting = Setting {
        dir,
        tokenizer,
        optimizer: &spec.optimizer,
        steps: spec.steps,
        keep: &spec.keep,
        tuning: spec.tuning,
        seed: spec.seed,
    };
    let on_policy = matches!(data, DistillData::OnPolicy { .. });
    let mut session = Session::open(&student, setting, &("distill", spec, on_policy), None, observer)?;
    student.load_parameters(&session.model.merged_parameters()?)?;
    let checkpointing = spec.tuning.checkpointing;
    let budget = token_budget(&student, checkpointing, ACTIVATION_BYTES).min(token_budget(
        teacher,
        checkpointing,
        ACTIVATION_BYTES,
    ));
    while let Some(step) = session.next_step() {
        let start = Instant::now();
        let (examples, names) = match &mut data {
            DistillData::Responses(data) => data.batch(step, &sft)?,
            DistillData::OnPolicy { prompts, sampling } => {
                let prompts =
                    prompts(step, spec.batch).map_err(|source| TrainError::Data { step, source })?;
                match draw(&student, &prompts, sampling, spec.seed, step, observer) {
                    Err(TrainError::Engine(EngineError::Cancelled)) => {
                        session.save()?;
                        return Err(TrainError::Stopped { step: step - 1 });
                    }
                    other => other?,
                }
            }
        };
        let rollout_seconds = if on_policy {
            start.elapsed().as_secs_f64()
        } else {
            0.0
        };
        let sequences = checked(&examples, &names, step, &student)?;
        let tokens: usize = sequences.iter().map(|sequence| sequence.response.len()).sum();
        let learning_rate = session.learning_rate();
        let update = session.update(
            |learning| backward(learning, teacher, &sequences, spec, tokens, budget),
            || names.clone(),
        )?;
        if on_policy {
            student.load_parameters(&session.model.merged_parameters()?)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let metrics = StepMetrics {
            step,
            loss: Some(update.loss).filter(|loss| loss.is_finite()),
            grad_norm: Some(update.grad_norm).filter(|norm| norm.is_finite()),
            learning_rate,
            tokens: tokens as u64,
            length_mean: Some(tokens as f64 / sequences.len() as f64),
            skipped_updates: u32::from(!update.applied),
            rollout_seconds,
            update_seconds: seconds - rollout_seconds,
            ..StepMetrics::default()
        };
        session.finish_step(&metrics, seconds, observer)?;
    }
    student.load_parameters(&session.model.merged_parameters()?)?;
    Ok(student)
}

/// One response of the student to each prompt.
fn draw(
    student: &LanguageModel,
    prompts: &[RlPrompt],
    sampling: &SamplingParams,
    seed: u64,
    step: u64,
    observer: &mut dyn Observer,
) -> Result<(Vec<SftExample>, Vec<String>), TrainError> {
    let requests: Vec<SampleRequest> = prompts
        .iter()
        .enumerate()
        .map(|(index, prompt)| SampleRequest {
            prompt: prompt.ids.clone(),
            streams: vec![stream(seed, &[step, index as u64])],
        })
        .collect();
    let mut progress = |progress| observer.sampling(step, progress);
    let drawn = sample(student, &requests, sampling, &mut progress)?;
    let examples = prompts
        .iter()
        .zip(drawn.into_iter().flatten())
        .map(|(prompt, completion)| SftExample {
            prompt: prompt.ids.clone(),
            response: completion.tokens,
        });
    let names = prompts.iter().map(|prompt| prompt.id.clone());
    Ok((examples.collect(), names.collect()))
}

/// Adds the gradient of the mean divergence over response tokens, and returns the divergence. The two distributions are
/// held for a chunk of tokens at a time.
fn backward(
    learning: &Learning<'_>,
    teacher: &LanguageModel,
    sequences: &[Sequence<'_>],
    spec: &DistillSpec,
    tokens: usize,
    budget: usize,
) -> Result<f64, TrainError> {
    let student = learning.model;
    let vocab = student.config.vocab.min(teacher.config.vocab);
    let rows = (CHUNK / vocab.max(1)).max(1);
    let widths: Vec<usize> = sequences.iter().map(Sequence::width).collect();
    let mut total = 0.0;
    for group in split(&widths, budget) {
        let chosen: Vec<_> = group.iter().map(|&index| sequences[index]).collect();
        let batch = MicroBatch::new(&chosen, student.device())?;
        let decoded = decode(student, &batch, spec.tuning.checkpointing)?;
        let wanted = {
            let _no_grad = tch::no_grad_guard();
            decode(teacher, &batch, false)?.hidden
        };
        let leaf = decoded.hidden.f_detach()?.f_set_requires_grad(true)?;
        for (own, wanted) in leaf.f_split(rows, 0)?.iter().zip(wanted.f_split(rows, 0)?) {
            let wanted = {
                let _no_grad = tch::no_grad_guard();
                logits(teacher, &wanted, vocab)?
            };
            let own = logits(student, own, vocab)?;
            let loss = generalized_jsd(&own, &wanted, spec.beta, spec.temperature)?
                .f_sum(Kind::Float)?
                .f_div_scalar(tokens as f64)?;
            total += loss.f_double_value(&[])?;
            loss.f_backward()?;
        }
        let gradient = leaf.f_grad()?;
        decoded
            .hidden
            .f_mul(&gradient)?
            .f_sum(Kind::Float)?
            .f_backward()?;
        decoded.finish(student)?;
        learning.collect()?;
    }
    Ok(total)
}

/// The first `vocab` logits in fp32.
fn logits(model: &LanguageModel, hidden: &Tensor, vocab: i64) -> Result<Tensor, TrainError> {
    Ok(model
        .logits(hidden)?
        .f_narrow(-1, 0, vocab)?
        .f_to_kind(Kind::Float)?)
}
