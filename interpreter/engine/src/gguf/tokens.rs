//! The tokenizer in a GGUF file's metadata, rebuilt in its Hugging Face form.

use serde_json::{Value, json};

use super::reader::{Gguf, Meta};
use crate::EngineError;

/// GPT-2's splitting, here under the names of the models that use it with other digit and newline rules.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
/// Punctuation apart, then GPT-2's, then digits by threes.
const DEFAULT: [&str; 4] = [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"];

/// Token types of llama.cpp.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// tokenizer.json, tokenizer_config.json and generation_config.json as transformers would write them.
pub(crate) fn tokenizer_files(gguf: &Gguf) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
    let unsupported = |what: String| {
        EngineError::unsupported(
            &gguf.path,
            what,
            "use the tokenizer.json of the model's Hugging Face directory",
        )
    };
    match gguf.text("tokenizer.ggml.model") {
        Some("gpt2") => {}
        other => {
            return Err(unsupported(format!(
                "the tokenizer model `{}`",
                other.unwrap_or("(none)")
            )));
        }
    }
    // A file without the key is read as llama.cpp reads it.
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    // Each expression cuts what the one before it has left.
    let split = |expressions: &[&str]| {
        let cut = |regex: &&str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
        let mut all: Vec<Value> = expressions.iter().map(cut).collect();
        all.push(json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}));
        Value::Array(all)
    };
    let (pre_tokenizers, ignore_merges, bos_by_default) = match pre {
        "smollm" => (
            json!([
                {"type": "Digits", "individual_digits": true},
                {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            ]),
            false,
            false,
        ),
        "qwen2" | "deepseek-r1-qwen" | "stablelm2" => (split(&[QWEN2]), false, false),
        "llama-bpe" | "llama3" | "llama-v3" => (split(&[LLAMA3]), true, true),
        "gpt-2" => (split(&[GPT2]), false, false),
        "default" => (split(&DEFAULT), false, false),
        other => return Err(unsupported(format!("the pre-tokenizer `{other}`"))),
    };
    let texts = |key: &str| match gguf.metadata.get(key) {
        Some(Meta::Texts(list)) => Ok(list),
        _ => Err(gguf.corrupt(format!("metadata `{key}` is missing or not a list of strings"))),
    };
    let tokens = texts("tokenizer.ggml.tokens")?;
    let merges = texts("tokenizer.ggml.merges")?;
    let types = match gguf.metadata.get("tokenizer.ggml.token_type") {
        Some(Meta::Ints(list)) if list.len() == tokens.len() => list.as_slice(),
        None => &[],
        _ => return Err(gguf.corrupt("metadata `tokenizer.ggml.token_type` does not match the tokens")),
    };
    let mut vocab = serde_json::Map::new();
    let mut added = Vec::new();
    for (id, token) in tokens.iter().enumerate() {
        if vocab.insert(token.clone(), json!(id)).is_some() {
            return Err(gguf.corrupt(format!("the token {token:?} is in the vocabulary twice")));
        }
        let kind = types.get(id).copied().unwrap_or(1);
        if kind == CONTROL || kind == USER_DEFINED {
            added.push(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind == CONTROL,
            }));
        }
    }
    let named = |key: &str| -> Option<&String> {
        let id = gguf.int(&format!("tokenizer.ggml.{key}_token_id"))?;
        tokens.get(usize::try_from(id).ok()?)
    };
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true});
    let add_bos = gguf
        .flag("tokenizer.ggml.add_bos_token")
        .unwrap_or(bos_by_default);
    let post_processor = match (add_bos, named("bos"), gguf.int("tokenizer.ggml.bos_token_id")) {
        (true, Some(bos), Some(id)) => json!({"type": "Sequence", "processors": [byte_level, {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": bos, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {bos: {"id": bos, "ids": [id], "tokens": [bos]}},
        }]}),
        _ => byte_level.clone(),
    };
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre_tokenizers},
        "post_processor": post_processor,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": ignore_merges, "vocab": vocab, "merges": merges,
        },
    });
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
        "bos_token": named("bos"),
        "eos_token": named("eos"),
        "pad_token": named("padding"),
        "unk_token": named("unknown"),
        "chat_template": gguf.text("tokenizer.chat_template"),
    });
    let mut eos: Vec<i64> = ["eos", "eot", "eom"]
        .into_iter()
        .filter_map(|key| gguf.int(&format!("tokenizer.ggml.{key}_token_id")))
        .collect();
    eos.dedup();
    let generation = json!({"eos_token_id": eos});
    let file = |name: &str, value: &Value| (name.to_owned(), value.to_string().into_bytes());
    Ok(vec![
        file("tokenizer.json", &tokenizer),
        file("tokenizer_config.json", &config),
        file("generation_config.json", &generation),
    ])
}
