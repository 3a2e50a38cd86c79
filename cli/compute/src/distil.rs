//! Logit distillation: the run's job as the trainer knows it.

use std::path::Path;

use rlx_engine::{LanguageModel, SamplingParams, Tokenizer};
use rlx_language::Divergence;
use rlx_run::{BackendError, DistilledOn, ModelAt, TrainStepSeen};
use rlx_trainer::{
    DistillData, DistillSpec, OptimizerSpec, RlPrompt, SftData, SourceError, Tuning, steps_of_epochs,
    train_distill,
};

use crate::backend::Torch;
use crate::failure;
use crate::model::encode_prompt;
use crate::train::{Watch, encode};

pub(crate) struct Job<'a> {
    pub(crate) student: LanguageModel,
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) teacher: &'a ModelAt,
    pub(crate) divergence: &'a Divergence,
    pub(crate) batch: usize,
    pub(crate) optimizer: OptimizerSpec,
    pub(crate) tuning: Tuning,
    pub(crate) seed: u64,
    pub(crate) folder: &'a Path,
}

/// Runs the distillation and returns its steps.
pub(crate) fn run(
    backend: &Torch,
    job: Job<'_>,
    on: DistilledOn<'_>,
    tell: &mut dyn FnMut(TrainStepSeen),
) -> Result<u64, BackendError> {
    let (teacher, tokens) = backend.load(job.teacher)?;
    if tokens.fingerprint() != job.tokenizer.fingerprint() {
        return Err(BackendError {
            code: "rlx::train::vocabulary".into(),
            message: "teacher and student have different tokenizers, so their distributions are over different tokens"
                .into(),
            help: Some("leave `divergence` out: the student then learns the teacher's responses as text".into()),
        });
    }
    let spec = |steps: u64| DistillSpec {
        steps,
        batch: job.batch,
        beta: job.divergence.beta,
        temperature: job.divergence.temperature,
        optimizer: job.optimizer,
        keep: vec![steps],
        seed: job.seed,
        tuning: job.tuning,
    };
    let steps = match on {
        DistilledOn::Responses { epochs, examples } => {
            let encoded = examples
                .iter()
                .map(|example| encode(job.tokenizer, example, None))
                .collect::<Result<Vec<_>, _>>()?;
            let steps = steps_of_epochs(encoded.len(), job.batch, epochs);
            let mut watch = Watch {
                steps,
                tokens: 0,
                warnings: Vec::new(),
                tell,
            };
            train_distill(
                job.student,
                &teacher,
                job.tokenizer,
                &spec(steps),
                DistillData::Responses(SftData::Fixed(&encoded)),
                job.folder,
                &mut watch,
            )
            .map_err(failure::trainer)?;
            steps
        }
        DistilledOn::Own {
            steps,
            sampling,
            problems,
        } => {
            let mut prompts = |step: u64, count: usize| -> Result<Vec<RlPrompt>, SourceError> {
                let problems = problems(step, count).map_err(Box::new)?;
                let encoded = problems.iter().map(|problem| {
                    Ok(RlPrompt {
                        id: problem.id.clone(),
                        ids: encode_prompt(job.tokenizer, &problem.prompt)?,
                    })
                });
                let encoded: Result<Vec<_>, BackendError> = encoded.collect();
                Ok(encoded.map_err(Box::new)?)
            };
            let mut watch = Watch {
                steps,
                tokens: 0,
                warnings: Vec::new(),
                tell,
            };
            if sampling.stop.is_some() {
                return Err(failure::engine(rlx_engine::EngineError::InvalidRequest {
                    what: "a stop text in the sampling of a student that learns from its own responses"
                        .to_owned(),
                    mend: "leave `stop` out: its responses end with the end-of-sequence token".to_owned(),
                }));
            }
            let sampling = SamplingParams {
                temperature: sampling.temperature,
                top_p: sampling.top_p,
                top_k: sampling.top_k.map(|k| k as _),
                max_tokens: sampling.max_tokens as usize,
                stop_ids: job.tokenizer.eos_ids().to_vec(),
                min_p: sampling.min_p.unwrap_or(0.0),
                repetition_penalty: sampling.repetition_penalty.unwrap_or(1.0),
                logit_bias: crate::model::biases(job.tokenizer, &sampling.logit_bias)?,
                min_tokens: sampling.min_tokens.unwrap_or(0) as usize,
            };
            train_distill(
                job.student,
                &teacher,
                job.tokenizer,
                &spec(steps),
                DistillData::OnPolicy {
                    prompts: &mut prompts,
                    sampling,
                },
                job.folder,
                &mut watch,
            )
            .map_err(failure::trainer)?;
            steps
        }
    };
    Ok(steps)
}
