//! What of a plan is done already.

use crate::{RunError, world::World};
use rlx_data::Problem;
use rlx_plan::{Action, Plan, SampleStep, Step};
use rlx_store::{Row, Store, Table, problems_hash};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StepState {
    Done,
    /// Some of its rows or steps are there.
    Partly {
        done: u64,
        total: u64,
    },
    ToDo,
}

impl StepState {
    pub fn share(self) -> f64 {
        match self {
            StepState::Done => 1.0,
            StepState::Partly { done, total } => done as f64 / total.max(1) as f64,
            StepState::ToDo => 0.0,
        }
    }
}

/// `done.json` of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingDone {
    pub steps: u64,
    pub tokens: u64,
    pub engine: String,
    /// Seconds of the call that finished it.
    pub seconds: f64,
}

/// Reads the end of a training; None while it is not finished.
pub(crate) fn training_done(store: &Store, step: &Step) -> Option<TrainingDone> {
    let text = std::fs::read(store.training(&step.key.folder()).join("done.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The folder of a checkpoint; step 0 is the end of the training. None while a training whose end is asked for is not finished.
pub fn checkpoint(store: &Store, training: &Step, step: u64) -> Option<PathBuf> {
    let step = if step == 0 {
        training_done(store, training)?.steps
    } else {
        step
    };
    Some(
        store
            .training(&training.key.folder())
            .join("checkpoints")
            .join(format!("step-{step:06}")),
    )
}

/// The problems that a sampling step draws for.
pub(crate) fn sampled_problems<'a>(world: &'a World, step: &SampleStep) -> Result<&'a [Problem], RunError> {
    let problems = world.problems(&step.set)?;
    let count = step
        .limit
        .map_or(problems.len(), |limit| problems.len().min(limit as usize));
    Ok(&problems[..count])
}

/// The state of every step. A set that is not there yet leaves what depends on it to do.
pub fn states(
    plan: &Plan,
    store: &Store,
    world: &World,
    results: &std::path::Path,
) -> Result<Vec<StepState>, RunError> {
    crate::among::decide(plan, store, world)?;
    let mut states = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let state = match &step.action {
            Action::FetchModel { model } => done(world.model_path(model).is_ok()),
            Action::FetchProblems { set } => done(world.all(&set.name).is_ok()),
            Action::Train(_) => match training_done(store, step) {
                Some(_) => StepState::Done,
                None => StepState::ToDo,
            },
            Action::Sample(draw) => table_state(&store.samples(&step.key.folder()), world, draw)?,
            Action::Search(search) => crate::search::state(step, search, store, world)?,
            Action::Judge { samples, .. } => match sample_step(plan, *samples) {
                Some(draw) => table_state(&store.verdicts(&step.key.folder()), world, draw)?,
                None => StepState::ToDo,
            },
            Action::Score { samples, .. } => match sample_step(plan, *samples) {
                Some(draw) => table_state(&store.scores(&step.key.folder()), world, draw)?,
                None => StepState::ToDo,
            },
            Action::Analyse { .. } | Action::Report => {
                let locked = crate::lock::read(results);
                let known = locked.is_some_and(|lock| lock.steps.iter().any(|old| old.key == step.key));
                let inputs = step
                    .inputs
                    .iter()
                    .all(|id| states.get(*id) == Some(&StepState::Done));
                done(known && inputs && results.join("report.html").is_file())
            }
        };
        states.push(state);
    }
    Ok(states)
}

/// The drawing step at `id`.
pub(crate) fn sample_step(plan: &Plan, id: usize) -> Option<&SampleStep> {
    match &plan.steps.get(id)?.action {
        Action::Sample(draw) => Some(draw),
        _ => None,
    }
}

fn done(yes: bool) -> StepState {
    if yes { StepState::Done } else { StepState::ToDo }
}

pub(crate) fn table_state<R: Row>(
    table: &Table<R>,
    world: &World,
    draw: &SampleStep,
) -> Result<StepState, RunError> {
    let Ok(problems) = sampled_problems(world, draw) else {
        return Ok(StepState::ToDo);
    };
    let hash = problems_hash(problems.iter().map(|problem| problem.id.as_str()));
    if table.complete_for(&hash, draw.samples)? {
        return Ok(StepState::Done);
    }
    let present = table.present()?;
    let total = problems.len() as u64 * draw.samples;
    let wanted =
        |id: &str, sample: u64| sample < draw.samples && problems.iter().any(|problem| problem.id == id);
    let done = present.iter().filter(|(id, sample)| wanted(id, *sample)).count() as u64;
    Ok(match done {
        0 => StepState::ToDo,
        done if done >= total => StepState::Done,
        done => StepState::Partly { done, total },
    })
}
