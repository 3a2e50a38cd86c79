//! What the trainings of a study have measured so far, from the files that they write while they run.

use rlx_language::Recipe;
use rlx_plan::{Action, Plan};
use rlx_run::CURVES;
use rlx_store::Store;
use std::path::PathBuf;

/// One training.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    /// Steps in all, where that is known before it runs.
    pub(crate) steps: Option<u64>,
    file: PathBuf,
    /// Bytes of the file when it was last read.
    seen: u64,
    pub(crate) done: u64,
    /// Points (step, value), one list a measure of [`CURVES`].
    pub(crate) values: Vec<Vec<(f64, f64)>>,
}

impl Run {
    fn new(name: String, steps: Option<u64>, file: PathBuf) -> Self {
        Self {
            name,
            steps,
            file,
            seen: 0,
            done: 0,
            values: vec![Vec::new(); CURVES.len()],
        }
    }

    /// Reads the file again if it has changed. A training that has not begun has none.
    pub(crate) fn refresh(&mut self) {
        let size = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        if size == self.seen {
            return;
        }
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        self.seen = bytes.len() as u64;
        self.read(&String::from_utf8_lossy(&bytes));
    }

    /// Takes the lines of the file. A last line that is being written is left out.
    fn read(&mut self, text: &str) {
        self.done = 0;
        self.values.iter_mut().for_each(Vec::clear);
        for line in text.lines() {
            let Ok(metrics) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            let Some(step) = metrics.get("step").and_then(serde_json::Value::as_u64) else {
                continue;
            };
            self.done = step;
            for ((field, _), values) in CURVES.iter().zip(&mut self.values) {
                if let Some(value) = metrics.get(*field).and_then(serde_json::Value::as_f64) {
                    values.push((step as f64, value));
                }
            }
        }
    }

    /// The measures that there are, with their points.
    pub(crate) fn measured(&self) -> impl Iterator<Item = (&'static str, &[(f64, f64)])> {
        let named = CURVES.iter().map(|(_, name)| *name).zip(&self.values);
        named
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| (name, values.as_slice()))
    }

    /// `rl: 24/80 steps · reward 0.312 · loss 0.001`
    pub(crate) fn line(&self) -> String {
        let mut line = match self.steps {
            Some(steps) => format!("{}: {}/{steps} steps", self.name, self.done),
            None => format!("{}: {} steps", self.name, self.done),
        };
        for (name, values) in self.measured() {
            if let Some((_, value)) = values.last() {
                line.push_str(&format!(" · {name} {value:.3}"));
            }
        }
        line
    }
}

/// The trainings of a plan, as far as they have come.
pub(crate) fn runs(plan: &Plan, store: &Store) -> Vec<Run> {
    let mut runs: Vec<Run> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Train(train) => {
                let steps = match &train.training.recipe {
                    Recipe::Rl { steps, .. } | Recipe::Sft { steps, .. } => Some(*steps),
                    Recipe::Distill { .. } => None,
                };
                let file = store.training(&step.key.folder()).join("metrics.jsonl");
                Some(Run::new(train.training.name.clone(), steps, file))
            }
            _ => None,
        })
        .collect();
    runs.iter_mut().for_each(Run::refresh);
    runs
}

#[cfg(test)]
pub(crate) fn sample() -> Run {
    let mut run = Run::new("rl".into(), Some(80), PathBuf::new());
    let mut text = String::new();
    for step in 1..=40 {
        let reward = f64::from(step) / 50.0;
        text.push_str(&format!(
            "{{\"step\":{step},\"reward_mean\":{reward},\"loss\":null}}\n"
        ));
    }
    text.push_str("{\"step\":41,\"rew");
    run.read(&text);
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_being_written_is_left_out() {
        let run = sample();
        assert_eq!(run.done, 40);
        assert_eq!(run.line(), "rl: 40/80 steps · reward 0.800");
        assert_eq!(run.measured().count(), 1, "a loss that is null is no measure");
    }

    #[test]
    fn a_file_that_grows_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("metrics.jsonl");
        let mut run = Run::new("rl".into(), None, file.clone());
        run.refresh();
        assert_eq!(run.line(), "rl: 0 steps");
        std::fs::write(&file, "{\"step\":1,\"loss\":2.5}\n").expect("is written");
        run.refresh();
        assert_eq!(run.line(), "rl: 1 steps · loss 2.500");
    }
}
