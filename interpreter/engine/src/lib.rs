//! The engine: language models that read a prompt and answer it, on libtorch.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts, this crate makes the rows: a
//! step of the plan names a model, prompts and sampling parameters, and [`sample`] draws the responses, each
//! from a random stream of its own. [`score`] gives the log-probabilities of responses that already exist.
//! The trainer builds on the same [`LanguageModel`], whose forward pass is differentiable.

mod adapter;
#[doc(hidden)]
pub mod bench;
mod chat;
mod config;
mod cpu;
mod decode;
mod device;
mod error;
mod forward;
mod gguf;
mod head;
mod init;
mod kernels;
mod layers;
mod lora;
mod memory;
mod model;
mod models;
mod packed;
mod plain;
mod random;
mod rope;
mod safetensors;
mod sample;
mod sampler;
mod sampling;
mod schedule;
mod score;
mod stop;
mod tokenizer;
mod vision;

pub use config::{Config, Sliding, Vision};
pub use device::{DeviceChoice, Precision, Runtime};
pub use error::EngineError;
pub use head::TokenScores;
pub use init::Init;
pub use lora::{Lora, LoraTargets};
pub use model::LanguageModel;
pub use models::Family;
pub use packed::Replay;
pub use plain::{PictureRequest, sample_with_pictures};
pub use random::uniform;
pub use rope::{Rope, RopeScaling, Yarn};
pub use sample::{
    Completion, Finish, Progress, SampleOptions, SampleRequest, SamplingParams, sample, sample_each,
};
pub use sampler::Sampler;
pub use sampling::filtered_distribution;
pub use score::{Score, ScoreRequest, score, score_each};
pub use stop::StopStrings;
pub use tokenizer::{Message, Tokenizer};
pub use vision::{Album, ImageProcessor, Pixels, Positions};
