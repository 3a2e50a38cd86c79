//! What can go wrong in training.

use std::path::{Path, PathBuf};

use rlx_engine::EngineError;
use tch::TchError;

/// The error of a callback of the caller's (data, rewards).
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a training run ended before its last step.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("the training setting `{field}` cannot be used: {what}")]
    Spec { field: &'static str, what: String },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("libtorch failed while training: {0}")]
    Torch(#[from] TchError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {what}; {mend}", path.display())]
    Corrupt {
        path: PathBuf,
        what: String,
        mend: &'static str,
    },
    /// The working directory holds the state of a run with other settings or another start model.
    #[error(
        "{}: holds a run with other settings or another start model; give this run its own directory, or delete that one",
        path.display()
    )]
    OtherRun { path: PathBuf },
    #[error("the training data of step {step} could not be had: {source}")]
    Data { step: u64, source: SourceError },
    #[error("step {step}: {what}")]
    Batch { step: u64, what: String },
    #[error("step {step}: the reward of prompt {prompt} could not be computed: {source}")]
    Reward {
        step: u64,
        prompt: String,
        source: SourceError,
    },
    /// Too many updates in a row had a loss or gradient that is not finite; the last good state is kept.
    #[error(
        "training diverged at step {step}: {count} updates in a row had a loss or gradient that is not finite and were skipped \
         (last batch: {}); lower the learning rate or look at those examples",
        ids.join(", ")
    )]
    Diverged { step: u64, count: u32, ids: Vec<String> },
    /// The observer asked to stop. The state is saved; the same call goes on from there.
    #[error("stopped after step {step}")]
    Stopped { step: u64 },
}

impl TrainError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
