//! Lists: tuples in order, sets and bare lists in any order, lists of equations by name, `a ± b` as both.

use super::{Comparison, Same};
use crate::math::expression::{Expr, SetOperation};

/// Most items of lists that are matched in any order (the cost is quadratic).
const UNORDERED: usize = 64;

type Brackets<'a> = (char, &'a [Expr], char);

/// Rewrites what has two spellings: `a ± b` to the list of both, `x = 1, 2` and `x = 1 or x = 2` to the values.
pub(super) fn plain(tree: &Expr) -> Expr {
    if let Some(both) = both_signs(tree) {
        return both;
    }
    match tree {
        Expr::Relation(terms, kinds) => match (terms.as_slice(), kinds.as_slice()) {
            ([name, value @ (Expr::List(..) | Expr::Sets(..))], ["=" | "in"]) if name.is_label() => {
                plain(value)
            }
            ([name, value], ["in"]) if name.is_label() => plain(value),
            _ => tree.clone(),
        },
        Expr::List(' ', items, _) => bare(items).unwrap_or_else(|| tree.clone()),
        Expr::List('{', items, _) if items.iter().any(|item| both_signs(item).is_some()) => {
            Expr::List('{', spread(items), '}')
        }
        Expr::List('{', items, _) => {
            let mut distinct: Vec<Expr> = Vec::with_capacity(items.len());
            for item in items {
                if items.len() > UNORDERED || !distinct.contains(item) {
                    distinct.push(item.clone());
                }
            }
            Expr::List('{', distinct, '}')
        }
        // `-(1 ± 2)` and `2·{…}` aside, a negative matrix or list has no special meaning.
        Expr::Sets(SetOperation::Union, a, b) => {
            // A union of plain sets of numbers is the set of both.
            match (plain(a), plain(b)) {
                (Expr::List('{' | ' ', mut left, _), Expr::List('{' | ' ', right, _)) => {
                    left.extend(right);
                    plain(&Expr::List('{', left, '}'))
                }
                _ => tree.clone(),
            }
        }
        _ => tree.clone(),
    }
}

fn bare(items: &[Expr]) -> Option<Expr> {
    if items.iter().any(|item| both_signs(item).is_some()) {
        return bare(&spread(items)).or_else(|| Some(Expr::bare(spread(items))));
    }
    // `x = 1, 2`: the first equation names what all are values of.
    if let [first, rest @ ..] = items
        && let Some((_, value)) = named(first)
        && !rest.is_empty()
        && !rest.iter().any(|item| matches!(item, Expr::Relation(..)))
    {
        let mut values = vec![value.clone()];
        values.extend(rest.iter().cloned());
        return Some(plain(&Expr::bare(values)));
    }
    // `x = 1, x = 2` lists the values of one name.
    let equations: Vec<(&Expr, &Expr)> = items.iter().map(named).collect::<Option<_>>()?;
    let one = equations.windows(2).all(|pair| pair[0].0 == pair[1].0);
    if one && equations.len() > 1 {
        let values = equations.iter().map(|(_, value)| (*value).clone()).collect();
        return Some(plain(&Expr::bare(values)));
    }
    None
}

fn spread(items: &[Expr]) -> Vec<Expr> {
    items
        .iter()
        .flat_map(|item| match both_signs(item) {
            Some(Expr::List(_, both, _)) => both,
            _ => vec![item.clone()],
        })
        .collect()
}

/// The two readings of a tree with `±`, all of its signs taken together.
fn both_signs(tree: &Expr) -> Option<Expr> {
    let list = matches!(tree, Expr::List(' ' | '{', ..) | Expr::Sets(..));
    if list || !tree.any(&|part| matches!(part, Expr::PlusMinus(..))) {
        return None;
    }
    fn signed(tree: &Expr, minus: bool) -> Expr {
        match tree {
            Expr::PlusMinus(a, b) => {
                let (a, b) = (signed(a, minus), signed(b, minus));
                Expr::Add(vec![a, if minus { b.negative() } else { b }])
            }
            other => other.map(&mut |part| signed(part, minus)),
        }
    }
    Some(plain(&Expr::bare(vec![signed(tree, false), signed(tree, true)])))
}

/// An equation that gives a name its value.
fn named(tree: &Expr) -> Option<(&Expr, &Expr)> {
    match tree {
        Expr::Relation(terms, kinds) if kinds.as_slice() == ["="] => match terms.as_slice() {
            [name, value] if name.is_label() => Some((name, value)),
            _ => None,
        },
        _ => None,
    }
}

/// The values of a list of equations in the alphabetical order of their names, and those names.
fn named_values(items: &[Expr]) -> Option<(Vec<String>, Vec<&Expr>)> {
    let mut pairs: Vec<(String, &Expr)> = items
        .iter()
        .map(|item| named(item).map(|(name, value)| (format!("{name:?}"), value)))
        .collect::<Option<_>>()?;
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let distinct = pairs.windows(2).all(|pair| pair[0].0 != pair[1].0);
    distinct.then(|| pairs.into_iter().unzip())
}

impl Comparison {
    pub(super) fn lists(&mut self, found: Brackets, gold: Brackets) -> Same {
        let ((open, items, close), (other_open, others, other_close)) = (found, gold);
        match (named_values(items), named_values(others)) {
            (Some((names, values)), Some((other_names, other_values))) => {
                if names != other_names {
                    return Same::No;
                }
                return self.all(values.into_iter().zip(other_values));
            }
            (Some((_, values)), None) if other_open != '{' => {
                let values: Vec<Expr> = values.into_iter().cloned().collect();
                let brackets = if other_open == ' ' { ' ' } else { '(' };
                return self.lists((brackets, &values, if brackets == ' ' { ' ' } else { ')' }), gold);
            }
            (None, Some((_, values))) if open != '{' => {
                let values: Vec<Expr> = values.into_iter().cloned().collect();
                let brackets = if open == ' ' { ' ' } else { '(' };
                return self.lists(
                    found,
                    (brackets, &values, if brackets == ' ' { ' ' } else { ')' }),
                );
            }
            _ => {}
        }
        let loose = |open| open == ' ' || open == '{';
        if loose(open) && loose(other_open) {
            return self.unordered(items, others);
        }
        if items.len() != others.len() {
            return Same::No;
        }
        if (open == '{') != (other_open == '{') {
            return Same::No;
        }
        let same_brackets = (open, close) == (other_open, other_close);
        if items.len() == 2 {
            // Two items in brackets may be an interval, whose ends count; without brackets they are a pair.
            let pair = |brackets| brackets == (' ', ' ') || brackets == ('(', ')');
            let pairs = pair((open, close)) && pair((other_open, other_close));
            if !same_brackets && !pairs {
                return Same::No;
            }
        }
        self.all(items.iter().zip(others))
    }

    /// The same items in any order. An answer may repeat itself where the gold does not.
    fn unordered(&mut self, found: &[Expr], gold: &[Expr]) -> Same {
        if found.len() == gold.len() {
            let in_order = self.all(found.iter().zip(gold));
            if in_order == Same::Yes || gold.len() > UNORDERED {
                return in_order;
            }
        }
        if found.len() < gold.len() || found.len() > UNORDERED {
            return Same::No;
        }
        let mut left: Vec<&Expr> = gold.iter().collect();
        let mut matched: Vec<&Expr> = Vec::new();
        let mut result = Same::Yes;
        for item in found {
            let mut place = None;
            let mut unknown = false;
            for (at, other) in left.iter().enumerate() {
                match self.trees(item, other) {
                    Same::Yes => {
                        place = Some(at);
                        break;
                    }
                    Same::Unknown => unknown = true,
                    Same::No => {}
                }
            }
            match place {
                Some(place) => matched.push(left.swap_remove(place)),
                None if unknown => result = Same::Unknown,
                None => {
                    if found.len() == gold.len()
                        || !matched.iter().any(|other| self.trees(item, other) == Same::Yes)
                    {
                        return Same::No;
                    }
                }
            }
        }
        result.and(|| Same::of(left.is_empty()))
    }

    /// Unions whose parts cannot be ordered as real sets: part by part, in any order.
    pub(super) fn unions(&mut self, a: &Expr, b: &Expr) -> Same {
        fn parts<'a>(tree: &'a Expr, found: &mut Vec<&'a Expr>) -> bool {
            match tree {
                Expr::Sets(SetOperation::Union, a, b) => parts(a, found) && parts(b, found),
                Expr::Sets(..) => false,
                other => {
                    found.push(other);
                    true
                }
            }
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        if !parts(a, &mut left) || !parts(b, &mut right) || left.len() != right.len() {
            return match (a, b) {
                (Expr::Sets(x, a, b), Expr::Sets(y, c, d)) if x == y => {
                    self.trees(a, c).and(|| self.trees(b, d))
                }
                _ => Same::No,
            };
        }
        let own = |parts: Vec<&Expr>| parts.into_iter().cloned().collect::<Vec<_>>();
        self.unordered(&own(left), &own(right))
    }
}
