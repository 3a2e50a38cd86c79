//! The plan of the last finished run, beside its results.

use rlx_plan::{Locked, Plan};
use rlx_store::{StoreError, file};
use std::path::Path;

const NAME: &str = "plan.lock.json";

/// The last run's plan; None when there was none (or it cannot be read: then everything counts as new).
pub fn read(results: &Path) -> Option<Locked> {
    serde_json::from_slice(&std::fs::read(results.join(NAME)).ok()?).ok()
}

pub fn write(results: &Path, plan: &Plan) -> Result<(), StoreError> {
    file::write_json(&results.join(NAME), &Locked::of(plan))
}
