//! `DataError`: what can be wrong with a source, and how to mend it.

/// Everything this crate refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    #[error("task `{task}`: option `{option}` = {found}: {mend}")]
    TaskOption { task: String, option: String, found: String, mend: String },
}
