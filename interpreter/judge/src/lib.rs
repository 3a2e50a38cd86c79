//! Verdicts on responses: plain functions over text, without I/O.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts this crate turns a response row into
//! a verdict row: outcome, extracted answer, the rule that found it, and the reason. Each judge is one file and
//! carries a version; a verdict can always be computed again from the response's text.

mod choice;
pub mod code;
pub mod command;
mod countdown;
mod exact;
mod extract;
mod math;
mod number;
mod paper;
mod precision;
mod rational;
mod registry;
mod verdict;

pub use choice::Choice;
pub use countdown::Countdown;
pub use exact::Exact;
pub use math::Math;
pub use number::Number;
pub use paper::MathPaper;
pub use precision::to_places;
pub use registry::{NAMES, by_name};
pub use verdict::{Case, Judge, Outcome, Verdict};
