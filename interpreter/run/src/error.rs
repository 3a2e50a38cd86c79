//! Everything that can end a run.

use crate::backend::BackendError;
use rlx_store::StoreError;

/// A run that could not be finished; what was computed before is in the store.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Plan(#[from] rlx_plan::PlanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Data(#[from] rlx_data::DataError),
    #[error("{step}: {error}")]
    Backend { step: String, error: BackendError },
    #[error("{step}: {message}")]
    Step { step: String, code: &'static str, message: String, help: String },
}

impl RunError {
    /// Stable code for `rlx explain`.
    pub fn code(&self) -> String {
        match self {
            RunError::Plan(_) => "rlx::plan::broken".into(),
            RunError::Store(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::StorageFull => {
                "rlx::store::full".into()
            }
            RunError::Store(StoreError::Damaged { .. }) => "rlx::store::damaged".into(),
            RunError::Store(StoreError::Busy { .. }) => "rlx::store::busy".into(),
            RunError::Store(_) => "rlx::store::io".into(),
            RunError::Data(error) => error.code().into(),
            RunError::Backend { error, .. } => error.code.clone(),
            RunError::Step { code, .. } => (*code).into(),
        }
    }

    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        match self {
            RunError::Plan(_) => None,
            RunError::Store(error) => Some(error.help()),
            RunError::Data(error) => error.help(),
            RunError::Backend { error, .. } => error.help.clone(),
            RunError::Step { help, .. } => Some(help.clone()),
        }
    }

    pub(crate) fn backend(step: &str) -> impl FnOnce(BackendError) -> RunError + '_ {
        move |error| RunError::Backend { step: step.to_owned(), error }
    }
}
