//! How long a training is and what it keeps.

use super::Elaborator;
use super::checked::{Checked, Owner};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::study::{Optimizer, Schedule};
use crate::unit::Unit;

impl<'a> Elaborator<'a> {
    /// `steps`, or passes over data of a known size.
    pub(super) fn steps(&mut self, checked: &Checked<'a>, data: &str, owner: &Owner) -> Option<u64> {
        let (steps, epochs) = (checked.maybe_count("steps")?, checked.maybe_count("epochs")?);
        match (steps, epochs) {
            (Some(steps), None) => Some(steps),
            (None, Some(epochs)) => {
                let batch = checked.count("batch")?;
                let Some(known) = self.known_problems(data) else {
                    let diagnostic = Diagnostic::error(
                        "rlx::train::length",
                        format!("the length of an epoch is unknown: `{data}` does not say its size"),
                    );
                    let diagnostic = self.at(diagnostic, checked.place("epochs"), "epochs of what length?");
                    let diagnostic = self
                        .at(diagnostic, checked.place("data"), "of unknown size")
                        .help("give the data a `size`, or write `steps`");
                    self.report(diagnostic);
                    return None;
                };
                let steps = known.saturating_mul(epochs).div_ceil(batch).max(1);
                self.computed(
                    &format!("{}.steps", owner.path),
                    super::leaf::grouped(steps),
                    Some(Unit::Steps),
                );
                Some(steps)
            }
            (Some(_), Some(_)) => {
                let diagnostic = Diagnostic::error(
                    "rlx::train::length",
                    "both `steps` and `epochs` say how long the training is",
                );
                let diagnostic = self.at(diagnostic, checked.place("epochs"), "epochs");
                let diagnostic = self
                    .at(diagnostic, checked.place("steps"), "steps")
                    .help("keep one of them");
                self.report(diagnostic);
                None
            }
            (None, None) => {
                let diagnostic =
                    Diagnostic::error("rlx::field::missing", format!("{} has no `steps`", owner.what));
                let diagnostic = self
                    .at(diagnostic, owner.place, "`steps` is missing")
                    .help("add `steps = …`, or `epochs = …`");
                self.report(diagnostic);
                None
            }
        }
    }

    /// The kept steps, ascending, the last one among them.
    pub(super) fn keep(&mut self, checked: &Checked<'a>, steps: u64) -> Option<Vec<u64>> {
        let mut keep = Vec::new();
        let mut good = true;
        for &(step, place) in checked.counts("keep")? {
            if step > steps {
                good = false;
                let diagnostic = Diagnostic::error(
                    "rlx::checkpoint::after_end",
                    format!("step {step} is after the end: the training has {steps} steps"),
                );
                let diagnostic = self.at(diagnostic, place, "never reached");
                let rule = if checked.is_default("steps") {
                    checked.place("epochs")
                } else {
                    checked.place("steps")
                };
                let diagnostic = self
                    .at(diagnostic, rule, format!("{steps} steps"))
                    .help("keep earlier steps, or train longer");
                self.report(diagnostic);
            }
            keep.push(step);
        }
        keep.push(steps);
        keep.sort_unstable();
        keep.dedup();
        good.then_some(keep)
    }

    pub(super) fn check_warmup(
        &mut self,
        record: &Checked<'a>,
        optimizer: &Optimizer,
        steps: u64,
        place: Place,
    ) {
        if optimizer.warmup >= steps && steps > 1 && optimizer.warmup > 0 {
            let falls = if optimizer.schedule == Schedule::Constant {
                ""
            } else {
                " and never falls"
            };
            let diagnostic = Diagnostic::warning(
                "rlx::train::warmup",
                format!("the rate is still rising when the training ends{falls}"),
            );
            let diagnostic = self.at(
                diagnostic,
                record.place("warmup"),
                format!("{} steps of warm-up", optimizer.warmup),
            );
            let diagnostic = self.at(diagnostic, place, format!("{steps} steps in all"));
            self.report(diagnostic);
        }
    }
}
