//! Trainings: the run's job as the trainer knows it.

use crate::{
    backend::Torch,
    failure,
    model::{encode_prompt, encode_response},
};
use rlx_engine::{Finish, Tokenizer};
use rlx_language::{Aggregation, Grpo, Optimizer, Schedule};
use rlx_run::{
    BackendError, ProblemsOf, Reward, TrainExample, TrainJob, TrainProblem, TrainStepSeen, TrainWork,
    TrainingEnd,
};
use rlx_trainer::{
    AdvantageSpec, GrpoPrompt, GrpoSpec, KlPlace, KlSpec, Observer, OptimizerSpec, RewardSource, SftData,
    SftExample, SftSpec, SourceError, StepMetrics, steps_of_epochs, train_grpo, train_sft,
};
use std::collections::BTreeMap;

/// Tells the run of every step and counts tokens.
struct Watch<'a> {
    steps: u64,
    tokens: u64,
    tell: &'a mut dyn FnMut(TrainStepSeen),
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
        });
        true
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
            let spec = grpo(&algorithm, &setting, optimizer, &job.keep, job.seed, &tokenizer)?;
            let mut source = Source {
                tokenizer: &tokenizer,
                problems,
                reward,
                known: BTreeMap::new(),
            };
            let mut watch = Watch {
                steps,
                tokens: 0,
                tell,
            };
            train_grpo(model, &tokenizer, &spec, &mut source, &job.folder, &mut watch)
                .map_err(failure::trainer)?;
            steps
        }
        TrainWork::Demonstrations {
            batch,
            steps,
            max_tokens,
            examples,
        } => {
            let mut watch = Watch {
                steps,
                tokens: 0,
                tell,
            };
            let spec = SftSpec {
                steps,
                batch: batch as usize,
                optimizer,
                keep: job.keep,
                seed: job.seed,
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
                tell,
            };
            let spec = SftSpec {
                steps,
                batch: batch as usize,
                optimizer,
                // The end of a distillation is what a study asks for; its number is known only here.
                keep: vec![steps],
                seed: job.seed,
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
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<GrpoPrompt>, SourceError> {
        let problems = (self.problems)(step, count).map_err(Box::new)?;
        self.known.clear();
        let mut prompts = Vec::with_capacity(count);
        for problem in problems {
            let ids = encode_prompt(self.tokenizer, &problem.prompt).map_err(Box::new)?;
            prompts.push(GrpoPrompt {
                id: problem.id.clone(),
                ids,
            });
            self.known.insert(problem.id.clone(), problem);
        }
        Ok(prompts)
    }

    fn reward(&mut self, prompt: &GrpoPrompt, tokens: &[u32], finish: Finish) -> Result<f64, SourceError> {
        let Some(problem) = self.known.get(&prompt.id) else {
            return Ok(f64::NAN);
        };
        let text = self.tokenizer.decode(tokens, true)?;
        Ok((self.reward)(problem, &text, finish == Finish::Length))
    }
}

fn encode(
    tokenizer: &Tokenizer,
    example: &TrainExample,
    most: Option<u64>,
) -> Result<SftExample, BackendError> {
    let prompt = encode_prompt(tokenizer, &example.prompt)?;
    let mut response = encode_response(tokenizer, &example.response, example.ended)?;
    if let Some(most) = most {
        response.truncate(most as usize);
    }
    Ok(SftExample { prompt, response })
}

fn optimizer(written: &Optimizer) -> OptimizerSpec {
    OptimizerSpec {
        learning_rate: written.learning_rate,
        betas: written.betas,
        epsilon: written.epsilon,
        weight_decay: written.weight_decay,
        clip_norm: written.clip_norm,
        warmup: written.warmup,
        schedule: match written.schedule {
            Schedule::Constant => rlx_trainer::Schedule::Constant,
            Schedule::Linear => rlx_trainer::Schedule::Linear { floor: written.floor },
            Schedule::Cosine => rlx_trainer::Schedule::Cosine { floor: written.floor },
        },
    }
}

struct Rollouts {
    batch: u64,
    rollouts: u64,
    steps: u64,
    max_tokens: u64,
}

fn grpo(
    written: &Grpo,
    setting: &Rollouts,
    optimizer: OptimizerSpec,
    keep: &[u64],
    seed: u64,
    tokenizer: &Tokenizer,
) -> Result<GrpoSpec, BackendError> {
    use rlx_trainer::algorithms::{aggregation, kl, ppo};
    let length = written.loss_length.unwrap_or(setting.max_tokens) as f64;
    let kl = match &written.kl {
        None => None,
        Some(written) => {
            let (name, straight_through) = match written.estimator.strip_suffix('+') {
                Some(name) => (name, true),
                None => (written.estimator.as_str(), false),
            };
            let estimator = match name {
                "k1" => kl::Estimator::K1,
                "abs" => kl::Estimator::Abs,
                "k2" => kl::Estimator::K2,
                "k3" => kl::Estimator::K3,
                other => {
                    return Err(BackendError {
                        code: "rlx::train::spec".into(),
                        message: format!("there is no KL estimator `{other}`"),
                        help: Some(
                            "write k1, k2, k3 or abs, with a `+` for the straight-through gradient".into(),
                        ),
                    });
                }
            };
            let estimate = kl::KlEstimate {
                estimator,
                straight_through,
            };
            Some(KlSpec {
                estimate,
                coefficient: written.coefficient,
                place: KlPlace::Loss,
            })
        }
    };
    Ok(GrpoSpec {
        steps: setting.steps,
        prompts: setting.batch as usize,
        rollouts: setting.rollouts as usize,
        mini_batch: None,
        updates_per_batch: written.updates as u32,
        temperature: written.temperature,
        top_p: written.top_p,
        max_tokens: setting.max_tokens as usize,
        stop_ids: tokenizer.eos_ids().to_vec(),
        advantage: AdvantageSpec {
            normalize_std: written.normalize_std,
            epsilon: written.epsilon,
        },
        clip: ppo::Clip {
            low: written.clip_low,
            high: written.clip_high,
            dual: written.dual_clip,
            ceiling: None,
        },
        aggregation: match written.aggregation {
            Aggregation::TokenMean => aggregation::Aggregation::TokenMean,
            Aggregation::TokenSum => aggregation::Aggregation::TokenSum,
            Aggregation::SeqMeanTokenSum => aggregation::Aggregation::SeqMeanTokenSum,
            Aggregation::SeqMeanTokenMean => aggregation::Aggregation::SeqMeanTokenMean,
            Aggregation::SeqMeanTokenSumNorm => {
                aggregation::Aggregation::SeqMeanTokenSumNorm { length: Some(length) }
            }
        },
        kl,
        entropy_bonus: written.entropy_bonus,
        optimizer,
        keep: keep.to_vec(),
        seed,
    })
}
