//! Single values: exact, by algebra, or by certified numbers at many points.

use super::{Comparison, Same};
use crate::math::algebra;
use crate::math::ball::{Ball, Precision};
use crate::math::complex::Complex;
use crate::math::evaluate::Point;
use crate::math::expression::Expr;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::cmp::Ordering;

/// Bits of the first evaluation, and the most that a second one may take.
const BITS: usize = 192;
const MOST_BITS: usize = 16_384;
/// Points tried, and points that must agree.
const POINTS: u64 = 12;
const ENOUGH: usize = 7;
/// Significant digits from which a decimal stands for the number that it rounds.
const DIGITS: usize = 10;

/// What one pair of values at one point says.
enum Here {
    Apart,
    /// Nearer than the error bounds, which are small against the values.
    Together,
    /// The bounds are too wide.
    Vague,
    /// A value is missing: outside of the domain, or past the limits.
    Missing,
}

/// The sign of an infinity.
fn infinity(tree: &Expr) -> Option<bool> {
    match tree {
        Expr::Infinity => Some(true),
        Expr::Negative(inner) => infinity(inner).map(|sign| !sign),
        Expr::Multiply(factors) => match factors.as_slice() {
            [Expr::Number(n), rest] if !n.is_zero() => infinity(rest).map(|sign| sign == n.is_positive()),
            _ => None,
        },
        _ => None,
    }
}

impl Comparison {
    pub(super) fn values(&mut self, a: &Expr, b: &Expr) -> Same {
        match (infinity(a), infinity(b)) {
            (Some(a), Some(b)) => return Same::of(a == b),
            (None, None) => {}
            _ => return Same::No,
        }
        if !a.is_value() || !b.is_value() {
            return Same::No;
        }
        let (x, y) = (a.exact(), b.exact());
        if let (Some(x), Some(y)) = (&x, &y) {
            self.note("exact");
            if x == y {
                return Same::Yes;
            }
            if rounds(x, y) || rounds(y, x) {
                self.note("decimal");
                return Same::Yes;
            }
            return Same::No;
        }
        if let Some(same) = algebra::equal(a, b) {
            self.note("algebra");
            if same {
                return Same::Yes;
            }
            // Unequal, but a decimal may still be the rounded other.
            return match (&x, &y) {
                (Some(decimal), None) => self.rounded(decimal, b),
                (None, Some(decimal)) => self.rounded(decimal, a),
                _ => Same::No,
            };
        }
        let same = self.numeric(a, b);
        if same == Same::No
            && let (Some(decimal), None) | (None, Some(decimal)) = (&x, &y)
        {
            let other = if x.is_some() { b } else { a };
            return self.rounded(decimal, other);
        }
        same
    }

    /// Whether `decimal` has digits enough, all right, for the number that `other` is.
    fn rounded(&mut self, decimal: &BigRational, other: &Expr) -> Same {
        let Some(unit) = last_digit(decimal) else {
            return Same::No;
        };
        if other.has_names() {
            return Same::No;
        }
        let mut precision = Precision::new(BITS);
        let value = Point::new(&mut precision, 0, false, self.common_log).value(other);
        let Some(value) = value.filter(Complex::is_real) else {
            return Same::No;
        };
        let distance = |value: &Complex, precision: &mut Precision| {
            let decimal = Ball::rational(decimal, precision)?;
            let unit = Ball::rational(&unit, precision)?;
            value
                .re
                .subtract(&decimal, precision)?
                .abs()
                .subtract(&unit, precision)
        };
        match distance(&value, &mut precision) {
            Some(over) if over.is_apart_from_zero() && over.is_negative() => {
                self.note("decimal");
                Same::Yes
            }
            _ => Same::No,
        }
    }

    /// Equality at many points, by balls.
    fn numeric(&mut self, a: &Expr, b: &Expr) -> Same {
        self.note("numeric");
        let named = a.has_names() || b.has_names();
        let whole = |tree: &Expr| {
            tree.any(&|part| {
                matches!(
                    part,
                    Expr::Fold(..)
                        | Expr::Function(
                            "factorial"
                                | "double_factorial"
                                | "binom"
                                | "permutations"
                                | "gcd"
                                | "lcm"
                                | "mod",
                            _
                        )
                )
            })
        };
        let mut integers = named && (whole(a) || whole(b));
        loop {
            let same = self.at_points(a, b, named, integers);
            // Names that stand for whole numbers by custom may make two forms equal: (-1)^n and cos(nπ).
            let custom = |tree: &Expr| {
                tree.names()
                    .iter()
                    .all(|name| matches!(*name, "n" | "k" | "m" | "j" | "N"))
            };
            let powers = |tree: &Expr| tree.any(&|part| matches!(part, Expr::Power(_, e) if e.has_names()));
            let again =
                !integers && same != Same::Yes && named && custom(a) && custom(b) && (powers(a) || powers(b));
            if !again {
                return same;
            }
            integers = true;
        }
    }

    fn at_points(&mut self, a: &Expr, b: &Expr, named: bool, integers: bool) -> Same {
        let (mut together, mut vague) = (0, 0);
        let mut complex = 0;
        let mut peak = 0;
        for turn in 0..if named { POINTS } else { 1 } {
            let Some(work) = self.work.checked_sub(2) else {
                return Same::Unknown;
            };
            self.work = work;
            let mut precision = Precision::new(BITS);
            let (x, y) = self.pair(a, b, turn, integers, &mut precision);
            peak = peak.max(precision.peak);
            // Real formulas are compared where both are real: ln x^2 and 2 ln x for positive x.
            if named
                && let (Some(x), Some(y)) = (&x, &y)
                && (!x.is_real() || !y.is_real())
            {
                complex += 1;
                if complex < POINTS as usize / 2 || together > 0 {
                    continue;
                }
            }
            match here(x, y, &mut precision) {
                Here::Apart => return Same::No,
                Here::Together => together += 1,
                Here::Vague => vague += 1,
                Here::Missing => {}
            }
            if together >= ENOUGH {
                break;
            }
        }
        if together == 0 && vague == 0 || named && together < 3 {
            return Same::Unknown;
        }
        // Once more with digits enough for the largest number that occurred.
        let bits = 512 + 3 * usize::try_from(peak).unwrap_or(MOST_BITS);
        if bits > MOST_BITS {
            return Same::Unknown;
        }
        for turn in 0..if named { POINTS } else { 1 } {
            let mut precision = Precision::new(bits);
            let (x, y) = self.pair(a, b, turn, integers, &mut precision);
            if named
                && complex < POINTS as usize / 2
                && let (Some(x), Some(y)) = (&x, &y)
                && (!x.is_real() || !y.is_real())
            {
                continue;
            }
            match here(x, y, &mut precision) {
                Here::Apart => return Same::No,
                Here::Together => return Same::Yes,
                Here::Vague => return Same::Unknown,
                Here::Missing => {}
            }
        }
        Same::Unknown
    }

    fn pair(
        &self,
        a: &Expr,
        b: &Expr,
        turn: u64,
        integers: bool,
        precision: &mut Precision,
    ) -> (Option<Complex>, Option<Complex>) {
        let mut point = Point::new(precision, turn, integers, self.common_log);
        let x = point.value(a);
        let y = if x.is_some() { point.value(b) } else { None };
        (x, y)
    }

    /// Whether `a / b` is the same constant, other than zero, at many points.
    pub(super) fn constant_ratio(&mut self, a: &Expr, b: &Expr) -> Same {
        self.note("numeric");
        let mut first: Option<Complex> = None;
        let mut seen = 0;
        for turn in 0..POINTS {
            let Some(work) = self.work.checked_sub(2) else {
                return Same::Unknown;
            };
            self.work = work;
            let mut precision = Precision::new(BITS * 2);
            let (Some(x), Some(y)) = self.pair(a, b, turn, false, &mut precision) else {
                continue;
            };
            if !x.is_real() || !y.is_real() || !x.is_apart_from_zero() {
                continue;
            }
            let Some(ratio) = x.divide(&y, &mut precision) else {
                continue;
            };
            match &first {
                None => first = Some(ratio),
                Some(known) => match here(Some(known.clone()), Some(ratio), &mut precision) {
                    Here::Apart => return Same::No,
                    Here::Together => seen += 1,
                    _ => {}
                },
            }
            if seen >= ENOUGH {
                return Same::Yes;
            }
        }
        Same::Unknown
    }

    /// The order of two numbers without names.
    pub(super) fn order(&mut self, a: &Expr, b: &Expr) -> Option<Ordering> {
        if let (Some(x), Some(y)) = (a.exact(), b.exact()) {
            return Some(x.cmp(&y));
        }
        if self.values(a, b) == Same::Yes {
            return Some(Ordering::Equal);
        }
        let mut precision = Precision::new(BITS);
        let (x, y) = self.pair(a, b, 0, false, &mut precision);
        let (x, y) = (x.filter(Complex::is_real)?, y.filter(Complex::is_real)?);
        let difference = x.re.subtract(&y.re, &mut precision)?;
        if !difference.is_apart_from_zero() {
            return None;
        }
        Some(if difference.is_negative() {
            Ordering::Less
        } else {
            Ordering::Greater
        })
    }
}

/// Whether a number rounds to `gold` at so many decimal places, whichever way a tie is broken.
pub(in crate::math) fn rounds_to(tree: &Expr, gold: &BigRational, places: u32) -> bool {
    let half = BigRational::new(BigInt::from(1), BigInt::from(2) * BigInt::from(10).pow(places));
    if let Some(value) = tree.exact() {
        return (value - gold).abs() <= half;
    }
    if !tree.is_value() || tree.has_names() {
        return false;
    }
    let mut precision = Precision::new(BITS);
    let Some(value) = Point::new(&mut precision, 0, false, true).value(tree) else {
        return false;
    };
    let mut rest = || {
        let gold = Ball::rational(gold, &mut precision)?;
        let off = value.re.subtract(&gold, &mut precision)?.abs();
        Ball::rational(&half, &mut precision)?.subtract(&off, &mut precision)
    };
    value.is_real() && rest().is_some_and(|rest| !rest.is_negative())
}

/// Two numbers without names or π are within a relative `tolerance`.
pub(super) fn near(a: &Expr, b: &Expr, tolerance: f64) -> bool {
    let symbolic = |tree: &Expr| {
        !tree.is_value() || tree.has_names() || tree.any(&|part| matches!(part, Expr::Pi | Expr::E | Expr::I))
    };
    let Some(tolerance) = BigRational::from_float(tolerance) else {
        return false;
    };
    if symbolic(a) || symbolic(b) {
        return false;
    }
    let mut precision = Precision::new(BITS);
    let mut value = |tree: &Expr| {
        let value = Point::new(&mut precision, 0, false, true).value(tree)?;
        value.is_real().then_some(value.re)
    };
    let (Some(x), Some(y)) = (value(a), value(b)) else {
        return false;
    };
    let mut within = |size: &Ball| {
        let bound = size
            .abs()
            .multiply(&Ball::rational(&tolerance, &mut precision)?, &mut precision)?;
        let rest = bound.subtract(&x.subtract(&y, &mut precision)?.abs(), &mut precision)?;
        Some(!rest.is_negative())
    };
    within(&x) == Some(true) || within(&y) == Some(true)
}

fn here(x: Option<Complex>, y: Option<Complex>, precision: &mut Precision) -> Here {
    let (Some(x), Some(y)) = (x, y) else {
        return Here::Missing;
    };
    let Some(difference) = x.subtract(&y, precision) else {
        return Here::Missing;
    };
    if difference.is_apart_from_zero() {
        return Here::Apart;
    }
    let size = x.size().max(y.size());
    let digits = precision.bits as i64 / 2;
    // Values that are nothing but error count where the error is tiny by itself.
    if difference.error() < size - digits || difference.error() < -digits {
        Here::Together
    } else {
        Here::Vague
    }
}

/// The decimal has enough digits and is the other number rounded or cut off.
fn rounds(decimal: &BigRational, other: &BigRational) -> bool {
    // A number that is itself a short decimal has no rounded form other than itself.
    last_digit(decimal).is_some_and(|unit| places(other).is_none() && (decimal - other).abs() < unit)
}

/// Digits behind the point of a terminating decimal.
fn places(value: &BigRational) -> Option<usize> {
    let mut bottom = value.denom().clone();
    let mut count = [0usize; 2];
    for (slot, prime) in count.iter_mut().zip([2u32, 5]) {
        let prime = BigInt::from(prime);
        while (&bottom % &prime).is_zero() {
            bottom /= &prime;
            *slot += 1;
            if *slot > 400 {
                return None;
            }
        }
    }
    bottom.is_one().then(|| count[0].max(count[1]))
}

/// The unit of the last place of a decimal with many digits.
fn last_digit(decimal: &BigRational) -> Option<BigRational> {
    let places = places(decimal).filter(|places| *places > 0)?;
    let scale = num_traits::Pow::pow(BigInt::from(10), places);
    let digits = (decimal * BigRational::from(scale.clone()))
        .to_integer()
        .abs()
        .to_string()
        .len();
    (digits >= DIGITS).then(|| BigRational::new(BigInt::one(), scale))
}
