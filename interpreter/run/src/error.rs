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
    #[error("the lock {} cannot be read: {why}", path.display())]
    Lock { path: std::path::PathBuf, why: String },
    #[error("which problems `{set}` has is decided by verdicts that are not there yet")]
    Undecided { set: String },
    #[error("{step}: {error}")]
    Backend { step: String, error: BackendError },
    #[error("{step}: {message}")]
    Step {
        step: String,
        code: &'static str,
        message: String,
        help: String,
    },
}

impl RunError {
    /// Stable code for `rlx explain`.
    pub fn code(&self) -> String {
        match self {
            RunError::Plan(_) => "rlx::plan::broken".into(),
            RunError::Store(StoreError::Io { error, .. })
                if error.kind() == std::io::ErrorKind::StorageFull =>
            {
                "rlx::store::full".into()
            }
            RunError::Store(StoreError::Damaged { .. }) => "rlx::store::damaged".into(),
            RunError::Store(StoreError::Busy { .. }) => "rlx::store::busy".into(),
            RunError::Store(StoreError::Reader(_)) => "rlx::inspect::reader".into(),
            RunError::Store(_) => "rlx::store::io".into(),
            RunError::Data(error) => data_code(error).into(),
            RunError::Lock { .. } => "rlx::lock::unreadable".into(),
            RunError::Undecided { .. } => "rlx::run::undecided".into(),
            RunError::Backend { error, .. } => error.code.clone(),
            RunError::Step { code, .. } => (*code).into(),
        }
    }

    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        match self {
            RunError::Plan(_) => None,
            RunError::Store(error) => Some(error.help()),
            RunError::Data(error) if data_code(error) == "rlx::data::download" => Some(
                "the same command goes on where it stopped; without a network name a folder or file on this machine: \
                 `--set NAME.source=\"PATH\"`, NAME being the model or data set as the study calls it"
                    .into(),
            ),
            RunError::Data(_) => None,
            RunError::Lock { .. } => Some(
                "bring it back from version control; or remove it and write it anew with `rlx lock FILE`, which takes \
                 models and data as they are now"
                    .into(),
            ),
            RunError::Undecided { .. } => {
                Some("run the study: what `among` is asked of is measured first".into())
            }
            RunError::Backend { error, .. } => error.help.clone(),
            RunError::Step { help, .. } => Some(help.clone()),
        }
    }

    /// Says in which step a backend failed.
    pub fn backend(step: &str) -> impl FnOnce(BackendError) -> RunError + '_ {
        move |error| RunError::Backend {
            step: step.to_owned(),
            error,
        }
    }
}

/// The data's messages end with their mend.
pub(crate) fn data_code(error: &rlx_data::DataError) -> &'static str {
    use rlx_data::DataError;
    match error {
        DataError::NotHere { .. } => "rlx::data::not_here",
        DataError::Offline { .. } => "rlx::data::offline",
        DataError::Http { .. }
        | DataError::Transfer { .. }
        | DataError::Checksum { .. }
        | DataError::Protocol { .. } => "rlx::data::download",
        DataError::Row { .. }
        | DataError::MissingColumn { .. }
        | DataError::DuplicateId { .. }
        | DataError::Format { .. } => "rlx::data::row",
        DataError::Io { .. } | DataError::Source { .. } => "rlx::data::file",
        DataError::Placeholder { .. }
        | DataError::NoPlaceholder
        | DataError::Places { .. }
        | DataError::NoChat { .. } => "rlx::data::prompt",
        _ => "rlx::data::set",
    }
}
