//! rlx-plan: Study → Plan.
//!
//! The second change of type on the way text → Ast → Study → **Plan** → rows → tables, figures, verdicts. A plan is a
//! directed acyclic graph of steps; a step's [`Key`] is a hash of its kind, its parameters and the keys of its inputs,
//! made from the elaborated meaning, so that reformatting a file changes no key. This crate reads no file: what it must
//! know of the world ([`Surroundings`]) is handed in.

mod build;
mod cost;
mod diff;
mod key;
mod perplexities;
mod plan;
mod readers;

pub use build::{PlanError, Surroundings, build, hub_data, judged_by, pictures_of};
pub use cost::{Cost, DeviceSpeed};
pub use diff::{Change, Locked, LockedStep, diff};
pub use key::{ENCODING, Key};
pub use perplexities::perplexities;
pub use plan::{Action, ModelUse, Plan, SampleStep, SearchStep, Step, StepId, TrainStep};
pub use readers::{readers, value_of};
