//! `Study`: the meaning of a file. Flat, fully resolved, every value with its origin. No later phase looks at syntax.

mod algorithm;
mod evaluation;
mod model;
mod origin;
mod problems;
mod question;
mod search;
mod training;

use indexmap::IndexMap;
use serde::Serialize;

pub use algorithm::*;
pub use evaluation::*;
pub use model::*;
pub use origin::*;
pub use problems::*;
pub use question::*;
pub use search::*;
pub use training::*;

/// A whole study, after imports, profile and `--set` were applied and every constraint was checked.
/// Maps keep the order of declaration; only what the study's results need is in them.
#[derive(Debug, Clone, Serialize)]
pub struct Study {
    /// The file's stem; names the results folder.
    pub name: String,
    /// First sentence of the `//!` doc, or the name.
    pub title: String,
    /// The whole `//!` doc.
    pub doc: String,
    pub seed: u64,
    pub models: IndexMap<String, Model>,
    pub problem_sets: IndexMap<String, ProblemSet>,
    pub algorithms: IndexMap<String, Algorithm>,
    /// `train` and `distill`, each after what it starts from.
    pub trainings: IndexMap<String, Training>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub searches: IndexMap<String, Search>,
    pub evaluations: IndexMap<String, Evaluation>,
    pub outputs: IndexMap<String, Output>,
    pub claims: IndexMap<String, Claim>,
    /// The profile that was applied, with what it changed.
    pub profile: Option<AppliedProfile>,
    /// What `--set` changed.
    pub overrides: Vec<Change>,
    /// Every value by its dotted path (`rl.batch`), written or defaulted.
    pub origins: IndexMap<String, Leaf>,
}
