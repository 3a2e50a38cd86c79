//! `manifest.json`: what is in a pack and how its study is read.

use rlx_language::Options;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The layout of packs that this crate writes and reads.
pub(crate) const FORMAT: &str = "rlx-pack-1";
pub(crate) const MANIFEST: &str = "manifest.json";

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// With `/`, relative to the pack.
    pub path: String,
    pub bytes: u64,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

/// How the packed study is read, and the hash of every other file of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: String,
    /// Version of the rlx that packed.
    pub rlx: String,
    pub study: String,
    /// The study's file in the pack.
    pub root: String,
    pub profile: Option<String>,
    /// `--set`, as it was given.
    pub set: Vec<String>,
    pub seed: Option<u64>,
    /// SHA-256 of the standard library that the study was read with.
    pub standard_library: String,
    /// Problem sets whose texts and answers are left out, with the reason.
    pub withheld: BTreeMap<String, String>,
    pub files: Vec<Listed>,
}

impl Manifest {
    /// The options that give the packed study its meaning.
    pub fn options(&self) -> Options {
        Options {
            profile: self.profile.clone(),
            set: self.set.clone(),
            seed: self.seed,
        }
    }
}
