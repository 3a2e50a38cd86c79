//! One file a subcommand.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod doc;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod fmt;
pub(crate) mod gc;
pub(crate) mod grade;
pub(crate) mod grade_code;
pub(crate) mod inspect;
pub(crate) mod journal;
pub(crate) mod lines;
pub(crate) mod loose;
pub(crate) mod lsp;
pub(crate) mod new;
pub(crate) mod pack;
pub(crate) mod passk;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sample;
pub(crate) mod score;
mod verdicts;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod why;
