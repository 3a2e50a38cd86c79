//! What a researcher would want to be told of a run: measures that say that it does not learn, with the numbers.

use std::collections::VecDeque;

use crate::StepMetrics;

/// Steps that a warning looks back at.
const WINDOW: usize = 20;

/// Watches the measures of a run; each warning is given once.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    last: VecDeque<StepMetrics>,
    first_entropy: Option<f64>,
    given: Vec<&'static str>,
}

impl Watchdog {
    /// Takes note of a step and returns what is new to say.
    pub(crate) fn see(&mut self, metrics: &StepMetrics) -> Vec<String> {
        self.first_entropy = self.first_entropy.or(metrics.entropy);
        self.last.push_back(metrics.clone());
        if self.last.len() > WINDOW {
            self.last.pop_front();
        }
        if self.last.len() < WINDOW {
            return Vec::new();
        }
        let found = [
            ("flat", self.flat()),
            ("entropy", self.entropy()),
            ("truncated", self.truncated()),
            ("groups", self.groups()),
        ];
        let mut out = Vec::new();
        for (name, text) in found {
            if let Some(text) = text.filter(|_| !self.given.contains(&name)) {
                self.given.push(name);
                out.push(format!("step {}: {text}", metrics.step));
            }
        }
        out
    }

    fn mean(&self, of: impl Fn(&StepMetrics) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.last.iter().map(of).collect();
        values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn flat(&self) -> Option<String> {
        let spread = self.mean(|step| step.reward_std)?;
        let reward = self.mean(|step| step.reward_mean)?;
        (spread < 0.01).then(|| {
            format!(
                "the rewards of the last {WINDOW} steps are nearly all the same (mean {reward:.3}, standard deviation \
                 {spread:.4}): there is nothing to learn from them"
            )
        })
    }

    fn entropy(&self) -> Option<String> {
        let (first, now) = (self.first_entropy?, self.mean(|step| step.entropy)?);
        (now < 0.1 * first).then(|| {
            format!(
                "entropy has collapsed from {first:.3} to {now:.3} nats a token (mean of {WINDOW} steps); an entropy \
                 bonus, a KL penalty or a lower learning rate would keep it up"
            )
        })
    }

    fn truncated(&self) -> Option<String> {
        let share = self.mean(|step| step.truncated_share)?;
        (share > 0.5).then(|| {
            format!(
                "{:.0}% of the responses of the last {WINDOW} steps reached the token limit; raise `max_tokens`",
                100.0 * share
            )
        })
    }

    fn groups(&self) -> Option<String> {
        let idle = self.mean(|step| step.idle_group_share)?;
        (idle > 0.9).then(|| {
            format!(
                "in {:.0}% of the groups of the last {WINDOW} steps all rewards are equal, so they teach nothing; take \
                 problems of another difficulty, more rollouts, or dynamic sampling",
                100.0 * idle
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64, entropy: f64, idle: f64) -> StepMetrics {
        StepMetrics {
            step,
            entropy: Some(entropy),
            reward_mean: Some(0.5),
            reward_std: Some(0.4),
            truncated_share: Some(0.0),
            idle_group_share: Some(idle),
            ..StepMetrics::default()
        }
    }

    #[test]
    fn warnings_come_once_and_with_numbers() {
        let mut watchdog = Watchdog::default();
        let mut said = Vec::new();
        for number in 1..=60 {
            said.extend(watchdog.see(&step(number, if number < 20 { 2.0 } else { 0.05 }, 0.95)));
        }
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("95%"), "{said:?}");
        assert!(said[1].contains("from 2.000 to"), "{said:?}");
    }

    #[test]
    fn a_healthy_run_is_left_alone() {
        let mut watchdog = Watchdog::default();
        assert!((1..=60).all(|number| watchdog.see(&step(number, 1.5, 0.3)).is_empty()));
    }
}
