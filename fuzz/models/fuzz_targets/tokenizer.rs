//! Any bytes as tokenizer.json and, after the first zero byte, tokenizer_config.json.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rlx_engine::{Message, Tokenizer};

fuzz_target!(
    // The tokenizers library panics on some parts, which the engine catches: only what comes out of it counts, and that ends
    // the run without this hook, too.
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| one(bytes)
);

fn one(bytes: &[u8]) {
    let at = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let (json, settings) = bytes.split_at(at);
    let settings = settings.get(1..).filter(|s| !s.is_empty()).unwrap_or(b"{}");
    let Ok(dir) = tempfile::tempdir() else { return };
    let written = std::fs::write(dir.path().join("tokenizer.json"), json)
        .and_then(|()| std::fs::write(dir.path().join("tokenizer_config.json"), settings));
    if written.is_err() {
        return;
    }
    if let Ok(tokenizer) = Tokenizer::open(dir.path()) {
        let _ = tokenizer.encode("a b\n12 é", true);
        let _ = tokenizer.decode(&[0, 1, u32::MAX], true);
        let _ = tokenizer.render_chat(&[Message::user("x")], true, &Default::default());
    }
}
