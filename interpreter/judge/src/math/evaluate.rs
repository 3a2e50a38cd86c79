//! Values of trees at points, as balls.

use super::ball::{Ball, Precision};
use super::complex::Complex;
use super::exact;
use super::expression::{Expr, Fold};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};

/// Most terms of a sum that is evaluated.
const TERMS: i64 = 400;

/// Where names are evaluated: generic points, the same in every run.
pub(super) struct Point<'a> {
    pub(super) precision: &'a mut Precision,
    /// Number of the point.
    pub(super) turn: u64,
    /// Names stand for small whole numbers.
    pub(super) integers: bool,
    /// `\log` without a base is the common logarithm.
    pub(super) common_log: bool,
    bound: Vec<(String, Ball)>,
}

fn hash(name: &str, salt: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 31;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ (hash >> 29)
}

impl<'a> Point<'a> {
    pub(super) fn new(precision: &'a mut Precision, turn: u64, integers: bool, common_log: bool) -> Self {
        Point {
            precision,
            turn,
            integers,
            common_log,
            bound: Vec::new(),
        }
    }

    /// The value of a name, the same at every place in both answers.
    fn name(&mut self, name: &str) -> Option<Ball> {
        if let Some((_, value)) = self.bound.iter().rev().find(|(known, _)| known == name) {
            return Some(value.clone());
        }
        let bits = hash(name, self.turn);
        if self.integers {
            // `n` is drawn a little larger than the rest, so that binomials have values other than 0.
            let more = if name == "n" || name == "N" { 4 } else { 1 };
            return Some(Ball::small(more + bits % 7));
        }
        // Sizes below and above 1; all names positive, all negative, and neighbouring letters of either sign, so that an
        // absolute value or a root is seen whole.
        const SHIFTS: [i64; 6] = [1, -1, 0, 2, -2, 0];
        let round = (self.turn % 6) as usize;
        let shift = SHIFTS.get(round).copied().unwrap_or_default() + (bits & 1) as i64;
        let letter = name.bytes().next_back().unwrap_or_default();
        let negative = match round {
            0 | 4 => false,
            1 | 5 => true,
            2 => letter & 1 == 1,
            _ => letter & 2 == 2,
        };
        let top = (bits >> 8) % (1 << 40) + (1 << 40);
        let value = BigRational::new(BigInt::from(top), BigInt::from(1u64 << (40 - shift)));
        let ball = Ball::rational(&value, self.precision)?;
        Some(if negative { ball.negate() } else { ball })
    }

    /// A value of an unknown function: generic, the same for the same arguments.
    fn unknown(&mut self, name: &str, arguments: &[Expr]) -> Option<Ball> {
        let mut salt = self.turn;
        for argument in arguments {
            let value = self.value(argument)?;
            salt = salt
                .rotate_left(21)
                .wrapping_mul(0x94d0_49bb_1331_11eb)
                .wrapping_add(value.re.fingerprint() ^ value.im.fingerprint().rotate_left(9));
        }
        let drawn = hash(name, salt) % (1 << 40) + 1;
        let value = BigRational::new(BigInt::from(drawn), BigInt::from(1u64 << 38));
        Ball::rational(&value, self.precision)
    }

    /// The value of a tree; None where it has none, or none that can be computed within the limits.
    pub(super) fn value(&mut self, tree: &Expr) -> Option<Complex> {
        self.precision.spend(1)?;
        Some(match tree {
            Expr::Number(value) => Complex::real(Ball::rational(value, self.precision)?),
            Expr::Name(name) => Complex::real(self.name(name)?),
            Expr::Indexed(name, index) => {
                Complex::real(self.unknown(&format!("{name}_"), std::slice::from_ref(index))?)
            }
            Expr::Call(name, arguments) => Complex::real(self.unknown(name, arguments)?),
            Expr::Pi => Complex::real(Ball::pi(self.precision)?),
            Expr::E => Complex::real(Ball::e(self.precision)?),
            Expr::I => Complex::i(),
            Expr::Negative(inner) => self.value(inner)?.negate(),
            Expr::Add(terms) => {
                let mut sum = Complex::real(Ball::zero());
                for term in terms {
                    sum = sum.add(&self.value(term)?, self.precision)?;
                }
                sum
            }
            Expr::Multiply(factors) => {
                let mut product = Complex::real(Ball::small(1));
                for factor in factors {
                    product = product.multiply(&self.value(factor)?, self.precision)?;
                }
                product
            }
            Expr::Divide(top, bottom) => {
                let bottom = self.value(bottom)?;
                self.value(top)?.divide(&bottom, self.precision)?
            }
            Expr::Power(base, exponent) => self.power(base, exponent)?,
            Expr::Root(inner, degree) => self.value(inner)?.root(*degree, self.precision)?,
            Expr::Percent(inner) => {
                let hundred = Complex::real(Ball::small(100));
                self.value(inner)?.divide(&hundred, self.precision)?
            }
            Expr::Degree(inner) => {
                let turn = Ball::pi(self.precision)?.divide(&Ball::small(180), self.precision)?;
                self.value(inner)?
                    .multiply(&Complex::real(turn), self.precision)?
            }
            Expr::Function(name, arguments) => self.function(name, arguments)?,
            Expr::Fold(fold, name, parts) => self.fold(*fold, name, parts)?,
            _ => return None,
        })
    }

    fn power(&mut self, base: &Expr, exponent: &Expr) -> Option<Complex> {
        if matches!(base, Expr::E) {
            return self.value(exponent)?.exp(self.precision);
        }
        if let Some(exact) = exponent.exact()
            && !exact.is_integer()
        {
            // A rational exponent is a root and a power, so that (-8)^{1/3} is -2 as it is for a root.
            let degree = u32::try_from(exact.denom().clone()).ok().filter(|n| *n <= 64);
            let top = i64::try_from(exact.numer().clone())
                .ok()
                .filter(|n| n.abs() <= 4_096);
            if let (Some(degree), Some(top)) = (degree, top) {
                let root = self.value(base)?.root(degree, self.precision)?;
                return root.powi(top, self.precision);
            }
        }
        let exponent = self.value(exponent)?;
        self.value(base)?.power(&exponent, self.precision)
    }

    fn function(&mut self, name: &str, arguments: &[Expr]) -> Option<Complex> {
        match (name, arguments) {
            ("log", [x]) => {
                let ln = self.value(x)?.ln(self.precision)?;
                if !self.common_log {
                    return Some(ln);
                }
                let ten = Complex::real(Ball::small(10).ln(self.precision)?);
                ln.divide(&ten, self.precision)
            }
            ("log", [x, base]) => {
                let base = self.value(base)?.ln(self.precision)?;
                self.value(x)?.ln(self.precision)?.divide(&base, self.precision)
            }
            ("max" | "min", [first, rest @ ..]) => {
                let mut best = self.value(first)?;
                for other in rest {
                    let other = self.value(other)?;
                    if !best.is_real() || !other.is_real() {
                        return None;
                    }
                    let difference = other.re.subtract(&best.re, self.precision)?;
                    // Equal values: either of the two.
                    if difference.is_apart_from_zero() && difference.is_negative() == (name == "min") {
                        best = other;
                    }
                }
                Some(best)
            }
            (
                "factorial" | "double_factorial" | "binom" | "permutations" | "gcd" | "lcm" | "mod",
                arguments,
            ) => {
                let mut values = Vec::new();
                for argument in arguments {
                    let value = self.value(argument)?;
                    let whole = value.is_real().then(|| value.re.to_integer()).flatten()?;
                    values.push(BigRational::from(BigInt::from(whole)));
                }
                let exact = exact::apply(name, &values)?;
                Some(Complex::real(Ball::rational(&exact, self.precision)?))
            }
            // At the ends of their domain balls are of no use.
            ("arcsin" | "arccos", [x]) if x.exact().is_some_and(|x| x.abs().is_one()) => {
                let positive = x.exact()?.is_positive();
                let pi = Ball::pi(self.precision)?;
                let half = pi.divide(&Ball::small(2), self.precision)?;
                Some(Complex::real(match (name, positive) {
                    ("arcsin", true) => half,
                    ("arcsin", false) => half.negate(),
                    (_, true) => Ball::zero(),
                    (_, false) => pi,
                }))
            }
            (_, [x]) => self.value(x)?.apply(name, self.precision),
            _ => None,
        }
    }

    fn fold(&mut self, fold: Fold, name: &str, parts: &[Expr; 3]) -> Option<Complex> {
        let [from, to, body] = parts;
        let (from, to) = (self.value(from)?, self.value(to)?);
        if !from.is_real() || !to.is_real() {
            return None;
        }
        let (from, to) = (from.re.to_integer()?, to.re.to_integer()?);
        if to - from > TERMS {
            return None;
        }
        let mut total = Complex::real(match fold {
            Fold::Sum => Ball::zero(),
            Fold::Product => Ball::small(1),
        });
        for step in from..=to {
            let ball = Ball::small(step.unsigned_abs());
            let ball = if step < 0 { ball.negate() } else { ball };
            self.bound.push((name.to_owned(), ball));
            let value = self.value(body);
            self.bound.pop();
            total = match fold {
                Fold::Sum => total.add(&value?, self.precision)?,
                Fold::Product => total.multiply(&value?, self.precision)?,
            };
        }
        Some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_value_a_point_and_other_names_others() {
        let mut precision = Precision::new(128);
        let mut point = Point::new(&mut precision, 1, false, false);
        let (x, y) = (Expr::Name("x".into()), Expr::Name("y".into()));
        let difference = |a: &Expr, b: &Expr| a.clone().minus(b.clone());
        assert!(!point.value(&difference(&x, &x)).unwrap().is_apart_from_zero());
        assert!(point.value(&difference(&x, &y)).unwrap().is_apart_from_zero());
        let f = |argument: Expr| Expr::Call("f".into(), vec![argument]);
        let sum = Expr::Add(vec![x.clone(), y.clone()]);
        let turned = Expr::Add(vec![y.clone(), x.clone()]);
        assert!(
            !point
                .value(&difference(&f(sum.clone()), &f(turned)))
                .unwrap()
                .is_apart_from_zero()
        );
        assert!(
            point
                .value(&difference(&f(sum), &f(x)))
                .unwrap()
                .is_apart_from_zero()
        );
    }
}
