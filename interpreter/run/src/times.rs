//! What earlier runs took, kept beside the results: `times.json`. Nothing is counted from it; it says what doing the same again
//! would take.

use crate::{DeviceReport, RunError, present::Presented, state::StepState};
use rlx_analysis::{Resampling, pass_of_counts};
use rlx_plan::Step;
use rlx_store::file;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, time::Instant};

const NAME: &str = "times.json";

/// Seconds and tokens of a study's steps, and of what was made of their rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Seconds and tokens by step and key, over all runs that worked on it.
    pub(crate) steps: BTreeMap<String, (f64, u64)>,
    pub(crate) device: Option<DeviceReport>,
    /// Seconds in which tables, figures, claims and the page were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<f64>,
    /// Seconds that [`trial`] took on the same machine at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<f64>,
}

impl Times {
    /// What was kept in a folder of results; empty where nothing was.
    pub fn read(results: &Path) -> Times {
        std::fs::read(results.join(NAME))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    fn write(&self, results: &Path) -> Result<(), RunError> {
        file::create_folder(results)?;
        Ok(file::write_json(&results.join(NAME), self)?)
    }

    /// Seconds and tokens of a step. Steps with one key share their rows, and whichever drew them says how long it took.
    pub fn of(&self, step: &Step) -> Option<(f64, u64)> {
        let own = format!("{} ", step.key.short());
        let all = self.steps.iter().filter(|(name, _)| name.starts_with(&own));
        all.map(|(_, time)| *time)
            .max_by(|a, b| a.1.cmp(&b.1).then(a.0.total_cmp(&b.0)))
    }

    /// Of a step by its own name.
    pub(crate) fn named(&self, step: &Step) -> Option<(f64, u64)> {
        self.steps.get(&time_name(step)).copied()
    }

    /// What computed, as it named itself: `cpu`, `cuda:0`.
    pub fn device(&self) -> Option<&str> {
        self.device.as_ref().map(|device| device.device.as_str())
    }
}

/// Adds this run's times to those of earlier ones.
pub(crate) fn keep_times(presented: &Presented<'_>, results: &Path) -> Result<Times, RunError> {
    let mut times = Times::read(results);
    for ran in &presented.journal.steps {
        if let Some(step) = presented.plan.step(&ran.name) {
            let name = time_name(step);
            let before = match ran.before {
                StepState::Partly { .. } => times.steps.get(&name).copied().unwrap_or_default(),
                StepState::ToDo | StepState::Done => (0.0, 0),
            };
            times
                .steps
                .insert(name, (before.0 + ran.seconds, before.1 + ran.tokens));
        }
    }
    if presented.device.is_some() {
        times.device.clone_from(&presented.device);
    }
    times.write(results)?;
    Ok(times)
}

/// Keeps how long it took to make tables, figures, claims and the page, with a trial of the machine as it is now.
///
/// # Errors
/// A folder that cannot be written.
pub fn keep_report_time(results: &Path, seconds: f64) -> Result<(), RunError> {
    let times = Times {
        report: Some(seconds),
        trial: Some(trial()),
        ..Times::read(results)
    };
    times.write(results)
}

fn time_name(step: &Step) -> String {
    format!("{} {}", step.key.short(), step.name)
}

/// Seconds of a fixed piece of work on all cores, the middle of three: pass@k with intervals of 256 made-up problems. What
/// else the machine is doing counts as well, as it does for what is estimated by it.
pub fn trial() -> f64 {
    let counts: Vec<(String, u32, u32)> = (0..256_u32)
        .map(|problem| (problem.to_string(), 64, problem * problem % 65))
        .collect();
    let mut seconds = [0.0; 3];
    for (seed, seconds) in (0..).zip(&mut seconds) {
        let clock = Instant::now();
        // What comes out is of no interest; it is the same each time.
        let _ = std::hint::black_box(pass_of_counts(
            "trial",
            &counts,
            &[1, 4, 16, 64],
            &Resampling::new(seed),
            0.95,
        ));
        *seconds = clock.elapsed().as_secs_f64();
    }
    seconds.sort_by(f64::total_cmp);
    seconds[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_older_runs_are_read() {
        let times: Times = serde_json::from_str(r#"{"steps":{"0123456789 judge a":[2.5,0]},"device":null}"#)
            .unwrap_or_default();
        assert_eq!(times.steps.len(), 1);
        assert_eq!((times.report, times.trial, times.device()), (None, None, None));
        assert!(trial() > 0.0);
    }
}
