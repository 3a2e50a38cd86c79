//! Are two answers the same? Exact where both are rational, by value at fixed points otherwise.

use super::expression::{Complex, Expr};
use super::parse::Answer;
use num_bigint::BigInt;
use num_rational::BigRational;

/// Relative difference up to which two floating-point values count as the same; the evaluation itself errs by some
/// 1e-13 on trees of the allowed size.
const TOLERANCE: f64 = 1e-9;
/// Most items of lists that are matched in any order (the cost is quadratic).
const UNORDERED: usize = 150;

/// The answer of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
    /// The values are too large to be compared.
    Unknown,
}

impl Same {
    fn of(same: bool) -> Self {
        if same { Same::Yes } else { Same::No }
    }

    fn and(self, other: impl FnOnce() -> Same) -> Same {
        match self {
            Same::Yes => other(),
            Same::No => Same::No,
            Same::Unknown => {
                if other() == Same::No {
                    Same::No
                } else {
                    Same::Unknown
                }
            }
        }
    }
}

/// Compares two answers; a percent sign on one side makes 50 and 1/2 both the same as `50%`.
pub(super) fn answers(found: &Answer, gold: &Answer) -> Same {
    let same = trees(&found.tree, &gold.tree);
    if same == Same::Yes || found.percent == gold.percent {
        return same;
    }
    let hundredth = |tree: &Expr| {
        Expr::Divide(
            Box::new(tree.clone()),
            Box::new(Expr::Number(BigRational::from(BigInt::from(100)))),
        )
    };
    if found.percent {
        trees(&hundredth(&found.tree), &gold.tree)
    } else {
        trees(&found.tree, &hundredth(&gold.tree))
    }
}

fn trees(a: &Expr, b: &Expr) -> Same {
    if a == b {
        return Same::Yes;
    }
    let (a, b) = (&plain(a), &plain(b));
    match (a, b) {
        (Expr::Matrix(a), Expr::Matrix(b)) => {
            if a.len() != b.len() || a.iter().zip(b).any(|(a, b)| a.len() != b.len()) {
                return Same::No;
            }
            all(a.iter().flatten().zip(b.iter().flatten()))
        }
        (Expr::Matrix(rows), Expr::List('(', items, _)) | (Expr::List('(', items, _), Expr::Matrix(rows)) => {
            let flat: Vec<&Expr> = rows.iter().flatten().collect();
            let line = rows.len() == 1 || rows.iter().all(|row| row.len() == 1);
            if line && flat.len() == items.len() {
                all(flat.into_iter().zip(items))
            } else {
                Same::No
            }
        }
        (Expr::Union(a), Expr::Union(b)) => unordered(a, b),
        (Expr::List(open, items, close), Expr::List(other_open, others, other_close)) => {
            lists((*open, items, *close), (*other_open, others, *other_close))
        }
        (Expr::Relation(..), Expr::Relation(..)) => relations(a, b),
        (Expr::Relation(terms, kinds), other) | (other, Expr::Relation(terms, kinds)) => {
            // `x = 5` and `x \in [1, 2]` state 5 and [1, 2].
            match (kinds.as_slice(), terms.as_slice()) {
                (["=" | "in"], [left, right]) if is_name(left) || matches!(other, Expr::List(..)) => {
                    trees(right, other)
                }
                (["="], [left, right]) if is_name(right) => trees(left, other),
                (kinds, [.., last]) if kinds.iter().all(|kind| *kind == "=") && !has_names(other) => {
                    trees(last, other)
                }
                _ => Same::No,
            }
        }
        (Expr::List(' ' | '{', items, _), single) | (single, Expr::List(' ' | '{', items, _)) => {
            match items.as_slice() {
                [only] => trees(only, single),
                _ => Same::No,
            }
        }
        (Expr::List(..) | Expr::Union(..) | Expr::Matrix(..), _)
        | (_, Expr::List(..) | Expr::Union(..) | Expr::Matrix(..)) => Same::No,
        _ => values(a, b),
    }
}

/// Rewrites what has two spellings: inequalities to intervals, `a ± b` to the list of both.
fn plain(tree: &Expr) -> Expr {
    match tree {
        Expr::Relation(terms, kinds) => interval(terms, kinds).unwrap_or_else(|| {
            // `x = 1 ± 2` is the list, too.
            match (terms.as_slice(), kinds.as_slice()) {
                ([name, Expr::PlusMinus(..)], ["="]) if is_name(name) => plain(&terms[1]),
                ([name, Expr::List(..) | Expr::Union(..)], ["=" | "in"]) if is_name(name) => plain(&terms[1]),
                _ => tree.clone(),
            }
        }),
        Expr::PlusMinus(a, b) => {
            let plus = Expr::Add(vec![a.as_ref().clone(), b.as_ref().clone()]);
            let minus = Expr::Add(vec![a.as_ref().clone(), Expr::Negative(b.clone())]);
            Expr::List(' ', vec![plus, minus], ' ')
        }
        Expr::List(' ', items, _) => {
            // `x = 1, x = 2` lists the values of one name; `x = 1, y = 2` a point.
            let sides: Option<Vec<(&str, &Expr)>> = items.iter().map(named_value).collect();
            match sides {
                Some(sides) => {
                    let one = sides.windows(2).all(|pair| pair[0].0 == pair[1].0);
                    let mut sides = sides;
                    sides.sort_by_key(|(name, _)| *name);
                    let values = sides.iter().map(|(_, value)| (*value).clone()).collect();
                    if one {
                        Expr::List(' ', values, ' ')
                    } else {
                        Expr::List('(', values, ')')
                    }
                }
                None => match items.as_slice() {
                    // `x = 1, 2`
                    [first, ..]
                        if named_value(first).is_some()
                            && !items[1..].iter().any(|i| matches!(i, Expr::Relation(..))) =>
                    {
                        let value = named_value(first).map(|(_, value)| value.clone());
                        let values = value.into_iter().chain(items[1..].iter().cloned()).collect();
                        plain(&Expr::List(' ', values, ' '))
                    }
                    _ if items.iter().any(|item| matches!(item, Expr::PlusMinus(..))) => {
                        spread(' ', items, ' ')
                    }
                    _ => tree.clone(),
                },
            }
        }
        Expr::List('{', items, _) if items.iter().any(|item| matches!(item, Expr::PlusMinus(..))) => {
            spread('{', items, '}')
        }
        Expr::Negative(inner) => match plain(inner) {
            Expr::List(' ', items, _) => {
                let items = items
                    .into_iter()
                    .map(|item| Expr::Negative(Box::new(item)))
                    .collect();
                Expr::List(' ', items, ' ')
            }
            _ => tree.clone(),
        },
        _ => tree.clone(),
    }
}

fn spread(open: char, items: &[Expr], close: char) -> Expr {
    let items = items.iter().flat_map(|item| match plain(item) {
        Expr::List(' ', both, _) => both,
        single => vec![single],
    });
    Expr::List(open, items.collect(), close)
}

fn named_value(tree: &Expr) -> Option<(&str, &Expr)> {
    match tree {
        Expr::Relation(terms, kinds) if kinds.as_slice() == ["="] => match terms.as_slice() {
            [Expr::Name(name), value] => Some((name, value)),
            _ => None,
        },
        _ => None,
    }
}

/// `1 < x <= 2`, `x > 3`: the interval of one name.
fn interval(terms: &[Expr], kinds: &[&'static str]) -> Option<Expr> {
    let minus = || Expr::Negative(Box::new(Expr::Infinity));
    let (low, below, above, high) = match (terms, kinds) {
        ([name, value], [kind]) if is_name(name) => match *kind {
            "<" | "<=" => (minus(), "<", *kind, value.clone()),
            ">" => (value.clone(), "<", "<", Expr::Infinity),
            ">=" => (value.clone(), "<=", "<", Expr::Infinity),
            _ => return None,
        },
        ([value, name], [kind]) if is_name(name) => match *kind {
            "<" | "<=" => (value.clone(), *kind, "<", Expr::Infinity),
            ">" => (minus(), "<", "<", value.clone()),
            ">=" => (minus(), "<", "<=", value.clone()),
            _ => return None,
        },
        ([low, name, high], [below @ ("<" | "<="), above @ ("<" | "<=")]) if is_name(name) => {
            (low.clone(), *below, *above, high.clone())
        }
        ([high, name, low], [above, below])
            if is_name(name) && above.starts_with('>') && below.starts_with('>') =>
        {
            let flip = |kind: &str| if kind == ">" { "<" } else { "<=" };
            (low.clone(), flip(below), flip(above), high.clone())
        }
        _ => return None,
    };
    let open = if below == "<" { '(' } else { '[' };
    let close = if above == "<" { ')' } else { ']' };
    Some(Expr::List(open, vec![low, high], close))
}

fn is_name(tree: &Expr) -> bool {
    match tree {
        Expr::Name(_) | Expr::E => true,
        // `f(x)`, and words of letters.
        Expr::Multiply(factors) => factors.iter().all(is_name),
        Expr::List('(', items, ')') => items.iter().all(is_name),
        _ => false,
    }
}

fn has_names(tree: &Expr) -> bool {
    let mut names = Vec::new();
    tree.names(&mut names);
    !names.is_empty()
}

type Brackets<'a> = (char, &'a [Expr], char);

fn lists((open, items, close): Brackets, (other_open, others, other_close): Brackets) -> Same {
    if items.len() != others.len() {
        return Same::No;
    }
    let loose = |open| open == ' ' || open == '{';
    if loose(open) && loose(other_open) {
        return unordered(items, others);
    }
    let bare = open == ' ' || other_open == ' ';
    if !bare && (open, close) != (other_open, other_close) {
        return Same::No;
    }
    if (open == '{') != (other_open == '{') {
        return Same::No;
    }
    all(items.iter().zip(others))
}

fn all<'a>(pairs: impl Iterator<Item = (&'a Expr, &'a Expr)>) -> Same {
    pairs.fold(Same::Yes, |same, (a, b)| same.and(|| trees(a, b)))
}

fn unordered(a: &[Expr], b: &[Expr]) -> Same {
    let in_order = all(a.iter().zip(b));
    if a.len() != b.len() {
        return Same::No;
    }
    if in_order == Same::Yes || a.len() > UNORDERED {
        return in_order;
    }
    let mut left: Vec<&Expr> = b.iter().collect();
    let mut known = Same::Yes;
    for item in a {
        match left.iter().position(|other| trees(item, other) == Same::Yes) {
            Some(place) => {
                left.swap_remove(place);
            }
            None if left.iter().any(|other| trees(item, other) == Same::Unknown) => known = Same::Unknown,
            None => return Same::No,
        }
    }
    known
}

/// Two equations hold at the same points when their differences are in a constant ratio.
fn relations(a: &Expr, b: &Expr) -> Same {
    let (Expr::Relation(terms, kinds), Expr::Relation(others, other_kinds)) = (a, b) else {
        return Same::No;
    };
    if kinds == other_kinds && terms.len() == others.len() && all(terms.iter().zip(others)) == Same::Yes {
        return Same::Yes;
    }
    let ([left, right], [other_left, other_right], [kind], [other_kind]) = (
        terms.as_slice(),
        others.as_slice(),
        kinds.as_slice(),
        other_kinds.as_slice(),
    ) else {
        // `S = a = b`: the last statement.
        return match (terms.last(), others.last()) {
            (Some(a), Some(b)) if kinds.iter().chain(other_kinds).all(|kind| *kind == "=") => trees(a, b),
            _ => Same::No,
        };
    };
    let turned = matches!(
        (*kind, *other_kind),
        ("<", ">") | (">", "<") | ("<=", ">=") | (">=", "<=")
    );
    if turned {
        return trees(left, other_right).and(|| trees(right, other_left));
    }
    if *kind != "=" || *other_kind != "=" {
        return Same::No;
    }
    if is_name(left) && is_name(other_left) && !has_names(right) && !has_names(other_right) {
        return if left == other_left {
            trees(right, other_right)
        } else {
            Same::No
        };
    }
    let mut ratio: Option<Complex> = None;
    let mut seen = 0;
    for shift in 0..POINTS {
        let at = |tree: &Expr| tree.value(&|name| point(name, shift));
        let difference = |left: &Expr, right: &Expr| Some(at(left)?.subtract(at(right)?));
        let (Some(x), Some(y)) = (difference(left, right), difference(other_left, other_right)) else {
            return Same::No;
        };
        if !x.is_finite() || !y.is_finite() || x.size() < 1e-12 || y.size() < 1e-12 {
            continue;
        }
        let here = x.divide(y);
        seen += 1;
        match ratio {
            None => ratio = Some(here),
            Some(first) if close(first, here) => {}
            Some(_) => return Same::No,
        }
    }
    Same::of(seen >= 2)
}

const POINTS: usize = 5;

/// Where a name is evaluated: fixed, irrational-looking, apart for every name and turn.
fn point(name: &str, turn: usize) -> f64 {
    let code = name.bytes().fold(7u64, |code, byte| {
        code.wrapping_mul(131).wrapping_add(u64::from(byte))
    });
    let part = (code.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64;
    0.37 + part + 0.618_033_988_749 * turn as f64
}

fn close(a: Complex, b: Complex) -> bool {
    a.subtract(b).size() <= TOLERANCE * a.size().max(b.size()).max(1e-9)
}

fn values(a: &Expr, b: &Expr) -> Same {
    match (infinity(a), infinity(b)) {
        (Some(a), Some(b)) => return Same::of(a == b),
        (None, None) => {}
        _ => return Same::No,
    }
    if let (Some(a), Some(b)) = (a.exact(), b.exact()) {
        return Same::of(a == b);
    }
    let (mut seen, mut named) = (0, false);
    let mut names = Vec::new();
    a.names(&mut names);
    b.names(&mut names);
    named |= !names.is_empty();
    for turn in 0..POINTS {
        let at = |tree: &Expr| tree.value(&|name| point(name, turn));
        let (Some(x), Some(y)) = (at(a), at(b)) else {
            return Same::Unknown;
        };
        if x.is_finite() != y.is_finite() && !named {
            return Same::No;
        }
        if !x.is_finite() || !y.is_finite() {
            continue;
        }
        if !close(x, y) {
            return Same::No;
        }
        seen += 1;
        // Beyond this a 64-bit value does not tell neighbours apart.
        if !named && x.size() > 1e9 {
            return Same::Unknown;
        }
        if !named {
            return Same::Yes;
        }
    }
    if seen >= 2 { Same::Yes } else { Same::Unknown }
}

/// The sign of an infinity.
fn infinity(tree: &Expr) -> Option<bool> {
    match tree {
        Expr::Infinity => Some(true),
        Expr::Negative(inner) => infinity(inner).map(|sign| !sign),
        _ => None,
    }
}
