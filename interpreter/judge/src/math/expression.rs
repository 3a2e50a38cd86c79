//! `Expr`: an answer as a tree, and its value, exact where that is cheap.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Largest exact numerator or denominator, in bits; beyond it values are computed in floating point.
const BITS: u64 = 1 << 14;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Number(BigRational),
    /// A variable or an unknown name.
    Name(String),
    Pi,
    E,
    I,
    Infinity,
    Negative(Box<Expr>),
    Add(Vec<Expr>),
    Multiply(Vec<Expr>),
    Divide(Box<Expr>, Box<Expr>),
    Power(Box<Expr>, Box<Expr>),
    /// The n-th root.
    Root(Box<Expr>, u32),
    Function(&'static str, Vec<Expr>),
    /// `a ± b`
    PlusMinus(Box<Expr>, Box<Expr>),
    /// A list with the brackets that it is written in: `(`, `[`, `{`, or a space for none.
    List(char, Vec<Expr>, char),
    Union(Vec<Expr>),
    Matrix(Vec<Vec<Expr>>),
    /// A chain `a < b <= c`: terms and the relations between them.
    Relation(Vec<Expr>, Vec<&'static str>),
}

/// A complex number in floating point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) fn real(re: f64) -> Self {
        Complex { re, im: 0.0 }
    }

    pub(super) fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }

    pub(super) fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn add(self, other: Self) -> Self {
        Complex {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }

    pub(super) fn subtract(self, other: Self) -> Self {
        Complex {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }

    fn multiply(self, other: Self) -> Self {
        Complex {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }

    pub(super) fn divide(self, other: Self) -> Self {
        let scale = other.re * other.re + other.im * other.im;
        Complex {
            re: (self.re * other.re + self.im * other.im) / scale,
            im: (self.im * other.re - self.re * other.im) / scale,
        }
    }

    fn exp(self) -> Self {
        let size = self.re.exp();
        Complex {
            re: size * self.im.cos(),
            im: size * self.im.sin(),
        }
    }

    fn ln(self) -> Self {
        Complex {
            re: self.size().ln(),
            im: self.im.atan2(self.re),
        }
    }

    fn power(self, exponent: Self) -> Self {
        if exponent.im == 0.0 && exponent.re.fract() == 0.0 && exponent.re.abs() <= 64.0 {
            let mut result = Complex::real(1.0);
            for _ in 0..exponent.re.abs() as u32 {
                result = result.multiply(self);
            }
            return if exponent.re < 0.0 {
                Complex::real(1.0).divide(result)
            } else {
                result
            };
        }
        if self.im == 0.0 && exponent.im == 0.0 && (self.re >= 0.0 || exponent.re.fract() == 0.0) {
            return Complex::real(self.re.powf(exponent.re));
        }
        self.ln().multiply(exponent).exp()
    }
}

impl Expr {
    pub(super) fn integer(n: i64) -> Expr {
        Expr::Number(BigRational::from(BigInt::from(n)))
    }

    /// The exact value, where the tree holds only numbers and rational operations and stays small.
    pub(super) fn exact(&self) -> Option<BigRational> {
        let value = match self {
            Expr::Number(value) => value.clone(),
            Expr::Negative(inner) => -inner.exact()?,
            Expr::Add(terms) => {
                let mut sum = BigRational::zero();
                for term in terms {
                    sum = bounded(sum + term.exact()?)?;
                }
                sum
            }
            Expr::Multiply(factors) => {
                let mut product = BigRational::one();
                for factor in factors {
                    product = bounded(product * factor.exact()?)?;
                }
                product
            }
            Expr::Divide(top, bottom) => {
                let bottom = bottom.exact()?;
                if bottom.is_zero() {
                    return None;
                }
                top.exact()? / bottom
            }
            Expr::Power(base, exponent) => power(base.exact()?, exponent.exact()?)?,
            Expr::Root(inner, degree) => root(&inner.exact()?, *degree)?,
            Expr::Function("abs", arguments) => arguments.first()?.exact()?.abs(),
            Expr::Function("floor", arguments) => arguments.first()?.exact()?.floor(),
            Expr::Function("ceil", arguments) => arguments.first()?.exact()?.ceil(),
            Expr::Function("factorial", arguments) => {
                let n = arguments.first()?.exact()?;
                let n = n.is_integer().then(|| n.to_integer().to_u64()).flatten()?;
                if n > 1_000 {
                    return None;
                }
                BigRational::from((1..=n).fold(BigInt::one(), |product, k| product * k))
            }
            Expr::Function("binom", arguments) => {
                let [top, bottom] = arguments.as_slice() else {
                    return None;
                };
                let (n, k) = (top.exact()?, bottom.exact()?);
                let whole = |x: &BigRational| x.is_integer().then(|| x.to_integer().to_u64()).flatten();
                let (n, k) = (whole(&n)?, whole(&k)?);
                if n > 2_000 {
                    return None;
                }
                if k > n {
                    return Some(BigRational::zero());
                }
                let k = k.min(n - k);
                let mut product = BigInt::one();
                for step in 0..k {
                    product = product * (n - step) / (step + 1);
                }
                BigRational::from(product)
            }
            _ => return None,
        };
        bounded(value)
    }

    /// The value in floating point with `point` in place of names; None where the tree is no single number.
    pub(super) fn value(&self, point: &dyn Fn(&str) -> f64) -> Option<Complex> {
        if let Expr::Number(value) = self {
            return Some(Complex::real(value.to_f64()?));
        }
        let of = |expression: &Expr| expression.value(point);
        Some(match self {
            Expr::Number(_) => return None,
            Expr::Name(name) => Complex::real(point(name)),
            Expr::Pi => Complex::real(std::f64::consts::PI),
            Expr::E => Complex::real(std::f64::consts::E),
            Expr::I => Complex { re: 0.0, im: 1.0 },
            Expr::Negative(inner) => Complex::real(0.0).subtract(of(inner)?),
            Expr::Add(terms) => {
                let mut sum = Complex::real(0.0);
                for term in terms {
                    sum = sum.add(of(term)?);
                }
                sum
            }
            Expr::Multiply(factors) => {
                let mut product = Complex::real(1.0);
                for factor in factors {
                    product = product.multiply(of(factor)?);
                }
                product
            }
            Expr::Divide(top, bottom) => of(top)?.divide(of(bottom)?),
            Expr::Power(base, exponent) => of(base)?.power(of(exponent)?),
            Expr::Root(inner, degree) => {
                let inner = of(inner)?;
                if inner.im == 0.0 && (inner.re >= 0.0 || degree % 2 == 1) {
                    let size = match degree {
                        2 => inner.re.sqrt(),
                        3 => inner.re.cbrt(),
                        _ => inner.re.abs().powf(1.0 / f64::from(*degree)) * inner.re.signum(),
                    };
                    Complex::real(size)
                } else {
                    inner.power(Complex::real(1.0 / f64::from(*degree)))
                }
            }
            Expr::Function(name, arguments) => {
                let arguments = arguments.iter().map(of).collect::<Option<Vec<_>>>()?;
                apply(name, &arguments)?
            }
            _ => return None,
        })
    }

    /// Collects the names in the tree.
    pub(super) fn names<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Expr::Name(name) => found.push(name),
            Expr::Negative(a) | Expr::Root(a, _) => a.names(found),
            Expr::Divide(a, b) | Expr::Power(a, b) | Expr::PlusMinus(a, b) => {
                a.names(found);
                b.names(found);
            }
            Expr::Add(all)
            | Expr::Multiply(all)
            | Expr::Function(_, all)
            | Expr::List(_, all, _)
            | Expr::Union(all)
            | Expr::Relation(all, _) => all.iter().for_each(|part| part.names(found)),
            Expr::Matrix(rows) => rows.iter().flatten().for_each(|part| part.names(found)),
            _ => {}
        }
    }
}

fn bounded(value: BigRational) -> Option<BigRational> {
    (value.numer().bits() <= BITS && value.denom().bits() <= BITS).then_some(value)
}

fn power(base: BigRational, exponent: BigRational) -> Option<BigRational> {
    if !exponent.is_integer() {
        let degree = exponent.denom().to_u32()?;
        let inner = power(base, BigRational::from(exponent.numer().clone()))?;
        return root(&inner, degree);
    }
    let exponent = exponent.to_integer().to_i32()?;
    let bits = base.numer().bits().max(base.denom().bits());
    let unit = base.is_zero() || base.abs().is_one();
    if (base.is_zero() && exponent <= 0)
        || (!unit && bits.saturating_mul(u64::from(exponent.unsigned_abs())) > BITS)
    {
        return None;
    }
    if unit {
        let odd = exponent % 2 != 0;
        return Some(if odd { base } else { base.abs() });
    }
    Some(num_traits::Pow::pow(base, exponent))
}

/// The exact root, where there is one.
fn root(value: &BigRational, degree: u32) -> Option<BigRational> {
    if !(1..=64).contains(&degree) || (value.is_negative() && degree.is_multiple_of(2)) {
        return None;
    }
    let part = |n: &BigInt| {
        let found = n.nth_root(degree);
        (num_traits::Pow::pow(found.clone(), degree) == *n).then_some(found)
    };
    Some(BigRational::new(part(value.numer())?, part(value.denom())?))
}

fn apply(name: &str, arguments: &[Complex]) -> Option<Complex> {
    let x = *arguments.first()?;
    let real = |f: fn(f64) -> f64| (x.im == 0.0).then(|| Complex::real(f(x.re)));
    match name {
        "sin" => real(f64::sin),
        "cos" => real(f64::cos),
        "tan" => real(f64::tan),
        "cot" => real(|x| 1.0 / x.tan()),
        "sec" => real(|x| 1.0 / x.cos()),
        "csc" => real(|x| 1.0 / x.sin()),
        "arcsin" => real(f64::asin),
        "arccos" => real(f64::acos),
        "arctan" => real(f64::atan),
        "sinh" => real(f64::sinh),
        "cosh" => real(f64::cosh),
        "tanh" => real(f64::tanh),
        "exp" => Some(x.exp()),
        "ln" => Some(x.ln()),
        "log" => Some(x.ln().divide(arguments.get(1)?.ln())),
        "abs" => Some(Complex::real(x.size())),
        "floor" => real(f64::floor),
        "ceil" => real(f64::ceil),
        "factorial" => {
            let n = (x.im == 0.0 && x.re >= 0.0 && x.re <= 170.0 && x.re.fract() == 0.0)
                .then_some(x.re as u32)?;
            Some(Complex::real((1..=n).map(f64::from).product()))
        }
        _ => None,
    }
}
