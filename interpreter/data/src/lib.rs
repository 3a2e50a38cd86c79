//! Sources of models and problems: procedural tasks, local files, the hub; prompts; pins.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts this crate turns what a `Study` names
//! (`hf:org/name@revision`, a path, `countdown { … }`) into problems and files with a content hash, so that the plan
//! can key steps by what the data are and not by where they lie.

mod countdown;
mod error;
mod random;

pub use countdown::{Countdown, CountdownKey, CountdownOptions, Example, Puzzle};
pub use error::DataError;
