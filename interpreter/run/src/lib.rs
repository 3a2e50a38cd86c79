//! rlx-run: walks a plan.
//!
//! Plan → **rows** → **tables, figures, verdicts**: steps are done in the plan's order by a [`Backend`] (libtorch in
//! `rlx-compute`, a scripted one in tests), rows go to the store block by block, and what is made of them is written beside.
//! A run can be killed at any moment; the same command goes on and ends with the same bytes.

mod among;
mod answers;
mod backend;
mod disputes;
mod endpoint;
mod error;
mod event;
mod evidence;
mod execute;
mod identity;
mod judge;
mod judging;
mod labels;
pub mod lock;
mod look;
mod present;
mod recorded;
mod sample;
mod search;
mod shown;
mod state;
pub mod study_lock;
mod times;
mod train;
mod world;

pub use among::decide;
pub use backend::{
    Backend, BackendError, DeviceReport, DistilledOn, Drawn, ExamplesOf, ModelAt, OpenModel, Pair,
    ProblemsOf, Request, Reward, Rows, Settings, TrainExample, TrainJob, TrainProblem, TrainStepSeen,
    TrainWork, TrainingEnd,
};
pub use error::RunError;
pub use event::{Event, Listener, Silent, Work};
pub use evidence::{CURVES, solved};
pub use execute::{Journal, Ran, execute, execute_light, finish, needs_backend};
pub use judge::judge_again;
pub use labels::read_by_hand;
pub use look::{Remark, look};
pub use present::{Presented, present};
pub use sample::draw_again;
pub use search::{looks, temperature};
pub use state::{StepState, TrainingDone, checkpoint, states};
pub use study_lock::{Drift, StudyLock};
pub use times::{Times, keep_report_time, trial};
pub use world::{World, survey};
