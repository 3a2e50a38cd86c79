//! What can go wrong in the engine, and how to mend it.

use std::path::{Path, PathBuf};

use tch::TchError;
use thiserror::Error;

/// Every failure of the engine. Each message says what is wrong, where, and how to mend it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file or folder that cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done: `read`, `write`, …
        doing: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file whose content is not what its format demands.
    #[error("{} is damaged or not what it claims to be: {what}; {mend}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, naming the tensor or key.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A model whose architecture the engine does not know.
    #[error("{}: unknown architecture `{found}`; the engine knows {known}", path.display())]
    UnknownArchitecture {
        /// The configuration or model file.
        path: PathBuf,
        /// The name in the file.
        found: String,
        /// The names that would have been accepted, comma separated.
        known: String,
    },
    /// A known architecture with an option that the engine does not have.
    #[error("{}: {what} is not supported; {mend}", path.display())]
    Unsupported {
        /// The configuration or model file.
        path: PathBuf,
        /// The option.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A tokenizer that can produce ids which the model has no embedding for.
    #[error(
        "{}: the tokenizer has {tokenizer} tokens but the model embeds only {embedding}; \
         use the tokenizer that was published with this model", path.display()
    )]
    TokenizerMismatch {
        /// The tokenizer's place.
        path: PathBuf,
        /// Largest token id of the tokenizer plus one.
        tokenizer: usize,
        /// Rows of the model's embedding.
        embedding: usize,
    },
    /// Text that the tokenizer cannot encode, ids it cannot decode.
    #[error("tokenizer: {what}")]
    Tokenizer {
        /// The tokenizer's reason.
        what: String,
    },
    /// A chat template that is missing, does not parse, or refuses the messages.
    #[error("chat template: {what}; {mend}")]
    ChatTemplate {
        /// The template engine's reason.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A prompt that leaves no room for the answer.
    #[error(
        "request {request}: a prompt of {tokens} tokens and {max_tokens} new ones exceed the model's context of \
         {context}; shorten the prompt or lower max_tokens"
    )]
    PromptTooLong {
        /// Index into the requests.
        request: usize,
        /// Tokens of the prompt (and of a response to be scored).
        tokens: usize,
        /// Tokens asked for beyond it.
        max_tokens: usize,
        /// Positions the model was made for.
        context: u64,
    },
    /// A request that makes no sense, such as an empty prompt or a negative temperature.
    #[error("{what}; {mend}")]
    InvalidRequest {
        /// What is wrong and where.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// NaN or infinity where the model's numbers should be.
    #[error(
        "{what} holds NaN or infinity; the weights are damaged or diverged in training: use an earlier checkpoint, or fp32 if this was bf16"
    )]
    NotFinite {
        /// Which row and step.
        what: String,
    },
    /// Memory of the device ran out.
    #[error("out of memory: {what}; use fewer rows at once, fewer new tokens, or a smaller model")]
    OutOfMemory {
        /// The allocator's words.
        what: String,
    },
    /// A device that was asked for and is not there.
    #[error("device `{asked}` is not available: {why}; use `auto` or `cpu`")]
    Device {
        /// The choice.
        asked: String,
        /// Why it cannot be had.
        why: String,
    },
    /// The caller's progress function said stop.
    #[error("cancelled")]
    Cancelled,
    /// Anything else that libtorch reports.
    #[error("libtorch: {}", first_line(.0))]
    Torch(#[source] TchError),
}

impl From<TchError> for EngineError {
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        let low = text.to_ascii_lowercase();
        if low.contains("out of memory")
            || low.contains("not enough memory")
            || low.contains("can't allocate memory")
        {
            let what = text.lines().next().unwrap_or_default().to_owned();
            return Self::OutOfMemory { what };
        }
        Self::Torch(error)
    }
}

impl EngineError {
    pub(crate) fn io(path: &Path, doing: &'static str, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            doing,
            source,
        }
    }

    pub(crate) fn corrupt(path: &Path, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            what: what.into(),
            mend: mend.into(),
        }
    }

    pub(crate) fn unsupported(path: &Path, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            what: what.into(),
            mend: mend.into(),
        }
    }

    pub(crate) fn invalid(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::InvalidRequest {
            what: what.into(),
            mend: mend.into(),
        }
    }
}

/// libtorch's message without the frames of its stack.
fn first_line(error: &TchError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The mend for a file that a fresh copy would put right.
pub(crate) const FETCH_AGAIN: &str = "fetch the file again";
