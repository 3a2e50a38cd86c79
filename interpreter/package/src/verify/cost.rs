//! What a level will cost, said before it begins.

use super::{Local, Opened, sample};
use crate::error::PackError;
use rlx_plan::{Action, Step};
use rlx_run::{Times, trial};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, time::Instant};

/// One level's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    pub level: u8,
    /// What is done, with its count.
    pub work: String,
    /// About how long it takes here; None where nothing is known of it.
    pub seconds: Option<f64>,
    /// What the time rests on, or why there is none.
    pub basis: String,
    /// How long it took in the end; None before.
    pub took: Option<f64>,
}

impl Cost {
    /// Level 0: `bytes` as they lie in the archive and unfolded.
    pub fn of_hashes(bytes: u64) -> Cost {
        let block = vec![7_u8; 8 << 20];
        let clock = Instant::now();
        std::hint::black_box(Sha256::digest(&block));
        let rate = block.len() as f64 / clock.elapsed().as_secs_f64().max(1e-9);
        Cost {
            level: 0,
            work: format!("hashes of {:.1} MB", bytes as f64 / 1e6),
            seconds: Some(bytes as f64 / rate),
            basis: "a trial of 8 MB here".into(),
            took: None,
        }
    }
}

/// Estimates the levels above 0 of one pack.
pub struct Estimator<'a> {
    opened: &'a Opened,
    times: Times,
    /// How many times as long this machine takes as the one that packed it did; None where that one left no trial.
    slower: Option<f64>,
}

impl<'a> Estimator<'a> {
    /// Tries this machine, for a fraction of a second.
    pub fn new(opened: &'a Opened) -> Estimator<'a> {
        let times = Times::read(&opened.folder.path().join("results"));
        let slower = times.trial.filter(|then| *then > 0.0).map(|then| trial() / then);
        Estimator {
            opened,
            times,
            slower,
        }
    }

    fn cost(&self, level: u8, work: String, packed: Option<f64>, how: &str) -> Cost {
        let Some(packed) = packed else {
            return Cost {
                level,
                work,
                seconds: None,
                basis: format!("{how}: the pack does not say how long that took"),
                took: None,
            };
        };
        let (slower, said) = match self.slower {
            Some(slower) => (slower, format!("times {slower:.2} by a trial of this machine")),
            None => (
                1.0,
                "as on the machine that packed it, which left no trial to compare".into(),
            ),
        };
        Cost {
            level,
            work,
            seconds: Some(packed * slower),
            basis: format!("{how}, {said}"),
            took: None,
        }
    }

    /// Level 1.
    pub fn recompute(&self) -> Cost {
        let study = self.opened.study();
        let bootstrapped = study.outputs.len() + study.claims.len();
        self.cost(
            1,
            format!("{bootstrapped} figures, tables and claims from the rows; no model is needed"),
            self.times.report,
            "as long as making them took",
        )
    }

    /// Level 2.
    pub fn judge(&self) -> Cost {
        let (mut sets, mut samples_in_all) = (0, 0);
        for step in &self.opened.plan.steps {
            if let Action::Judge { samples, .. } = &step.action {
                sets += 1;
                if let Some(Action::Sample(draw)) =
                    self.opened.plan.steps.get(*samples).map(|step| &step.action)
                {
                    samples_in_all += draw.samples;
                }
            }
        }
        let judged = |step: &&Step| matches!(step.action, Action::Judge { .. });
        let seconds = self.sum(
            &mut self.opened.plan.steps.iter().filter(judged).collect::<Vec<_>>(),
            false,
        );
        self.cost(
            2,
            format!("{sets} sets of responses judged again, {samples_in_all} samples a problem in all"),
            seconds,
            "as long as judging took",
        )
    }

    /// Level 3: what can be drawn here, at the speed in tokens at which it was drawn.
    ///
    /// # Errors
    /// Rows or a model that cannot be read.
    pub fn sample(&self, local: &Local) -> Result<Cost, PackError> {
        let here = self.opened.here(local);
        let clock = Instant::now();
        let (mut sets, mut responses, mut tokens, mut seconds) = (0, 0, 0, Some(0.0));
        for step in &self.opened.plan.steps {
            let Action::Sample(draw) = &step.action else {
                continue;
            };
            match sample::model_at(self.opened, &here, draw, local) {
                Ok(_) => {}
                Err(PackError::Missing(_)) => continue,
                Err(error) => return Err(error),
            }
            let rows = self.opened.store().samples(&step.key.folder()).read()?;
            let rows = sample::spread(rows, sample::responses_to_draw());
            let own: u64 = rows.iter().map(rlx_store::Response::length).sum();
            (sets, responses, tokens) = (sets + 1, responses + rows.len(), tokens + own);
            let speed = self.times.of(step).filter(|(_, tokens)| *tokens > 0);
            seconds = seconds
                .zip(speed)
                .map(|(sum, (seconds, drawn))| sum + seconds * own as f64 / drawn as f64);
        }
        let work = format!(
            "{responses} responses drawn again, {tokens} tokens, at most 59 of each of {sets} sets whose model is here"
        );
        if sets == 0 {
            return Ok(Cost {
                level: 3,
                work,
                seconds: Some(0.0),
                basis: "no model of the study is here".into(),
                took: None,
            });
        }
        let mut cost = self.cost(
            3,
            work,
            seconds,
            &format!("at the speed of the packed run{}", self.device()),
        );
        // The rows are read once more, and on this machine.
        let reading = clock.elapsed().as_secs_f64();
        cost.seconds = cost.seconds.map(|seconds| seconds + reading);
        Ok(cost)
    }

    /// Level 4.
    pub fn again(&self) -> Cost {
        let done = |step: &&Step| !matches!(step.action, Action::Analyse { .. } | Action::Report);
        let mut steps: Vec<&Step> = self.opened.plan.steps.iter().filter(done).collect();
        let seconds = self.sum(&mut steps, true);
        let report = self.times.report.unwrap_or(0.0);
        self.cost(
            4,
            "the whole study again, trained, drawn, scored and judged".into(),
            seconds.map(|seconds| seconds + report),
            &format!("as long as all its steps and the report took{}", self.device()),
        )
    }

    fn device(&self) -> String {
        let device = self.times.device();
        device.map(|device| format!(" ({device})")).unwrap_or_default()
    }

    /// Seconds of steps, each key once. With `whole`, also what a run that was ended in between had done before: its times went
    /// with it, but its rows and its training's log say how much there was.
    fn sum(&self, steps: &mut Vec<&Step>, whole: bool) -> Option<f64> {
        let mut seen = BTreeSet::new();
        steps.retain(|step| seen.insert(step.key));
        let mut total = None;
        for step in steps {
            let Some((mut seconds, tokens)) = self.times.of(step) else {
                continue;
            };
            match &step.action {
                Action::Sample(_) if whole && tokens > 0 => {
                    let rows = self
                        .opened
                        .store()
                        .samples(&step.key.folder())
                        .read()
                        .unwrap_or_default();
                    let all: u64 = rows.iter().map(rlx_store::Response::length).sum();
                    seconds *= (all as f64 / tokens as f64).max(1.0);
                }
                Action::Train(_) if whole => seconds = seconds.max(self.logged(step)),
                _ => {}
            }
            total = Some(total.unwrap_or(0.0) + seconds);
        }
        total
    }

    /// Seconds of a training's steps, as it logged them.
    fn logged(&self, step: &Step) -> f64 {
        let path = self
            .opened
            .store()
            .training(&step.key.folder())
            .join("metrics.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let seconds = |line: &serde_json::Value, name: &str| {
            line.get(name).and_then(serde_json::Value::as_f64).unwrap_or(0.0)
        };
        lines
            .map(|line| seconds(&line, "rollout_seconds") + seconds(&line, "update_seconds"))
            .sum()
    }
}
