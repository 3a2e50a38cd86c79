//! Speed and memory of training a real model: `training_speed MODEL sft|grpo [STEPS]`.
//!
//! `sft`: forward, backward and AdamW on 16 sequences of 256 tokens. `grpo`: 8 prompts, 8 responses of 64 new tokens each,
//! one update. Prints one line of JSON: seconds of the fastest step, tokens a second, peak memory. `benches/training` runs
//! it beside other libraries.

use std::path::PathBuf;

use rlx_engine::{DeviceChoice, Finish, LanguageModel, Runtime, Tokenizer};
use rlx_trainer::algorithms::aggregation::Aggregation;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::ppo::Clip;
use rlx_trainer::{
    AdvantageSpec, Baseline, CorrectionSpec, OptimizerSpec, PolicyLoss, RewardSource, RlPrompt, RlSpec,
    Schedule, SftData, SftExample, SftSpec, Silent, SourceError, Tuning, read_metrics, train_rl, train_sft,
};

type Failure = Box<dyn std::error::Error>;

/// Prompts of 32 tokens; a reward that differs within a group.
struct Toy {
    vocab: u32,
}

impl RewardSource for Toy {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let prompt = |index: u64| RlPrompt {
            id: format!("{step}.{index}"),
            ids: tokens(32, step * 100 + index, self.vocab),
        };
        Ok((0..count as u64).map(prompt).collect())
    }

    fn reward(&mut self, _: &RlPrompt, tokens: &[u32], _: Finish) -> Result<f64, SourceError> {
        let even = tokens.iter().filter(|&&id| id % 2 == 0).count();
        Ok(even as f64 / tokens.len().max(1) as f64)
    }
}

fn tokens(count: usize, number: u64, vocab: u32) -> Vec<u32> {
    (0..count as u64)
        .map(|place| {
            ((number * 7919 + place * 104_729 + place * place * 31) % u64::from(vocab - 3)) as u32 + 3
        })
        .collect()
}

fn optimizer() -> OptimizerSpec {
    OptimizerSpec {
        learning_rate: 1e-6,
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        clip_norm: Some(1.0),
        warmup: 0,
        schedule: Schedule::Constant,
        ..OptimizerSpec::default()
    }
}

/// The largest resident size of this process, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: training_speed MODEL sft|grpo [STEPS]";
    let path = PathBuf::from(arguments.next().ok_or(usage)?);
    let work = arguments.next().ok_or(usage)?;
    let steps: u64 = arguments.next().map_or(Ok(3), |steps| steps.parse())?;
    let runtime = Runtime::detect(DeviceChoice::Cpu, None)?;
    let model = LanguageModel::open(&path, &runtime)?;
    let tokenizer = Tokenizer::open(&path)?;
    let precision = model.precision();
    let vocab = u32::try_from(model.config.vocab)?;
    let dir = std::env::temp_dir().join(format!("rlx-training-speed-{}", std::process::id()));
    let trained = match work.as_str() {
        "sft" => {
            let examples: Vec<SftExample> = (0..16)
                .map(|number| {
                    let mut ids = tokens(257, number, vocab);
                    SftExample {
                        response: ids.split_off(1),
                        prompt: ids,
                    }
                })
                .collect();
            let spec = SftSpec {
                steps,
                batch: 16,
                optimizer: optimizer(),
                keep: vec![],
                tuning: Tuning::default(),
                seed: 1,
            };
            train_sft(
                model,
                &tokenizer,
                &spec,
                SftData::Fixed(&examples),
                &dir,
                &mut Silent,
            )
        }
        "grpo" => {
            let spec = RlSpec {
                steps,
                prompts: 8,
                rollouts: 8,
                mini_batch: None,
                updates_per_batch: 1,
                temperature: 1.0,
                top_p: 1.0,
                max_tokens: 64,
                stop_ids: vec![],
                advantage: AdvantageSpec {
                    baseline: Baseline::GroupMean,
                    scale: Scale::Group,
                    epsilon: 1e-4,
                    whiten: false,
                    gamma: 1.0,
                    lambda: 1.0,
                },
                loss: PolicyLoss::Clip,
                clip: Clip {
                    low: 0.2,
                    high: 0.2,
                    ..Clip::default()
                },
                aggregation: Aggregation::TokenMean,
                kl: None,
                entropy_bonus: 0.0,
                critic: None,
                correction: CorrectionSpec::default(),
                dynamic_sampling: None,
                overlong: None,
                mask_truncated: false,
                optimizer: optimizer(),
                keep: vec![],
                tuning: Tuning::default(),
                seed: 1,
            };
            train_rl(model, &tokenizer, &spec, &mut Toy { vocab }, &dir, &mut Silent)
        }
        _ => return Err(usage.into()),
    };
    trained?;
    let measured = read_metrics(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    // The first step warms caches and allocators up.
    let fastest = measured
        .iter()
        .skip(usize::from(measured.len() > 1))
        .min_by(|a, b| {
            let seconds = |m: &rlx_trainer::StepMetrics| m.rollout_seconds + m.update_seconds;
            seconds(a).total_cmp(&seconds(b))
        })
        .ok_or("no step was measured")?;
    let seconds = fastest.rollout_seconds + fastest.update_seconds;
    let line = serde_json::json!({
        "tool": "rlx", "work": work, "precision": precision.to_string(), "seconds": seconds,
        "rollout_seconds": fastest.rollout_seconds, "update_seconds": fastest.update_seconds,
        "tokens_per_second": fastest.tokens as f64 / seconds, "peak_gb": peak_memory().map(|bytes| bytes as f64 / 1e9),
        "rollout_logprob_difference": fastest.rollout_logprob_difference,
    });
    println!("{line}");
    Ok(())
}
