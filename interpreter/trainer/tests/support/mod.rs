//! What several test files share.
#![allow(dead_code)]

use std::path::PathBuf;

/// The folder `name` of the reference vectors: under `RLX_REFERENCE` when set, else in the repository.
pub fn reference(name: &str) -> PathBuf {
    let root = std::env::var_os("RLX_REFERENCE")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference"));
    root.join(name)
}
