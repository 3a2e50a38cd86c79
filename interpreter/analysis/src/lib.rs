//! Plain functions over plain data: rows in, numbers with intervals and claim verdicts out.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts this crate is the step from rows to
//! numbers. [`Outcomes`] holds the rows of one evaluation; [`answer`] answers the query of a figure or table;
//! [`evaluate`] gives a claim its verdict. Nothing here reads a file or a clock, and every random number is a function of
//! the study's seed and a name, so results are the same bits on every machine and any number of threads.
//!
//! Every number comes with two intervals that answer different questions:
//!
//! - `these_problems`: the problems stay, the samples could have been others (`within.rs`).
//! - `problems_like_these`: the problems could have been others of their kind as well (`across.rs`, `interval.rs`).

mod across;
mod alias;
mod claims;
mod crossing;
mod disputes;
mod evidence;
mod holm;
mod interval;
mod intervals;
mod labels;
mod lanes;
mod mean_curve;
mod measured;
mod outcomes;
mod paired;
mod pass_at_k;
mod passes;
mod pooled;
mod prior;
mod quantity;
mod queries;
mod resampling;
mod responses;
pub mod results;
mod rng;
pub mod search;
mod sets;
mod special;
mod undefined;
mod votes;
mod within;

pub use claims::{evaluate, evaluate_all};
pub use disputes::{Disputes, JudgedTwice, Said};
pub use evidence::Evidence;
pub use holm::{holm, p_of_interval};
pub use labels::{Agreement, Label, LabelledRow, Standing, agreements, hard, kappa};
pub use mean_curve::pass_mean_curve;
pub use outcomes::{Design, Outcomes, OutcomesError, PerplexityRow, SampleRow};
pub use paired::{ChangedProblem, PairedDifference, ProblemCounts, paired};
pub use pass_at_k::{PassAtKError, PassAtKValue, pass_at_k, pass_curve};
pub use quantity::{estimate, value};
pub use queries::{answer, pass_at_k::pass_of_counts, searched::SearchLog, training::TrainingLog};
pub use resampling::{Resampling, TooFewResamples};
pub use results::*;
pub use rng::Stream;
pub use undefined::Undefined;
