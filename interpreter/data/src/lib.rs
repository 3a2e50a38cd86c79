//! Sources of models and problems: procedural tasks, local files, the hub; prompts; pins.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts this crate turns what a `Study` names
//! (`hf:org/name@revision`, a path, `countdown { … }`) into problems and files with a content hash, so that the plan
//! can key steps by what the data are and not by where they lie.

mod choose;
mod columns;
mod countdown;
mod error;
mod hub;
mod import;
mod load;
mod overlap;
mod parquet;
mod picture;
mod pin;
mod problem;
mod prompt;
mod random;
mod recorded;
mod table;
mod tasks;

pub use countdown::{Countdown, CountdownKey, CountdownOptions, Example, Puzzle};
pub use error::DataError;
pub use hub::{Progress, World, commit, fetch_model, fetch_problems, have_problems, locate_model};
pub use import::{ImportColumns, Imported, ImportedRow, import};
pub use load::load;
pub use overlap::{Overlap, SHARED_WORDS, overlap};
pub use picture::Picture;
pub use pin::{PinCache, pin, pin_model, pin_pictures, pin_problems, pin_rows};
pub use problem::Problem;
pub use prompt::{Part, RenderedPrompt, render};
pub use recorded::{Told, recorded};
