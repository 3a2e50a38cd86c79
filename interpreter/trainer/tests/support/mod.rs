//! What several test files share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use rlx_engine::{Config, DeviceChoice, Init, LanguageModel, Precision, Runtime, Tokenizer};
use rlx_trainer::{OptimizerSpec, Schedule, SftExample};

/// The folder `name` of the reference vectors: under `RLX_REFERENCE` when set, else in the repository.
pub fn reference(name: &str) -> PathBuf {
    let root = std::env::var_os("RLX_REFERENCE").map(PathBuf::from);
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference");
    root.unwrap_or_else(own).join(name)
}

pub fn runtime() -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap()
}

/// Tokens of the toy task: `<pad> <eos>` and the words `0` to `9`.
pub const EOS: u32 = 1;
pub const DIGIT: u32 = 2;

/// A tokenizer of 12 words, written to `dir`.
pub fn tokenizer(dir: &Path) -> Tokenizer {
    let words: Vec<String> = ["<pad>", "<eos>"]
        .into_iter()
        .map(str::to_owned)
        .chain((0..10).map(|digit| digit.to_string()))
        .collect();
    let vocab: serde_json::Map<_, _> = words
        .iter()
        .enumerate()
        .map(|(id, word)| (word.clone(), id.into()))
        .collect();
    let special = |id: u32, content: &str| {
        serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    };
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "<pad>"), special(1, "<eos>")],
        "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<pad>"}
    });
    std::fs::write(dir.join("tokenizer.json"), json.to_string()).unwrap();
    std::fs::write(dir.join("tokenizer_config.json"), r#"{"eos_token": "<eos>"}"#).unwrap();
    Tokenizer::open(dir).unwrap()
}

/// A model of the embedded study's family with random weights. `small` is for tests of behaviour, else the real size.
pub fn model(small: bool, seed: u64) -> LanguageModel {
    let (hidden, layers, heads, ff, vocab) = if small {
        (32, 2, 2, 64, 12)
    } else {
        (128, 5, 4, 384, 24)
    };
    let config = serde_json::json!({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": heads / 2,
        "intermediate_size": ff, "vocab_size": vocab, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
        "tie_word_embeddings": true, "max_position_embeddings": 128, "eos_token_id": 1
    });
    let config = Config::from_json(&config.to_string()).unwrap();
    LanguageModel::init(config, &Init::default(), seed, &runtime()).unwrap()
}

pub fn optimizer(learning_rate: f64) -> OptimizerSpec {
    OptimizerSpec {
        learning_rate,
        betas: [0.9, 0.95],
        epsilon: 1e-8,
        weight_decay: 0.01,
        clip_norm: Some(1.0),
        warmup: 3,
        schedule: Schedule::Cosine { floor: 0.1 },
        ..OptimizerSpec::default()
    }
}

/// Prompt `a b`, response `(a+b) mod 10 <eos>` after `fill` copies of `a`: learnable, of unequal length.
pub fn example(number: u64) -> SftExample {
    let (a, b) = ((number * 7 % 10) as u32, (number * 3 / 10 % 10) as u32);
    let fill = (number % 4) as usize;
    let mut response = vec![DIGIT + a; fill];
    response.extend([DIGIT + (a + b) % 10, EOS]);
    SftExample {
        prompt: vec![DIGIT + a, DIGIT + b],
        response,
    }
}

/// All weights as bits.
pub fn bits(model: &LanguageModel) -> Vec<u32> {
    let flat = |tensor: &tch::Tensor| {
        let flat = tensor.detach().to_kind(tch::Kind::Float).contiguous().view([-1]);
        Vec::<f32>::try_from(&flat).unwrap()
    };
    let weights = model.parameters();
    weights
        .iter()
        .flat_map(|(_, tensor)| flat(tensor))
        .map(f32::to_bits)
        .collect()
}
