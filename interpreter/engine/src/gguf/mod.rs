//! GGUF files: one file with metadata, tokenizer and (quantised) weights.

mod names;
mod quant;
mod reader;
mod tokens;

pub(crate) use reader::Gguf;
pub(crate) use tokens::tokenizer_files;
