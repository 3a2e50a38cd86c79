//! Time of one training step of the embedded study's model (1 M parameters, random weights): SFT at batch 64, and GRPO with
//! 32 prompts x 8 rollouts of at most 48 tokens. One measured iteration is a run of a few steps, state and measures included.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rlx_engine::Finish;
use rlx_trainer::algorithms::aggregation::Aggregation;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::ppo::Clip;
use rlx_trainer::{
    AdvantageSpec, Baseline, CorrectionSpec, PolicyLoss, RewardSource, RlPrompt, RlSpec, SftData, SftExample,
    SftSpec, Silent, SourceError, Tuning, train_rl, train_sft,
};

const STEPS: u64 = 5;

/// Prompts and responses of the lengths of the countdown task: two thirds long, one third short.
fn lengths(number: u64) -> (usize, usize) {
    if number.is_multiple_of(3) {
        (12, 22)
    } else {
        (14, 37 + (number % 5) as usize)
    }
}

fn tokens(count: usize, number: u64) -> Vec<u32> {
    (0..count as u64)
        .map(|place| ((number * 31 + place * place) % 22 + 2) as u32)
        .collect()
}

fn sft(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let examples: Vec<SftExample> = (0..64)
        .map(|number| {
            let (prompt, response) = lengths(number);
            SftExample {
                prompt: tokens(prompt, number),
                response: tokens(response, number + 1),
            }
        })
        .collect();
    let spec = SftSpec {
        steps: STEPS,
        batch: 64,
        optimizer: support::optimizer(1e-3),
        keep: vec![],
        tuning: Tuning::default(),
        seed: 1,
    };
    let mut group = criterion.benchmark_group("sft");
    let total: usize = examples.iter().map(|e| e.prompt.len() + e.response.len()).sum();
    group.throughput(criterion::Throughput::Elements(total as u64 * STEPS));
    group
        .sample_size(10)
        .bench_function("5 steps of 64 examples", |bencher| {
            bencher.iter_batched(
                || (tempfile::tempdir().unwrap(), support::model(false, 1)),
                |(dir, model)| {
                    let data = SftData::Fixed(&examples);
                    let model = train_sft(model, &tokenizer, &spec, data, dir.path(), &mut Silent).unwrap();
                    (black_box(model), dir)
                },
                criterion::BatchSize::PerIteration,
            );
        });
    group.finish();
}

/// Rewards that differ within a group, from the tokens alone.
struct Parity;

impl RewardSource for Parity {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let prompt = |index: u64| RlPrompt {
            id: format!("{step}.{index}"),
            ids: tokens(lengths(index).0, step * 1000 + index),
        };
        Ok((0..count as u64).map(prompt).collect())
    }

    fn reward(&mut self, _: &RlPrompt, tokens: &[u32], _: Finish) -> Result<f64, SourceError> {
        Ok(f64::from(tokens.iter().sum::<u32>() % 2))
    }
}

fn grpo(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let spec = RlSpec {
        steps: STEPS,
        prompts: 32,
        rollouts: 8,
        mini_batch: None,
        updates_per_batch: 1,
        temperature: 1.0,
        top_p: 1.0,
        max_tokens: 48,
        stop_ids: vec![support::EOS],
        advantage: AdvantageSpec {
            baseline: Baseline::GroupMean,
            scale: Scale::Group,
            epsilon: 1e-6,
            whiten: false,
            gamma: 1.0,
            lambda: 1.0,
        },
        loss: PolicyLoss::Clip,
        clip: Clip {
            low: 0.2,
            high: 0.2,
            dual: None,
            ceiling: None,
        },
        aggregation: Aggregation::TokenMean,
        kl: None,
        entropy_bonus: 0.0,
        critic: None,
        correction: CorrectionSpec::default(),
        dynamic_sampling: None,
        overlong: None,
        mask_truncated: false,
        optimizer: support::optimizer(1e-4),
        keep: vec![],
        tuning: Tuning::default(),
        seed: 1,
    };
    let mut group = criterion.benchmark_group("grpo");
    group
        .sample_size(10)
        .bench_function("5 steps of 32 x 8 rollouts", |bencher| {
            bencher.iter_batched(
                || (tempfile::tempdir().unwrap(), support::model(false, 1)),
                |(dir, model)| {
                    let model =
                        train_rl(model, &tokenizer, &spec, &mut Parity, dir.path(), &mut Silent).unwrap();
                    for metrics in rlx_trainer::read_metrics(dir.path()).unwrap() {
                        eprintln!(
                            "step {}: rollouts {:.3} s, update {:.3} s, {} tokens",
                            metrics.step, metrics.rollout_seconds, metrics.update_seconds, metrics.tokens
                        );
                    }
                    (black_box(model), dir)
                },
                criterion::BatchSize::PerIteration,
            );
        });
    group.finish();
}

criterion_group!(benches, sft, grpo);
criterion_main!(benches);
