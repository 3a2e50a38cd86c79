//! What the language calls an algorithm, as the trainer's spec.

use rlx_engine::{Lora, LoraTargets, Tokenizer};
use rlx_language::{self as language, Correction, Kl, Rl, Schedule};
use rlx_run::BackendError;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::rollout_correction::{Divergence, Level, Reduction, Rejection, Weights};
use rlx_trainer::algorithms::{aggregation::Aggregation, kl, ppo};
use rlx_trainer::{
    Adaptive, AdvantageSpec, Baseline, CorrectionSpec, CriticSpec, DynamicSampling, KlPlace, KlSpec,
    OptimizerSpec, Overlong, PolicyLoss, RlSpec, Rule, Tuning,
};

pub(crate) fn optimizer(written: &language::Optimizer) -> OptimizerSpec {
    OptimizerSpec {
        rule: match written.rule {
            language::UpdateRule::AdamW => Rule::AdamW,
            language::UpdateRule::Adafactor => Rule::Adafactor,
        },
        skip_limit: u32::try_from(written.skip_limit).unwrap_or(u32::MAX),
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

/// Which weights a training changes, and how their gradients are made.
pub(crate) fn tuning(lora: Option<&language::LowRank>, checkpointing: bool) -> Tuning {
    Tuning {
        lora: lora.map(|lora| Lora {
            rank: i64::try_from(lora.rank).unwrap_or(i64::MAX),
            alpha: lora.alpha,
            targets: match lora.targets {
                language::LowRankTargets::All => LoraTargets::All,
                language::LowRankTargets::Attention => LoraTargets::Attention,
                language::LowRankTargets::FeedForward => LoraTargets::FeedForward,
            },
        }),
        checkpointing,
    }
}

/// Sizes of a training that are not the algorithm's.
pub(crate) struct Rollouts {
    pub(crate) batch: u64,
    pub(crate) rollouts: u64,
    pub(crate) steps: u64,
    pub(crate) max_tokens: u64,
}

pub(crate) fn rl(
    written: &Rl,
    setting: &Rollouts,
    optimizer_spec: OptimizerSpec,
    keep: &[u64],
    seed: u64,
    tokenizer: &Tokenizer,
) -> Result<RlSpec, BackendError> {
    let length = written.loss_length.unwrap_or(setting.max_tokens) as f64;
    Ok(RlSpec {
        steps: setting.steps,
        prompts: setting.batch as usize,
        rollouts: setting.rollouts as usize,
        mini_batch: written.mini_batch.map(|prompts| prompts as usize),
        updates_per_batch: written.updates as u32,
        temperature: written.temperature,
        top_p: written.top_p,
        max_tokens: setting.max_tokens as usize,
        stop_ids: tokenizer.eos_ids().to_vec(),
        advantage: AdvantageSpec {
            baseline: match written.baseline {
                language::Baseline::GroupMean => Baseline::GroupMean,
                language::Baseline::LeaveOneOut => Baseline::LeaveOneOut,
                language::Baseline::Greedy => Baseline::Greedy,
                language::Baseline::Critic => Baseline::Critic,
                language::Baseline::Nothing => Baseline::None,
            },
            scale: if written.normalize_std {
                Scale::Group
            } else {
                Scale::None
            },
            epsilon: written.epsilon,
            whiten: written.whiten,
            gamma: written.gamma,
            lambda: written.lambda,
        },
        loss: match written.loss {
            language::PolicyLoss::Clip => PolicyLoss::Clip,
            language::PolicyLoss::Sequence => PolicyLoss::Sequence,
            language::PolicyLoss::Cispo => PolicyLoss::Cispo,
        },
        clip: ppo::Clip {
            low: written.clip_low,
            high: written.clip_high,
            dual: written.dual_clip,
            ceiling: written.ceiling,
        },
        aggregation: match written.aggregation {
            language::Aggregation::TokenMean => Aggregation::TokenMean,
            language::Aggregation::TokenSum => Aggregation::TokenSum,
            language::Aggregation::SeqMeanTokenSum => Aggregation::SeqMeanTokenSum,
            language::Aggregation::SeqMeanTokenMean => Aggregation::SeqMeanTokenMean,
            language::Aggregation::SeqMeanTokenSumNorm => {
                Aggregation::SeqMeanTokenSumNorm { length: Some(length) }
            }
        },
        kl: written.kl.as_ref().map(kl_penalty).transpose()?,
        entropy_bonus: written.entropy_bonus,
        critic: written.critic.as_ref().map(|critic| CriticSpec {
            optimizer: optimizer(&critic.optimizer),
            clip: critic.clip,
            warmup: critic.warmup,
        }),
        correction: written
            .correction
            .as_ref()
            .map(correction)
            .transpose()?
            .unwrap_or_default(),
        dynamic_sampling: written.dynamic_sampling.map(|batches| DynamicSampling {
            batches: u32::try_from(batches).unwrap_or(u32::MAX),
        }),
        overlong: written.overlong.as_ref().map(|overlong| Overlong {
            buffer: overlong.buffer as f64,
            factor: overlong.factor,
        }),
        mask_truncated: written.mask_truncated,
        optimizer: optimizer_spec,
        keep: keep.to_vec(),
        seed,
        tuning: Tuning::default(),
    })
}

fn unknown(what: &str, name: &str, known: &str) -> BackendError {
    BackendError {
        code: "rlx::train::spec".into(),
        message: format!("there is no {what} `{name}`"),
        help: Some(format!("write one of {known}")),
    }
}

pub(crate) fn estimator(name: &str) -> Result<kl::Estimator, BackendError> {
    Ok(match name {
        "k1" => kl::Estimator::K1,
        "abs" => kl::Estimator::Abs,
        "k2" => kl::Estimator::K2,
        "k3" => kl::Estimator::K3,
        other => return Err(unknown("KL estimator", other, "k1, k2, k3, abs")),
    })
}

fn kl_penalty(written: &Kl) -> Result<KlSpec, BackendError> {
    Ok(KlSpec {
        estimate: kl::KlEstimate {
            estimator: estimator(&written.estimator)?,
            straight_through: written.straight_through,
        },
        coefficient: written.coefficient,
        place: if written.in_reward {
            KlPlace::Reward
        } else {
            KlPlace::Loss
        },
        adaptive: written
            .adaptive
            .map(|[target, horizon]| Adaptive { target, horizon }),
    })
}

fn correction(written: &Correction) -> Result<CorrectionSpec, BackendError> {
    let weights = match written.weights.as_deref() {
        None => None,
        Some(level) => Some(Weights {
            level: match level {
                "token" => Level::Token,
                "sequence" => Level::Sequence,
                other => return Err(unknown("level of weights", other, "token, sequence")),
            },
            low: written.low,
            high: written.high,
            normalize: written.normalize,
        }),
    };
    let mut reject = Vec::new();
    if let Some(name) = written.reject.as_deref() {
        let known = "token_k1, seq_sum_k3, seq_mean_k1, seq_max_k2 and the like";
        let (reduction, divergence) = name
            .rsplit_once('_')
            .ok_or_else(|| unknown("criterion", name, known))?;
        reject.push(Rejection {
            reduction: match reduction {
                "token" => Reduction::Token,
                "seq_sum" => Reduction::SeqSum,
                "seq_mean" => Reduction::SeqMean,
                "seq_max" => Reduction::SeqMax,
                _ => return Err(unknown("criterion", name, known)),
            },
            divergence: match divergence {
                "k1" => Divergence::K1,
                "k2" => Divergence::K2,
                "k3" => Divergence::K3,
                _ => return Err(unknown("criterion", name, known)),
            },
            low: written.reject_low,
            high: written.reject_high,
        });
    }
    Ok(CorrectionSpec { weights, reject })
}
