//! The two intervals of a measured number, at any level: what is sorted and simulated once for all of them.

use std::sync::OnceLock;

use crate::interval::{self, Influence, Sorted};
use crate::measured::Measured;
use crate::resampling::Resampling;
use crate::results::{Estimate, Interval};

/// Where a number may lie, for these problems and for problems like these.
#[derive(Debug)]
pub(crate) struct Intervals {
    value: f64,
    bounds: (f64, f64),
    jumps: bool,
    /// Estimates minus truths of simulated worlds; None where nothing varies.
    errors: Option<Sorted>,
    /// Truths of worlds whose estimates vary too.
    truths: Option<Sorted>,
    /// The smallest number of problems; None for a constant.
    problems: Option<usize>,
    across: Sorted,
    influences: Vec<Influence>,
    resampling: Resampling,
    /// With a problem that was not seen (see `interval.rs`), where few problems carry the number.
    unseen: OnceLock<Option<[Sorted; 2]>>,
}

impl Intervals {
    pub(crate) fn new(measured: &Measured, resampling: &Resampling) -> Self {
        let (estimates, truths) = &measured.within;
        let at = |series: &[f64], i: usize| series.get(i).copied().unwrap_or(measured.value);
        let worlds = estimates.len().max(truths.len());
        Intervals {
            value: measured.value,
            bounds: measured.bounds,
            jumps: measured.jumps,
            errors: (worlds > 0).then(|| Sorted::new((0..worlds).map(|i| at(estimates, i) - at(truths, i)))),
            truths: (!estimates.is_empty() && !truths.is_empty())
                .then(|| Sorted::new(truths.iter().copied())),
            problems: measured.fewest_problems(),
            across: Sorted::new(measured.across.iter().copied()),
            influences: if measured.jumps {
                Vec::new()
            } else {
                measured.influences()
            },
            resampling: *resampling,
            unseen: OnceLock::new(),
        }
    }

    /// Where the number may lie for the same problems: None where simulated worlds leave it undefined.
    pub(crate) fn these_problems(&self, confidence: f64) -> Option<Interval> {
        let Some(errors) = &self.errors else {
            return finite((self.value, self.value));
        };
        let (low, high) = errors.central(1.0 - confidence);
        let (mut low, mut high) = (self.value - high, self.value - low);
        if let Some(truths) = &self.truths {
            // Near an edge the errors of the worlds shrink with their truths, and the pivot of a number that came out high
            // is too short (79 to 88% instead of 95% where pass@k is near 1): where the truths of the worlds themselves
            // reach further, the interval reaches as far as they do.
            let (from, to) = truths.central(1.0 - confidence);
            (low, high) = (low.min(from), high.max(to));
        }
        finite(self.clip((low, high)))
    }

    /// Where the number may lie for other problems of the same kind: None where resamples leave it undefined.
    pub(crate) fn problems_like_these(&self, confidence: f64) -> Option<Interval> {
        let Some(count) = self.problems else {
            return finite((self.value, self.value));
        };
        if self.jumps {
            return finite(self.clip(self.across.central(1.0 - confidence)));
        }
        let alpha = interval::expanded(1.0 - confidence, count, &self.influences);
        let plain = self.across.central(alpha);
        if !interval::sparse(&self.influences) {
            return finite(self.clip(plain));
        }
        let unseen = self
            .unseen
            .get_or_init(|| interval::with_an_unseen_problem(self.value, &self.influences, &self.resampling));
        let (low, high) = match unseen {
            Some([down, up]) => (down.central(1.0 - confidence).0, up.central(1.0 - confidence).1),
            None => (f64::NEG_INFINITY, f64::INFINITY),
        };
        finite(self.clip((plain.0.min(low), plain.1.max(high))))
    }

    pub(crate) fn estimate(&self, confidence: f64) -> Estimate {
        Estimate {
            value: Some(self.value),
            these_problems: self.these_problems(confidence),
            problems_like_these: self.problems_like_these(confidence),
        }
    }

    fn clip(&self, (low, high): (f64, f64)) -> (f64, f64) {
        (low.max(self.bounds.0), high.min(self.bounds.1))
    }
}

fn finite((low, high): (f64, f64)) -> Option<Interval> {
    (low.is_finite() && high.is_finite()).then_some(Interval { low, high })
}
