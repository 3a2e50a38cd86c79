//! Any bytes as a GGUF file: its weights and its tokenizer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rlx_engine::{DeviceChoice, LanguageModel, Precision, Runtime, Tokenizer};

fuzz_target!(|bytes: &[u8]| {
    let Ok(dir) = tempfile::tempdir() else { return };
    let path = dir.path().join("m.gguf");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    if let Ok(runtime) = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)) {
        let _ = LanguageModel::open(&path, &runtime);
    }
    if let Ok(tokenizer) = Tokenizer::open(&path) {
        let _ = tokenizer.encode("a b\n12 é", true);
    }
});
