//! The meaning of `.rlx` text. In the story text → Ast → Study → Plan → rows → tables, figures, verdicts
//! this crate turns Asts into a [`Study`].

pub mod study;

pub use study::*;
