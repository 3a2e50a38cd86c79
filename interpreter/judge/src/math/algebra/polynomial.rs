//! `Polynomial`: a sum of rational multiples of products of atoms with rational exponents.

use num_integer::Integer;
use num_rational::{BigRational, Ratio};
use num_traits::{One, Zero};
use std::collections::BTreeMap;

/// Atoms and their exponents, sorted by atom, no exponent zero.
pub(super) type Monomial = Vec<(u32, Ratio<i64>)>;

/// Most terms, and most bits of a coefficient.
pub(super) const TERMS: usize = 300;
pub(super) const BITS: u64 = 1 << 13;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Polynomial {
    pub(super) terms: BTreeMap<Monomial, BigRational>,
}

impl Polynomial {
    pub(super) fn constant(value: BigRational) -> Self {
        Polynomial::term(Vec::new(), value)
    }

    pub(super) fn one() -> Self {
        Polynomial::constant(BigRational::one())
    }

    pub(super) fn term(monomial: Monomial, value: BigRational) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(monomial, value);
        }
        Polynomial { terms }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value of a polynomial without atoms.
    pub(super) fn as_constant(&self) -> Option<BigRational> {
        if self.is_zero() {
            return Some(BigRational::zero());
        }
        let (monomial, value) = self.as_term()?;
        monomial.is_empty().then(|| value.clone())
    }

    /// The only term.
    pub(super) fn as_term(&self) -> Option<(&Monomial, &BigRational)> {
        (self.terms.len() == 1)
            .then(|| self.terms.first_key_value())
            .flatten()
    }

    pub(super) fn insert(&mut self, monomial: Monomial, value: BigRational) -> Option<()> {
        if value.numer().bits() > BITS || value.denom().bits() > BITS {
            return None;
        }
        let sum = match self.terms.remove(&monomial) {
            Some(old) => old + value,
            None => value,
        };
        if !sum.is_zero() {
            self.terms.insert(monomial, sum);
        }
        (self.terms.len() <= TERMS).then_some(())
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let mut sum = self.clone();
        for (monomial, value) in &other.terms {
            sum.insert(monomial.clone(), value.clone())?;
        }
        Some(sum)
    }

    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.scaled(&-BigRational::one()))
    }

    pub(super) fn scaled(&self, factor: &BigRational) -> Self {
        let terms = self
            .terms
            .iter()
            .map(|(monomial, value)| (monomial.clone(), value * factor));
        Polynomial {
            terms: terms.collect(),
        }
    }

    /// The constant quotient of two polynomials that are multiples of each other.
    pub(super) fn ratio(&self, other: &Self) -> Option<BigRational> {
        let (monomial, value) = other.terms.first_key_value()?;
        let ratio = self.terms.get(monomial)? / value;
        (*self == other.scaled(&ratio)).then_some(ratio)
    }
}

/// The product of two monomials, exponents added.
pub(super) fn merge(a: &Monomial, b: &Monomial) -> Option<Monomial> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                let sum = add(x.1, y.1)?;
                if !sum.is_zero() {
                    merged.push((x.0, sum));
                }
                left.next();
                right.next();
            }
            (Some(x), Some(y)) if x.0 < y.0 => merged.extend(left.next().copied()),
            (_, Some(_)) => merged.extend(right.next().copied()),
            (Some(_), None) => merged.extend(left.next().copied()),
            (None, None) => return Some(merged),
        }
    }
}

/// The sum of two exponents, both kept small.
fn add(a: Ratio<i64>, b: Ratio<i64>) -> Option<Ratio<i64>> {
    let common = a.denom().lcm(b.denom());
    let small = |r: Ratio<i64>| r.numer().abs() < 1 << 40 && *r.denom() <= 5_040;
    if !small(a) || !small(b) || common > 5_040 {
        return None;
    }
    Some(a + b)
}
