//! Scales from numbers to pixels, and the ticks that belong on them.

/// A map of a domain onto pixels, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
    /// Where a linear scale from 0 bends: below it lies a third of the room.
    fold: Option<f64>,
}

/// Share of a folded axis that lies below its bend.
const BELOW_FOLD: f64 = 0.35;

impl Scale {
    /// Linear from `low..=high` onto pixels `from..=to`; an empty domain is widened.
    pub(crate) fn linear(low: f64, high: f64, from: f64, to: f64) -> Scale {
        let (low, high) = if high > low {
            (low, high)
        } else {
            (low - 0.5, low + 0.5)
        };
        Scale {
            low,
            high,
            from,
            to,
            logarithmic: false,
            fold: None,
        }
    }

    /// Linear from 0 to `high` in two parts that meet at `fold`: the upper one has most of the room.
    pub(crate) fn folded(high: f64, fold: f64, from: f64, to: f64) -> Scale {
        Scale {
            fold: (fold > 0.0 && fold < high).then_some(fold),
            ..Scale::linear(0.0, high, from, to)
        }
    }

    pub(crate) fn fold(&self) -> Option<f64> {
        self.fold
    }

    /// Logarithmic; both ends must be above 0, an empty domain is widened by a factor of 2 to each side.
    pub(crate) fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Scale {
        let low = low.max(f64::MIN_POSITIVE);
        let (low, high) = if high > low {
            (low, high)
        } else {
            (low / 2.0, low * 2.0)
        };
        Scale {
            low: libm::log2(low),
            high: libm::log2(high),
            from,
            to,
            logarithmic: true,
            fold: None,
        }
    }

    /// The pixel of a number.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            libm::log2(value.max(f64::MIN_POSITIVE))
        } else {
            value
        };
        let share = match self.fold {
            Some(fold) if value <= fold => BELOW_FOLD * value / fold,
            Some(fold) => BELOW_FOLD + (1.0 - BELOW_FOLD) * (value - fold) / (self.high - fold),
            None => (value - self.low) / (self.high - self.low),
        };
        self.from + share * (self.to - self.from)
    }
}

/// About `target` round numbers (1, 2, 2.5 or 5 times a power of ten) within `low..=high`, with their decimals.
pub(crate) fn nice_ticks(low: f64, high: f64, target: usize) -> (Vec<f64>, usize) {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 || target == 0 {
        return (vec![low], 0);
    }
    let rough = span / target as f64;
    let power = libm::floor(libm::log10(rough));
    let base = libm::pow(10.0, power);
    let (factor, extra) = [(1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0), (10.0, -1)]
        .into_iter()
        .find(|(factor, _)| factor * base >= rough * 0.999)
        .unwrap_or((10.0, -1));
    let step = factor * base;
    let decimals = (-(power as i64) + extra).clamp(0, 6) as usize;
    let first = libm::ceil(low / step - 1e-9) as i64;
    let last = libm::floor(high / step + 1e-9) as i64;
    (
        (first..=last).map(|index| index as f64 * step).collect(),
        decimals,
    )
}

/// Powers of two in `low..=high`, thinned to at most `most` (every second, fourth …).
pub(crate) fn powers_of_two(low: u64, high: u64, most: usize) -> Vec<u64> {
    let all: Vec<u64> = (0..63)
        .map(|exponent| 1u64 << exponent)
        .filter(|power| (low..=high).contains(power))
        .collect();
    let stride = all.len().div_ceil(most.max(1)).max(1);
    all.into_iter().step_by(stride).collect()
}

/// Round numbers on a logarithmic axis, with their decimals: 1, 2, 5 times powers of ten, else linear ones.
pub(crate) fn log_ticks(low: f64, high: f64, most: usize) -> (Vec<f64>, usize) {
    for factors in [
        &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0][..],
        &[1.0, 2.0, 5.0],
        &[1.0, 3.0],
        &[1.0],
    ] {
        let ticks: Vec<f64> = (-6..=12)
            .flat_map(|power| {
                factors
                    .iter()
                    .map(move |factor| factor * libm::pow(10.0, f64::from(power)))
            })
            .filter(|tick| (low * 0.9999..=high * 1.0001).contains(tick))
            .collect();
        if ticks.len() < 2 {
            break;
        }
        if ticks.len() <= most {
            let fractional = ticks.iter().any(|tick| *tick < 10.0 && tick.fract() != 0.0);
            return (ticks, usize::from(fractional));
        }
    }
    nice_ticks(low, high, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            nice_ticks(0.0, 100.0, 5),
            (vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0], 0)
        );
        assert_eq!(nice_ticks(0.0, 1.0, 4).0, vec![0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(nice_ticks(0.0, 1.0, 4).1, 2);
        assert_eq!(nice_ticks(3.0, 3.0, 4).0, vec![3.0]);
        assert_eq!(powers_of_two(1, 256, 12), vec![1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(powers_of_two(1, 1024, 6), vec![1, 4, 16, 64, 256, 1024]);
        assert_eq!(powers_of_two(5, 7, 6), Vec::<u64>::new());
    }

    #[test]
    fn scales_map_ends_to_ends() {
        let scale = Scale::logarithmic(1.0, 256.0, 0.0, 80.0);
        assert_eq!(scale.at(1.0), 0.0);
        assert_eq!(scale.at(16.0), 40.0);
        assert_eq!(scale.at(256.0), 80.0);
        let folded = Scale::folded(1.0, 0.5, 0.0, 100.0);
        assert_eq!([0.0, 0.5, 1.0].map(|value| folded.at(value)), [0.0, 35.0, 100.0]);
        assert!(Scale::linear(2.0, 2.0, 0.0, 10.0).at(2.0).is_finite());
        assert!(Scale::logarithmic(0.0, 0.0, 0.0, 10.0).at(0.0).is_finite());
    }
}
