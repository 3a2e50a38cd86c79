//! `Algebra`: from trees to quotients of polynomials.

use super::super::exact;
use super::super::expression::{Expr, Fold};
use super::polynomial::{BITS, Monomial, Polynomial, merge};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::{BigRational, Ratio};
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

/// Products of terms that one comparison may take.
const WORK: u32 = 20_000;
/// Largest power of a sum that is multiplied out.
const POWER: i64 = 24;
/// Primes up to this are split off radicals.
const PRIMES: u64 = 2_000;

/// What a polynomial is made of.
#[derive(Debug, Clone, PartialEq)]
enum Atom {
    Name(String),
    Pi,
    E,
    I,
    /// A positive prime, only with exponents between 0 and 1.
    Prime(u64),
    /// A function's value, by the normal form of its arguments.
    Opaque(String),
}

/// A quotient.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) top: Polynomial,
    pub(super) bottom: Polynomial,
}

#[derive(Debug)]
pub(super) struct Algebra {
    atoms: Vec<Atom>,
    work: u32,
}

impl Default for Algebra {
    fn default() -> Self {
        Algebra {
            atoms: Vec::new(),
            work: WORK,
        }
    }
}

impl Form {
    fn whole(top: Polynomial) -> Form {
        Form {
            top,
            bottom: Polynomial::one(),
        }
    }

    fn constant(value: BigRational) -> Form {
        Form::whole(Polynomial::constant(value))
    }

    fn as_constant(&self) -> Option<BigRational> {
        Some(self.top.as_constant()? / self.bottom.as_constant().filter(|value| !value.is_zero())?)
    }
}

impl Algebra {
    fn atom(&mut self, atom: Atom) -> u32 {
        match self.atoms.iter().position(|known| *known == atom) {
            Some(place) => place as u32,
            None => {
                self.atoms.push(atom);
                self.atoms.len() as u32 - 1
            }
        }
    }

    fn single(&mut self, atom: Atom) -> Form {
        let atom = self.atom(atom);
        Form::whole(Polynomial::term(vec![(atom, Ratio::one())], BigRational::one()))
    }

    /// Atoms between which no polynomial relation holds.
    pub(super) fn independent(&self, polynomial: &Polynomial) -> bool {
        let (mut pi, mut e) = (false, false);
        for (atom, exponent) in polynomial.terms.keys().flatten() {
            match self.atoms.get(*atom as usize) {
                Some(Atom::Name(_)) if exponent.is_integer() => {}
                Some(Atom::Pi) if exponent.is_integer() => pi = true,
                Some(Atom::E) if exponent.is_integer() => e = true,
                Some(Atom::I | Atom::Prime(_)) => {}
                _ => return false,
            }
        }
        !(pi && e)
    }

    pub(super) fn linear(&mut self, form: &Form, name: &str) -> Option<(BigRational, BigRational)> {
        let bottom = form.bottom.as_constant().filter(|value| !value.is_zero())?;
        let atom = self.atom(Atom::Name(name.to_owned()));
        let (mut constant, mut slope) = (BigRational::zero(), BigRational::zero());
        for (monomial, value) in &form.top.terms {
            match monomial.as_slice() {
                [] => constant = value / &bottom,
                [(only, exponent)] if *only == atom && exponent.is_one() => slope = value / &bottom,
                _ => return None,
            }
        }
        Some((constant, slope))
    }

    pub(super) fn multiply(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        let mut product = Polynomial::default();
        for (left, x) in &a.terms {
            for (right, y) in &b.terms {
                self.work = self.work.checked_sub(1)?;
                let (monomial, factor) = self.reduce(merge(left, right)?)?;
                product.insert(monomial, x * y * factor)?;
            }
        }
        Some(product)
    }

    /// Takes whole powers of primes and of the imaginary unit out of a monomial.
    fn reduce(&self, monomial: Monomial) -> Option<(Monomial, BigRational)> {
        let mut factor = BigRational::one();
        let mut reduced = Vec::with_capacity(monomial.len());
        for (atom, exponent) in monomial {
            match self.atoms.get(atom as usize)? {
                Atom::Prime(prime) => {
                    let whole = exponent.floor();
                    let power = whole.to_integer().to_i32()?;
                    if u64::from(power.unsigned_abs()) * 12 > BITS {
                        return None;
                    }
                    factor *= Pow::pow(BigRational::from(BigInt::from(*prime)), power);
                    let rest = exponent - whole;
                    if !rest.is_zero() {
                        reduced.push((atom, rest));
                    }
                }
                Atom::I if exponent.is_integer() => {
                    let turns = exponent.to_integer().rem_euclid(4);
                    if turns >= 2 {
                        factor = -factor;
                    }
                    if turns % 2 == 1 {
                        reduced.push((atom, Ratio::one()));
                    }
                }
                _ => reduced.push((atom, exponent)),
            }
        }
        Some((reduced, factor))
    }

    fn product(&mut self, a: &Form, b: &Form) -> Option<Form> {
        Some(Form {
            top: self.multiply(&a.top, &b.top)?,
            bottom: self.multiply(&a.bottom, &b.bottom)?,
        })
    }

    fn sum(&mut self, a: &Form, b: &Form) -> Option<Form> {
        if a.bottom == b.bottom {
            return Some(Form {
                top: a.top.plus(&b.top)?,
                bottom: a.bottom.clone(),
            });
        }
        let left = self.multiply(&a.top, &b.bottom)?;
        let right = self.multiply(&b.top, &a.bottom)?;
        Some(Form {
            top: left.plus(&right)?,
            bottom: self.multiply(&a.bottom, &b.bottom)?,
        })
    }

    fn inverse(&mut self, form: &Form) -> Option<Form> {
        if form.top.is_zero() {
            return None;
        }
        let Some((monomial, value)) = form.top.as_term() else {
            return Some(Form {
                top: form.bottom.clone(),
                bottom: form.top.clone(),
            });
        };
        // One term is divided out at once.
        let inverted = monomial
            .iter()
            .map(|(atom, exponent)| (*atom, -exponent))
            .collect();
        let (monomial, factor) = self.reduce(inverted)?;
        let inverse = Polynomial::term(monomial, factor / value);
        Some(Form {
            top: self.multiply(&form.bottom, &inverse)?,
            bottom: Polynomial::one(),
        })
    }

    /// The quotient of polynomials that a tree is.
    pub(super) fn form(&mut self, tree: &Expr) -> Option<Form> {
        self.work = self.work.checked_sub(1)?;
        match tree {
            Expr::Number(value) => (value.numer().bits() <= BITS && value.denom().bits() <= BITS)
                .then(|| Form::constant(value.clone())),
            Expr::Name(name) => Some(self.single(Atom::Name(name.clone()))),
            Expr::Pi => Some(self.single(Atom::Pi)),
            Expr::E => Some(self.single(Atom::E)),
            Expr::I => Some(self.single(Atom::I)),
            Expr::Negative(inner) => {
                let form = self.form(inner)?;
                Some(Form {
                    top: form.top.scaled(&-BigRational::one()),
                    bottom: form.bottom,
                })
            }
            Expr::Add(terms) => {
                let mut sum = Form::constant(BigRational::zero());
                for term in terms {
                    let term = self.form(term)?;
                    sum = self.sum(&sum, &term)?;
                }
                Some(sum)
            }
            Expr::Multiply(factors) => {
                let mut product = Form::constant(BigRational::one());
                for factor in factors {
                    let factor = self.form(factor)?;
                    product = self.product(&product, &factor)?;
                }
                Some(product)
            }
            Expr::Divide(top, bottom) => {
                let (top, bottom) = (self.form(top)?, self.form(bottom)?);
                let inverse = self.inverse(&bottom)?;
                self.product(&top, &inverse)
            }
            Expr::Percent(inner) => {
                let hundredth = BigRational::new(BigInt::one(), BigInt::from(100));
                let form = self.form(inner)?;
                self.product(&form, &Form::constant(hundredth))
            }
            Expr::Degree(inner) => {
                let (form, pi) = (self.form(inner)?, self.single(Atom::Pi));
                let share = Form::constant(BigRational::new(BigInt::one(), BigInt::from(180)));
                let turn = self.product(&pi, &share)?;
                self.product(&form, &turn)
            }
            Expr::Power(base, exponent) => self.power(base, exponent),
            Expr::Root(inner, degree) => {
                let form = self.form(inner)?;
                self.rational_power(&form, Ratio::new(1, i64::from(*degree)))
            }
            Expr::Function(name, arguments) => self.function(name, arguments),
            Expr::Call(name, arguments) => {
                let key = self.keys(arguments)?;
                Some(self.single(Atom::Opaque(format!("{name}[{key}]"))))
            }
            Expr::Indexed(name, index) => {
                let key = self.keys(std::slice::from_ref(index.as_ref()))?;
                Some(self.single(Atom::Name(format!("{name}_{{{key}}}"))))
            }
            Expr::Fold(fold, name, parts) => {
                if let Some(value) = tree.exact() {
                    return Some(Form::constant(value));
                }
                let kind = if *fold == Fold::Sum { "sum" } else { "prod" };
                let key = self.keys(parts.as_slice())?;
                Some(self.single(Atom::Opaque(format!("{kind} {name}[{key}]"))))
            }
            _ => None,
        }
    }

    fn function(&mut self, name: &str, arguments: &[Expr]) -> Option<Form> {
        let mut constants = Vec::with_capacity(arguments.len());
        let mut keys = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let form = self.form(argument)?;
            constants.push(form.as_constant());
            keys.push(self.key(&form)?);
        }
        let constants: Option<Vec<BigRational>> = constants.into_iter().collect();
        if let Some(value) = constants.and_then(|values| exact::apply(name, &values)) {
            return Some(Form::constant(value));
        }
        if matches!(name, "max" | "min" | "gcd" | "lcm") {
            keys.sort();
            keys.dedup();
            if let ([_], [first, ..]) = (keys.as_slice(), arguments)
                && name.starts_with('m')
            {
                return self.form(first);
            }
        }
        if name == "exp"
            && let [exponent] = arguments
        {
            return self.power(&Expr::E, exponent);
        }
        Some(self.single(Atom::Opaque(format!("{name}({})", keys.join(", ")))))
    }

    fn power(&mut self, base: &Expr, exponent: &Expr) -> Option<Form> {
        let power = self.form(exponent)?;
        let form = self.form(base)?;
        let Some(constant) = power.as_constant() else {
            return self.symbolic_power(&form, &power);
        };
        let (top, bottom) = (constant.numer().to_i64()?, constant.denom().to_i64()?);
        if bottom > 64 || top.abs() > 1 << 20 {
            return None;
        }
        self.rational_power(&form, Ratio::new(top, bottom))
    }

    /// `b^(u + k)` is `b^k` times an opaque `b^u`.
    fn symbolic_power(&mut self, base: &Form, power: &Form) -> Option<Form> {
        let mut rest = power.clone();
        let mut whole = 0;
        if power.bottom.as_constant().is_some_and(|bottom| bottom.is_one())
            && let Some(constant) = power.top.terms.get(&Vec::new())
            && let Some(k) = constant
                .floor()
                .to_integer()
                .to_i64()
                .filter(|k| k.abs() <= POWER)
        {
            whole = k;
            let k = Polynomial::constant(BigRational::from(BigInt::from(k)));
            rest.top = rest.top.minus(&k)?;
        }
        // Of b^-u and b^u one is written as the inverse of the other.
        let turned = rest
            .top
            .terms
            .values()
            .next()
            .is_some_and(BigRational::is_negative);
        if turned {
            rest.top = rest.top.scaled(&-BigRational::one());
        }
        let key = format!("({})^({})", self.key(base)?, self.key(&rest)?);
        let atom = self.atom(Atom::Opaque(key));
        let exponent = if turned { -Ratio::one() } else { Ratio::one() };
        let opaque = Form::whole(Polynomial::term(vec![(atom, exponent)], BigRational::one()));
        let factor = self.rational_power(base, Ratio::from(whole))?;
        self.product(&opaque, &factor)
    }

    fn rational_power(&mut self, base: &Form, exponent: Ratio<i64>) -> Option<Form> {
        if exponent.is_zero() {
            return Some(Form::constant(BigRational::one()));
        }
        if exponent.is_negative() {
            let inverse = self.inverse(base)?;
            return self.rational_power(&inverse, -exponent);
        }
        if exponent.is_integer() {
            return self.whole_power(base, exponent.to_integer());
        }
        if let Some(constant) = base.as_constant() {
            return self.radical(&constant, exponent);
        }
        // A single product of positive atoms; anything else keeps its root.
        if let (Some((monomial, value)), Some(bottom)) = (base.top.as_term(), base.bottom.as_constant())
            && bottom.is_one()
            && monomial.iter().all(|(atom, _)| {
                matches!(
                    self.atoms.get(*atom as usize),
                    Some(Atom::Pi | Atom::E | Atom::Prime(_))
                )
            })
            && value.is_positive()
        {
            let scaled = monomial
                .iter()
                .map(|(atom, old)| (*atom, old * exponent))
                .collect();
            let (monomial, factor) = self.reduce(scaled)?;
            let root = self.radical(value, exponent)?;
            return self.product(&root, &Form::whole(Polynomial::term(monomial, factor)));
        }
        let whole = exponent.floor();
        let rest = exponent - whole;
        let key = format!("({})^({rest})", self.key(base)?);
        let opaque = self.single(Atom::Opaque(key));
        if whole.is_zero() {
            return Some(opaque);
        }
        let factor = self.whole_power(base, whole.to_integer())?;
        self.product(&opaque, &factor)
    }

    fn whole_power(&mut self, base: &Form, exponent: i64) -> Option<Form> {
        if let (Some((monomial, value)), Some(bottom)) = (base.top.as_term(), base.bottom.as_constant()) {
            let value = exact::power(&(value / bottom), &BigRational::from(BigInt::from(exponent)))?;
            let scaled = monomial
                .iter()
                .map(|(atom, old)| (*atom, *old * Ratio::from(exponent)))
                .collect();
            let (monomial, factor) = self.reduce(scaled)?;
            return Some(Form::whole(Polynomial::term(monomial, value * factor)));
        }
        if exponent > POWER {
            let key = format!("({})^{exponent}", self.key(base)?);
            return Some(self.single(Atom::Opaque(key)));
        }
        let mut power = base.clone();
        for _ in 1..exponent {
            power = self.product(&power, base)?;
        }
        Some(power)
    }

    /// A rational power of a rational number as a product of radicals of primes.
    fn radical(&mut self, value: &BigRational, exponent: Ratio<i64>) -> Option<Form> {
        if value.is_zero() {
            return Some(Form::constant(BigRational::zero()));
        }
        let mut sign = Form::constant(BigRational::one());
        if value.is_negative() {
            if exponent.denom() == &2 {
                let i = self.single(Atom::I);
                sign = self.whole_power(&i, *exponent.numer())?;
            } else if exponent.denom().is_odd() {
                let odd = exponent.numer().is_odd();
                sign = Form::constant(BigRational::from(BigInt::from(if odd { -1 } else { 1 })));
            } else {
                return None;
            }
        }
        let mut monomial = Monomial::new();
        for (part, sign) in [(value.numer().magnitude(), 1), (value.denom().magnitude(), -1)] {
            for (prime, count) in factors(BigInt::from(part.clone()))? {
                let atom = self.atom(Atom::Prime(prime));
                let exponent = exponent * Ratio::from(count * sign);
                monomial = merge(&monomial, &sorted(atom, exponent))?;
            }
        }
        let (monomial, factor) = self.reduce(monomial)?;
        self.product(&sign, &Form::whole(Polynomial::term(monomial, factor)))
    }

    fn keys(&mut self, trees: &[Expr]) -> Option<String> {
        let mut keys = Vec::with_capacity(trees.len());
        for tree in trees {
            let form = self.form(tree)?;
            keys.push(self.key(&form)?);
        }
        Some(keys.join(", "))
    }

    /// A spelling of a form: equal spellings are equal functions.
    fn key(&mut self, form: &Form) -> Option<String> {
        let (_, lead) = form.bottom.terms.first_key_value()?;
        let scale = BigRational::one() / lead;
        let spell = |polynomial: &Polynomial| {
            let scaled = polynomial.scaled(&scale);
            // By the atoms' spellings, since their numbers depend on what was read first.
            let mut terms: Vec<String> = scaled
                .terms
                .iter()
                .map(|(monomial, value)| {
                    let mut atoms: Vec<String> = monomial
                        .iter()
                        .map(|(atom, exponent)| format!("{:?}^{exponent}", self.atoms.get(*atom as usize)))
                        .collect();
                    atoms.sort();
                    format!("{value}*{}", atoms.join("*"))
                })
                .collect();
            terms.sort();
            terms.join("+")
        };
        let key = format!("{}/{}", spell(&form.top), spell(&form.bottom));
        (key.len() <= 20_000).then_some(key)
    }
}

fn sorted(atom: u32, exponent: Ratio<i64>) -> Monomial {
    vec![(atom, exponent)]
}

/// The prime factors of a number that has only small ones.
fn factors(mut n: BigInt) -> Option<Vec<(u64, i64)>> {
    if n.bits() > 512 {
        return None;
    }
    let mut found = Vec::new();
    let mut prime = 2u64;
    while prime <= PRIMES && !n.is_one() {
        if BigInt::from(prime * prime) > n {
            break;
        }
        let mut count = 0;
        loop {
            let (quotient, rest) = n.div_rem(&BigInt::from(prime));
            if !rest.is_zero() {
                break;
            }
            n = quotient;
            count += 1;
        }
        if count > 0 {
            found.push((prime, count));
        }
        prime += if prime == 2 { 1 } else { 2 };
    }
    if !n.is_one() {
        // What is left has no factor up to the bound: a prime where it is below the bound's square.
        let rest = n.to_u64().filter(|rest| *rest < PRIMES * PRIMES)?;
        found.push((rest, 1));
    }
    Some(found)
}
