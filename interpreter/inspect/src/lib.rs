//! rlx-inspect: reading chains of thought by hand.
//!
//! Beside the way text → Ast → Study → Plan → rows → tables, figures, verdicts: a right answer may be a lucky guess, and
//! only a reader can tell. [`hardest`] finds the problems that a model solves rarely, [`serve`] shows their right responses
//! on a page of this machine, and [`validity`] counts what the readers say. Their labels are rows of the store
//! ([`rlx_store::Labels`]), of which a study's tables and claims are made, too.

mod agreement;
mod select;
mod server;

pub use agreement::{Validity, agreements, validity};
pub use select::{Chain, Reading, hardest};
pub use server::{Server, serve};

use rlx_run::RunError;
use rlx_store::StoreError;

/// What keeps responses from being shown or labels from being kept.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("no server can be opened on this machine's own address: {0}")]
    Server(String),
    #[error("`{0}` cannot be a reader's name: use letters, digits, `-` and `_`")]
    Reader(String),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<StoreError> for InspectError {
    fn from(error: StoreError) -> InspectError {
        match error {
            StoreError::Reader(name) => InspectError::Reader(name),
            other => InspectError::Run(other.into()),
        }
    }
}

impl InspectError {
    /// Stable, for `rlx explain`.
    pub fn code(&self) -> String {
        match self {
            InspectError::Server(_) => "rlx::inspect::server".into(),
            InspectError::Reader(_) => "rlx::inspect::reader".into(),
            InspectError::Run(error) => error.code().to_string(),
        }
    }

    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        match self {
            InspectError::Server(_) => Some("give another port with `--port`, or 0 for any".into()),
            InspectError::Reader(_) => Some("for example `--reader anna`".into()),
            InspectError::Run(error) => error.help(),
        }
    }
}
