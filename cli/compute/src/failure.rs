//! Errors of engine and trainer as the run knows them.

use rlx_engine::EngineError;
use rlx_run::BackendError;
use rlx_trainer::TrainError;

/// The code that `rlx explain` knows. The engine's messages end with the mend already.
pub(crate) fn engine(error: EngineError) -> BackendError {
    let code = match &error {
        EngineError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            "rlx::store::full"
        }
        EngineError::Io { .. } => "rlx::model::missing",
        EngineError::Corrupt { .. } => "rlx::model::corrupt",
        EngineError::UnknownArchitecture { .. } => "rlx::model::architecture",
        EngineError::Unsupported { .. } => "rlx::model::unsupported",
        EngineError::TokenizerMismatch { .. } | EngineError::Tokenizer { .. } => "rlx::model::tokenizer",
        EngineError::ChatTemplate { .. } => "rlx::model::template",
        EngineError::PromptTooLong { .. } => "rlx::run::context",
        EngineError::NotFinite { .. } => "rlx::engine::not_finite",
        EngineError::OutOfMemory { .. } => "rlx::engine::memory",
        EngineError::Device { .. } => "rlx::engine::device",
        _ => "rlx::engine::failed",
    };
    BackendError {
        code: code.to_owned(),
        message: error.to_string(),
        help: None,
    }
}

pub(crate) fn trainer(error: TrainError) -> BackendError {
    match error {
        TrainError::Engine(error) => engine(error),
        error => {
            let code = match &error {
                TrainError::Diverged { .. } => "rlx::train::diverged",
                TrainError::Spec { .. } => "rlx::train::spec",
                _ => "rlx::train::failed",
            };
            BackendError {
                code: code.to_owned(),
                message: error.to_string(),
                help: None,
            }
        }
    }
}
