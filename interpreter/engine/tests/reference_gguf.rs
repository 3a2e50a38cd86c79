//! A real GGUF file against transformers' numbers for it. `RLX_SMOLLM2_GGUF` names the file.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod common;

use common::{Fixture, cpu, floats, ggufs, l2, probe, row, u32s};
use rlx_engine::{LanguageModel, Message, SampleRequest, SamplingParams, Tokenizer, sample};
use serde_json::Map;
use std::path::Path;

// Tolerances of the fixtures' README for fp32 on a CPU.
const LOGITS: f32 = 5e-4;
const LOGPROBS: f32 = 2e-4;

fn open(fixture: &Fixture, path: &Path) -> LanguageModel {
    LanguageModel::open(path, &cpu()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name))
}

#[test]
fn reference_gguf_weights() {
    for (fixture, path) in ggufs() {
        let model = open(&fixture, &path);
        let parameters = model.parameters();
        let tensors = fixture.expected["tensors"].as_array().unwrap();
        assert_eq!(parameters.len(), tensors.len());
        for want in tensors {
            let name = want["hf_name"].as_str().unwrap();
            let (_, tensor) = parameters.iter().find(|(n, _)| n == name).unwrap();
            let values = floats(tensor);
            let sums = if want["hf_order"].is_object() {
                &want["hf_order"]
            } else {
                &want["gguf_order"]
            };
            // Dequantised values are exact; only the order of summation differs.
            let wanted = sums["l2"].as_f64().unwrap();
            assert!(
                (l2(&values) - wanted).abs() <= 1e-9 * wanted,
                "{name}: l2 {}, not {wanted}",
                l2(&values)
            );
            let wanted = sums["probe"].as_f64().unwrap();
            let allow = 1e-9 * sums["abs_sum"].as_f64().unwrap();
            assert!(
                (probe(&values) - wanted).abs() <= allow,
                "{name}: probe {}, not {wanted}",
                probe(&values)
            );
        }
        let c = &model.config;
        let meta = &fixture.expected["metadata"];
        assert_eq!(meta["block_count"].as_i64(), Some(c.layers));
        assert_eq!(meta["rope_theta"].as_f64(), Some(c.rope.theta));
        assert_eq!(meta["rms_norm_eps"].as_f64(), Some(c.eps));
        assert_eq!(meta["tied"].as_bool(), Some(c.tied));
    }
}

#[test]
fn reference_gguf_tokenizer_and_template() {
    for (fixture, path) in ggufs() {
        let tokenizer = Tokenizer::open(&path).unwrap();
        for case in fixture.expected["encodings"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let ids = tokenizer.encode(text, false).unwrap();
            assert_eq!(ids, u32s(&case["ids"]), "{text:?}");
            assert_eq!(
                tokenizer.decode(&ids, false).unwrap(),
                case["decoded"].as_str().unwrap()
            );
            let skipped = tokenizer.decode(&ids, true).unwrap();
            assert_eq!(skipped, case["decoded_skip_special"].as_str().unwrap());
        }
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
            let text = tokenizer.render_chat(&messages, true, &Map::new()).unwrap();
            assert_eq!(text, case["text"].as_str().unwrap());
            assert_eq!(tokenizer.encode(&text, false).unwrap(), u32s(&case["ids"]));
        }
        assert_eq!(
            tokenizer.eos_ids(),
            [fixture.expected["metadata"]["eos"].as_u64().unwrap() as u32]
        );
    }
}

#[test]
fn reference_gguf_logits_and_greedy() {
    for (fixture, path) in ggufs() {
        let _guard = tch::no_grad_guard();
        let model = open(&fixture, &path);
        let texts = fixture.expected["texts"].as_array().unwrap();
        for (i, text) in texts.iter().enumerate() {
            let (ours, _) = model
                .token_logprobs(&row(&u32s(&text["ids"])), None, 1.0, false)
                .unwrap();
            fixture.close(
                "text",
                &floats(&ours),
                fixture.values(&format!("text{i}.logprobs")),
                LOGPROBS,
            );
        }
        let chats = fixture.expected["chat"].as_array().unwrap();
        for (i, chat) in chats.iter().enumerate() {
            let ids = row(&u32s(&chat["ids"]));
            let (ours, _) = model.token_logprobs(&ids, None, 1.0, false).unwrap();
            fixture.close(
                "chat",
                &floats(&ours),
                fixture.values(&format!("chat{i}.logprobs")),
                LOGPROBS,
            );
            let logits = floats(
                &model
                    .logits(&model.hidden(&ids, None).unwrap().select(1, -1))
                    .unwrap(),
            );
            let best: Vec<i64> = Vec::try_from(&fixture.ids(&format!("chat{i}.last_top64_ids"))).unwrap();
            let best: Vec<f32> = best.iter().map(|&id| logits[id as usize]).collect();
            fixture.close(
                "best logits",
                &best,
                fixture.values(&format!("chat{i}.last_top64_logits")),
                LOGITS,
            );
        }
        let requests: Vec<_> = chats
            .iter()
            .map(|c| SampleRequest {
                prompt: u32s(&c["ids"]),
                streams: vec![1],
            })
            .collect();
        let length = u32s(&chats[0]["greedy_ids_ignoring_eos"]).len();
        let params = SamplingParams {
            temperature: 0.0,
            top_p: 1.0,
            top_k: None,
            max_tokens: length,
            stop_ids: Vec::new(),
            ..SamplingParams::default()
        };
        let rows = sample(&model, &requests, &params, &mut |_| true).unwrap();
        for (chat, row) in chats.iter().zip(&rows) {
            assert_eq!(row[0].tokens, u32s(&chat["greedy_ids_ignoring_eos"]));
        }
        let stop = SamplingParams {
            stop_ids: model.config.eos.clone(),
            ..params
        };
        let rows = sample(&model, &requests, &stop, &mut |_| true).unwrap();
        for (chat, row) in chats.iter().zip(&rows) {
            if let Some(after) = chat["stops_at_eos_after"].as_u64() {
                assert_eq!(row[0].tokens.len() as u64, after);
            }
        }
    }
}

/// Saved in Hugging Face form, the model is the same one.
#[test]
fn reference_gguf_round_trip_through_safetensors() {
    for (fixture, path) in ggufs() {
        let _guard = tch::no_grad_guard();
        let dir = tempfile::tempdir().unwrap();
        let (model, tokenizer) = (open(&fixture, &path), Tokenizer::open(&path).unwrap());
        let saved = dir.path().join("model");
        model.save(&saved, Some(&tokenizer)).unwrap();
        let again = LanguageModel::open(&saved, &cpu()).unwrap();
        let ids = row(&u32s(&fixture.expected["texts"][0]["ids"]));
        let [a, b] = [&model, &again].map(|m| floats(&m.hidden(&ids, None).unwrap()));
        assert!(a == b);
        let again = Tokenizer::open(&saved).unwrap();
        let text = fixture.expected["texts"][0]["text"].as_str().unwrap();
        assert_eq!(
            again.encode(text, true).unwrap(),
            tokenizer.encode(text, true).unwrap()
        );
        assert_eq!(again.eos_ids(), tokenizer.eos_ids());
        assert!(again.has_chat_template());
    }
}
