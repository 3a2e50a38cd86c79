//! What is measured at every step, and the file that keeps it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Measures of one step. All but the two times are the same in every run with the same settings on the same machine. What
/// does not apply to a kind of training (rewards in SFT) or was not measured is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepMetrics {
    /// The step, from 1.
    pub step: u64,
    /// The loss before the update; the mean over the step's updates where there are several.
    pub loss: Option<f64>,
    /// Norm of the gradient before clipping; mean over updates.
    pub grad_norm: Option<f64>,
    pub learning_rate: f64,
    /// Tokens that carry the loss: response tokens.
    pub tokens: u64,
    /// Updates of this step that were left out because loss or gradient was not finite.
    pub skipped_updates: u32,
    /// Mean entropy (nats) of the next-token distribution over response tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// Mean reward over the judged responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward_mean: Option<f64>,
    /// Their standard deviation (ddof 0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward_std: Option<f64>,
    /// Share of prompts of which a response has a positive reward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solved_share: Option<f64>,
    /// Mean length of a response in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_mean: Option<f64>,
    /// Share of responses that reached the token limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_share: Option<f64>,
    /// Batches of prompts drawn for this step, where sampling is dynamic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<u64>,
    /// Loss of the critic, mean over updates, and the share of tokens whose value was clipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_clip_fraction: Option<f64>,
    /// Share of response tokens that a correction or the masking of truncated responses left out of the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_share: Option<f64>,
    /// Mean importance weight of the rollout correction, and the share of tokens that its weights are worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_effective: Option<f64>,
    /// Coefficient of the KL penalty, where it adapts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_coefficient: Option<f64>,
    /// Mean KL estimate to the start model over response tokens, where a KL penalty is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl: Option<f64>,
    /// Share of response tokens whose probability ratio was clipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_fraction: Option<f64>,
    /// Mean |log-prob in the rollout - log-prob in training| over response tokens: how far the two numeric paths differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_logprob_difference: Option<f64>,
    /// Prompts whose responses all have the same reward: nothing to learn from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_groups: Option<u64>,
    /// Share of all groups drawn whose rewards are all equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_group_share: Option<f64>,
    /// Responses that could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unjudged: Option<u64>,
    /// Seconds of sampling and judging.
    pub rollout_seconds: f64,
    /// Seconds of the rest.
    pub update_seconds: f64,
}

impl StepMetrics {
    /// The same measures with the times set to 0: what two runs have in common.
    pub fn without_times(&self) -> Self {
        Self {
            rollout_seconds: 0.0,
            update_seconds: 0.0,
            ..self.clone()
        }
    }
}

/// The measures in a run's working directory, in the order of steps. A last line that was cut off is left out.
///
/// # Errors
/// [`TrainError::Io`] when the file cannot be read, [`TrainError::Corrupt`] for a line in the middle that is none.
pub fn read_metrics(dir: &Path) -> Result<Vec<StepMetrics>, TrainError> {
    let path = path_in(dir);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TrainError::io(&path)(error)),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| TrainError::Corrupt {
                path: path.clone(),
                what: format!("line {} is no step's measures ({error})", number + 1),
                mend: "delete the run's directory and start the run again",
            })
        })
        .collect()
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("metrics.jsonl")
}

/// `metrics.jsonl`, open for appending.
pub(crate) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file and cuts it back to steps up to `step`, so that a resumed run writes no line twice.
    pub(crate) fn open(dir: &Path, step: u64) -> Result<Self, TrainError> {
        let path = path_in(dir);
        let kept: Vec<_> = read_metrics(dir)?
            .into_iter()
            .filter(|line| line.step <= step)
            .collect();
        if kept.len() as u64 != step {
            return Err(TrainError::Corrupt {
                what: format!(
                    "holds {} of the {step} steps that the saved state has behind it",
                    kept.len()
                ),
                path,
                mend: "delete the run's directory and start the run again",
            });
        }
        let mut text = String::new();
        for line in &kept {
            text.push_str(&line_of(line, &path)?);
        }
        let fresh = dir.join("metrics.jsonl.tmp");
        std::fs::write(&fresh, text).map_err(TrainError::io(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(TrainError::io(&path))?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(TrainError::io(&path))?;
        Ok(Self { path, file })
    }

    /// Appends one step in a single write.
    pub(crate) fn append(&mut self, metrics: &StepMetrics) -> Result<(), TrainError> {
        let line = line_of(metrics, &self.path)?;
        self.file
            .write_all(line.as_bytes())
            .map_err(TrainError::io(&self.path))
    }

    /// Waits until the lines are on the disk: a saved state must never be ahead of them.
    pub(crate) fn sync(&self) -> Result<(), TrainError> {
        self.file.sync_data().map_err(TrainError::io(&self.path))
    }
}

fn line_of(metrics: &StepMetrics, path: &Path) -> Result<String, TrainError> {
    let mut line =
        serde_json::to_string(metrics).map_err(|error| TrainError::io(path)(std::io::Error::other(error)))?;
    line.push('\n');
    Ok(line)
}
