//! The meaning of `.rlx` text. In the story text → **Ast → Study** → Plan → rows → tables, figures, verdicts
//! this crate does the second step: [`elaborate`] reads a file and what it imports, resolves every name, checks
//! every value against the tables in [`schema`], applies profile and `--set`, and gives a flat [`Study`] in which
//! each value knows where it came from. It touches no file, network or tensor: texts come through [`Sources`].
//!
//! 1. `program`: files → syntax trees and what each name stands for
//! 2. `elaborate::overrides`: profile and `--set` → values that take the place of written ones
//! 3. `elaborate::entries`: declarations and records → fields, with what was replaced
//! 4. `elaborate::read`: fields → typed values, by the schema; units, ranges, defaults
//! 5. `elaborate::{model, problems, training, evaluation, output, claim}`: typed values → [`Study`], with the
//!    checks that span several of them
//!
//! What is wrong comes back as [`Diagnostic`]s, all of them at once; [`codes`] tells the longer story of each.

pub mod codes;
mod diagnostic;
mod elaborate;
mod explain;
mod filter;
mod heard;
pub mod index;
mod load;
mod mend;
mod program;
pub mod reference;
mod rendered;
pub mod schema;
mod sources;
pub mod study;
mod suggest;
mod unit;

pub use diagnostic::{Diagnostic, Label, Severity, Source};
pub use explain::explain;
pub use filter::{Cell, CellTest, Filter};
pub use heard::{Endpoint, Recorded, RecordedBy};
pub use mend::Mend;
pub use rendered::Rendered;
pub use sources::{Memory, Recording, Sources, standard_library};
pub use study::*;
pub use unit::Unit;

/// How a study is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--profile NAME`
    pub profile: Option<String>,
    /// `--set path=value`, each as written, in order; applied after the profile.
    pub set: Vec<String>,
    /// `--seed N`: in the place of `param seed`.
    pub seed: Option<u64>,
}

/// Reads the study in the file `root` and everything that it imports.
///
/// # Errors
/// All that is wrong with it, warnings included, in the order in which it was found.
pub fn elaborate(
    sources: &dyn Sources,
    root: &str,
    options: &Options,
) -> Result<(Study, Vec<Diagnostic>), Vec<Diagnostic>> {
    elaborate::run(sources, root, options)
}
