//! A run that is interrupted at any moment and started again ends with the same bits and the same measures.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rlx_engine::{Finish, LanguageModel, Lora, LoraTargets, SamplingParams};
use rlx_trainer::algorithms::aggregation::Aggregation;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::kl::{Estimator, KlEstimate};
use rlx_trainer::algorithms::ppo::Clip;
use rlx_trainer::algorithms::rollout_correction::{Level, Weights};
use rlx_trainer::{
    Adaptive, AdvantageSpec, Baseline, CorrectionSpec, CriticSpec, DistillData, DistillSpec, DynamicSampling,
    KlPlace, KlSpec, Observer, OptimizerSpec, Overlong, PolicyLoss, RewardSource, RlPrompt, RlSpec, Rule,
    SftData, SftExample, SftSpec, Silent, SourceError, StepMetrics, TrainError, Tuning, read_metrics,
    train_distill, train_rl, train_sft,
};

const STEPS: u64 = 12;

const LOW_RANK: Lora = Lora {
    rank: 4,
    alpha: 8.0,
    targets: LoraTargets::All,
};

/// Which loop a test runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loop {
    SftFixed,
    SftStream,
    Grpo,
    /// With a critic and an adaptive KL in the reward.
    Ppo,
    /// With dynamic sampling, a rollout correction, greedy baselines, and low-rank changes.
    Refilled,
    /// A teacher's distributions on stored responses.
    Distilled,
    /// The same on responses of the student's own, with low-rank changes.
    DistilledOnPolicy,
}

const LOOPS: [Loop; 7] = [
    Loop::SftFixed,
    Loop::SftStream,
    Loop::Grpo,
    Loop::Ppo,
    Loop::Refilled,
    Loop::Distilled,
    Loop::DistilledOnPolicy,
];

/// Rewards the sum of two digits as first token; some responses cannot be judged.
struct Sums;

impl RewardSource for Sums {
    fn prompts(&mut self, step: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let prompt = |index: u64| RlPrompt {
            id: format!("prompt {index}"),
            ids: support::example(step * 10 + index).prompt,
        };
        Ok((0..count as u64).map(prompt).collect())
    }

    fn reward(&mut self, prompt: &RlPrompt, tokens: &[u32], _: Finish) -> Result<f64, SourceError> {
        let sum: u32 = prompt.ids.iter().map(|id| id - support::DIGIT).sum();
        Ok(match tokens.first() {
            Some(0) => f64::NAN,
            first => f64::from(first == Some(&(support::DIGIT + sum % 10))),
        })
    }
}

fn run(which: Loop, dir: &Path, observer: &mut dyn Observer) -> Result<LanguageModel, TrainError> {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let model = support::model(true, 3);
    let dir = &dir.join("run");
    if matches!(which, Loop::Grpo | Loop::Ppo | Loop::Refilled) {
        let mut spec = RlSpec {
            steps: STEPS,
            prompts: 4,
            rollouts: 4,
            mini_batch: Some(2),
            updates_per_batch: 2,
            temperature: 1.0,
            top_p: 1.0,
            max_tokens: 4,
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
                high: 0.28,
                dual: Some(3.0),
                ceiling: None,
            },
            aggregation: Aggregation::TokenMean,
            kl: Some(KlSpec {
                estimate: KlEstimate {
                    estimator: Estimator::K3,
                    straight_through: false,
                },
                coefficient: 0.01,
                place: KlPlace::Loss,
                adaptive: None,
            }),
            entropy_bonus: 0.001,
            critic: None,
            correction: CorrectionSpec::default(),
            dynamic_sampling: None,
            overlong: None,
            mask_truncated: false,
            optimizer: support::optimizer(3e-3),
            keep: vec![0, 5, STEPS],
            tuning: Tuning::default(),
            seed: 11,
        };
        match which {
            Loop::Ppo => {
                spec.advantage.baseline = Baseline::Critic;
                spec.advantage.whiten = true;
                spec.advantage.lambda = 0.95;
                spec.critic = Some(CriticSpec {
                    optimizer: support::optimizer(1e-2),
                    clip: Some(0.2),
                    warmup: 2,
                });
                spec.kl = spec.kl.map(|kl| KlSpec {
                    place: KlPlace::Reward,
                    adaptive: Some(Adaptive {
                        target: 0.01,
                        horizon: 50.0,
                    }),
                    ..kl
                });
            }
            Loop::Refilled => {
                spec.tuning.lora = Some(LOW_RANK);
                spec.advantage.baseline = Baseline::Greedy;
                spec.dynamic_sampling = Some(DynamicSampling { batches: 3 });
                spec.overlong = Some(Overlong {
                    buffer: 2.0,
                    factor: 0.5,
                });
                spec.correction.weights = Some(Weights {
                    level: Level::Token,
                    low: None,
                    high: 2.0,
                    normalize: false,
                });
            }
            _ => {}
        }
        return train_rl(model, &tokenizer, &spec, &mut Sums, dir, observer);
    }
    let set: Vec<SftExample> = (0..30).map(support::example).collect();
    if matches!(which, Loop::Distilled | Loop::DistilledOnPolicy) {
        let on_policy = which == Loop::DistilledOnPolicy;
        let spec = DistillSpec {
            steps: STEPS,
            batch: 8,
            beta: if on_policy { 1.0 } else { 0.3 },
            temperature: 1.0,
            optimizer: support::optimizer(3e-3),
            keep: vec![0, 5, STEPS],
            seed: 11,
            tuning: Tuning {
                lora: on_policy.then_some(LOW_RANK),
                checkpointing: false,
            },
        };
        let mut prompts = |step: u64, count: usize| Sums.prompts(step, count);
        let data = match on_policy {
            false => DistillData::Responses(SftData::Fixed(&set)),
            true => DistillData::OnPolicy {
                prompts: &mut prompts,
                sampling: SamplingParams {
                    temperature: 1.0,
                    top_p: 1.0,
                    top_k: None,
                    max_tokens: 4,
                    stop_ids: vec![support::EOS],
                    ..SamplingParams::default()
                },
            },
        };
        let teacher = support::model(true, 9);
        return train_distill(model, &teacher, &tokenizer, &spec, data, dir, observer);
    }
    let spec = SftSpec {
        steps: STEPS,
        batch: 8,
        optimizer: support::optimizer(3e-3),
        keep: vec![0, 5, STEPS],
        tuning: Tuning::default(),
        seed: 11,
    };
    let spec = match which {
        Loop::SftFixed => low_rank(spec),
        _ => spec,
    };
    let mut stream = |step: u64, count: usize| {
        let examples = (0..count as u64).map(|index| support::example(step * 100 + index));
        Ok(examples.collect())
    };
    let data = match which {
        Loop::SftFixed => SftData::Fixed(&set),
        _ => SftData::Stream(&mut stream),
    };
    train_sft(model, &tokenizer, &spec, data, dir, observer)
}

/// The same with low-rank changes, factored moments and activations that are made again.
fn low_rank(spec: SftSpec) -> SftSpec {
    SftSpec {
        optimizer: OptimizerSpec {
            rule: Rule::Adafactor,
            learning_rate: 3e-2,
            ..spec.optimizer
        },
        tuning: Tuning {
            lora: Some(LOW_RANK),
            checkpointing: true,
        },
        ..spec
    }
}

/// The result of a run: weights, measures, and the bytes of the kept checkpoints.
#[derive(PartialEq)]
struct Outcome {
    weights: Vec<u32>,
    metrics: Vec<StepMetrics>,
    checkpoints: Vec<(PathBuf, Vec<u8>)>,
}

fn outcome(model: &LanguageModel, dir: &Path) -> Outcome {
    let run = dir.join("run");
    let metrics = read_metrics(&run).unwrap();
    let mut checkpoints: Vec<PathBuf> = std::fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    checkpoints.sort();
    let weights = |folder: PathBuf| {
        let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
        (folder.strip_prefix(dir).unwrap().to_owned(), bytes)
    };
    Outcome {
        weights: support::bits(model),
        metrics: metrics.iter().map(StepMetrics::without_times).collect(),
        checkpoints: checkpoints.into_iter().map(weights).collect(),
    }
}

fn uninterrupted(which: Loop) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let model = run(which, dir.path(), &mut Silent).unwrap();
    let found = outcome(&model, dir.path());
    let steps: Vec<u64> = found.metrics.iter().map(|line| line.step).collect();
    assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>());
    assert_eq!(found.checkpoints.len(), 3);
    assert_ne!(
        found.weights,
        support::bits(&support::model(true, 3)),
        "nothing was learnt"
    );
    found
}

fn assert_same(found: &Outcome, expected: &Outcome, what: &str) {
    assert_eq!(found.metrics, expected.metrics, "{what}: measures differ");
    assert!(found.weights == expected.weights, "{what}: weights differ");
    assert!(
        found.checkpoints == expected.checkpoints,
        "{what}: checkpoints differ"
    );
}

/// Stops after every step that is in the list.
struct StopAt(Vec<u64>);

impl Observer for StopAt {
    fn step(&mut self, metrics: &StepMetrics) -> bool {
        !self.0.contains(&metrics.step)
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    for which in LOOPS {
        let expected = uninterrupted(which);
        let dir = tempfile::tempdir().unwrap();
        for step in [1, 4, 5, 9] {
            match run(which, dir.path(), &mut StopAt(vec![step])) {
                Err(TrainError::Stopped { step: at }) => assert_eq!(at, step),
                other => panic!("{which:?} did not stop: {:?}", other.err()),
            }
        }
        let model = run(which, dir.path(), &mut Silent).unwrap();
        assert_same(&outcome(&model, dir.path()), &expected, "stopped four times");
        // A finished run gives its result again without training.
        let again = run(which, dir.path(), &mut StopAt((1..=STEPS).collect())).unwrap();
        assert_same(&outcome(&again, dir.path()), &expected, "asked again");
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Copies the working directory at every call: what a crash at that moment would leave.
struct Snapshots<'a> {
    dir: &'a Path,
    copies: Vec<tempfile::TempDir>,
}

impl Snapshots<'_> {
    fn take(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(self.dir, copy.path());
        self.copies.push(copy);
    }
}

impl Observer for Snapshots<'_> {
    fn step(&mut self, _: &StepMetrics) -> bool {
        self.take();
        true
    }
    fn checkpoint(&mut self, _: u64, _: &Path) {
        self.take();
    }
}

#[test]
fn what_a_crash_between_two_writes_leaves_is_gone_on_from() {
    for which in [Loop::SftFixed, Loop::Refilled, Loop::Ppo] {
        let dir = tempfile::tempdir().unwrap();
        let mut snapshots = Snapshots {
            dir: dir.path(),
            copies: Vec::new(),
        };
        let model = run(which, dir.path(), &mut snapshots).unwrap();
        let expected = outcome(&model, dir.path());
        assert_eq!(snapshots.copies.len() as u64, STEPS + 3);
        for (number, copy) in snapshots.copies.iter().enumerate().step_by(4) {
            // Half-written files of every kind lie about as well.
            let run_dir = copy.path().join("run");
            std::fs::create_dir_all(run_dir.join("checkpoints/.step-000005.1.new")).unwrap();
            std::fs::write(
                run_dir.join("checkpoints/.step-000005.1.new/model.safetensors"),
                "x",
            )
            .unwrap();
            std::fs::create_dir_all(run_dir.join("resume")).unwrap();
            std::fs::write(run_dir.join("resume/state.tmp"), "half a state").unwrap();
            let lines = run_dir.join("metrics.jsonl");
            let text = std::fs::read_to_string(&lines).unwrap_or_default();
            std::fs::write(&lines, text + "{\"step\": 7, \"lo").unwrap();
            let model = run(which, copy.path(), &mut Silent).unwrap();
            let what = format!("{which:?}, crash {number}");
            assert_same(&outcome(&model, copy.path()), &expected, &what);
        }
    }
}

/// Says each step and stays in the last one, so that a kill always comes before the end, however busy the machine is.
struct Told;

impl Observer for Told {
    fn step(&mut self, metrics: &StepMetrics) -> bool {
        println!("step {}", metrics.step);
        if metrics.step == STEPS {
            std::thread::sleep(Duration::from_secs(600));
        }
        true
    }
}

/// Not a test by itself: the process that [`killed`] kills.
#[test]
#[ignore = "is run by other tests, in a process of its own"]
fn process_to_be_killed() {
    let Some(dir) = std::env::var_os("RLX_TRAINER_TEST_DIR") else {
        eprintln!("skipped: RLX_TRAINER_TEST_DIR is not set");
        return;
    };
    let number: usize = std::env::var("RLX_TRAINER_TEST_LOOP").unwrap().parse().unwrap();
    run(LOOPS[number], Path::new(&dir), &mut Told).unwrap();
}

/// Runs in a process of its own until `step` is done (0: from the start on) and `share` of about one more step's time has
/// passed, and kills it there.
fn run_and_kill(which: Loop, dir: &Path, step: u64, share: f64) {
    let number = LOOPS.iter().position(|known| *known == which).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process_to_be_killed", "--ignored", "--nocapture"])
        .env("RLX_TRAINER_TEST_DIR", dir)
        .env("RLX_TRAINER_TEST_LOOP", number.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Open until the kill: the process says its later steps, too.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut pace = Duration::from_millis(100);
    if step > 0 {
        let mut clock = Instant::now();
        loop {
            let line = lines
                .next()
                .expect("the process ended before it was killed")
                .unwrap();
            let Some((_, done)) = line.rsplit_once("step ") else {
                continue;
            };
            pace = clock.elapsed();
            clock = Instant::now();
            if done.parse::<u64>().unwrap() >= step {
                break;
            }
        }
    }
    // One pause of the machine must not make the test wait for long.
    std::thread::sleep(pace.min(Duration::from_secs(1)).mul_f64(share));
    assert!(
        child.try_wait().unwrap().is_none(),
        "{which:?} ended before it was killed"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills a run at ten moments, one in each of its first ten steps; each is gone on from in a second process that is killed
/// two steps later, and then to the end.
fn killed(which: Loop) {
    let expected = uninterrupted(which);
    for moment in 0..10_u64 {
        // Fractions of the golden ratio: random enough, and the same in every run of this test.
        let within = (moment as f64 * 0.618_033_988_749_895 + which as u8 as f64 * 0.31).fract();
        let dir = tempfile::tempdir().unwrap();
        run_and_kill(which, dir.path(), moment, within);
        run_and_kill(which, dir.path(), moment + 2, 1.0 - within);
        assert!(dir.path().join("run/resume").is_dir(), "nothing to go on from");
        let model = run(which, dir.path(), &mut Silent).unwrap();
        let what = format!("{which:?}, killed at moment {moment}");
        assert_same(&outcome(&model, dir.path()), &expected, &what);
    }
}

#[test]
fn a_killed_supervised_training_with_low_rank_changes_goes_on_to_the_same_bits() {
    killed(Loop::SftFixed);
}

#[test]
fn a_killed_training_by_ppo_goes_on_to_the_same_bits() {
    killed(Loop::Ppo);
}

#[test]
fn a_killed_training_by_rewards_with_low_rank_changes_goes_on_to_the_same_bits() {
    killed(Loop::Refilled);
}

#[test]
fn a_killed_distillation_goes_on_to_the_same_bits() {
    killed(Loop::Distilled);
}

#[test]
fn a_killed_distillation_on_policy_goes_on_to_the_same_bits() {
    killed(Loop::DistilledOnPolicy);
}

#[test]
fn the_directory_of_another_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(Loop::SftFixed, dir.path(), &mut StopAt(vec![2])).is_err());
    match run(Loop::Grpo, dir.path(), &mut Silent) {
        Err(TrainError::OtherRun { .. }) => {}
        other => panic!("another run's state was accepted: {:?}", other.err()),
    }
}

#[test]
fn a_damaged_state_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(Loop::SftFixed, dir.path(), &mut StopAt(vec![2])).is_err());
    let state = dir.path().join("run/resume/state.safetensors");
    let bytes = std::fs::read(&state).unwrap();
    std::fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    let error = run(Loop::SftFixed, dir.path(), &mut Silent).err().unwrap();
    assert!(matches!(error, TrainError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("state.safetensors"), "{error}");
    // Measures that are behind the state are damage too.
    std::fs::write(&state, &bytes).unwrap();
    std::fs::write(dir.path().join("run/metrics.jsonl"), "").unwrap();
    let error = run(Loop::SftFixed, dir.path(), &mut Silent).err().unwrap();
    assert!(error.to_string().contains("metrics.jsonl"), "{error}");
}
