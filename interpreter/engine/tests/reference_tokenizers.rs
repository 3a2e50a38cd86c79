//! Tokenizers and chat templates against those of transformers.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod common;

use common::{text_models, u32s};
use rlx_engine::Message;

#[test]
fn reference_encodings() {
    for fixture in text_models() {
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
            let ids = tokenizer.encode(prompt["text"].as_str().unwrap(), true).unwrap();
            assert_eq!(ids, u32s(&prompt["ids"]), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_decodings() {
    for fixture in text_models() {
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
    for fixture in text_models() {
        let tokenizer = fixture.tokenizer();
        for case in fixture.expected["chat"].as_array().unwrap() {
            let messages: Vec<Message> = case["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| Message {
                    role: m["role"].as_str().unwrap().to_owned(),
                    content: m["content"].as_str().unwrap().to_owned(),
                })
                .collect();
            let prompt = case["add_generation_prompt"].as_bool().unwrap();
            let kwargs = case["kwargs"].as_object().cloned().unwrap_or_default();
            let text = tokenizer
                .render_chat(&messages, prompt, &kwargs)
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
    for fixture in text_models() {
        let mut ours = fixture.tokenizer().eos_ids().to_vec();
        let mut want = u32s(&fixture.expected["eos"]);
        ours.sort_unstable();
        want.sort_unstable();
        assert_eq!(ours, want, "{}", fixture.name);
    }
}
