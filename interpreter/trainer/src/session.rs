//! What every training loop has in common: the trainable model with its optimizer, and a working directory that a
//! killed run goes on from.
//!
//! Layout: `metrics.jsonl`, one line a step; `checkpoints/step-000020/`, a Hugging Face directory; `resume/`, one
//! complete state. All randomness is a function of (seed, step), so the steps between the last saved state and a crash are
//! done again with the same result.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rlx_engine::{Finish, LanguageModel, Tokenizer};
use serde::Serialize;

use crate::batch::numbers;
use crate::critic::Critic;
use crate::export;
use crate::metrics::{MetricsFile, read_metrics};
use crate::optimizer::{Learning, Optimizer};
use crate::spec::{OptimizerSpec, Tuning};
use crate::state::{self, Counters};
use crate::warnings::Watchdog;
use crate::{Observer, Rollout, StepMetrics, TrainError};

/// Responses of a step that are kept for reading.
const KEPT_ROLLOUTS: usize = 64;

/// Seconds of work after which the tables for other tools are made anew.
const EXPORT_SECONDS: f64 = 30.0;

/// Share of the time that saving the state may take.
const SAVING_SHARE: f64 = 0.05;

/// The losses of the micro-batches of one update.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Update {
    pub(crate) loss: f64,
    pub(crate) grad_norm: f64,
    /// False: loss or gradient was not finite and the weights are as before.
    pub(crate) applied: bool,
}

/// What a run is made with, as far as the loops share it.
pub(crate) struct Setting<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) optimizer: &'a OptimizerSpec,
    pub(crate) steps: u64,
    pub(crate) keep: &'a [u64],
    pub(crate) tuning: Tuning,
    /// Of the run; fresh low-rank changes begin with it.
    pub(crate) seed: u64,
}

pub(crate) struct Session<'a> {
    setting: Setting<'a>,
    /// Requires grad; in the precision of the start model. The optimizer holds masters in fp32 where that is another one.
    pub(crate) model: LanguageModel,
    optimizer: Optimizer,
    pub(crate) critic: Option<Critic>,
    pub(crate) counters: Counters,
    metrics: MetricsFile,
    /// Seconds of work since the state was last saved, and what the last save took.
    unsaved_seconds: f64,
    save_seconds: f64,
    saved_step: Option<u64>,
    unexported_seconds: f64,
    watchdog: Watchdog,
}

impl<'a> Session<'a> {
    /// Opens the working directory and goes to where the last saved state is.
    pub(crate) fn open(
        start: &LanguageModel,
        setting: Setting<'a>,
        spec: &impl Serialize,
        mut critic: Option<Critic>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let dir = setting.dir;
        let checkpoints = dir.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(TrainError::io(&checkpoints))?;
        remove_leftovers(&checkpoints)?;
        let run = fingerprint(start, spec)?;
        let model = setting.tuning.trainable(start, setting.seed)?;
        let mut optimizer = Optimizer::new(model.trained_parameters(), setting.optimizer.rule)?;
        let mut optimizers = vec![&mut optimizer];
        optimizers.extend(critic.as_mut().map(|critic| &mut critic.optimizer));
        let found = state::load(dir, &run, &mut optimizers)?;
        let saved_step = found.as_ref().map(|counters| counters.step);
        let counters = found.unwrap_or(Counters {
            run,
            step: 0,
            updates: 0,
            skipped_in_a_row: 0,
            critic_updates: 0,
            draws: 0,
            kl_coefficient: None,
        });
        let metrics = MetricsFile::open(dir, counters.step)?;
        let mut watchdog = Watchdog::default();
        for seen in read_metrics(dir)? {
            // What there was to say of these steps was said when they were done.
            watchdog.see(&seen);
        }
        let session = Self {
            metrics,
            watchdog,
            unexported_seconds: 0.0,
            setting,
            model,
            optimizer,
            critic,
            counters,
            unsaved_seconds: 0.0,
            save_seconds: 0.0,
            saved_step,
        };
        if session.counters.step == 0 {
            session.keep(0, observer)?;
        }
        Ok(session)
    }

    /// The step to be done next; `None` after the last.
    pub(crate) fn next_step(&self) -> Option<u64> {
        (self.counters.step < self.setting.steps).then_some(self.counters.step + 1)
    }

    pub(crate) fn learning_rate(&self) -> f64 {
        let next = (self.counters.step + 1).min(self.setting.steps);
        self.setting.optimizer.rate_at(next, self.setting.steps)
    }

    /// One optimizer update. `backward` adds gradients to the model's parameters (which start at 0) and returns the loss;
    /// `ids` names the batch for the message of a run that diverged.
    pub(crate) fn update(
        &mut self,
        backward: impl FnOnce(&Learning<'_>) -> Result<f64, TrainError>,
        ids: impl FnOnce() -> Vec<String>,
    ) -> Result<Update, TrainError> {
        self.optimizer.zero_grad()?;
        let loss = backward(&self.optimizer.learning(&self.model))?;
        let grad_norm = self.optimizer.grad_norm()?;
        let applied = loss.is_finite() && grad_norm.is_finite();
        if applied {
            self.optimizer
                .step(self.setting.optimizer, self.learning_rate(), grad_norm)?;
            self.counters.updates = self.optimizer.updates;
            self.counters.skipped_in_a_row = 0;
        } else {
            self.skipped(ids)?;
        }
        Ok(Update {
            loss,
            grad_norm,
            applied,
        })
    }

    /// Counts an update that was left out.
    pub(crate) fn skipped(&mut self, ids: impl FnOnce() -> Vec<String>) -> Result<(), TrainError> {
        self.counters.skipped_in_a_row += 1;
        if self.counters.skipped_in_a_row < self.setting.optimizer.skip_limit {
            return Ok(());
        }
        Err(TrainError::Diverged {
            step: self.counters.step + 1,
            count: self.counters.skipped_in_a_row,
            ids: ids(),
        })
    }

    /// Ends a step: writes its measures, keeps a checkpoint if it is one to keep, tells the observer, saves the state when
    /// that is due. `seconds` is what the step took.
    pub(crate) fn finish_step(
        &mut self,
        metrics: &StepMetrics,
        seconds: f64,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        self.counters.step = metrics.step;
        self.metrics.append(metrics)?;
        self.keep(metrics.step, observer)?;
        for text in self.watchdog.see(metrics) {
            observer.warning(&text);
        }
        let go_on = observer.step(metrics);
        self.unsaved_seconds += seconds;
        let due = self.save_seconds <= SAVING_SHARE * self.unsaved_seconds;
        let last = self.counters.step == self.setting.steps;
        if due || last || !go_on {
            self.save()?;
        }
        self.unexported_seconds += seconds;
        if last || !go_on || self.unexported_seconds > EXPORT_SECONDS {
            export::write(self.setting.dir, &read_metrics(self.setting.dir)?)?;
            self.unexported_seconds = 0.0;
        }
        if go_on || last {
            return Ok(());
        }
        Err(TrainError::Stopped { step: metrics.step })
    }

    /// Saves the state unless it is saved already.
    pub(crate) fn save(&mut self) -> Result<(), TrainError> {
        if self.saved_step == Some(self.counters.step) {
            return Ok(());
        }
        let start = Instant::now();
        self.metrics.sync()?;
        let mut optimizers = vec![&self.optimizer];
        if let Some(critic) = &self.critic {
            self.counters.critic_updates = critic.optimizer.updates;
            optimizers.push(&critic.optimizer);
        }
        state::save(self.setting.dir, &self.counters, &optimizers)?;
        self.save_seconds = start.elapsed().as_secs_f64();
        self.unsaved_seconds = 0.0;
        self.saved_step = Some(self.counters.step);
        Ok(())
    }

    /// Keeps some of a step's responses for reading: `rollouts/step-000010.jsonl`, a line a response, for the first step,
    /// every tenth and the last.
    pub(crate) fn keep_rollouts(&self, step: u64, rollouts: &[Rollout<'_>]) -> Result<(), TrainError> {
        if step != 1 && !step.is_multiple_of(10) && step != self.setting.steps {
            return Ok(());
        }
        let folder = self.setting.dir.join("rollouts");
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let mut text = String::new();
        for rollout in rollouts.iter().take(KEPT_ROLLOUTS) {
            let line = serde_json::json!({
                "prompt": rollout.prompt, "number": rollout.number, "reward": rollout.reward,
                "advantage": rollout.advantage, "truncated": rollout.finish == Finish::Length,
                "text": self.setting.tokenizer.decode(rollout.tokens, false)?,
            });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        let path = folder.join(format!("step-{step:06}.jsonl"));
        let fresh = path.with_extension("tmp");
        std::fs::write(&fresh, text).map_err(TrainError::io(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(TrainError::io(&path))
    }

    /// Writes the weights as a checkpoint if `step` is one to keep.
    fn keep(&self, step: u64, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if self.setting.keep.contains(&step) {
            let dir = checkpoint_dir(self.setting.dir, step);
            self.model.save(&dir, Some(self.setting.tokenizer))?;
            observer.checkpoint(step, &dir);
        }
        Ok(())
    }
}

/// Where the checkpoint of a step lies.
fn checkpoint_dir(dir: &Path, step: u64) -> PathBuf {
    dir.join("checkpoints").join(format!("step-{step:06}"))
}

/// Removes what a killed run left half-written: the engine writes to a hidden folder before it renames.
fn remove_leftovers(checkpoints: &Path) -> Result<(), TrainError> {
    let entries = std::fs::read_dir(checkpoints).map_err(TrainError::io(checkpoints))?;
    for entry in entries {
        let entry = entry.map_err(TrainError::io(checkpoints))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(TrainError::io(&path))?;
        }
    }
    Ok(())
}

/// A hash of the settings and the start weights: what a saved state belongs to.
fn fingerprint(start: &LanguageModel, spec: &impl Serialize) -> Result<String, TrainError> {
    let mut hasher = blake3::Hasher::new();
    let text = serde_json::to_string(spec).map_err(|error| TrainError::Spec {
        field: "spec",
        what: error.to_string(),
    })?;
    hasher.update(text.as_bytes());
    hasher.update(format!("{:?}", start.precision()).as_bytes());
    for (name, tensor) in start.parameters() {
        hasher.update(name.as_bytes());
        for value in numbers(&tensor)? {
            hasher.update(&value.to_le_bytes());
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Silent, support};

    #[test]
    fn updates_that_are_not_finite_leave_the_weights_alone() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = support::tokenizer(folder.path());
        let start = support::model(true, 1);
        let optimizer = support::optimizer(1e-2);
        let setting = Setting {
            dir: &folder.path().join("run"),
            tokenizer: &tokenizer,
            optimizer: &optimizer,
            steps: 10,
            keep: &[],
            tuning: Tuning::default(),
            seed: 1,
        };
        let mut session = Session::open(&start, setting, &"test", None, &mut Silent).unwrap();
        // The gradient of every parameter becomes the number; the loss is another one.
        let gradients = |model: &LanguageModel, gradient: f64, loss: f64| {
            for (_, parameter) in model.parameters() {
                (parameter * gradient).sum(tch::Kind::Float).backward();
            }
            Ok(loss)
        };
        for (gradient, loss) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
            let update = session
                .update(|learning| gradients(learning.model, gradient, loss), Vec::new)
                .unwrap();
            assert!(!update.applied);
            assert!(support::bits(&session.model) == support::bits(&start));
        }
        // A good update in between starts the count of bad ones anew.
        let update = session
            .update(|learning| gradients(learning.model, 1.0, 1.0), Vec::new)
            .unwrap();
        assert!(update.applied);
        let weights = support::bits(&session.model);
        assert!(weights != support::bits(&start));
        for _ in 1..optimizer.skip_limit {
            assert!(
                !session
                    .update(|learning| gradients(learning.model, f64::NAN, 1.0), Vec::new)
                    .unwrap()
                    .applied
            );
        }
        let last = session.update(
            |learning| gradients(learning.model, f64::NAN, 1.0),
            || vec!["p7".to_owned()],
        );
        let message = last.unwrap_err().to_string();
        assert!(message.contains("step 1") && message.contains("p7"), "{message}");
        assert!(support::bits(&session.model) == weights);
    }
}
