//! Three-valued decisions over measured comparisons.

use rlx_language::{Comparison, Condition, Quantity};

use crate::evidence::Evidence;
use crate::intervals::Intervals;
use crate::measured::Measured;
use crate::quantity;
use crate::resampling::Resampling;
use crate::results::{Interval, Verdict};
use crate::undefined::Undefined;

/// Which interval decides.
#[derive(Clone, Copy)]
pub(super) enum View {
    TheseProblems,
    ProblemsLikeThese,
}

/// A measured comparison.
pub(super) struct Compared {
    pub(super) comparison: Comparison,
    pub(super) sides: (Quantity, Quantity),
    pub(super) values: (f64, f64),
    /// Left minus right.
    pub(super) effect: Measured,
    pub(super) intervals: Intervals,
}

/// A condition with its comparisons measured; chains of one connective are one node.
pub(super) enum Tree {
    Compare(Box<Compared>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

impl Tree {
    pub(super) fn measure(
        condition: &Condition,
        evidence: &Evidence,
        resampling: &Resampling,
    ) -> Result<Tree, Undefined> {
        let measure = |condition: &Condition| Tree::measure(condition, evidence, resampling);
        Ok(match condition {
            Condition::Compare {
                comparison,
                left,
                right,
            } => {
                let a = quantity::measure(left, evidence, resampling)?;
                let b = quantity::measure(right, evidence, resampling)?;
                let effect = a.minus(&b);
                Tree::Compare(Box::new(Compared {
                    comparison: *comparison,
                    sides: (left.clone(), right.clone()),
                    values: (a.value, b.value),
                    intervals: effect.intervals(resampling),
                    effect,
                }))
            }
            Condition::And { left, right } => {
                let mut parts = Vec::new();
                for part in [measure(left)?, measure(right)?] {
                    match part {
                        Tree::And(inner) => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                Tree::And(parts)
            }
            Condition::Or { left, right } => {
                let mut parts = Vec::new();
                for part in [measure(left)?, measure(right)?] {
                    match part {
                        Tree::Or(inner) => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                Tree::Or(parts)
            }
            Condition::Not { condition } => Tree::Not(Box::new(measure(condition)?)),
        })
    }

    pub(super) fn verdict(&self, view: View, alpha: f64) -> Verdict {
        if self.is(Verdict::Holds, view, alpha) {
            Verdict::Holds
        } else if self.is(Verdict::Refuted, view, alpha) {
            Verdict::Refuted
        } else {
            Verdict::Inconclusive
        }
    }

    /// Whether `wanted` (holds or refuted) is established at level `alpha`.
    fn is(&self, wanted: Verdict, view: View, alpha: f64) -> bool {
        let all = |parts: &[Tree]| parts.iter().all(|part| part.is(wanted, view, alpha));
        let any = |parts: &[Tree]| {
            let alpha = alpha / parts.len() as f64;
            parts.iter().any(|part| part.is(wanted, view, alpha))
        };
        match (self, wanted) {
            (Tree::Compare(compared), _) => compared.verdict(view, alpha) == wanted,
            (Tree::Not(inner), _) => inner.is(opposite(wanted), view, alpha),
            (Tree::And(parts), Verdict::Holds) | (Tree::Or(parts), Verdict::Refuted) => all(parts),
            (Tree::Or(parts), Verdict::Holds) | (Tree::And(parts), Verdict::Refuted) => any(parts),
            (_, Verdict::Inconclusive | Verdict::Error) => false,
        }
    }

    /// The comparison that a verdict hangs on, with its 1-based place in the order of writing: the weakest of those that all
    /// had to agree, else the first that agrees.
    pub(super) fn deciding(&self, verdict: Verdict, view: View, alpha: f64) -> (usize, &Compared) {
        let mut leaves = Vec::new();
        self.leaves(verdict, &mut leaves);
        let clearance = |(_, compared): &(Verdict, &Compared)| compared.clearance(view, alpha);
        let agreeing = |(wanted, compared): &(Verdict, &Compared)| compared.verdict(view, alpha) == *wanted;
        // Where the verdict is inconclusive, or all had to agree, the one nearest to undecided is the one to look at.
        let enough = match (self, verdict) {
            (Tree::Or(_), Verdict::Holds) | (Tree::And(_), Verdict::Refuted) => {
                leaves.iter().position(agreeing).unwrap_or(0)
            }
            _ => (0..leaves.len())
                .min_by(|a, b| clearance(&leaves[*a]).total_cmp(&clearance(&leaves[*b])))
                .unwrap_or(0),
        };
        (enough + 1, leaves[enough].1)
    }

    pub(super) fn comparisons(&self) -> usize {
        let mut leaves = Vec::new();
        self.leaves(Verdict::Holds, &mut leaves);
        leaves.len()
    }

    /// Comparisons in the order of writing, each with the verdict that would further `wanted`.
    fn leaves<'a>(&'a self, wanted: Verdict, leaves: &mut Vec<(Verdict, &'a Compared)>) {
        match self {
            Tree::Compare(compared) => leaves.push((wanted, compared)),
            Tree::Not(inner) => inner.leaves(opposite(wanted), leaves),
            Tree::And(parts) | Tree::Or(parts) => parts.iter().for_each(|part| part.leaves(wanted, leaves)),
        }
    }
}

impl Compared {
    fn interval(&self, view: View, alpha: f64) -> Option<Interval> {
        match view {
            View::TheseProblems => self.intervals.these_problems(1.0 - alpha),
            View::ProblemsLikeThese => self.intervals.problems_like_these(1.0 - alpha),
        }
    }

    fn verdict(&self, view: View, alpha: f64) -> Verdict {
        self.interval(view, alpha)
            .map_or(Verdict::Inconclusive, |interval| {
                decide(self.comparison, interval)
            })
    }

    /// How far the interval is from 0, in its own widths; below 0 where it has 0 inside.
    fn clearance(&self, view: View, alpha: f64) -> f64 {
        self.interval(view, alpha).map_or(f64::NEG_INFINITY, |interval| {
            let width = (interval.high - interval.low).max(f64::MIN_POSITIVE);
            interval.low.max(-interval.high) / width
        })
    }
}

/// The verdict on `left ? right` when left minus right lies within `interval`.
fn decide(comparison: Comparison, Interval { low, high }: Interval) -> Verdict {
    let (holds, refuted) = match comparison {
        Comparison::Greater => (low > 0.0, high <= 0.0),
        Comparison::GreaterEqual => (low >= 0.0, high < 0.0),
        Comparison::Less => (high < 0.0, low >= 0.0),
        Comparison::LessEqual => (high <= 0.0, low > 0.0),
    };
    match (holds, refuted) {
        (true, _) => Verdict::Holds,
        (false, true) => Verdict::Refuted,
        (false, false) => Verdict::Inconclusive,
    }
}

fn opposite(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Holds => Verdict::Refuted,
        Verdict::Refuted => Verdict::Holds,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: f64) -> Tree {
        Tree::Compare(Box::new(Compared {
            comparison: Comparison::Greater,
            sides: (Quantity::Number { value }, Quantity::Number { value: 0.0 }),
            values: (value, 0.0),
            intervals: Measured::constant(value).intervals(&Resampling::new(1)),
            effect: Measured::constant(value),
        }))
    }

    fn unknown() -> Tree {
        let effect = Measured {
            within: (vec![-1.0, 0.0, 1.0], Vec::new()),
            ..Measured::constant(0.5).minus(&Measured::constant(0.0))
        };
        let effect = Measured {
            bounds: (-1.0, 1.0),
            ..effect
        };
        let Tree::Compare(compared) = known(0.5) else {
            unreachable!("known() makes a comparison")
        };
        let intervals = effect.intervals(&Resampling::new(1));
        Tree::Compare(Box::new(Compared {
            effect,
            intervals,
            ..*compared
        }))
    }

    #[test]
    fn connectives_are_kleenes() {
        use Verdict::{Holds, Inconclusive, Refuted};
        let verdict = |tree: Tree| tree.verdict(View::TheseProblems, 0.05);
        let leaf = |v: Verdict| match v {
            Holds => known(1.0),
            Refuted => known(-1.0),
            _ => unknown(),
        };
        let order = |v: Verdict| [Refuted, Inconclusive, Holds].iter().position(|x| *x == v);
        for a in [Refuted, Inconclusive, Holds] {
            assert_eq!(verdict(leaf(a)), a);
            assert_eq!(verdict(Tree::Not(Box::new(leaf(a)))), opposite(a));
            for b in [Refuted, Inconclusive, Holds] {
                let (low, high) = if order(a) <= order(b) { (a, b) } else { (b, a) };
                assert_eq!(verdict(Tree::And(vec![leaf(a), leaf(b)])), low);
                assert_eq!(verdict(Tree::Or(vec![leaf(a), leaf(b)])), high);
            }
        }
    }

    #[test]
    fn the_deciding_comparison_is_the_one_that_settled_it() {
        let tree = Tree::And(vec![known(1.0), known(-1.0), unknown()]);
        assert_eq!(tree.deciding(Verdict::Refuted, View::TheseProblems, 0.05).0, 2);
        let tree = Tree::And(vec![known(1.0), unknown()]);
        assert_eq!(
            tree.deciding(Verdict::Inconclusive, View::TheseProblems, 0.05).0,
            2
        );
    }
}
