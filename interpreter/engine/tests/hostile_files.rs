//! Model folders whose files lie: configurations, weights, tokenizers, indices, pictures. Every one is an error or a
//! model, none a panic, a hang or a huge allocation.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rlx_engine::{
    Config, DeviceChoice, EngineError, ImageProcessor, LanguageModel, Message, Precision, Runtime, Tokenizer,
};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/reference/models")
        .join(name)
}

fn read(name: &str, file: &str) -> Vec<u8> {
    std::fs::read(fixture(name).join(file)).unwrap()
}

/// A copy of a fixture's folder with one file replaced; opened.
fn open_with(name: &str, file: &str, bytes: &[u8]) -> Result<LanguageModel, EngineError> {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        let own = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && !own.starts_with("expected") {
            std::fs::copy(&path, dir.path().join(own)).unwrap();
        }
    }
    std::fs::write(dir.path().join(file), bytes).unwrap();
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32))?;
    LanguageModel::open(dir.path(), &runtime)
}

fn tokenizer_of(bytes: &[u8], settings: &[u8]) -> Result<Tokenizer, EngineError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), bytes).unwrap();
    std::fs::write(dir.path().join("tokenizer_config.json"), settings).unwrap();
    Tokenizer::open(dir.path())
}

/// Uses a tokenizer that opened; whatever it says, it must say it.
fn exercise(tokenizer: &Tokenizer) {
    let _ = tokenizer.encode("a b\n12 <|im_end|> é", true);
    let _ = tokenizer.decode(&[0, 1, 7, u32::MAX], true);
    let _ = tokenizer.render_chat(&[Message::user("x")], true, &serde_json::Map::new());
    let _ = tokenizer.eos_ids();
}

#[test]
fn shards_outside_the_folder_are_refused() {
    let index = String::from_utf8(read("qwen2_untied_sharded", "model.safetensors.index.json")).unwrap();
    let value: Value = serde_json::from_str(&index).unwrap();
    let shard = value["weight_map"]["model.norm.weight"].as_str().unwrap();
    for outside in ["../model.safetensors", "/etc/passwd", "..", "a/../../b", ""] {
        let text = index.replace(shard, outside);
        let error = open_with(
            "qwen2_untied_sharded",
            "model.safetensors.index.json",
            text.as_bytes(),
        );
        let error = error.err().unwrap_or_else(|| panic!("{outside:?} was read"));
        assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn tokenizers_without_their_special_tokens_open_and_say_less() {
    let json = read("qwen2_tied_gqa2", "tokenizer.json");
    for settings in [
        "{}",
        r#"{"eos_token": "<|nowhere|>", "bos_token": 7, "chat_template": [1, {"name": 3}]}"#,
        r#"{"eos_token": {"no": 1}, "chat_template": null}"#,
    ] {
        let tokenizer = tokenizer_of(&json, settings.as_bytes()).unwrap();
        assert!(tokenizer.eos_ids().is_empty());
        assert!(!tokenizer.has_chat_template());
        exercise(&tokenizer);
    }
    let broken = r#"{"chat_template": "{% for m in messages %}{{ m.content }"}"#;
    let tokenizer = tokenizer_of(&json, broken.as_bytes()).unwrap();
    let error = tokenizer.render_chat(&[Message::user("x")], true, &serde_json::Map::new());
    assert!(matches!(error, Err(EngineError::ChatTemplate { .. })));
    // A template that never ends is cut off.
    let endless = r#"{"chat_template": "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}"}"#;
    let tokenizer = tokenizer_of(&json, endless.as_bytes()).unwrap();
    let error = tokenizer.render_chat(&[Message::user("x")], true, &serde_json::Map::new());
    assert!(matches!(error, Err(EngineError::ChatTemplate { .. })));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(tokenizer_of(deep.as_bytes(), b"{}").is_err());
    assert!(Config::from_json(&deep).is_err());
}

/// The tokenizers library panics on these; fuzzing found the first.
#[test]
fn tokenizers_with_a_broken_part_are_refused() {
    let whole = String::from_utf8(read("llama32_tied_scaled", "tokenizer.json")).unwrap();
    let at = whole.find("\"decoder\":").unwrap();
    let (before, after) = whole.split_at(at);
    let broken = [
        format!("{before}\"decoder\": nuul{after}"),
        format!("{before}\"decoder\": 1e999,{after}"),
        whole.replacen(
            "\"normalizer\": null",
            "\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"!\"}",
            1,
        ),
    ];
    for json in broken {
        assert_ne!(json, whole);
        let error = tokenizer_of(json.as_bytes(), b"{}").err().unwrap();
        assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("tokenizer.json"), "{error}");
    }
    // A template with a token that it does not define opens, and is found out by the first text.
    let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
    json["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing", "pair": [], "special_tokens": {},
        "single": [{"SpecialToken": {"id": "<|nowhere|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    });
    let tokenizer = tokenizer_of(json.to_string().as_bytes(), b"{}").unwrap();
    let error = tokenizer.encode("a", true).unwrap_err();
    assert!(matches!(error, EngineError::Tokenizer { .. }), "{error}");
}

#[test]
fn headers_of_impossible_tensors_are_refused() {
    for header in [
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551615,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":7}"#,
        r#"[]"#,
    ] {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 16]);
        let error = open_with("qwen2_tied_gqa2", "model.safetensors", &bytes).err();
        assert!(
            matches!(error, Some(EngineError::Corrupt { .. })),
            "{header}: {error:?}"
        );
    }
}

#[test]
fn pictures_that_claim_too_much_are_refused() {
    let processor = ImageProcessor::from_json("{}", Path::new("test")).unwrap();
    let png = read("qwen25vl_windowed", "images/fig0_triangle.png");
    let mut huge = png.clone();
    // Width and height of the header chunk, whose checksum is then wrong too.
    huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    for bytes in [&huge[..], &png[..60], b"", b"GIF89a", b"not a picture"] {
        assert!(processor.decode(bytes, Path::new("p")).is_err());
    }
    assert!(processor.process(&[0; 9], 3, 2).is_err());
    assert!(processor.process(&vec![0; 3 * 1000], 1000, 1).is_err(), "a strip");
    for settings in [
        "[]",
        r#"{"patch_size": 0}"#,
        r#"{"patch_size": 1e99}"#,
        r#"{"resample": 0}"#,
        r#"{"image_mean": [1]}"#,
    ] {
        assert!(
            ImageProcessor::from_json(settings, Path::new("p")).is_err(),
            "{settings}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_configurations_never_panic(
        vision in any::<bool>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let name = if vision { "qwen25vl_tied_v5cfg" } else { "llama31_untied_headdim" };
        let mut bytes = read(name, "config.json");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(config) = Config::from_json(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(config.parameters() > 0 && config.context() > 0);
            // What is written is read again.
            prop_assert!(Config::from_json(&config.to_json()).is_ok());
        }
    }

    #[test]
    fn changed_weights_never_panic(changes in prop::collection::vec((0usize..3000, any::<u8>()), 1..5)) {
        let mut bytes = read("qwen2_tied_gqa2", "model.safetensors");
        for (at, value) in changes {
            bytes[at] = value;
        }
        let _ = open_with("qwen2_tied_gqa2", "model.safetensors", &bytes);
    }

    #[test]
    fn changed_tokenizers_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), tail in any::<bool>(),
    ) {
        let mut bytes = read("llama32_tied_scaled", "tokenizer.json");
        let length = bytes.len();
        for (at, value) in changes {
            // The vocabulary is most of the file; what says how it is used stands at its beginning and end.
            let at = at.index(2000);
            bytes[if tail { length - 1 - at } else { at }] = value;
        }
        if let Ok(tokenizer) = tokenizer_of(&bytes, b"{}") {
            exercise(&tokenizer);
        }
    }

    #[test]
    fn changed_pictures_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = read("qwen25vl_windowed", "images/fig1_circle_gray.png");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let processor = ImageProcessor::from_json("{}", Path::new("test")).unwrap();
        let _ = processor.decode(&bytes, Path::new("p"));
    }
}
