//! `Complex`: a pair of balls, and the functions of one complex or real number.

use super::ball::{Ball, Precision};

#[derive(Debug, Clone)]
pub(super) struct Complex {
    pub(super) re: Ball,
    pub(super) im: Ball,
}

type Maybe = Option<Complex>;

impl Complex {
    pub(super) fn real(re: Ball) -> Self {
        Complex { re, im: Ball::zero() }
    }

    pub(super) fn i() -> Self {
        Complex {
            re: Ball::zero(),
            im: Ball::small(1),
        }
    }

    pub(super) fn is_real(&self) -> bool {
        self.im.is_exact_zero()
    }

    /// The real part, where the number is certainly real.
    fn only_real(&self) -> Option<&Ball> {
        self.is_real().then_some(&self.re)
    }

    pub(super) fn is_apart_from_zero(&self) -> bool {
        self.re.is_apart_from_zero() || self.im.is_apart_from_zero()
    }

    /// The exponent of an upper bound of both parts.
    pub(super) fn size(&self) -> i64 {
        self.re.size().max(self.im.size())
    }

    pub(super) fn error(&self) -> i64 {
        self.re.error().max(self.im.error())
    }

    pub(super) fn negate(&self) -> Self {
        Complex {
            re: self.re.negate(),
            im: self.im.negate(),
        }
    }

    pub(super) fn add(&self, other: &Self, p: &mut Precision) -> Maybe {
        Some(Complex {
            re: self.re.add(&other.re, p)?,
            im: self.im.add(&other.im, p)?,
        })
    }

    pub(super) fn subtract(&self, other: &Self, p: &mut Precision) -> Maybe {
        self.add(&other.negate(), p)
    }

    pub(super) fn multiply(&self, other: &Self, p: &mut Precision) -> Maybe {
        let re = self.re.multiply(&other.re, p)?;
        let cross = self.im.multiply(&other.im, p)?;
        Some(Complex {
            re: re.subtract(&cross, p)?,
            im: self
                .re
                .multiply(&other.im, p)?
                .add(&self.im.multiply(&other.re, p)?, p)?,
        })
    }

    pub(super) fn divide(&self, other: &Self, p: &mut Precision) -> Maybe {
        if let Some(real) = other.only_real() {
            return Some(Complex {
                re: self.re.divide(real, p)?,
                im: self.im.divide(real, p)?,
            });
        }
        let conjugate = Complex {
            re: other.re.clone(),
            im: other.im.negate(),
        };
        let scale = other.multiply(&conjugate, p)?.re;
        let top = self.multiply(&conjugate, p)?;
        Some(Complex {
            re: top.re.divide(&scale, p)?,
            im: top.im.divide(&scale, p)?,
        })
    }

    pub(super) fn abs(&self, p: &mut Precision) -> Option<Ball> {
        if self.is_real() {
            return Some(self.re.abs());
        }
        let square = self.re.multiply(&self.re, p)?;
        square.add(&self.im.multiply(&self.im, p)?, p)?.sqrt(p)
    }

    /// The angle in (-π, π].
    fn angle(&self, p: &mut Precision) -> Option<Ball> {
        let pi = Ball::pi(p)?;
        let half = pi.divide(&Ball::small(2), p)?;
        if self.is_real() {
            if !self.re.is_apart_from_zero() {
                return None;
            }
            return Some(if self.re.is_negative() { pi } else { Ball::zero() });
        }
        if !self.im.is_apart_from_zero() {
            // The branch cut is too near on the left; on the right the quotient is certain.
            if !self.re.is_apart_from_zero() || self.re.is_negative() {
                return None;
            }
            return self.im.divide(&self.re, p)?.atan(p);
        }
        // atan2 by the cotangent, which has no pole where the imaginary part is not zero.
        let base = if self.im.is_negative() {
            half.negate()
        } else {
            half
        };
        base.subtract(&self.re.divide(&self.im, p)?.atan(p)?, p)
    }

    pub(super) fn exp(&self, p: &mut Precision) -> Maybe {
        let size = self.re.exp(p)?;
        if self.is_real() {
            return Some(Complex::real(size));
        }
        let (sin, cos) = self.im.sin_cos(p)?;
        Some(Complex {
            re: size.multiply(&cos, p)?,
            im: size.multiply(&sin, p)?,
        })
    }

    pub(super) fn ln(&self, p: &mut Precision) -> Maybe {
        Some(Complex {
            re: self.abs(p)?.ln(p)?,
            im: self.angle(p)?,
        })
    }

    /// An integer power by squaring.
    pub(super) fn powi(&self, exponent: i64, p: &mut Precision) -> Maybe {
        let mut result = Complex::real(Ball::small(1));
        let mut base = self.clone();
        let mut left = exponent.unsigned_abs();
        while left > 0 {
            if left & 1 == 1 {
                result = result.multiply(&base, p)?;
            }
            left >>= 1;
            if left > 0 {
                base = base.multiply(&base, p)?;
            }
        }
        if exponent < 0 {
            result = Complex::real(Ball::small(1)).divide(&result, p)?;
        }
        Some(result)
    }

    /// The principal power.
    pub(super) fn power(&self, exponent: &Self, p: &mut Precision) -> Maybe {
        if let Some(whole) = exponent.only_real().and_then(Ball::to_integer)
            && whole.abs() < 1 << 30
        {
            return self.powi(whole, p);
        }
        if !self.is_apart_from_zero() {
            // 0 to a positive power.
            let positive = exponent
                .only_real()
                .is_some_and(|e| e.is_apart_from_zero() && !e.is_negative());
            let zero = self.re.is_exact_zero() && self.im.is_exact_zero();
            return (zero && positive).then(|| Complex::real(Ball::zero()));
        }
        self.ln(p)?.multiply(exponent, p)?.exp(p)
    }

    /// The n-th root: real for odd n of a negative number, principal otherwise.
    pub(super) fn root(&self, degree: u32, p: &mut Precision) -> Maybe {
        let Some(real) = self.only_real() else {
            let share = Ball::small(1).divide(&Ball::small(u64::from(degree)), p)?;
            return self.power(&Complex::real(share), p);
        };
        if real.is_exact_zero() {
            return Some(Complex::real(Ball::zero()));
        }
        if degree == 2 {
            if real.is_apart_from_zero() && real.is_negative() {
                return Some(Complex {
                    re: Ball::zero(),
                    im: real.negate().sqrt(p)?,
                });
            }
            return Some(Complex::real(real.sqrt(p)?));
        }
        if !real.is_apart_from_zero() {
            return None;
        }
        let n = Ball::small(u64::from(degree));
        let size = real.abs().ln(p)?.divide(&n, p)?.exp(p)?;
        if !real.is_negative() {
            return Some(Complex::real(size));
        }
        if degree % 2 == 1 {
            return Some(Complex::real(size.negate()));
        }
        let (sin, cos) = Ball::pi(p)?.divide(&n, p)?.sin_cos(p)?;
        Some(Complex {
            re: size.multiply(&cos, p)?,
            im: size.multiply(&sin, p)?,
        })
    }

    /// A known function of one number; None outside of the domain, or where it is not computed.
    pub(super) fn apply(&self, name: &str, p: &mut Precision) -> Maybe {
        let one = || Ball::small(1);
        match name {
            "exp" => return self.exp(p),
            "ln" => return self.ln(p),
            "abs" => return self.abs(p).map(Complex::real),
            "re" => return Some(Complex::real(self.re.clone())),
            "im" => return Some(Complex::real(self.im.clone())),
            "conjugate" => {
                return Some(Complex {
                    re: self.re.clone(),
                    im: self.im.negate(),
                });
            }
            "arg" => return self.angle(p).map(Complex::real),
            _ => {}
        }
        let x = self.only_real()?;
        let ball = match name {
            "sin" => x.sin_cos(p)?.0,
            "cos" => x.sin_cos(p)?.1,
            "tan" | "cot" | "sec" | "csc" => {
                let (sin, cos) = x.sin_cos(p)?;
                match name {
                    "tan" => sin.divide(&cos, p)?,
                    "cot" => cos.divide(&sin, p)?,
                    "sec" => one().divide(&cos, p)?,
                    _ => one().divide(&sin, p)?,
                }
            }
            "arctan" => x.atan(p)?,
            "arccot" => Ball::pi(p)?
                .divide(&Ball::small(2), p)?
                .subtract(&x.atan(p)?, p)?,
            "arcsin" => arcsin(x, p)?,
            "arccos" => Ball::pi(p)?
                .divide(&Ball::small(2), p)?
                .subtract(&arcsin(x, p)?, p)?,
            "arcsec" => {
                let inverse = one().divide(x, p)?;
                Ball::pi(p)?
                    .divide(&Ball::small(2), p)?
                    .subtract(&arcsin(&inverse, p)?, p)?
            }
            "arccsc" => arcsin(&one().divide(x, p)?, p)?,
            "sinh" | "cosh" | "tanh" | "coth" | "sech" | "csch" => {
                let (up, down) = (x.exp(p)?, x.negate().exp(p)?);
                let two = Ball::small(2);
                let (sinh, cosh) = (up.subtract(&down, p)?, up.add(&down, p)?);
                match name {
                    "sinh" => sinh.divide(&two, p)?,
                    "cosh" => cosh.divide(&two, p)?,
                    "tanh" => sinh.divide(&cosh, p)?,
                    "coth" => cosh.divide(&sinh, p)?,
                    "sech" => two.divide(&cosh, p)?,
                    _ => two.divide(&sinh, p)?,
                }
            }
            "arcsinh" => {
                let root = x.multiply(x, p)?.add(&one(), p)?.sqrt(p)?;
                // ln(x + sqrt(x^2+1)) cancels for negative x; the function is odd.
                if x.is_negative() {
                    x.abs().add(&root, p)?.ln(p)?.negate()
                } else {
                    x.add(&root, p)?.ln(p)?
                }
            }
            "arccosh" => {
                if x.is_negative() {
                    return None;
                }
                let root = x.multiply(x, p)?.subtract(&one(), p)?.sqrt(p)?;
                x.add(&root, p)?.ln(p)?
            }
            "arctanh" => {
                let (up, down) = (one().add(x, p)?, one().subtract(x, p)?);
                up.divide(&down, p)?.ln(p)?.divide(&Ball::small(2), p)?
            }
            "floor" => x.floor()?,
            "ceil" => x.negate().floor()?.negate(),
            "sgn" => {
                if x.is_exact_zero() {
                    Ball::zero()
                } else if !x.is_apart_from_zero() {
                    return None;
                } else if x.is_negative() {
                    one().negate()
                } else {
                    one()
                }
            }
            _ => return None,
        };
        Some(Complex::real(ball))
    }
}

/// asin(x) = atan(x / sqrt(1 - x^2)).
fn arcsin(x: &Ball, p: &mut Precision) -> Option<Ball> {
    let rest = Ball::small(1).subtract(&x.multiply(x, p)?, p)?;
    if rest.is_exact_zero() {
        let half = Ball::pi(p)?.divide(&Ball::small(2), p)?;
        return Some(if x.is_negative() { half.negate() } else { half });
    }
    if !rest.is_apart_from_zero() || rest.is_negative() {
        return None;
    }
    x.divide(&rest.sqrt(p)?, p)?.atan(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &Complex, b: &Complex, p: &mut Precision) -> bool {
        let difference = a.subtract(b, p).unwrap();
        !difference.is_apart_from_zero() && difference.error() < -100
    }

    #[test]
    fn identities_of_complex_functions() {
        let p = &mut Precision::new(192);
        let minus = Complex::real(Ball::small(1).negate());
        let two = Complex::real(Ball::small(2));
        assert!(same(&minus.root(2, p).unwrap(), &Complex::i(), p));
        // e^{iπ} = -1, i^i = e^{-π/2}
        let pi = Complex::real(Ball::pi(p).unwrap());
        let turn = Complex::i().multiply(&pi, p).unwrap();
        assert!(same(&turn.exp(p).unwrap(), &minus, p));
        let left = Complex::i().power(&Complex::i(), p).unwrap();
        let right = pi.divide(&two, p).unwrap().negate().exp(p).unwrap();
        assert!(same(&left, &right, p));
        let half = Complex::real(Ball::small(1)).divide(&two, p).unwrap();
        for (function, inverse) in [
            ("sin", "arcsin"),
            ("cos", "arccos"),
            ("tan", "arctan"),
            ("sinh", "arcsinh"),
            ("tanh", "arctanh"),
        ] {
            let back = half.apply(function, p).unwrap().apply(inverse, p).unwrap();
            assert!(same(&back, &half, p), "{function}");
        }
        assert!(two.apply("arcsin", p).is_none());
        let eight = Complex::real(Ball::small(8).negate());
        assert!(same(&eight.root(3, p).unwrap(), &two.negate(), p));
    }
}
