//! A GRPO step on a real model of 135 million parameters fits into the memory of a laptop.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use rlx_engine::{DeviceChoice, Finish, LanguageModel, Runtime, Tokenizer};
use rlx_trainer::algorithms::aggregation::Aggregation;
use rlx_trainer::algorithms::group::Scale;
use rlx_trainer::algorithms::ppo::Clip;
use rlx_trainer::{
    AdvantageSpec, Baseline, CorrectionSpec, PolicyLoss, RewardSource, RlPrompt, RlSpec, Silent, SourceError,
    Tuning, read_metrics, train_rl,
};

struct Longer(Vec<u32>);

impl RewardSource for Longer {
    fn prompts(&mut self, _: u64, count: usize) -> Result<Vec<RlPrompt>, SourceError> {
        let prompt = |index| RlPrompt {
            id: format!("prompt {index}"),
            ids: self.0.clone(),
        };
        Ok((0..count).map(prompt).collect())
    }
    fn reward(&mut self, _: &RlPrompt, tokens: &[u32], _: Finish) -> Result<f64, SourceError> {
        Ok(f64::from(tokens.iter().sum::<u32>()))
    }
}

/// The largest resident size of this process, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[test]
fn a_grpo_step_on_smollm2_stays_below_8_gb() {
    let Some(path) = std::env::var_os("RLX_SMOLLM2_GGUF").map(std::path::PathBuf::from) else {
        eprintln!("skipped: RLX_SMOLLM2_GGUF does not name the model file");
        return;
    };
    let runtime = Runtime::detect(DeviceChoice::Cpu, None).unwrap();
    let model = LanguageModel::open(&path, &runtime).unwrap();
    let tokenizer = Tokenizer::open(&path).unwrap();
    let prompt = tokenizer
        .encode("Tell a long story about a fox and a crow.", false)
        .unwrap();
    // Six rows of some 250 tokens are several micro-batches; more of them would take more time but no more memory.
    let spec = RlSpec {
        steps: 1,
        prompts: 2,
        rollouts: 3,
        mini_batch: None,
        updates_per_batch: 1,
        temperature: 1.0,
        top_p: 1.0,
        max_tokens: 240,
        stop_ids: vec![],
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
        optimizer: support::optimizer(1e-6),
        keep: vec![1],
        tuning: Tuning::default(),
        seed: 1,
    };
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    train_rl(model, &tokenizer, &spec, &mut Longer(prompt), &dir, &mut Silent).unwrap();
    let metrics = &read_metrics(&dir).unwrap()[0];
    eprintln!("{metrics:?}");
    let Some(peak) = peak_memory() else {
        eprintln!("skipped: this system does not tell the peak memory of a process");
        return;
    };
    eprintln!("peak memory {:.2} GB", peak as f64 / 1e9);
    // The cache of 64 rows in place of 6 would add 64 x 250 tokens x 30 layers x 2 x 192 x 2 bytes = 0.4 GB.
    assert!(peak < 7_600_000_000, "{peak} bytes");
    let checkpoint = dir.join("checkpoints/step-000001");
    let reopened = LanguageModel::open(&checkpoint, &runtime).unwrap();
    assert_eq!(reopened.parameters().len(), 272);
    let text = "A fox saw a crow.";
    let again = Tokenizer::open(&checkpoint).unwrap();
    assert_eq!(
        again.encode(text, false).unwrap(),
        tokenizer.encode(text, false).unwrap()
    );
}
