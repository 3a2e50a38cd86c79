//! Code: what can be said of a program without running it.
//!
//! Which program a reply holds, which function is asked for, and whether an output is the expected one. Running is the
//! sandbox's (`rlx-sandbox`), since this crate starts no process.

mod compare;
mod extract;
mod packed;
mod task;

pub use compare::outputs_match;
pub use extract::{Extracted, program_of};
pub use packed::unpack;
pub use task::{CodeTask, ProgramKind, TestCase, TestGold, TestType, Tests, TestsError};

/// Changes with every change of a verdict; part of a verdict's key.
pub const CODE_VERSION: &str = "1";
