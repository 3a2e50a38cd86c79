//! Log-probs and cross-entropy of a batch never hold [tokens, vocabulary]. A process of its own, because what is measured is
//! the largest size that a process ever had.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use rlx_engine::{Config, Init, LanguageModel};
use rlx_trainer::{
    DistillData, DistillSpec, SftData, SftExample, SftSpec, Silent, Tuning, train_distill, train_sft,
};

/// As large as Qwen2.5's.
const VOCABULARY: u32 = 152_064;

/// Response tokens of a batch.
const TOKENS: usize = 2_048;

/// The largest resident size of this process, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// A narrow model with a large vocabulary: its head's output is the largest thing by far.
fn model(seed: u64) -> LanguageModel {
    let config = serde_json::json!({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 32, "vocab_size": VOCABULARY,
        "rms_norm_eps": 1e-6, "rope_theta": 1e4, "tie_word_embeddings": true, "max_position_embeddings": 512,
        "eos_token_id": 1
    });
    let config = Config::from_json(&config.to_string()).unwrap();
    LanguageModel::init(config, &Init::default(), seed, &support::runtime()).unwrap()
}

#[test]
fn the_head_never_holds_the_logits_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = support::tokenizer(folder.path());
    let response = |row: u32| (0..256).map(|at| (row * 977 + at * 613) % VOCABULARY).collect();
    let examples: Vec<SftExample> = (0..TOKENS as u32 / 256)
        .map(|row| SftExample {
            prompt: vec![5, 6, 7],
            response: response(row),
        })
        .collect();
    let Some(before) = peak_memory() else {
        eprintln!("skipped: this system does not tell the peak memory of a process");
        return;
    };
    let spec = SftSpec {
        steps: 1,
        batch: examples.len(),
        optimizer: support::optimizer(1e-3),
        keep: vec![1],
        tuning: Tuning::default(),
        seed: 1,
    };
    let data = SftData::Fixed(&examples);
    train_sft(
        model(1),
        &tokenizer,
        &spec,
        data,
        &folder.path().join("sft"),
        &mut Silent,
    )
    .unwrap();
    let supervised = peak_memory().unwrap() - before;
    let spec = DistillSpec {
        steps: 1,
        batch: examples.len(),
        beta: 0.0,
        temperature: 1.0,
        optimizer: support::optimizer(1e-3),
        keep: vec![1],
        tuning: Tuning::default(),
        seed: 1,
    };
    let data = DistillData::Responses(SftData::Fixed(&examples));
    let dir = folder.path().join("distilled");
    train_distill(model(1), &model(2), &tokenizer, &spec, data, &dir, &mut Silent).unwrap();
    let distilled = peak_memory().unwrap() - before;
    // One matrix of a number a token and entry of the vocabulary, in fp32; the gradient alone would be a second one.
    let logits = TOKENS as u64 * u64::from(VOCABULARY) * 4;
    eprintln!(
        "supervised {:.2}, distilled {:.2} of the logits of the batch ({:.2} GB)",
        supervised as f64 / logits as f64,
        distilled as f64 / logits as f64,
        logits as f64 / 1e9
    );
    assert!(
        supervised < logits,
        "{supervised} bytes, and the logits are {logits}"
    );
    assert!(
        distilled < logits,
        "{distilled} bytes, and the logits are {logits}"
    );
}
