//! Trainings: the run's job as the trainer knows it.

use crate::{
    backend::Torch,
    distil, failure,
    model::{encode_prompt, encode_response},
    spec::{Rollouts, optimizer, rl, tuning},
};
use rlx_engine::{Finish, Tokenizer};
use rlx_run::{
    BackendError, ProblemsOf, Reward, TrainExample, TrainJob, TrainProblem, TrainStepSeen, TrainWork,
    TrainingEnd,
};
use rlx_trainer::{
    Observer, RewardSource, RlPrompt, SftData, SftExample, SftSpec, SourceError, StepMetrics,
    steps_of_epochs, train_rl, train_sft,
};
use std::collections::BTreeMap;

/// Tells the run of every step and counts tokens.
pub(crate) struct Watch<'a> {
    pub(crate) steps: u64,
    pub(crate) tokens: u64,
    pub(crate) warnings: Vec<String>,
    pub(crate) tell: &'a mut dyn FnMut(TrainStepSeen),
}

impl Observer for Watch<'_> {
    fn step(&mut self, metrics: &StepMetrics) -> bool {
        self.tokens += metrics.tokens;
        let known = [
            ("reward", metrics.reward_mean),
            ("loss", metrics.loss),
            ("entropy", metrics.entropy),
        ];
        let shown = known
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?)))
            .collect();
        (self.tell)(TrainStepSeen {
            step: metrics.step,
            steps: self.steps,
            tokens: self.tokens,
            shown,
            warnings: std::mem::take(&mut self.warnings),
        });
        true
    }

    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_owned());
    }
}

pub(crate) fn run(
    backend: &Torch,
    job: TrainJob<'_>,
    tell: &mut dyn FnMut(TrainStepSeen),
) -> Result<TrainingEnd, BackendError> {
    let (model, tokenizer) = backend.load(&job.start)?;
    let engine = backend.runtime.fingerprint(model.precision());
    let optimizer = optimizer(&job.optimizer);
    let tuning = tuning(job.lora.as_ref(), job.checkpointing);
    let steps = match job.work {
        TrainWork::Rl {
            algorithm,
            batch,
            rollouts,
            steps,
            max_tokens,
            problems,
            reward,
        } => {
            let setting = Rollouts {
                batch,
                rollouts,
                steps,
                max_tokens,
            };
            let mut spec = rl(&algorithm, &setting, optimizer, &job.keep, job.seed, &tokenizer)?;
            spec.tuning = tuning;
            let mut source = Source {
                tokenizer: &tokenizer,
                problems,
                reward,
                known: BTreeMap::new(),
            };
            let mut watch = Watch {
                steps,
                tokens: 0,
                warnings: Vec::new(),
                tell,
            };
            train_rl(model, &tokenizer, &spec, &mut source, &job.folder, &mut watch)
                .map_err(failure::trainer)?;
            steps
        }
        TrainWork::Demonstrations {
            batch,
            steps,
            max_tokens,
            examples,
        } => {
            names_an_end(&tokenizer)?;
            let mut watch = Watch {
                steps,
                tokens: 0,
                warnings: Vec::new(),
                tell,
            };
            let spec = SftSpec {
                steps,
                batch: batch as usize,
                optimizer,
                keep: job.keep,
                seed: job.seed,
                tuning,
            };
            let mut next = |step: u64, count: usize| -> Result<Vec<SftExample>, SourceError> {
                let examples = examples(step, count).map_err(Box::new)?;
                let encoded = examples
                    .iter()
                    .map(|example| encode(&tokenizer, example, Some(max_tokens)));
                Ok(encoded.collect::<Result<_, _>>().map_err(Box::new)?)
            };
            train_sft(
                model,
                &tokenizer,
                &spec,
                SftData::Stream(&mut next),
                &job.folder,
                &mut watch,
            )
            .map_err(failure::trainer)?;
            steps
        }
        TrainWork::Distributions {
            teacher,
            divergence,
            batch,
            on,
        } => distil::run(
            backend,
            distil::Job {
                student: model,
                tokenizer: &tokenizer,
                teacher: &teacher,
                divergence: &divergence,
                batch: batch as usize,
                optimizer,
                tuning,
                seed: job.seed,
                folder: &job.folder,
            },
            on,
            tell,
        )?,
        TrainWork::Responses {
            batch,
            epochs,
            examples,
        } => {
            let encoded = examples
                .iter()
                .map(|example| encode(&tokenizer, example, None))
                .collect::<Result<Vec<_>, _>>()?;
            let steps = steps_of_epochs(encoded.len(), batch as usize, epochs);
            let mut watch = Watch {
                steps,
                tokens: 0,
                warnings: Vec::new(),
                tell,
            };
            let spec = SftSpec {
                steps,
                batch: batch as usize,
                optimizer,
                // The end of a distillation is what a study asks for; its number is known only here.
                keep: vec![steps],
                seed: job.seed,
                tuning,
            };
            train_sft(
                model,
                &tokenizer,
                &spec,
                SftData::Fixed(&encoded),
                &job.folder,
                &mut watch,
            )
            .map_err(failure::trainer)?;
            steps
        }
    };
    let tokens = rlx_trainer::read_metrics(&job.folder)
        .map_err(failure::trainer)?
        .iter()
        .map(|step| step.tokens)
        .sum();
    Ok(TrainingEnd {
        steps,
        tokens,
        engine,
    })
}

/// Prompts from the run, rewards from its judge.
struct Source<'a, 'b> {
    tokenizer: &'a Tokenizer,
    problems: &'b mut ProblemsOf<'b>,
    reward: &'b mut Reward<'b>,
    /// The problems of the step, by id.
    known: BTreeMap<String, TrainProblem>,
}

impl RewardSource for Source<'_, '_> {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let problems = (self.problems)(step, count).map_err(Box::new)?;
        self.known.clear();
        let mut prompts = Vec::with_capacity(count);
        for problem in problems {
            let ids = encode_prompt(self.tokenizer, &problem.prompt).map_err(Box::new)?;
            prompts.push(RlPrompt {
                id: problem.id.clone(),
                ids,
            });
            self.known.insert(problem.id.clone(), problem);
        }
        Ok(prompts)
    }

    fn reward(&mut self, prompt: &RlPrompt, tokens: &[u32], finish: Finish) -> Result<f64, SourceError> {
        let Some(problem) = self.known.get(&prompt.id) else {
            return Ok(f64::NAN);
        };
        let text = self.tokenizer.decode(tokens, true)?;
        Ok((self.reward)(problem, &text, finish == Finish::Length))
    }
}

/// Refuses to teach whole responses where no token ends one.
fn names_an_end(tokenizer: &Tokenizer) -> Result<(), BackendError> {
    if !tokenizer.eos_ids().is_empty() {
        return Ok(());
    }
    Err(BackendError {
        code: "rlx::model::tokenizer".into(),
        message: "the tokenizer names no token that ends a response: a model that learns from whole responses would \
                  never end one"
            .into(),
        help: Some("name it in tokenizer_config.json beside the tokenizer: {\"eos_token\": \"<eos>\"}".into()),
    })
}

pub(crate) fn encode(
    tokenizer: &Tokenizer,
    example: &TrainExample,
    most: Option<u64>,
) -> Result<SftExample, BackendError> {
    let prompt = encode_prompt(tokenizer, &example.prompt)?;
    if example.ended {
        names_an_end(tokenizer)?;
    }
    let mut response = encode_response(tokenizer, &example.response, example.ended)?;
    if let Some(most) = most {
        response.truncate(most as usize);
    }
    Ok(SftExample { prompt, response })
}
