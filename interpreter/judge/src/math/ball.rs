//! `Ball`: a real number known to lie within a bound of a multiple-precision midpoint.
//!
//! Every operation keeps the bound true, so that two balls that do not touch are certainly different numbers.

use astro_float_num::{BigFloat, Consts, RoundingMode, Sign};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;
use std::cell::RefCell;

/// Results of the library are right but for the last few bits when it need not round.
const ROUNDING: RoundingMode = RoundingMode::None;
const SLACK: i64 = 8;
/// The error exponent of an exact number.
const EXACT: i64 = i64::MIN / 4;
/// Largest binary exponent of a value; beyond it nothing is computed.
const LARGEST: i64 = 1 << 24;

thread_local! {
    /// Digits of π and ln 2, computed once a thread; no result depends on what is in here.
    static CONSTANTS: RefCell<Option<Consts>> = const { RefCell::new(None) };
}

fn with_constants(f: impl FnOnce(&mut Consts) -> BigFloat) -> Option<BigFloat> {
    CONSTANTS.with(|cell| {
        let mut slot = cell.try_borrow_mut().ok()?;
        if slot.is_none() {
            *slot = Consts::new().ok();
        }
        slot.as_mut().map(f)
    })
}

/// Working precision, and how much work is left.
#[derive(Debug, Clone)]
pub(super) struct Precision {
    pub(super) bits: usize,
    /// Largest size (in bits) of a value or input seen so far: digits that a comparison must not miss.
    pub(super) peak: i64,
    /// Operations left, in units of one multiplication.
    pub(super) budget: u32,
}

impl Precision {
    pub(super) fn new(bits: usize) -> Self {
        // The cost of an operation grows with the square of the length.
        let budget = (60_000_000 / (bits * bits / 64 + 4_000)).min(6_000) as u32;
        Precision {
            bits,
            peak: 0,
            budget,
        }
    }

    pub(super) fn spend(&mut self, cost: u32) -> Option<()> {
        self.budget = self.budget.checked_sub(cost)?;
        Some(())
    }
}

/// `mid ± 2^error`.
#[derive(Debug, Clone)]
pub(super) struct Ball {
    mid: BigFloat,
    error: i64,
}

fn sum_of(exponents: &[i64]) -> i64 {
    let top = exponents.iter().copied().max().unwrap_or(EXACT);
    if top <= EXACT { EXACT } else { top + 2 }
}

fn exponent(value: &BigFloat) -> i64 {
    if value.is_zero() {
        EXACT
    } else {
        value.exponent().map_or(EXACT, i64::from)
    }
}

impl Ball {
    fn rounded(mid: BigFloat, errors: &[i64], precision: &mut Precision) -> Option<Ball> {
        if mid.is_nan() || mid.is_inf() {
            return None;
        }
        let size = exponent(&mid);
        if size > LARGEST || (size < -LARGEST && !mid.is_zero()) {
            return None;
        }
        if !mid.is_zero() {
            precision.peak = precision.peak.max(size.abs());
        }
        let last = if mid.is_zero() {
            EXACT
        } else {
            size - precision.bits as i64 + SLACK
        };
        Some(Ball {
            mid,
            error: sum_of(&[sum_of(errors), last]),
        })
    }

    /// Whether a sum or product of the two is a whole number that fits into the working precision.
    fn stays_whole(&self, other: &Ball, bits: i64, precision: &Precision) -> bool {
        self.error <= EXACT
            && other.error <= EXACT
            && bits < precision.bits as i64
            && self.mid.is_int()
            && other.mid.is_int()
    }

    fn exact(mid: BigFloat, precision: &mut Precision) -> Ball {
        // Zero has no size, so it must not ask for more digits.
        if mid.is_zero() {
            return Ball::zero();
        }
        precision.peak = precision.peak.max(exponent(&mid).abs().min(LARGEST));
        Ball { mid, error: EXACT }
    }

    pub(super) fn zero() -> Ball {
        Ball {
            mid: BigFloat::from_word(0, 64),
            error: EXACT,
        }
    }

    pub(super) fn small(n: u64) -> Ball {
        Ball {
            mid: BigFloat::from_word(n, 64),
            error: EXACT,
        }
    }

    fn integer(n: &BigInt, precision: &mut Precision) -> Ball {
        let (_, digits) = n.to_u64_digits();
        if digits.is_empty() {
            return Ball::zero();
        }
        precision.peak = precision.peak.max(n.bits() as i64);
        let sign = if n.is_negative() { Sign::Neg } else { Sign::Pos };
        Ball {
            mid: BigFloat::from_words(&digits, sign, 64 * digits.len() as i32),
            error: EXACT,
        }
    }

    pub(super) fn rational(value: &BigRational, precision: &mut Precision) -> Option<Ball> {
        let top = Ball::integer(value.numer(), precision);
        if value.is_integer() {
            return Some(top);
        }
        let bottom = Ball::integer(value.denom(), precision);
        top.divide(&bottom, precision)
    }

    pub(super) fn pi(precision: &mut Precision) -> Option<Ball> {
        let bits = precision.bits;
        let mid = with_constants(|constants| constants.pi(bits, ROUNDING))?;
        Ball::rounded(mid, &[], precision)
    }

    /// The exponent of an upper bound of the absolute value.
    pub(super) fn size(&self) -> i64 {
        let size = exponent(&self.mid);
        if self.error <= EXACT {
            size
        } else {
            size.max(self.error) + 1
        }
    }

    pub(super) fn error(&self) -> i64 {
        self.error
    }

    pub(super) fn is_exact_zero(&self) -> bool {
        self.mid.is_zero() && self.error <= EXACT
    }

    /// The ball certainly excludes zero.
    pub(super) fn is_apart_from_zero(&self) -> bool {
        !self.mid.is_zero() && exponent(&self.mid) - 1 > self.error
    }

    pub(super) fn is_negative(&self) -> bool {
        self.mid.is_negative()
    }

    /// The exponent of a lower bound of the absolute value; only for balls apart from zero.
    fn least(&self) -> i64 {
        if self.error <= EXACT {
            exponent(&self.mid) - 1
        } else {
            exponent(&self.mid) - 2
        }
    }

    pub(super) fn negate(&self) -> Ball {
        Ball {
            mid: self.mid.neg(),
            error: self.error,
        }
    }

    pub(super) fn abs(&self) -> Ball {
        Ball {
            mid: self.mid.abs(),
            error: self.error,
        }
    }

    pub(super) fn add(&self, other: &Ball, precision: &mut Precision) -> Option<Ball> {
        if self.is_exact_zero() {
            return Some(other.clone());
        }
        if other.is_exact_zero() {
            return Some(self.clone());
        }
        let mid = self.mid.add(&other.mid, precision.bits, ROUNDING);
        let bits = exponent(&self.mid).max(exponent(&other.mid)) + 1;
        if self.stays_whole(other, bits, precision) {
            return Some(Ball::exact(mid, precision));
        }
        Ball::rounded(mid, &[self.error, other.error], precision)
    }

    pub(super) fn subtract(&self, other: &Ball, precision: &mut Precision) -> Option<Ball> {
        self.add(&other.negate(), precision)
    }

    pub(super) fn multiply(&self, other: &Ball, precision: &mut Precision) -> Option<Ball> {
        if self.is_exact_zero() || other.is_exact_zero() {
            return Some(Ball::zero());
        }
        precision.spend(1)?;
        let mid = self.mid.mul(&other.mid, precision.bits, ROUNDING);
        if self.stays_whole(other, exponent(&self.mid) + exponent(&other.mid), precision) {
            return Some(Ball::exact(mid, precision));
        }
        let product = |error: i64, size: i64| if error <= EXACT { EXACT } else { error + size };
        let errors = [
            product(self.error, other.size()),
            product(other.error, self.size()),
        ];
        Ball::rounded(mid, &errors, precision)
    }

    pub(super) fn divide(&self, other: &Ball, precision: &mut Precision) -> Option<Ball> {
        if !other.is_apart_from_zero() {
            return None;
        }
        if self.is_exact_zero() {
            return Some(Ball::zero());
        }
        precision.spend(2)?;
        let mid = self.mid.div(&other.mid, precision.bits, ROUNDING);
        let least = other.least();
        let of = |error: i64, shift: i64| if error <= EXACT { EXACT } else { error + shift };
        // |a/b - a'/b'| <= da/|b'| + |a| db/(|b| |b'|)
        let errors = [of(self.error, -least), of(other.error, self.size() - 2 * least)];
        Ball::rounded(mid, &errors, precision)
    }

    /// The square root of a ball that is not below zero.
    pub(super) fn sqrt(&self, precision: &mut Precision) -> Option<Ball> {
        if self.is_exact_zero() {
            return Some(Ball::zero());
        }
        precision.spend(4)?;
        if !self.is_apart_from_zero() {
            // Somewhere between zero and the root of the upper bound.
            return Some(Ball {
                mid: BigFloat::from_word(0, 64),
                error: self.size().div_euclid(2) + 1,
            });
        }
        if self.is_negative() {
            return None;
        }
        let mid = self.mid.sqrt(precision.bits, ROUNDING);
        let error = if self.error <= EXACT {
            EXACT
        } else {
            self.error - self.least().div_euclid(2)
        };
        Ball::rounded(mid, &[error], precision)
    }

    pub(super) fn exp(&self, precision: &mut Precision) -> Option<Ball> {
        if self.is_exact_zero() {
            return Some(Ball::small(1));
        }
        if self.size() > 22 || (self.error > -2) {
            return None;
        }
        precision.spend(40)?;
        let bits = precision.bits;
        let mid = with_constants(|constants| self.mid.exp(bits, ROUNDING, constants))?;
        let error = if self.error <= EXACT {
            EXACT
        } else {
            self.error + exponent(&mid) + 1
        };
        Ball::rounded(mid, &[error], precision)
    }

    /// Euler's number.
    pub(super) fn e(precision: &mut Precision) -> Option<Ball> {
        let bits = precision.bits;
        let mid = with_constants(|constants| constants.e(bits, ROUNDING))?;
        Ball::rounded(mid, &[], precision)
    }

    /// The natural logarithm of a ball above zero.
    pub(super) fn ln(&self, precision: &mut Precision) -> Option<Ball> {
        if !self.is_apart_from_zero() || self.is_negative() {
            return None;
        }
        precision.spend(40)?;
        let one = self.error <= EXACT && self.mid.cmp(&BigFloat::from_word(1, 64)) == Some(0);
        if one {
            return Some(Ball::zero());
        }
        let bits = precision.bits;
        let mid = with_constants(|constants| self.mid.ln(bits, ROUNDING, constants))?;
        let error = if self.error <= EXACT {
            EXACT
        } else {
            self.error - self.least()
        };
        Ball::rounded(mid, &[error], precision)
    }

    pub(super) fn sin_cos(&self, precision: &mut Precision) -> Option<(Ball, Ball)> {
        if self.is_exact_zero() {
            return Some((Ball::zero(), Ball::small(1)));
        }
        if self.size() > 128 {
            return None;
        }
        precision.spend(80)?;
        let bits = precision.bits;
        // The reduction of a large argument costs as many bits as it has.
        let lost = exponent(&self.mid).max(0) - bits as i64 + SLACK;
        let sin = with_constants(|constants| self.mid.sin(bits, ROUNDING, constants))?;
        let cos = with_constants(|constants| self.mid.cos(bits, ROUNDING, constants))?;
        Some((
            Ball::rounded(sin, &[self.error, lost], precision)?,
            Ball::rounded(cos, &[self.error, lost], precision)?,
        ))
    }

    pub(super) fn atan(&self, precision: &mut Precision) -> Option<Ball> {
        if self.is_exact_zero() {
            return Some(Ball::zero());
        }
        precision.spend(60)?;
        let bits = precision.bits;
        let mid = with_constants(|constants| self.mid.atan(bits, ROUNDING, constants))?;
        Ball::rounded(mid, &[self.error], precision)
    }

    /// The largest integer not above, where the ball holds no other; exact.
    pub(super) fn floor(&self) -> Option<Ball> {
        let floor = self.mid.floor();
        if floor.is_nan() || floor.is_inf() {
            return None;
        }
        if self.error > EXACT {
            if self.error > -3 {
                return None;
            }
            // Certain only where the distance to both neighbours exceeds the error.
            let bits = 256;
            let below = self.mid.sub(&floor, bits, RoundingMode::ToEven);
            let above = BigFloat::from_word(1, 64).sub(&below, bits, RoundingMode::ToEven);
            if exponent(&below) - 2 <= self.error || exponent(&above) - 2 <= self.error {
                return None;
            }
        }
        Some(Ball {
            mid: floor,
            error: EXACT,
        })
    }

    /// A small exact integer.
    pub(super) fn to_integer(&self) -> Option<i64> {
        if self.error > EXACT || !self.mid.is_int() || exponent(&self.mid) > 40 {
            return None;
        }
        if self.mid.is_zero() {
            return Some(0);
        }
        let top = *self.mid.mantissa_digits()?.last()?;
        let value = (top >> (64 - exponent(&self.mid))) as i64;
        Some(if self.is_negative() { -value } else { value })
    }

    /// Bits of the midpoint, for hashing a value that is known well.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = 0x9e37_79b9_7f4a_7c15u64 ^ exponent(&self.mid) as u64;
        // Rounded to 64 bits a value and its neighbour within the error are the same in all but rare cases.
        let mut rounded = self.mid.clone();
        if rounded.set_precision(64, RoundingMode::ToEven).is_ok()
            && let Some(word) = rounded.mantissa_digits().and_then(|digits| digits.last())
        {
            hash ^= word.rotate_left(17).wrapping_mul(0xff51_afd7_ed55_8ccd);
        }
        hash ^ u64::from(self.is_negative() && !self.mid.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_identities_hold_within_the_bounds_and_neighbours_are_told_apart() {
        let mut precision = Precision::new(256);
        let p = &mut precision;
        let pi = Ball::pi(p).unwrap();
        let (sin, cos) = pi.sin_cos(p).unwrap();
        assert!(!sin.is_apart_from_zero() && sin.error() < -200);
        assert!(!cos.add(&Ball::small(1), p).unwrap().is_apart_from_zero());
        let two = Ball::small(2).sqrt(p).unwrap();
        let square = two.multiply(&two, p).unwrap();
        assert!(!square.subtract(&Ball::small(2), p).unwrap().is_apart_from_zero());
        let tiny = Ball::rational(&BigRational::new(1.into(), BigInt::from(10).pow(60)), p).unwrap();
        assert!(
            square
                .subtract(&Ball::small(2), p)
                .unwrap()
                .add(&tiny, p)
                .unwrap()
                .is_apart_from_zero()
        );
        let e = Ball::small(1).exp(p).unwrap();
        assert!(
            !e.ln(p)
                .unwrap()
                .subtract(&Ball::small(1), p)
                .unwrap()
                .is_apart_from_zero()
        );
        assert_eq!(pi.floor().and_then(|f| f.to_integer()), Some(3));
        assert_eq!(pi.negate().floor().and_then(|f| f.to_integer()), Some(-4));
        assert!(square.floor().is_none(), "2 ± error has no certain floor");
        let quarter = Ball::small(1).atan(p).unwrap();
        let four = quarter.multiply(&Ball::small(4), p).unwrap();
        assert!(!four.subtract(&pi, p).unwrap().is_apart_from_zero());
        assert!(Ball::small(1).divide(&sin, p).is_none());
    }
}
