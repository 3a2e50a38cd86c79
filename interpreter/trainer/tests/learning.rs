//! The loops learn what they are given, and only that.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use rlx_engine::{Finish, LanguageModel, Lora, LoraTargets, SampleRequest, SamplingParams, sample};
use rlx_trainer::algorithms::aggregation::Aggregation;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::ppo::Clip;
use rlx_trainer::{
    AdvantageSpec, Baseline, CorrectionSpec, CriticSpec, DistillData, DistillSpec, Observer, OptimizerSpec,
    PolicyLoss, RewardSource, RlPrompt, RlSpec, Rollout, Rule, SftData, SftExample, SftSpec, Silent,
    SourceError, StepMetrics, TrainError, Tuning, read_metrics, train_distill, train_rl, train_sft,
};

fn sft_spec(steps: u64, learning_rate: f64) -> SftSpec {
    SftSpec {
        steps,
        batch: 16,
        optimizer: support::optimizer(learning_rate),
        keep: vec![steps],
        tuning: Tuning::default(),
        seed: 5,
    }
}

fn grpo_spec(steps: u64, learning_rate: f64) -> RlSpec {
    RlSpec {
        steps,
        prompts: 8,
        rollouts: 8,
        mini_batch: None,
        updates_per_batch: 1,
        temperature: 1.0,
        top_p: 1.0,
        max_tokens: 3,
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
        optimizer: OptimizerSpec {
            weight_decay: 0.0,
            ..support::optimizer(learning_rate)
        },
        keep: vec![],
        tuning: Tuning::default(),
        seed: 5,
    }
}

/// A reward function of the response's tokens.
struct Reward<F>(F);

impl<F: FnMut(&[u32]) -> f64> RewardSource for Reward<F> {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let prompt = |index: u64| RlPrompt {
            id: format!("{step}/{index}"),
            ids: support::example(step + index).prompt,
        };
        Ok((0..count as u64).map(prompt).collect())
    }
    fn reward(&mut self, _: &RlPrompt, tokens: &[u32], _: Finish) -> Result<f64, SourceError> {
        Ok((self.0)(tokens))
    }
}

fn greedy(model: &LanguageModel, example: &SftExample) -> Vec<u32> {
    let request = SampleRequest {
        prompt: example.prompt.clone(),
        streams: vec![0],
    };
    let params = SamplingParams {
        temperature: 0.0,
        top_p: 1.0,
        top_k: None,
        max_tokens: 8,
        stop_ids: vec![support::EOS],
        ..SamplingParams::default()
    };
    let drawn = sample(model, &[request], &params, &mut |_| true).unwrap();
    drawn[0][0].tokens.clone()
}

#[test]
fn sft_learns_its_examples_and_writes_a_checkpoint_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    // One response to each prompt, and no token twice in a row: rotary attention over equal tokens cannot count them, so
    // no model without a start token could learn where such a response ends.
    let set: Vec<SftExample> = (0..10)
        .flat_map(|a| [(a, 0), (a, 4)])
        .filter(|&(a, b)| a != b && a != 0)
        .map(|(a, b)| SftExample {
            prompt: vec![support::DIGIT + a, support::DIGIT + b],
            response: vec![support::DIGIT + (a + b) % 10, support::EOS],
        })
        .collect();
    let dir = folder.path().join("run");
    let spec = sft_spec(150, 1e-2);
    let data = SftData::Fixed(&set);
    let model = train_sft(
        support::model(true, 1),
        &tokenizer,
        &spec,
        data,
        &dir,
        &mut Silent,
    )
    .unwrap();
    let metrics = read_metrics(&dir).unwrap();
    let (first, last) = (metrics[0].loss.unwrap(), metrics[149].loss.unwrap());
    assert!(
        (first - 12_f64.ln()).abs() < 0.2,
        "an untrained model guesses among 12 tokens: {first}"
    );
    assert!(last < 0.05, "loss {last}");
    for example in &set {
        assert_eq!(greedy(&model, example), example.response);
    }
    let checkpoint = dir.join("checkpoints/step-000150");
    let opened = LanguageModel::open(&checkpoint, &support::runtime()).unwrap();
    assert!(support::bits(&opened) == support::bits(&model));
    assert!(checkpoint.join("tokenizer.json").is_file());
}

#[test]
fn grpo_raises_the_reward() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let mut source = Reward(|tokens: &[u32]| f64::from(tokens[0] == support::DIGIT + 7));
    let spec = grpo_spec(60, 1e-2);
    let dir = folder.path().join("run");
    train_rl(
        support::model(true, 1),
        &tokenizer,
        &spec,
        &mut source,
        &dir,
        &mut Silent,
    )
    .unwrap();
    let metrics = read_metrics(&dir).unwrap();
    let mean = |lines: &[StepMetrics]| {
        lines.iter().map(|line| line.reward_mean.unwrap()).sum::<f64>() / lines.len() as f64
    };
    // One token of twelve at the start; 640 samples have a standard deviation of 0.011.
    assert!(mean(&metrics[..10]) < 0.5, "{}", mean(&metrics[..10]));
    assert!(mean(&metrics[50..]) > 0.9, "{}", mean(&metrics[50..]));
    for line in &metrics {
        let difference = line.rollout_logprob_difference.unwrap();
        // Two orders of summation in fp32 of logits of size 10.
        assert!(difference < 1e-4, "rollout and training disagree by {difference}");
        assert!(line.entropy.unwrap() <= 12_f64.ln() + 1e-6);
        assert_eq!(line.clip_fraction, Some(0.0), "on-policy ratios are 1");
    }
}

/// Remembers all advantages.
#[derive(Default)]
struct Advantages(Vec<(f64, f64)>);

impl Observer for Advantages {
    fn step(&mut self, _: &StepMetrics) -> bool {
        true
    }
    fn rollouts(&mut self, _: u64, rollouts: &[Rollout<'_>]) {
        self.0
            .extend(rollouts.iter().map(|rollout| (rollout.reward, rollout.advantage)));
    }
}

#[test]
fn equal_rewards_change_no_weight() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let start = support::bits(&support::model(true, 1));
    let mut watch = Advantages::default();
    let mut source = Reward(|_: &[u32]| 0.3);
    let dir = folder.path().join("equal");
    let spec = grpo_spec(3, 1e-2);
    let model = train_rl(
        support::model(true, 1),
        &tokenizer,
        &spec,
        &mut source,
        &dir,
        &mut watch,
    )
    .unwrap();
    assert!(support::bits(&model) == start);
    assert!(watch.0.iter().all(|&(_, advantage)| advantage == 0.0));
    let line = &read_metrics(&dir).unwrap()[0];
    assert_eq!((line.skipped_groups, line.skipped_updates), (Some(8), 0));
    assert!(line.entropy.is_some() && line.rollout_logprob_difference.is_some());

    // Responses that cannot be judged are left out: with none judged there is nothing to learn either.
    let mut source = Reward(|_: &[u32]| f64::NAN);
    let dir = folder.path().join("unjudged");
    let model = train_rl(
        support::model(true, 1),
        &tokenizer,
        &spec,
        &mut source,
        &dir,
        &mut Silent,
    )
    .unwrap();
    assert!(support::bits(&model) == start);
    assert_eq!(read_metrics(&dir).unwrap()[0].unjudged, Some(64));
}

#[test]
fn a_run_that_diverges_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let set: Vec<SftExample> = (0..30).map(support::example).collect();
    let mut spec = sft_spec(40, 1e30);
    spec.optimizer.warmup = 0;
    let dir = folder.path().join("run");
    let data = SftData::Fixed(&set);
    let error = train_sft(
        support::model(true, 1),
        &tokenizer,
        &spec,
        data,
        &dir,
        &mut Silent,
    )
    .err();
    match error {
        Some(TrainError::Diverged { step, count, ids }) => {
            assert_eq!(count, 5);
            let lines = read_metrics(&dir).unwrap();
            assert_eq!(lines.len() as u64, step - 1, "the failing step is not written");
            assert!(
                lines.iter().rev().take(4).all(
                    |line| line.skipped_updates == 1 && (line.loss.is_none() || line.grad_norm.is_none())
                )
            );
            assert!(ids.iter().all(|id| id.starts_with("example ")), "{ids:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn examples_that_cannot_be_trained_on_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let good = support::example(1);
    let cases = [
        (
            SftExample {
                prompt: vec![],
                ..good.clone()
            },
            "empty prompt",
        ),
        (
            SftExample {
                response: vec![2; 200],
                ..good.clone()
            },
            "202 tokens",
        ),
        (
            SftExample {
                response: vec![99],
                ..good.clone()
            },
            "token 99",
        ),
        (
            SftExample {
                response: vec![],
                ..good
            },
            "no example",
        ),
    ];
    for (example, expected) in cases {
        let data = SftData::Fixed(std::slice::from_ref(&example));
        let dir = folder.path().join("run");
        let spec = sft_spec(1, 1e-3);
        let error = train_sft(
            support::model(true, 1),
            &tokenizer,
            &spec,
            data,
            &dir,
            &mut Silent,
        )
        .err();
        let message = error.expect("is refused").to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// Fails when asked.
struct Broken;

impl RewardSource for Broken {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        Reward(|_: &[u32]| 0.0).prompts(step, count)
    }
    fn reward(&mut self, _: &RlPrompt, _: &[u32], _: Finish) -> Result<f64, SourceError> {
        Err("the judge is out".into())
    }
}

#[test]
fn errors_of_the_reward_name_step_and_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let dir = folder.path().join("run");
    let spec = grpo_spec(2, 1e-3);
    let error = train_rl(
        support::model(true, 1),
        &tokenizer,
        &spec,
        &mut Broken,
        &dir,
        &mut Silent,
    )
    .err();
    let message = error.expect("fails").to_string();
    assert!(
        message.contains("step 1") && message.contains("1/0") && message.contains("judge is out"),
        "{message}"
    );
}

/// Every way to advantages and every loss raises the reward of a toy task.
#[test]
fn every_baseline_and_loss_raises_the_reward() {
    let critic = CriticSpec {
        optimizer: OptimizerSpec {
            weight_decay: 0.0,
            ..support::optimizer(1e-2)
        },
        clip: Some(0.5),
        warmup: 0,
    };
    let make = |baseline: Baseline, scale: Scale, whiten: bool, loss: PolicyLoss| {
        let mut spec = grpo_spec(40, 1e-2);
        spec.advantage.baseline = baseline;
        spec.advantage.scale = scale;
        spec.advantage.whiten = whiten;
        spec.loss = loss;
        spec.critic = (baseline == Baseline::Critic).then_some(critic);
        spec
    };
    let specs = [
        ("ppo", make(Baseline::Critic, Scale::None, true, PolicyLoss::Clip)),
        (
            "reinforce++",
            make(Baseline::None, Scale::None, true, PolicyLoss::Clip),
        ),
        (
            "rloo",
            make(Baseline::LeaveOneOut, Scale::None, false, PolicyLoss::Clip),
        ),
        (
            "remax",
            make(Baseline::Greedy, Scale::None, false, PolicyLoss::Clip),
        ),
        (
            "gspo",
            make(Baseline::GroupMean, Scale::Group, false, PolicyLoss::Sequence),
        ),
        (
            "cispo",
            make(Baseline::GroupMean, Scale::Group, false, PolicyLoss::Cispo),
        ),
    ];
    for (name, spec) in specs {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = support::tokenizer(folder.path());
        let mut source = Reward(|tokens: &[u32]| f64::from(tokens[0] == support::DIGIT + 7));
        let dir = folder.path().join("run");
        let model = support::model(true, 1);
        train_rl(model, &tokenizer, &spec, &mut source, &dir, &mut Silent).unwrap();
        let metrics = read_metrics(&dir).unwrap();
        let mean = |lines: &[StepMetrics]| {
            lines.iter().map(|line| line.reward_mean.unwrap()).sum::<f64>() / lines.len() as f64
        };
        // One token of twelve at the start; 320 samples have a standard deviation below 0.03.
        let (first, last) = (mean(&metrics[..2]), mean(&metrics[35..]));
        assert!(last > first + 0.3, "{name}: {first} to {last}");
    }
}

/// A student comes closer to its teacher by every divergence, on stored responses and on its own.
#[test]
fn distillation_draws_the_student_towards_the_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let teacher = support::model(true, 2);
    let examples: Vec<SftExample> = (0..16).map(support::example).collect();
    for (number, beta) in [0.0, 0.5, 1.0].into_iter().enumerate() {
        for on_policy in [false, true] {
            let spec = DistillSpec {
                steps: 30,
                batch: 16,
                beta,
                temperature: 1.0,
                optimizer: support::optimizer(1e-2),
                keep: vec![30],
                tuning: Tuning::default(),
                seed: 3,
            };
            let mut prompts = |step: u64, count: usize| {
                let prompt = |index: u64| RlPrompt {
                    id: format!("{step}.{index}"),
                    ids: support::example(step + index).prompt,
                };
                Ok((0..count as u64).map(prompt).collect())
            };
            let data = if on_policy {
                DistillData::OnPolicy {
                    prompts: &mut prompts,
                    sampling: SamplingParams {
                        temperature: 1.0,
                        top_p: 1.0,
                        top_k: None,
                        max_tokens: 6,
                        stop_ids: vec![support::EOS],
                        ..SamplingParams::default()
                    },
                }
            } else {
                DistillData::Responses(SftData::Fixed(&examples))
            };
            let dir = folder.path().join(format!("run {number} {on_policy}"));
            let student = support::model(true, 1);
            train_distill(student, &teacher, &tokenizer, &spec, data, &dir, &mut Silent).unwrap();
            let losses: Vec<f64> = read_metrics(&dir)
                .unwrap()
                .iter()
                .map(|line| line.loss.unwrap())
                .collect();
            let (first, last) = (losses[0], losses[29]);
            assert!(
                last < 0.5 * first,
                "beta {beta}, on policy {on_policy}: {first} to {last}"
            );
        }
    }
}

/// Low-rank changes learn, the base stays as it is, and the state of a run is small.
#[test]
fn low_rank_changes_learn_and_leave_the_base_alone() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let set: Vec<SftExample> = (0..30).map(support::example).collect();
    let start = support::model(true, 1);
    let mut spec = sft_spec(60, 2e-2);
    spec.tuning = Tuning {
        lora: Some(Lora {
            rank: 4,
            alpha: 16.0,
            targets: LoraTargets::All,
        }),
        checkpointing: true,
    };
    let dir = folder.path().join("run");
    let data = SftData::Fixed(&set);
    let base = support::model(true, 1);
    let tuned = train_sft(base, &tokenizer, &spec, data, &dir, &mut Silent).unwrap();
    let first = read_metrics(&dir).unwrap()[0].loss.unwrap();
    // The head is the embedding, which stays as it is, and its small entries bound what can be learnt.
    assert!(last_loss(&dir) < first - 0.1, "{first} to {}", last_loss(&dir));
    // What has no change is as it was; the checkpoint is the merged model.
    let unchanged = |name: &str| {
        let of = |model: &LanguageModel| {
            let found = model.parameters().into_iter().find(|(own, _)| own == name);
            found.unwrap().1
        };
        of(&start) == of(&tuned)
    };
    assert!(unchanged("model.embed_tokens.weight"));
    assert!(!unchanged("model.layers.1.mlp.down_proj.weight"));
    let checkpoint = dir.join("checkpoints/step-000060");
    let opened = LanguageModel::open(&checkpoint, &support::runtime()).unwrap();
    assert!(support::bits(&opened) == support::bits(&tuned));
    assert!(checkpoint.join("adapter/adapter_model.safetensors").is_file());
    let state = std::fs::read(dir.join("resume/state.safetensors")).unwrap();
    let state = safetensors::SafeTensors::deserialize(&state).unwrap();
    assert!(state.names().iter().all(|name| name.contains(".lora_")));
}

fn last_loss(dir: &std::path::Path) -> f64 {
    read_metrics(dir).unwrap().last().unwrap().loss.unwrap()
}

#[test]
fn factored_moments_learn() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let set: Vec<SftExample> = (0..30).map(support::example).collect();
    let mut spec = sft_spec(60, 0.1);
    spec.optimizer.rule = Rule::Adafactor;
    let dir = folder.path().join("run");
    let data = SftData::Fixed(&set);
    let model = support::model(true, 1);
    train_sft(model, &tokenizer, &spec, data, &dir, &mut Silent).unwrap();
    // An untrained model guesses among 12 tokens.
    assert!(last_loss(&dir) < 0.7 * 12_f64.ln(), "loss {}", last_loss(&dir));
}

#[test]
fn a_run_that_stopped_goes_on_with_a_higher_limit() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let dir = folder.path().join("run");
    let set: Vec<SftExample> = (0..30).map(support::example).collect();
    let mut spec = sft_spec(8, 1e30);
    spec.optimizer.warmup = 0;
    for (limit, reached) in [(2, 2), (4, 4)] {
        spec.optimizer.skip_limit = limit;
        let data = SftData::Fixed(&set);
        let model = support::model(true, 1);
        let error = train_sft(model, &tokenizer, &spec, data, &dir, &mut Silent).err();
        match error {
            Some(TrainError::Diverged { count, .. }) => assert_eq!(count, reached),
            other => panic!("{other:?}"),
        }
    }
}
