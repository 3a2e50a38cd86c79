//! GGUF files that lie about themselves: every one is an error, none a panic or a huge allocation.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

use std::path::Path;

use proptest::prelude::*;
use rlx_engine::{DeviceChoice, EngineError, LanguageModel, Precision, Runtime, Tokenizer};

/// Builds small GGUF files.
#[derive(Default)]
struct Writer {
    keys: Vec<(String, Vec<u8>)>,
    tensors: Vec<(String, Vec<u64>, Vec<f32>)>,
}

fn string(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}

impl Writer {
    fn key(&mut self, key: &str, kind: u32, value: &[u8]) {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(value);
        self.keys.push((key.to_owned(), bytes));
    }

    fn texts(&mut self, key: &str, list: &[&str]) {
        let mut bytes = 8u32.to_le_bytes().to_vec();
        bytes.extend((list.len() as u64).to_le_bytes());
        bytes.extend(list.iter().flat_map(|t| string(t)));
        self.key(key, 9, &bytes);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            out.extend(string(key));
            out.extend(value);
        }
        let mut offset = 0u64;
        for (name, dims, values) in &self.tensors {
            out.extend(string(name));
            out.extend((dims.len() as u32).to_le_bytes());
            out.extend(dims.iter().flat_map(|d| d.to_le_bytes()));
            out.extend(0u32.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += (values.len() as u64 * 4).next_multiple_of(32);
        }
        for (_, _, values) in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        out
    }
}

/// A whole model of one layer, with a tokenizer of four tokens.
fn tiny() -> Writer {
    let mut w = Writer::default();
    w.key("general.architecture", 8, &string("llama"));
    for (key, value) in [
        ("block_count", 1u32),
        ("embedding_length", 8),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
        ("feed_forward_length", 4),
        ("context_length", 16),
    ] {
        w.key(&format!("llama.{key}"), 4, &value.to_le_bytes());
    }
    w.key(
        "llama.attention.layer_norm_rms_epsilon",
        6,
        &1e-5f32.to_le_bytes(),
    );
    w.key("tokenizer.ggml.model", 8, &string("gpt2"));
    w.key("tokenizer.ggml.pre", 8, &string("smollm"));
    w.texts("tokenizer.ggml.tokens", &["a", "b", "ab", "<|end|>"]);
    w.texts("tokenizer.ggml.merges", &["a b"]);
    w.key("tokenizer.ggml.eos_token_id", 4, &3u32.to_le_bytes());
    for (name, dims) in [
        ("token_embd.weight", vec![8, 4]),
        ("output_norm.weight", vec![8]),
        ("blk.0.attn_q.weight", vec![8, 8]),
        ("blk.0.attn_k.weight", vec![8, 4]),
        ("blk.0.attn_v.weight", vec![8, 4]),
        ("blk.0.attn_output.weight", vec![8, 8]),
        ("blk.0.ffn_gate.weight", vec![8, 4]),
        ("blk.0.ffn_up.weight", vec![8, 4]),
        ("blk.0.ffn_down.weight", vec![4, 8]),
        ("blk.0.attn_norm.weight", vec![8]),
        ("blk.0.ffn_norm.weight", vec![8]),
    ] {
        let count = dims.iter().product::<u64>();
        w.tensors.push((
            name.to_owned(),
            dims,
            (0..count).map(|i| (i as f32).sin()).collect(),
        ));
    }
    w
}

fn open(bytes: &[u8]) -> Result<(LanguageModel, Tokenizer), EngineError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.gguf");
    std::fs::write(&path, bytes).unwrap();
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32))?;
    Ok((LanguageModel::open(&path, &runtime)?, Tokenizer::open(&path)?))
}

fn refused(bytes: &[u8]) -> String {
    match open(bytes) {
        Ok(_) => panic!("it opened"),
        Err(error) => {
            assert!(
                matches!(
                    error,
                    EngineError::Corrupt { .. }
                        | EngineError::UnknownArchitecture { .. }
                        | EngineError::Unsupported { .. }
                ),
                "{error}"
            );
            error.to_string()
        }
    }
}

#[test]
fn a_sound_file_opens() {
    let (model, tokenizer) = open(&tiny().bytes()).unwrap();
    assert_eq!(model.config.kv_heads, 1);
    assert_eq!(tokenizer.encode("abab<|end|>", false).unwrap()[..2], [2, 2]);
    assert_eq!(tokenizer.eos_ids(), [3]);
}

#[test]
fn wrong_magic_version_and_architecture() {
    let bytes = tiny().bytes();
    let mut bad = bytes.clone();
    bad[0] = b'X';
    assert!(refused(&bad).contains("GGUF"));
    let mut bad = bytes;
    bad[4] = 9;
    assert!(refused(&bad).contains("version is 9"));
    let mut w = tiny();
    w.keys[0].1 = [8u32.to_le_bytes().to_vec(), string("mamba")].concat();
    assert!(refused(&w.bytes()).contains("mamba"));
    assert!(open(b"").is_err());
}

#[test]
fn counts_lengths_and_offsets_that_lie() {
    let bytes = tiny().bytes();
    for at in [8, 16] {
        for count in [u64::MAX, 1 << 40, 1 << 16] {
            let mut bad = bytes.clone();
            bad[at..at + 8].copy_from_slice(&count.to_le_bytes());
            refused(&bad);
        }
    }
    // A key of 2^60 bytes.
    let mut bad = bytes.clone();
    bad[24..32].copy_from_slice(&(1u64 << 60).to_le_bytes());
    refused(&bad);
    // A list of 2^60 elements.
    let mut w = tiny();
    w.key(
        "list",
        9,
        &[&8u32.to_le_bytes()[..], &(1u64 << 60).to_le_bytes()].concat(),
    );
    assert!(refused(&w.bytes()).contains("`list`"));
    // Lists of lists of lists without end.
    let mut w = tiny();
    let level = [&9u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat();
    w.key("deep", 9, &level.repeat(50));
    assert!(refused(&w.bytes()).contains("deep"));
    for dims in [
        vec![u64::MAX, 2],
        vec![1 << 33, 1 << 33],
        vec![8, 1 << 20],
        vec![8, 5],
    ] {
        let mut w = tiny();
        w.tensors[0].1 = dims;
        refused(&w.bytes());
    }
}

#[test]
fn missing_tensors_and_keys_are_named() {
    for i in 0..tiny().tensors.len() {
        let mut w = tiny();
        let (name, ..) = w.tensors.remove(i);
        assert!(refused(&w.bytes()).contains(&name), "{name}");
    }
    for key in [
        "block_count",
        "embedding_length",
        "attention.head_count",
        "attention.layer_norm_rms_epsilon",
    ] {
        let mut w = tiny();
        w.keys.retain(|(k, _)| *k != format!("llama.{key}"));
        assert!(refused(&w.bytes()).contains(key));
    }
    let mut w = tiny();
    w.keys.retain(|(k, _)| k != "tokenizer.ggml.tokens");
    assert!(refused(&w.bytes()).contains("tokenizer.ggml.tokens"));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = tiny().bytes();
    for length in 0..bytes.len() - 1 {
        assert!(open(&bytes[..length]).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Any bytes changed anywhere: an error or a model, never a panic.
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((0usize..2000, any::<u8>()), 1..6)) {
        let mut bytes = tiny().bytes();
        let length = bytes.len();
        for (at, value) in changes {
            bytes[at % length] = value;
        }
        let _ = open(&bytes);
    }
}

#[test]
fn a_missing_file_is_an_io_error() {
    let runtime = Runtime::detect(DeviceChoice::Cpu, None).unwrap();
    let result = LanguageModel::open(Path::new("/no/such/file.gguf"), &runtime);
    assert!(matches!(result, Err(EngineError::Io { .. })));
}
