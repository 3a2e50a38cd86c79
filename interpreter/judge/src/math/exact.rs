//! Exact values: rational arithmetic on trees without names, bounded in size.

use super::expression::{Expr, Fold};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

/// Largest exact numerator or denominator, in bits; beyond it values are computed in floating point.
pub(super) const BITS: u64 = 1 << 14;
/// Largest argument of a factorial, upper argument of a binomial, and number of terms of a sum.
const FACTORIAL: u64 = 1_000;
const BINOMIAL: u64 = 2_000;

fn bounded(value: BigRational) -> Option<BigRational> {
    (value.numer().bits() <= BITS && value.denom().bits() <= BITS).then_some(value)
}

fn whole(value: &BigRational) -> Option<u64> {
    value.is_integer().then(|| value.to_integer().to_u64()).flatten()
}

pub(super) fn factorial(n: &BigRational) -> Option<BigRational> {
    let n = whole(n).filter(|n| *n <= FACTORIAL)?;
    Some(BigRational::from(
        (1..=n).fold(BigInt::one(), |product, k| product * k),
    ))
}

pub(super) fn binomial(n: &BigRational, k: &BigRational) -> Option<BigRational> {
    let (n, k) = (whole(n).filter(|n| *n <= BINOMIAL)?, whole(k)?);
    if k > n {
        return Some(BigRational::zero());
    }
    let mut product = BigInt::one();
    for step in 0..k.min(n - k) {
        product = product * (n - step) / (step + 1);
    }
    Some(BigRational::from(product))
}

/// `base` to the power of `exponent`, where that is rational and small.
pub(super) fn power(base: &BigRational, exponent: &BigRational) -> Option<BigRational> {
    if !exponent.is_integer() {
        let degree = exponent.denom().to_u32()?;
        let inner = power(base, &BigRational::from(exponent.numer().clone()))?;
        return root(&inner, degree);
    }
    if base.is_one() {
        return Some(base.clone());
    }
    if base.abs().is_one() {
        let odd = exponent.numer().is_odd();
        return Some(if odd { base.clone() } else { base.abs() });
    }
    if base.is_zero() {
        // 0^0 = 1 is the convention of sums and binomials.
        return match exponent.is_negative() {
            true => None,
            false if exponent.is_zero() => Some(BigRational::one()),
            false => Some(BigRational::zero()),
        };
    }
    let exponent = exponent.to_integer().to_i32()?;
    let bits = base.numer().bits().max(base.denom().bits());
    if bits.saturating_mul(u64::from(exponent.unsigned_abs())) > BITS {
        return None;
    }
    Some(Pow::pow(base.clone(), exponent))
}

/// The exact real root, where there is one.
pub(super) fn root(value: &BigRational, degree: u32) -> Option<BigRational> {
    if !(1..=64).contains(&degree) || (value.is_negative() && degree.is_multiple_of(2)) {
        return None;
    }
    let part = |n: &BigInt| {
        let found = n.nth_root(degree);
        (Pow::pow(found.clone(), degree) == *n).then_some(found)
    };
    Some(BigRational::new(part(value.numer())?, part(value.denom())?))
}

/// A known function of exact arguments, where its value is rational.
pub(super) fn apply(name: &str, arguments: &[BigRational]) -> Option<BigRational> {
    let first = arguments.first()?;
    let integers = || -> Option<Vec<BigInt>> {
        arguments
            .iter()
            .map(|value| value.is_integer().then(|| value.to_integer()))
            .collect()
    };
    let value = match (name, arguments) {
        ("abs", [x]) => x.abs(),
        ("floor", [x]) => x.floor(),
        ("ceil", [x]) => x.ceil(),
        ("max", _) => arguments.iter().max()?.clone(),
        ("min", _) => arguments.iter().min()?.clone(),
        ("gcd", _) => BigRational::from(integers()?.iter().fold(BigInt::zero(), |a, b| a.gcd(b))),
        ("lcm", _) => {
            let mut product = BigInt::one();
            for n in integers()? {
                product = product.lcm(&n);
                if product.bits() > BITS {
                    return None;
                }
            }
            BigRational::from(product)
        }
        ("mod", [a, b]) if !b.is_zero() => a - b * (a / b).floor(),
        ("factorial", [n]) => factorial(n)?,
        ("double_factorial", [n]) => {
            let n = whole(n).filter(|n| *n <= FACTORIAL)?;
            let mut product = BigInt::one();
            for k in (1..=n).rev().step_by(2) {
                product *= k;
            }
            BigRational::from(product)
        }
        ("binom", [n, k]) => binomial(n, k)?,
        ("permutations", [n, k]) => {
            let (n, k) = (whole(n).filter(|n| *n <= FACTORIAL)?, whole(k)?);
            if k > n {
                return Some(BigRational::zero());
            }
            BigRational::from(((n - k + 1)..=n).fold(BigInt::one(), |product, k| product * k))
        }
        ("exp", [x]) if x.is_zero() => BigRational::one(),
        ("ln" | "log", [x]) if x.is_one() => BigRational::zero(),
        ("sin" | "tan" | "arcsin" | "arctan" | "sinh" | "tanh" | "arcsinh" | "arctanh", [_])
            if first.is_zero() =>
        {
            BigRational::zero()
        }
        ("cos" | "cosh", [_]) if first.is_zero() => BigRational::one(),
        _ => return None,
    };
    bounded(value)
}

impl Expr {
    /// The exact value, where the tree holds only numbers and rational operations and stays small.
    pub(super) fn exact(&self) -> Option<BigRational> {
        self.exact_with(&mut Vec::new(), &mut 20_000)
    }

    fn exact_with(&self, bound: &mut Vec<(String, BigRational)>, budget: &mut u32) -> Option<BigRational> {
        *budget = budget.checked_sub(1)?;
        let value = match self {
            Expr::Number(value) => value.clone(),
            Expr::Name(name) => bound.iter().rev().find(|(known, _)| known == name)?.1.clone(),
            Expr::Negative(inner) => -inner.exact_with(bound, budget)?,
            Expr::Add(terms) => {
                let mut sum = BigRational::zero();
                for term in terms {
                    sum = bounded(sum + term.exact_with(bound, budget)?)?;
                }
                sum
            }
            Expr::Multiply(factors) => {
                let mut product = BigRational::one();
                for factor in factors {
                    product = bounded(product * factor.exact_with(bound, budget)?)?;
                }
                product
            }
            Expr::Divide(top, bottom) => {
                let bottom = bottom.exact_with(bound, budget)?;
                if bottom.is_zero() {
                    return None;
                }
                top.exact_with(bound, budget)? / bottom
            }
            Expr::Percent(inner) => inner.exact_with(bound, budget)? / BigRational::from(BigInt::from(100)),
            Expr::Power(base, exponent) => power(
                &base.exact_with(bound, budget)?,
                &exponent.exact_with(bound, budget)?,
            )?,
            Expr::Root(inner, degree) => root(&inner.exact_with(bound, budget)?, *degree)?,
            Expr::Function(name, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(argument.exact_with(bound, budget)?);
                }
                apply(name, &values)?
            }
            Expr::Fold(fold, name, parts) => {
                let [from, to, body] = parts.as_ref();
                let (from, to) = (from.exact_with(bound, budget)?, to.exact_with(bound, budget)?);
                let span = whole(&(&to - &from)).filter(|n| *n <= FACTORIAL)?;
                let mut total = match fold {
                    Fold::Sum => BigRational::zero(),
                    Fold::Product => BigRational::one(),
                };
                for step in 0..=span {
                    let at = &from + BigRational::from(BigInt::from(step));
                    bound.push((name.clone(), at));
                    let value = body.exact_with(bound, budget);
                    bound.pop();
                    total = bounded(match fold {
                        Fold::Sum => total + value?,
                        Fold::Product => total * value?,
                    })?;
                }
                total
            }
            _ => return None,
        };
        bounded(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values_and_their_limits() {
        let number = |n: i64| Expr::integer(n);
        let function =
            |name, values: &[i64]| Expr::Function(name, values.iter().map(|n| number(*n)).collect());
        let rows = [
            (function("gcd", &[144, 2988, 18]), Some(18)),
            (function("lcm", &[8, 9, 21]), Some(504)),
            (function("lcm", &[21, 0]), Some(0)),
            (function("mod", &[-7, 5]), Some(3)),
            (function("binom", &[5, 2]), Some(10)),
            (function("permutations", &[5, 2]), Some(20)),
            (function("double_factorial", &[7]), Some(105)),
            (function("factorial", &[1_001]), None),
            (Expr::Power(Box::new(number(9)), Box::new(number(99_999))), None),
            (
                Expr::Power(Box::new(number(-1)), Box::new(number(99_999))),
                Some(-1),
            ),
            (Expr::Power(Box::new(number(0)), Box::new(number(-1))), None),
            (Expr::Root(Box::new(number(-8)), 3), Some(-2)),
            (Expr::Root(Box::new(number(8)), 2), None),
        ];
        for (tree, value) in rows {
            assert_eq!(
                tree.exact(),
                value.map(|n| BigRational::from(BigInt::from(n))),
                "{tree:?}"
            );
        }
        let square = Expr::Power(Box::new(Expr::Name("k".into())), Box::new(number(2)));
        let sum = Expr::Fold(Fold::Sum, "k".into(), Box::new([number(1), number(10), square]));
        assert_eq!(sum.exact(), Some(BigRational::from(BigInt::from(385))));
    }
}
