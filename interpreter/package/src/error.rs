//! What keeps a pack from being made or read.

use rlx_data::DataError;
use rlx_plan::PlanError;
use rlx_run::RunError;
use rlx_store::StoreError;
use std::path::{Path, PathBuf};

/// A pack that cannot be made, or a file that is none.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("{path}: {error}", path = path.display())]
    Io { path: PathBuf, error: std::io::Error },
    /// Not an archive, or cut short.
    #[error("{path} is not a whole .rlxpack: {what}", path = path.display())]
    NoPack { path: PathBuf, what: String },
    /// Refused before anything was written.
    #[error("{path} is refused: {what}", path = path.display())]
    Hostile { path: PathBuf, what: String },
    #[error("the study is not finished: {missing} of {total} steps are missing, first `{first}`")]
    Unfinished {
        missing: usize,
        total: usize,
        first: String,
    },
    /// The packed text does not mean what the packed plan says.
    #[error("the spec does not compile to the packed plan: {0}")]
    OtherPlan(String),
    #[error("the packed spec cannot be read any more:\n{0}")]
    Spec(String),
    #[error("{path} is not a minisign key or signature: {what}", path = path.display())]
    Key { path: PathBuf, what: String },
    #[error("{0}")]
    Missing(String),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl PackError {
    pub(crate) fn io(path: &Path, error: std::io::Error) -> PackError {
        PackError::Io {
            path: path.to_owned(),
            error,
        }
    }

    pub(crate) fn no_pack(path: &Path, what: impl ToString) -> PackError {
        PackError::NoPack {
            path: path.to_owned(),
            what: what.to_string(),
        }
    }

    pub(crate) fn hostile(path: &Path, what: impl ToString) -> PackError {
        PackError::Hostile {
            path: path.to_owned(),
            what: what.to_string(),
        }
    }

    /// Stable, for `rlx explain`.
    pub fn code(&self) -> String {
        match self {
            PackError::Io { .. } => "rlx::file".into(),
            PackError::NoPack { .. } => "rlx::pack::damaged".into(),
            PackError::Hostile { .. } => "rlx::pack::hostile".into(),
            PackError::Unfinished { .. } => "rlx::pack::unfinished".into(),
            PackError::OtherPlan(_) | PackError::Spec(_) => "rlx::pack::spec".into(),
            PackError::Key { .. } => "rlx::pack::key".into(),
            PackError::Missing(_) => "rlx::pack::missing".into(),
            PackError::Run(error) => error.code().to_string(),
        }
    }

    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            PackError::Io { .. } => "check that the path exists and may be used, then run the same command again".into(),
            PackError::NoPack { .. } => "get the file again from where it was published; its first bytes and its seal must be whole".into(),
            PackError::Hostile { .. } => "a pack that rlx wrote never looks like this: do not unpack it by other means".into(),
            PackError::Unfinished { .. } => "`rlx run` the study to its end first; `rlx plan` shows what is missing".into(),
            PackError::OtherPlan(_) => "use the version of rlx that the pack names in manifest.json".into(),
            PackError::Spec(_) => "use the version of rlx that the pack names in manifest.json; `rlx verify --level 0` needs no spec".into(),
            PackError::Key { .. } => "make a pair with `minisign -G`; give the secret key to `--sign` and the public one to `--public-key`".into(),
            PackError::Missing(_) => "give what is missing with `--model NAME=PATH`, `--data NAME=PATH` or `--store DIR`".into(),
            PackError::Run(error) => return error.help(),
        })
    }
}

impl From<StoreError> for PackError {
    fn from(error: StoreError) -> PackError {
        PackError::Run(error.into())
    }
}

impl From<DataError> for PackError {
    fn from(error: DataError) -> PackError {
        PackError::Run(error.into())
    }
}

impl From<PlanError> for PackError {
    fn from(error: PlanError) -> PackError {
        PackError::Run(error.into())
    }
}
