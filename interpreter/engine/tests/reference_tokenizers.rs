//! Tokenizers and chat templates against those of transformers.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod common;

use common::{models, u32s};

#[test]
fn reference_encodings() {
    for fixture in models() {
        let tokenizer = fixture.tokenizer();
        for case in fixture.expected["encodings"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let plain = tokenizer.encode(text, false).unwrap();
            assert_eq!(plain, u32s(&case["ids"]), "{}: {text:?}", fixture.name);
            let special = tokenizer.encode(text, true).unwrap();
            assert_eq!(
                special,
                u32s(&case["ids_with_special"]),
                "{}: {text:?} with special",
                fixture.name
            );
            assert_eq!(
                tokenizer.decode(&plain, false).unwrap(),
                case["decoded"].as_str().unwrap(),
                "{}",
                fixture.name
            );
            let skipped = tokenizer.decode(&special, true).unwrap();
            assert_eq!(
                skipped,
                case["decoded_skip_special"].as_str().unwrap(),
                "{}",
                fixture.name
            );
        }
        for prompt in fixture.prompts() {
            // Prompts with pictures are chats; tests/reference_vision.rs has those.
            let Some(text) = prompt["text"].as_str() else {
                continue;
            };
            let ids = tokenizer.encode(text, true).unwrap();
            assert_eq!(ids, u32s(&prompt["ids"]), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_decodings() {
    for fixture in models() {
        let tokenizer = fixture.tokenizer();
        for case in fixture.expected["decodings"].as_array().unwrap() {
            let ids = u32s(&case["ids"]);
            assert_eq!(
                tokenizer.decode(&ids, false).unwrap(),
                case["text"].as_str().unwrap(),
                "{}",
                fixture.name
            );
            let skipped = tokenizer.decode(&ids, true).unwrap();
            assert_eq!(
                skipped,
                case["text_skip_special"].as_str().unwrap(),
                "{}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_chat_templates() {
    for fixture in models() {
        let tokenizer = fixture.tokenizer();
        for case in fixture.expected["chat"].as_array().unwrap() {
            let prompt = case["add_generation_prompt"].as_bool().unwrap();
            let kwargs = case["kwargs"].as_object().cloned().unwrap_or_default();
            let text = tokenizer
                .render_messages(&case["messages"], prompt, &kwargs)
                .unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
            assert_eq!(text, case["text"].as_str().unwrap(), "{}", fixture.name);
            assert_eq!(
                tokenizer.encode(&text, false).unwrap(),
                u32s(&case["ids"]),
                "{}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_end_tokens() {
    for fixture in models() {
        let mut ours = fixture.tokenizer().eos_ids().to_vec();
        let mut want = u32s(&fixture.expected["eos"]);
        ours.sort_unstable();
        want.sort_unstable();
        assert_eq!(ours, want, "{}", fixture.name);
    }
}
