//! A measured number together with everything that says how far it may be off, closed under arithmetic.

use std::collections::BTreeMap;

use crate::interval::{self, Influence};
use crate::intervals::Intervals;
use crate::resampling::Resampling;
use crate::results::Estimate;

/// A number with its resamples. A series that is empty stands for a number that does not vary.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    /// Values it can take at all.
    pub(crate) bounds: (f64, f64),
    /// Estimate and truth in simulated worlds with the same problems (see `within.rs`).
    pub(crate) within: (Vec<f64>, Vec<f64>),
    /// The number in bootstraps of the problems (see `across.rs`).
    pub(crate) across: Vec<f64>,
    /// What single problems do to it, by list of problems.
    pub(crate) problems: BTreeMap<String, Single>,
    /// It jumps as problems come and go (a k at which curves cross): its interval is the bootstrap's quantiles alone.
    pub(crate) jumps: bool,
}

/// A number without one problem, and with one more.
#[derive(Debug, Clone)]
pub(crate) struct Single {
    /// Without problem i.
    pub(crate) without: Vec<f64>,
    /// With one more problem of the most extreme kinds.
    pub(crate) unseen: (f64, f64),
}

impl Measured {
    /// A number that is known.
    pub(crate) fn constant(value: f64) -> Self {
        Measured {
            value,
            bounds: (value, value),
            within: (Vec::new(), Vec::new()),
            across: Vec::new(),
            problems: BTreeMap::new(),
            jumps: false,
        }
    }

    /// Arithmetic in every resample. `on_ranges` is the same operation on ranges of its operands.
    fn combine(
        &self,
        other: &Measured,
        operation: impl Fn(f64, f64) -> f64 + Copy,
        on_ranges: impl Fn((f64, f64), (f64, f64)) -> (f64, f64),
    ) -> Measured {
        let zip = |a: &[f64], b: &[f64]| -> Vec<f64> {
            match (a.is_empty(), b.is_empty()) {
                (true, true) => Vec::new(),
                (false, true) => a.iter().map(|&a| operation(a, other.value)).collect(),
                (true, false) => b.iter().map(|&b| operation(self.value, b)).collect(),
                (false, false) => a.iter().zip(b).map(|(&a, &b)| operation(a, b)).collect(),
            }
        };
        let fixed = |measured: &Measured| Single {
            without: Vec::new(),
            unseen: (measured.value, measured.value),
        };
        let mut problems = BTreeMap::new();
        for key in self.problems.keys().chain(other.problems.keys()) {
            let a = self.problems.get(key).cloned().unwrap_or_else(|| fixed(self));
            let b = other.problems.get(key).cloned().unwrap_or_else(|| fixed(other));
            let single = Single {
                without: zip(&a.without, &b.without),
                unseen: on_ranges(a.unseen, b.unseen),
            };
            problems.insert(key.clone(), single);
        }
        Measured {
            value: operation(self.value, other.value),
            bounds: on_ranges(self.bounds, other.bounds),
            within: (
                zip(&self.within.0, &other.within.0),
                zip(&self.within.1, &other.within.1),
            ),
            across: zip(&self.across, &other.across),
            problems,
            jumps: self.jumps || other.jumps,
        }
    }

    pub(crate) fn plus(&self, other: &Measured) -> Measured {
        self.combine(other, |a, b| a + b, |a, b| (a.0 + b.0, a.1 + b.1))
    }

    pub(crate) fn minus(&self, other: &Measured) -> Measured {
        self.combine(other, |a, b| a - b, |a, b| (a.0 - b.1, a.1 - b.0))
    }

    pub(crate) fn times(&self, other: &Measured) -> Measured {
        self.combine(
            other,
            |a, b| a * b,
            |a, b| {
                let corners = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
                if corners.iter().any(|corner| corner.is_nan()) {
                    return (f64::NEG_INFINITY, f64::INFINITY);
                }
                (
                    corners.iter().copied().fold(f64::INFINITY, f64::min),
                    corners.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                )
            },
        )
    }

    pub(crate) fn over(&self, other: &Measured) -> Measured {
        self.combine(
            other,
            |a, b| a / b,
            |a, b| match () {
                () if a.0 >= 0.0 && b.0 >= 0.0 && b.1 > 0.0 => {
                    (a.0 / b.1, if b.0 > 0.0 { a.1 / b.0 } else { f64::INFINITY })
                }
                () if b.0 > 0.0 || b.1 < 0.0 => {
                    let corners = [a.0 / b.0, a.0 / b.1, a.1 / b.0, a.1 / b.1];
                    (
                        corners.iter().copied().fold(f64::INFINITY, f64::min),
                        corners.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    )
                }
                () => (f64::NEG_INFINITY, f64::INFINITY),
            },
        )
    }

    /// The larger of two.
    pub(crate) fn larger(&self, other: &Measured) -> Measured {
        self.combine(other, f64::max, |a, b| (a.0.max(b.0), a.1.max(b.1)))
    }

    /// The smaller of two.
    pub(crate) fn smaller(&self, other: &Measured) -> Measured {
        self.combine(other, f64::min, |a, b| (a.0.min(b.0), a.1.min(b.1)))
    }

    /// The same number, known to lie within `bounds`.
    pub(crate) fn bounded(mut self, low: f64, high: f64) -> Measured {
        self.bounds = (self.bounds.0.max(low), self.bounds.1.min(high));
        self
    }

    /// The smallest number of problems it was measured on; None for a constant.
    pub(crate) fn fewest_problems(&self) -> Option<usize> {
        self.problems.values().map(|single| single.without.len()).min()
    }

    pub(crate) fn influences(&self) -> Vec<Influence> {
        let mut influences = Vec::new();
        for (key, single) in &self.problems {
            let count = single.without.len() as f64;
            let of_each = single
                .without
                .iter()
                .map(|without| (count - 1.0) * (self.value - without))
                .collect();
            let jump = |unseen: f64| (count + 1.0) * (unseen - self.value);
            let unseen = (jump(single.unseen.0), jump(single.unseen.1));
            influences.push(Influence::new(key, of_each, unseen, self.value));
        }
        influences
    }

    /// Whether the interval for problems like these is widened because few problems carry the number.
    pub(crate) fn rests_on_few(&self) -> bool {
        !self.jumps && !self.problems.is_empty() && interval::sparse(&self.influences())
    }

    /// Its intervals, at any level.
    pub(crate) fn intervals(&self, resampling: &Resampling) -> Intervals {
        Intervals::new(self, resampling)
    }

    pub(crate) fn estimate(&self, confidence: f64, resampling: &Resampling) -> Estimate {
        self.intervals(resampling).estimate(confidence)
    }
}
