//! Events, not prints: what a run tells whoever listens.

use crate::state::StepState;
use serde::Serialize;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The plan stands: every step with its state before the run.
    Planned {
        steps: Vec<(&'a str, StepState)>,
    },
    StepStarted {
        name: &'a str,
        number: usize,
        of: usize,
        work: Work,
    },
    /// Work done since the step started, in the unit of its [`Work`].
    Progress {
        name: &'a str,
        done: u64,
        tokens: u64,
        note: Option<String>,
    },
    StepFinished {
        name: &'a str,
        seconds: f64,
        tokens: u64,
    },
    Warning {
        text: String,
    },
    /// Everything is written.
    Finished {
        wall: Duration,
    },
}

/// How much a step has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Work {
    pub total: u64,
    /// `responses`, `steps`, …
    pub unit: &'static str,
}

/// Hears events.
pub trait Listener {
    fn hear(&mut self, event: &Event<'_>);
}

/// Hears nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn hear(&mut self, _: &Event<'_>) {}
}
