//! Equations, inequalities, and statements such as `x = 5` against a bare answer.

use super::{Comparison, Same};
use crate::math::algebra;
use crate::math::expression::Expr;
use num_traits::Signed;

fn turned(kind: &str) -> &str {
    match kind {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        other => other,
    }
}

impl Comparison {
    /// What a relation states, against an answer that is no relation: `x = 5` and `S = \pi r^2 = 4\pi` state the last.
    pub(super) fn stated(&mut self, relation: &Expr, other: &Expr) -> Same {
        let Expr::Relation(terms, kinds) = relation else {
            return Same::No;
        };
        match (kinds.as_slice(), terms.as_slice()) {
            (["=" | "in"], [left, right]) if left.is_label() => {
                let same = self.trees(right, other);
                if same != Same::Yes && right.is_label() && !other.has_names() {
                    return self.trees(left, other);
                }
                same
            }
            (["="], [left, right]) if right.is_label() => self.trees(left, other),
            // Nothing but a chain from a name, or a calculation, states its last term.
            (kinds, [first, .., last]) if kinds.iter().all(|kind| *kind == "=") => {
                if first.is_label() || (kinds.len() > 1 && !other.has_names()) {
                    self.trees(last, other)
                } else {
                    Same::No
                }
            }
            _ => Same::No,
        }
    }

    /// Two relations: the same term by term, turned round, or by a constant factor.
    pub(super) fn relations(&mut self, a: &Expr, b: &Expr) -> Same {
        let (Expr::Relation(terms, kinds), Expr::Relation(others, other_kinds)) = (a, b) else {
            return Same::No;
        };
        let mut same = Same::No;
        if terms.len() == others.len() {
            if kinds == other_kinds {
                same = self.all(terms.iter().zip(others));
            }
            let back = kinds
                .iter()
                .zip(other_kinds.iter().rev())
                .all(|(a, b)| *a == turned(b));
            if same != Same::Yes && back {
                same = same.or(|| self.all(terms.iter().zip(others.iter().rev())));
            }
        }
        if same == Same::Yes {
            return same;
        }
        let ([left, right], [other_left, other_right], [kind], [other_kind]) = (
            terms.as_slice(),
            others.as_slice(),
            kinds.as_slice(),
            other_kinds.as_slice(),
        ) else {
            // `S = a = b` against `S = b`: the last statement.
            let chains = kinds.iter().chain(other_kinds).all(|kind| *kind == "=");
            return match (terms.as_slice(), others.as_slice()) {
                ([first, .., last], [other_first, .., other_last])
                    if chains && first == other_first && first.is_label() =>
                {
                    self.trees(last, other_last)
                }
                _ => same,
            };
        };
        if ["in", "notin"].contains(kind) || ["in", "notin"].contains(other_kind) {
            return same;
        }
        // `x = 5` and `y = 5` are different statements, and so are two values of one name.
        if *kind == "=" && *other_kind == "=" && left.is_label() && !right.has_names() {
            return match other_left.is_label() && !other_right.has_names() {
                true if left == other_left => self.trees(right, other_right),
                _ => same,
            };
        }
        if !left.is_value() || !right.is_value() || !other_left.is_value() || !other_right.is_value() {
            return same;
        }
        let difference = left.clone().minus(right.clone());
        let other = other_left.clone().minus(other_right.clone());
        if let Some(ratio) = algebra::ratio(&difference, &other) {
            self.note("algebra");
            let expected = if ratio.is_negative() {
                turned(other_kind)
            } else {
                other_kind
            };
            return Same::of(*kind == expected);
        }
        match (*kind, *other_kind) {
            ("=", "=") | ("!=", "!=") => same.or(|| self.constant_ratio(&difference, &other)),
            _ => same,
        }
    }
}
