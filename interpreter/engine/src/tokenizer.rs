//! Text to token ids and back, with the files that define it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::EngineError;
use crate::chat::ChatTemplate;
pub use crate::chat::Message;
use crate::config::{Config, token_ids};
use crate::error::FETCH_AGAIN;
use crate::gguf::Gguf;

/// Files beside the weights that say how text becomes tokens; those that exist are kept and saved again.
const FILES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
];

/// A tokenizer with its special tokens and chat template.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    template: Option<ChatTemplate>,
    eos: Vec<u32>,
    files: Vec<(String, Vec<u8>)>,
}

impl Tokenizer {
    /// Opens the tokenizer of a Hugging Face directory (tokenizer.json with, where present,
    /// tokenizer_config.json, chat_template.jinja or .json, generation_config.json, config.json) or of a
    /// .gguf file.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        if path.is_dir() {
            return Self::open_directory(path);
        }
        let gguf = Gguf::open(path)?;
        Self::from_files(path, crate::gguf::tokenizer_files(&gguf)?, &[])
    }

    fn open_directory(dir: &Path) -> Result<Self, EngineError> {
        let mut files = Vec::new();
        for name in FILES {
            let path = dir.join(name);
            if name == "tokenizer.json" || path.is_file() {
                let bytes = std::fs::read(&path).map_err(|e| EngineError::io(&path, "read", e))?;
                files.push((name.to_owned(), bytes));
            }
        }
        let path = dir.join("config.json");
        let config = if path.is_file() {
            std::fs::read(&path).map_err(|e| EngineError::io(&path, "read", e))?
        } else {
            b"{}".to_vec()
        };
        let config = object(&path, &config)?;
        Self::from_files(dir, files, &token_ids(&config, "eos_token_id"))
    }

    fn from_files(
        place: &Path,
        files: Vec<(String, Vec<u8>)>,
        config_eos: &[u32],
    ) -> Result<Self, EngineError> {
        let at = |name: &str| -> PathBuf {
            if place.is_dir() {
                place.join(name)
            } else {
                place.to_owned()
            }
        };
        let find = |name: &str| {
            files
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, bytes)| bytes.as_slice())
        };
        let read = |name: &str| {
            find(name)
                .map(|b| object(&at(name), b))
                .transpose()
                .map(Option::unwrap_or_default)
        };
        let mut inner = parsed(find("tokenizer.json").unwrap_or_default())
            .map_err(|e| EngineError::corrupt(&at("tokenizer.json"), e, FETCH_AGAIN))?;
        inner
            .with_truncation(None)
            .map_err(|e| EngineError::corrupt(&at("tokenizer.json"), e.to_string(), FETCH_AGAIN))?;
        inner.with_padding(None);
        let settings = read("tokenizer_config.json")?;
        let generation = read("generation_config.json")?;
        let special = |key: &str| special_token(&settings, key);
        let mut eos = token_ids(&generation, "eos_token_id");
        eos.extend_from_slice(config_eos);
        eos.extend(special("eos_token").and_then(|t| inner.token_to_id(&t)));
        let mut seen = std::collections::BTreeSet::new();
        eos.retain(|id| seen.insert(*id));

        let source =
            match find("chat_template.jinja") {
                Some(bytes) => Some(String::from_utf8(bytes.to_vec()).map_err(|e| {
                    EngineError::corrupt(&at("chat_template.jinja"), e.to_string(), FETCH_AGAIN)
                })?),
                None => template_source(&read("chat_template.json")?).or_else(|| template_source(&settings)),
            };
        let tokens = ["bos_token", "eos_token", "pad_token", "unk_token"]
            .into_iter()
            .filter_map(|key| special(key).map(|token| (key.to_owned(), token)))
            .collect();
        let template = source.map(|source| ChatTemplate::new(source, tokens));
        Ok(Self {
            inner,
            template,
            eos,
            files,
        })
    }

    /// Token ids of a text. Special tokens written in the text are recognised; `add_special_tokens` adds
    /// those that the tokenizer puts around every text (BOS for Llama 3).
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, EngineError> {
        let encoding = guarded(|| self.inner.encode_fast(text, add_special_tokens)).map_err(|e| {
            EngineError::Tokenizer {
                what: format!("cannot encode a text: {e}"),
            }
        })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of token ids. Bytes that form no character become U+FFFD; ids beyond the vocabulary vanish.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, EngineError> {
        guarded(|| self.inner.decode(ids, skip_special_tokens)).map_err(|e| EngineError::Tokenizer {
            what: format!("cannot decode ids: {e}"),
        })
    }

    /// The string that stands for one id, in the vocabulary's own spelling.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Number of tokens, added ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Refuses a tokenizer with ids beyond the model's embedding.
    pub fn check_fits(&self, config: &Config, place: &Path) -> Result<(), EngineError> {
        let largest = self
            .inner
            .get_vocab(true)
            .into_values()
            .max()
            .map_or(0, |id| id as usize + 1);
        let embedding = usize::try_from(config.vocab).unwrap_or(0);
        if largest > embedding {
            return Err(EngineError::TokenizerMismatch {
                path: place.to_owned(),
                tokenizer: largest,
                embedding,
            });
        }
        Ok(())
    }

    /// Whether messages can be rendered.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// Renders messages by the model's chat template as transformers does: Jinja with trim_blocks and
    /// lstrip_blocks, `raise_exception`, `strftime_now`, Python's string methods. `kwargs` are further
    /// template variables. Encode the result without adding special tokens: templates write BOS themselves.
    pub fn render_chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
        kwargs: &Map<String, Value>,
    ) -> Result<String, EngineError> {
        let messages = serde_json::to_value(messages).map_err(|e| EngineError::ChatTemplate {
            what: e.to_string(),
            mend: "report this defect".to_owned(),
        })?;
        self.render_messages(&messages, add_generation_prompt, kwargs)
    }

    /// As [`Tokenizer::render_chat`] for messages in their JSON form, whose content may be a list of parts
    /// such as `{"type": "image"}` and `{"type": "text", "text": …}`.
    pub fn render_messages(
        &self,
        messages: &Value,
        add_generation_prompt: bool,
        kwargs: &Map<String, Value>,
    ) -> Result<String, EngineError> {
        let template = self.template.as_ref().ok_or_else(|| EngineError::ChatTemplate {
            what: "the model has none".to_owned(),
            mend: "use a plain prompt or a chat model".to_owned(),
        })?;
        template.render(messages, add_generation_prompt, kwargs)
    }

    /// Tokens that end a response: those of generation_config.json, config.json and tokenizer_config.json,
    /// without repeats.
    pub fn eos_ids(&self) -> &[u32] {
        &self.eos
    }

    /// A hash of everything that defines the tokenizer.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, bytes) in &self.files {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Writes the files it was opened from (for GGUF: their Hugging Face form) into a folder.
    pub fn save(&self, dir: &Path) -> Result<(), EngineError> {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            std::fs::write(&path, bytes).map_err(|e| EngineError::io(&path, "write", e))?;
        }
        Ok(())
    }
}

fn object(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, EngineError> {
    serde_json::from_slice(bytes)
        .map_err(|e| EngineError::corrupt(path, format!("not a valid JSON object ({e})"), FETCH_AGAIN))
}

/// The tokenizer of a tokenizer.json, or what is wrong with it.
fn parsed(bytes: &[u8]) -> Result<tokenizers::Tokenizer, String> {
    /// What the library reads as JSON of its own, taking for granted that it is whole.
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Parts {
        decoder: Option<Value>,
        normalizer: Option<Value>,
        post_processor: Option<Value>,
        pre_tokenizer: Option<Value>,
    }
    serde_json::from_slice::<Parts>(bytes).map_err(|e| format!("not a valid JSON object ({e})"))?;
    guarded(|| tokenizers::Tokenizer::from_bytes(bytes))
}

/// Calls the tokenizers library, which panics on parts of a file that it cannot use, such as a normalizer's table that is no
/// base64, or a template with a token that it does not define. What it was called on is only read.
fn guarded<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call))
        .map_err(|_| "the tokenizers library gave up on a part of tokenizer.json".to_owned())?
        .map_err(|e| e.to_string())
}

/// A special token: a string, or an object with its `content`.
fn special_token(settings: &Map<String, Value>, key: &str) -> Option<String> {
    let value = settings.get(key)?;
    value
        .as_str()
        .or_else(|| value.get("content").and_then(Value::as_str))
        .map(str::to_owned)
}

/// `chat_template`: a string, or a list of named ones of which `default` counts.
fn template_source(settings: &Map<String, Value>) -> Option<String> {
    match settings.get("chat_template")? {
        Value::String(source) => Some(source.clone()),
        Value::Array(list) => list
            .iter()
            .find(|t| t.get("name").and_then(Value::as_str) == Some("default"))
            .and_then(|t| t.get("template"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        _ => None,
    }
}
