//! DAPO's dynamic sampling: groups whose responses all have the same reward teach nothing, so they are left out and
//! further prompts are drawn until the batch is full.

/// Whether a group is worth training on: its metric varies (population standard deviation above 0), or it has a single
/// member. Members that could not be judged (NaN) take no part.
pub fn varies(metric: &[f64]) -> bool {
    if metric.len() == 1 {
        return true;
    }
    let mut judged = metric.iter().filter(|value| !value.is_nan());
    let Some(first) = judged.next() else {
        return false;
    };
    judged.any(|value| value != first)
}

/// Where a batch under collection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As many groups as wanted.
    Filled,
    /// Another generation batch is to be drawn.
    NeedsMore,
    /// The bound on generation batches is reached.
    TooMany,
}

/// Collects groups over generation batches.
#[derive(Clone, Copy, Debug)]
pub struct Refill {
    wanted: usize,
    /// Generation batches that may be drawn; 0: no bound.
    most: usize,
    batches: usize,
    kept: usize,
}

impl Refill {
    pub fn new(wanted: usize, most: usize) -> Self {
        Self {
            wanted,
            most,
            batches: 0,
            kept: 0,
        }
    }

    /// Takes note of a generation batch, given the number of its groups that vary.
    pub fn drawn(&mut self, kept: usize) -> Standing {
        self.batches += 1;
        self.kept += kept;
        if self.kept >= self.wanted {
            Standing::Filled
        } else if self.most > 0 && self.batches >= self.most {
            Standing::TooMany
        } else {
            Standing::NeedsMore
        }
    }

    /// Generation batches so far.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Groups kept so far.
    pub fn kept(&self) -> usize {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_vary_are_kept() {
        assert!(varies(&[0.0, 1.0]) && varies(&[0.3]));
        assert!(!varies(&[0.3, 0.3, 0.3]) && !varies(&[f64::NAN, 1.0, 1.0]));
        assert!(!varies(&[f64::NAN, f64::NAN]));
    }

    #[test]
    fn refilling_ends_when_full_or_at_the_bound() {
        let mut refill = Refill::new(4, 2);
        assert_eq!(refill.drawn(3), Standing::NeedsMore);
        assert_eq!(refill.drawn(0), Standing::TooMany);
        let mut refill = Refill::new(4, 0);
        assert_eq!(refill.drawn(0), Standing::NeedsMore);
        assert_eq!(refill.drawn(5), Standing::Filled);
        assert_eq!((refill.batches(), refill.kept()), (2, 5));
    }
}
