//! Sets of real numbers: intervals, unions, differences, finite sets, inequalities in one name.
//!
//! Two sets are the same when they agree at every end point of either and on every gap between end points.

use super::{Comparison, Same};
use crate::math::algebra;
use crate::math::expression::{Expr, SetOperation};
use num_traits::{Signed, Zero};
use std::cmp::Ordering;

/// Most end points.
const POINTS: usize = 48;

/// A set over numbered end points.
enum Set {
    /// Lower end, whether it belongs; upper end, whether it belongs. None is an infinity.
    Interval(Option<Expr>, bool, Option<Expr>, bool),
    Points(Vec<Expr>),
    Joined(SetOperation, Box<Set>, Box<Set>),
}

impl Set {
    fn everything() -> Set {
        Set::Interval(None, false, None, false)
    }

    fn joined(operation: SetOperation, a: Set, b: Set) -> Set {
        Set::Joined(operation, Box::new(a), Box::new(b))
    }

    fn ends(&self, found: &mut Vec<Expr>) {
        match self {
            Set::Interval(low, _, high, _) => found.extend(low.iter().chain(high).cloned()),
            Set::Points(points) => found.extend(points.iter().cloned()),
            Set::Joined(_, a, b) => {
                a.ends(found);
                b.ends(found);
            }
        }
    }

    /// Whether the cell belongs to the set; even cells are gaps, odd ones the sorted end points.
    fn holds(&self, cell: usize, place: &dyn Fn(&Expr) -> Option<usize>) -> Option<bool> {
        Some(match self {
            Set::Interval(low, with_low, high, with_high) => {
                let above = match low {
                    None => true,
                    Some(low) => {
                        let at = 2 * place(low)? + 1;
                        cell > at || (cell == at && *with_low)
                    }
                };
                let below = match high {
                    None => true,
                    Some(high) => {
                        let at = 2 * place(high)? + 1;
                        cell < at || (cell == at && *with_high)
                    }
                };
                above && below
            }
            Set::Points(points) => {
                let mut inside = false;
                for point in points {
                    inside |= cell == 2 * place(point)? + 1;
                }
                inside
            }
            Set::Joined(operation, a, b) => {
                let (a, b) = (a.holds(cell, place)?, b.holds(cell, place)?);
                match operation {
                    SetOperation::Union => a || b,
                    SetOperation::Intersection => a && b,
                    SetOperation::Difference => a && !b,
                }
            }
        })
    }
}

/// A finite end, or None for an infinity of the sign that belongs there.
fn end(tree: &Expr, upper: bool) -> Option<Option<Expr>> {
    match tree {
        Expr::Infinity => upper.then_some(None),
        Expr::Negative(inner) if matches!(inner.as_ref(), Expr::Infinity) => (!upper).then_some(None),
        value if value.is_value() && !value.any(&|part| matches!(part, Expr::Infinity)) => {
            Some(Some(value.clone()))
        }
        _ => None,
    }
}

/// The set that a tree is, and the name that it restricts where it is an inequality.
fn set(tree: &Expr) -> Option<Set> {
    match tree {
        Expr::List(open @ ('(' | '['), items, close @ (')' | ']')) => {
            let [low, high] = items.as_slice() else {
                return None;
            };
            Some(Set::Interval(
                end(low, false)?,
                *open == '[',
                end(high, true)?,
                *close == ']',
            ))
        }
        Expr::List('{' | ' ', items, _) => {
            if items
                .iter()
                .all(|item| matches!(item, Expr::Relation(_, kinds) if kinds.iter().any(|k| *k != "=")))
                && !items.is_empty()
            {
                // Conditions with commas between them hold together, or are pieces where they cannot.
                let mut sets = items.iter().map(set);
                let first = sets.next()??;
                return sets.try_fold(first, |left, right| {
                    Some(Set::joined(SetOperation::Intersection, left, right?))
                });
            }
            let mut parts: Option<Set> = None;
            let mut points = Vec::new();
            for item in items {
                if matches!(item, Expr::List(..) | Expr::Sets(..) | Expr::Relation(..)) {
                    let part = set(item)?;
                    parts = Some(match parts {
                        Some(left) => Set::joined(SetOperation::Union, left, part),
                        None => part,
                    });
                } else if item.is_value() {
                    points.push(item.clone());
                } else {
                    return None;
                }
            }
            Some(match parts {
                None => Set::Points(points),
                Some(parts) if points.is_empty() => parts,
                Some(parts) => Set::joined(SetOperation::Union, parts, Set::Points(points)),
            })
        }
        Expr::Sets(operation, a, b) => Some(Set::joined(*operation, set(a)?, set(b)?)),
        // `\mathbb{R} - \{0\}`
        Expr::Add(terms) => match terms.as_slice() {
            [whole, Expr::Negative(part)] => {
                Some(Set::joined(SetOperation::Difference, set(whole)?, set(part)?))
            }
            _ => None,
        },
        Expr::Relation(terms, kinds) => relation(terms, kinds),
        _ => None,
    }
}

fn relation(terms: &[Expr], kinds: &[&'static str]) -> Option<Set> {
    match (terms, kinds) {
        ([name, other], ["in"]) if name.is_label() => set(other),
        ([name, other], ["notin"]) if name.is_label() => Some(Set::joined(
            SetOperation::Difference,
            Set::everything(),
            set(other)?,
        )),
        ([left, right], [kind]) => single(left, kind, right),
        ([left, middle, right], [first, second]) => Some(Set::joined(
            SetOperation::Intersection,
            single(left, first, middle)?,
            single(middle, second, right)?,
        )),
        _ => None,
    }
}

/// One relation in one name: the name alone on a side, an absolute value, or linear.
fn single(left: &Expr, kind: &str, right: &Expr) -> Option<Set> {
    if left.is_label() && !right.has_names() {
        return ray(right, kind);
    }
    if right.is_label() && !left.has_names() {
        return ray(left, turned(kind));
    }
    if let Expr::Function("abs", inner) = left
        && !right.has_names()
    {
        return absolute(inner.first()?, kind, right);
    }
    if let Expr::Function("abs", inner) = right
        && !left.has_names()
    {
        return absolute(inner.first()?, turned(kind), left);
    }
    let difference = left.clone().minus(right.clone());
    let names = difference.names();
    let [name] = names.as_slice() else {
        return None;
    };
    let (constant, slope) = algebra::linear(&difference, name)?;
    if slope.is_zero() {
        return None;
    }
    let value = Expr::Number(-constant / &slope);
    ray(&value, if slope.is_negative() { turned(kind) } else { kind })
}

fn turned(kind: &str) -> &str {
    match kind {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        other => other,
    }
}

/// All numbers in a relation to `value`.
fn ray(value: &Expr, kind: &str) -> Option<Set> {
    Some(match kind {
        "<" | "<=" => Set::Interval(None, false, end(value, true)?, kind == "<="),
        ">" | ">=" => Set::Interval(end(value, false)?, kind == ">=", None, false),
        "=" => Set::Points(vec![value.clone()]),
        "!=" => Set::joined(
            SetOperation::Difference,
            Set::everything(),
            Set::Points(vec![value.clone()]),
        ),
        _ => return None,
    })
}

/// `|u| < c` is `-c < u < c`, for `c` at least zero.
fn absolute(inner: &Expr, kind: &str, bound: &Expr) -> Option<Set> {
    let bound_value = bound.exact()?;
    if bound_value.is_negative() {
        return None;
    }
    let high = single(inner, kind, bound)?;
    let low = single(inner, turned(kind), &bound.clone().negative())?;
    let operation = match kind {
        "<" | "<=" | "!=" => SetOperation::Intersection,
        ">" | ">=" | "=" => SetOperation::Union,
        _ => return None,
    };
    Some(Set::joined(operation, high, low))
}

/// Inequalities restrict a name; two that restrict different ones are different statements.
fn restricted(tree: &Expr) -> Option<String> {
    match tree {
        Expr::Relation(terms, _) => terms
            .iter()
            .find(|term| term.has_names() && term.is_value())
            .map(|term| term.names().join(",")),
        Expr::Sets(_, a, b) => restricted(a).or_else(|| restricted(b)),
        Expr::List(_, items, _) => items.iter().find_map(restricted),
        _ => None,
    }
}

impl Comparison {
    pub(super) fn real_sets(&mut self, a: &Expr, b: &Expr) -> Same {
        if let (Some(x), Some(y)) = (restricted(a), restricted(b))
            && x != y
        {
            return Same::No;
        }
        let (Some(left), Some(right)) = (set(a), set(b)) else {
            return Same::No;
        };
        let mut ends = Vec::new();
        left.ends(&mut ends);
        right.ends(&mut ends);
        if ends.len() > POINTS || ends.iter().any(Expr::has_names) {
            return Same::No;
        }
        // Sorted by insertion, equal ones together: a place for every end point.
        let mut sorted: Vec<Vec<Expr>> = Vec::new();
        for value in ends {
            if sorted.iter().any(|group| group.contains(&value)) {
                continue;
            }
            let mut at = sorted.len();
            let mut equal = false;
            for (place, group) in sorted.iter().enumerate() {
                let Some(first) = group.first() else { continue };
                match self.order(&value, first) {
                    Some(Ordering::Less) => {
                        at = place;
                        break;
                    }
                    Some(Ordering::Equal) => {
                        (at, equal) = (place, true);
                        break;
                    }
                    Some(Ordering::Greater) => {}
                    None => return Same::Unknown,
                }
            }
            match sorted.get_mut(at) {
                Some(group) if equal => group.push(value),
                _ => sorted.insert(at, vec![value]),
            }
        }
        let place = |value: &Expr| sorted.iter().position(|group| group.contains(value));
        for cell in 0..=2 * sorted.len() {
            match (left.holds(cell, &place), right.holds(cell, &place)) {
                (Some(x), Some(y)) if x == y => {}
                (Some(_), Some(_)) => return Same::No,
                _ => return Same::Unknown,
            }
        }
        Same::Yes
    }
}
