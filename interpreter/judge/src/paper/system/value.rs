//! The value of a formula at a point, with a bound of its rounding error.

use super::tree::Tree;
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Most steps of one value, of one fold.
const STEPS: usize = 20_000;
const FOLD: f64 = 2_000.0;

#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) z: Complex64,
    error: f64,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is infinite, undefined, or a limit or integral that this does not compute.
    Opaque,
    /// It is past the range of floats.
    Range,
}

type Valued = Result<Value, Missing>;

impl Value {
    fn new(z: Complex64, error: f64) -> Valued {
        if z.re.is_finite() && z.im.is_finite() && error.is_finite() {
            Ok(Value {
                z,
                error: error + 4e-16 * z.norm(),
            })
        } else {
            Err(Missing::Range)
        }
    }

    /// A function of this one, its error from the change over the error of the argument.
    fn map(self, function: impl Fn(Complex64) -> Complex64, precision: f64) -> Valued {
        let z = function(self.z);
        let moved = function(self.z + Complex64::new(self.error, self.error));
        let change = (moved - z).norm();
        Value::new(
            z,
            if change.is_finite() { change } else { 0.0 } + precision * z.norm(),
        )
    }

    pub(super) fn is_near(self, other: Value) -> bool {
        let larger = self.z.norm().max(other.z.norm());
        (self.z - other.z).norm() <= 50.0 * (self.error + other.error) + 1e-13 * larger
    }

    /// The same but for its argument.
    pub(super) fn is_as_large(self, other: Value) -> bool {
        let (a, b) = (self.z.norm(), other.z.norm());
        (a - b).abs() <= 50.0 * (self.error + other.error) + 1e-13 * a.max(b)
    }

    pub(super) fn real(self) -> Option<f64> {
        (self.z.im.abs() <= 50.0 * self.error).then_some(self.z.re)
    }
}

/// The real value of a formula without names.
pub(super) fn real(tree: &Tree) -> Option<f64> {
    at(tree, &BTreeMap::new()).ok()?.real()
}

/// The value of a formula where its names have the values of a point.
pub(super) fn at(tree: &Tree, point: &BTreeMap<String, Complex64>) -> Valued {
    let mut steps = 0;
    value(tree, point, &mut steps)
}

fn value(tree: &Tree, point: &BTreeMap<String, Complex64>, steps: &mut usize) -> Valued {
    *steps += 1;
    if *steps > STEPS {
        return Err(Missing::Opaque);
    }
    let mut of = |tree: &Tree| value(tree, point, steps);
    match tree {
        Tree::Number(number) => {
            let z = Complex64::new(*number, 0.0);
            if number.is_finite() {
                Ok(Value { z, error: 0.0 })
            } else {
                Err(Missing::Range)
            }
        }
        Tree::Name(name) => {
            let z = *point.get(name).ok_or(Missing::Opaque)?;
            Ok(Value { z, error: 0.0 })
        }
        Tree::Negative(a) => {
            let a = of(a)?;
            Ok(Value { z: -a.z, ..a })
        }
        Tree::Add(a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            Value::new(a.z + b.z, a.error + b.error)
        }
        Tree::Multiply(a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            product(a, b)
        }
        Tree::Divide(a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            if b.z.norm() <= b.error * 10.0 {
                return Err(Missing::Opaque);
            }
            let size = b.z.norm();
            Value::new(a.z / b.z, a.error / size + a.z.norm() * b.error / (size * size))
        }
        Tree::Power(a, b) => power(of(a)?, of(b)?),
        Tree::Function(name, all) => {
            let mut values = Vec::with_capacity(all.len());
            for part in all {
                values.push(of(part)?);
            }
            function(name, &values)
        }
        Tree::Call(name, all) => {
            // A function that nothing is known of: some smooth one, another for each name.
            let mut z = hash(name, 0);
            let mut error = 0.0;
            for (place, part) in all.iter().enumerate() {
                let part = of(part)?;
                let factor = hash(name, place + 1);
                let called = part.map(|z| (z * factor).sin() + z * z * factor, 1e-15)?;
                z += called.z;
                error += called.error;
            }
            Value::new(z, error)
        }
        Tree::Fold(sum, name, parts) => {
            let [from, to, body] = parts.as_ref();
            let (from, to) = (whole(of(from)?)?, whole(of(to)?)?);
            if to - from > FOLD {
                return Err(Missing::Opaque);
            }
            let mut point = point.clone();
            let one = Complex64::new(1.0, 0.0);
            let start = if *sum { Complex64::default() } else { one };
            let mut total = Value { z: start, error: 0.0 };
            let mut index = from;
            while index <= to {
                point.insert(name.clone(), Complex64::new(index, 0.0));
                let next = value(body, &point, steps)?;
                total = match sum {
                    true => Value::new(total.z + next.z, total.error + next.error)?,
                    false => product(total, next)?,
                };
                index += 1.0;
            }
            Ok(total)
        }
        Tree::Integral(name, parts) => {
            let [from, to, body] = parts.as_ref();
            let (from, to) = (of(from)?.z, of(to)?.z);
            let mut point = point.clone();
            let mut total = Complex64::default();
            const PANELS: usize = 40;
            let width = (to - from) / PANELS as f64;
            for panel in 0..PANELS {
                let middle = from + width * (panel as f64 + 0.5);
                for (node, weight) in GAUSS {
                    point.insert(name.clone(), middle + width * (0.5 * node));
                    total += value(body, &point, steps)?.z * (0.5 * weight) * width;
                }
            }
            Value::new(total, 1e-11 * total.norm())
        }
        Tree::Derivative(name, of) => {
            let Some(&place) = point.get(name) else {
                return Err(Missing::Opaque);
            };
            let step = 1e-4;
            let mut beside = point.clone();
            let mut moved = |by: f64, steps: &mut usize| {
                beside.insert(name.clone(), place + by * step);
                value(of, &beside, steps)
            };
            let near = moved(1.0, steps)?.z - moved(-1.0, steps)?.z;
            let far = moved(2.0, steps)?.z - moved(-2.0, steps)?.z;
            let z = (near * 8.0 - far) / (12.0 * step);
            Value::new(z, 1e-11 * (1.0 + z.norm()))
        }
        Tree::Infinity | Tree::Primitive(..) | Tree::Limit(..) | Tree::Operator(_) => Err(Missing::Opaque),
    }
}

/// The five nodes and weights of Gauss and Legendre on [-1, 1].
const GAUSS: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (-0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

fn whole(value: Value) -> Result<f64, Missing> {
    let real = value.real().ok_or(Missing::Opaque)?;
    let whole = real.round();
    ((real - whole).abs() < 1e-9)
        .then_some(whole)
        .ok_or(Missing::Opaque)
}

fn product(a: Value, b: Value) -> Valued {
    Value::new(a.z * b.z, a.z.norm() * b.error + b.z.norm() * a.error)
}

fn power(a: Value, b: Value) -> Valued {
    if b.z.im == 0.0 && b.error == 0.0 && b.z.re.fract() == 0.0 && b.z.re.abs() <= 1e6 {
        let exponent = b.z.re as i32;
        if exponent < 0 && a.z.norm() <= 10.0 * a.error {
            return Err(Missing::Opaque);
        }
        return a.map(|z| z.powi(exponent), 1e-16 * f64::from(exponent.unsigned_abs()));
    }
    if a.z.norm() <= 10.0 * a.error {
        return match b.z.re > 0.0 {
            true => Value::new(Complex64::default(), a.error),
            false => Err(Missing::Opaque),
        };
    }
    // A negative number's root lies above the cut, whatever the sign of its zero.
    let base = match a.z.im.abs() <= a.error {
        true => Complex64::new(a.z.re, 0.0),
        false => a.z,
    };
    let log = base.ln();
    let exponent = b.z * log;
    let error = b.error * log.norm() + b.z.norm() * a.error / a.z.norm();
    let z = exponent.exp();
    Value::new(z, z.norm() * (error + 4e-16 * (1.0 + exponent.norm())))
}

fn function(name: &str, all: &[Value]) -> Valued {
    let [x, rest @ ..] = all else {
        return Err(Missing::Opaque);
    };
    let one = Complex64::new(1.0, 0.0);
    let x = *x;
    match (name, rest) {
        ("exp", _) => x.map(|z| z.exp(), 1e-15 * (1.0 + x.z.norm())),
        ("log", base) => {
            if x.z.norm() <= 10.0 * x.error {
                return Err(Missing::Opaque);
            }
            let above = x.map(|z| z.ln(), 1e-15)?;
            let Some(base) = base.first() else {
                return Ok(above);
            };
            let below = base.map(|z| z.ln(), 1e-15)?;
            if below.z.norm() <= 10.0 * below.error {
                return Err(Missing::Opaque);
            }
            above.map(|z| z / below.z, 1e-15)
        }
        ("sin", _) => x.map(|z| z.sin(), 1e-15),
        ("cos", _) => x.map(|z| z.cos(), 1e-15),
        ("tan", _) => x.map(|z| z.tan(), 1e-14),
        ("csc", _) => x.map(|z| one / z.sin(), 1e-14),
        ("sec", _) => x.map(|z| one / z.cos(), 1e-14),
        ("cot", _) => x.map(|z| one / z.tan(), 1e-14),
        ("arcsin", _) => x.map(|z| z.asin(), 1e-14),
        ("arccos", _) => x.map(|z| z.acos(), 1e-14),
        ("arctan", _) => x.map(|z| z.atan(), 1e-14),
        ("arccsc", _) => x.map(|z| (one / z).asin(), 1e-14),
        ("arcsec", _) => x.map(|z| (one / z).acos(), 1e-14),
        ("arccot", _) => x.map(|z| (one / z).atan(), 1e-14),
        ("sinh", _) => x.map(|z| z.sinh(), 1e-14),
        ("cosh", _) => x.map(|z| z.cosh(), 1e-14),
        ("tanh", _) => x.map(|z| z.tanh(), 1e-14),
        ("arsinh", _) => x.map(|z| z.asinh(), 1e-14),
        ("arcosh", _) => x.map(|z| z.acosh(), 1e-14),
        ("artanh", _) => x.map(|z| z.atanh(), 1e-14),
        ("abs", _) => Value::new(Complex64::new(x.z.norm(), 0.0), x.error),
        ("conjugate", _) => Value::new(x.z.conj(), x.error),
        ("floor" | "ceiling", _) => {
            // At a whole number the error must not decide.
            let near = Complex64::new(x.z.re.round(), x.z.im.round());
            if (x.z - near).norm() <= 50.0 * x.error {
                return Value::new(near, 0.0);
            }
            let z = match name {
                "floor" => Complex64::new(x.z.re.floor(), x.z.im.floor()),
                _ => Complex64::new(x.z.re.ceil(), x.z.im.ceil()),
            };
            Value::new(z, 0.0)
        }
        ("factorial", _) => factorial(x),
        ("binom", [k]) => {
            let (n, k) = (x, *k);
            let lower = Value::new(n.z - k.z, n.error + k.error)?;
            if let (Ok(upper), Ok(count)) = (whole(n), whole(k))
                && (0.0..=2_000.0).contains(&count)
            {
                let mut total = 1.0;
                let mut at = 0.0;
                while at < count {
                    total = total * (upper - at) / (at + 1.0);
                    at += 1.0;
                }
                return Value::new(Complex64::new(total, 0.0), 1e-15 * count * total.abs());
            }
            let below = product(factorial(k)?, factorial(lower)?)?;
            let above = factorial(n)?;
            if below.z.norm() == 0.0 {
                return Err(Missing::Opaque);
            }
            above.map(|z| z / below.z, below.error / below.z.norm())
        }
        _ => Err(Missing::Opaque),
    }
}

fn factorial(x: Value) -> Valued {
    if let Ok(n) = whole(x) {
        if n < 0.0 {
            return Err(Missing::Opaque);
        }
        if n > 170.0 {
            return Err(Missing::Range);
        }
        let mut total = 1.0;
        let mut at = 2.0;
        while at <= n {
            total *= at;
            at += 1.0;
        }
        return Value::new(Complex64::new(total, 0.0), 0.0);
    }
    x.map(|z| gamma(z + 1.0), 1e-12)
}

/// The gamma function by Lanczos' series with g = 7 and nine terms, good to about 13 digits.
fn gamma(z: Complex64) -> Complex64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    use std::f64::consts::PI;
    if z.re < 0.5 {
        return Complex64::new(PI, 0.0) / ((z * PI).sin() * gamma(Complex64::new(1.0, 0.0) - z));
    }
    let z = z - 1.0;
    let mut sum = Complex64::new(TERMS[0], 0.0);
    for (place, term) in TERMS.iter().enumerate().skip(1) {
        sum += Complex64::new(*term, 0.0) / (z + place as f64);
    }
    let t = z + 7.5;
    ((z + 0.5) * t.ln() - t).exp() * sum * (2.0 * PI).sqrt()
}

/// A generic number of a name: another one for another salt.
pub(super) fn hash(name: &str, salt: usize) -> Complex64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ (salt as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut next = || {
        state ^= state >> 33;
        state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 29;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let (a, b) = (next(), next());
    let sign = |bit: f64| if bit < 0.5 { -1.0 } else { 1.0 };
    let (s, t) = (sign(next()), sign(next()));
    Complex64::new(s * (0.35 + 1.1 * a), t * (0.2 + 0.7 * b))
}
