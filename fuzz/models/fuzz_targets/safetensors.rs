//! Any bytes as the weights of a small model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rlx_engine::{DeviceChoice, LanguageModel, Precision, Runtime};

const CONFIG: &str = r#"{
    "architectures": ["Qwen2ForCausalLM"], "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 4, "tie_word_embeddings": true
}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dir) = tempfile::tempdir() else { return };
    let written = std::fs::write(dir.path().join("config.json"), CONFIG)
        .and_then(|()| std::fs::write(dir.path().join("model.safetensors"), bytes));
    if let (Ok(()), Ok(runtime)) = (written, Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32))) {
        let _ = LanguageModel::open(dir.path(), &runtime);
    }
});
