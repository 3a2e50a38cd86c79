//! The bounded computer algebra step: a tree as a quotient of polynomials over names, radicals and opaque functions.
//!
//! Equal normal forms prove equality. Different ones prove inequality where the atoms are independent: names, radicals
//! of primes, the imaginary unit, and one of π and e. Elsewhere the answer is unknown.

mod form;
mod polynomial;

use super::expression::Expr;
use form::Algebra;

/// Whether two trees are the same function; None where this step does not tell.
pub(super) fn equal(a: &Expr, b: &Expr) -> Option<bool> {
    let mut algebra = Algebra::default();
    let (a, b) = (algebra.form(a)?, algebra.form(b)?);
    let left = algebra.multiply(&a.top, &b.bottom)?;
    let right = algebra.multiply(&b.top, &a.bottom)?;
    let difference = left.minus(&right)?;
    if difference.is_zero() {
        return Some(true);
    }
    algebra.independent(&difference).then_some(false)
}

/// The coefficients (constant, slope) of a tree that is linear in `name` with rational coefficients.
pub(super) fn linear(
    tree: &Expr,
    name: &str,
) -> Option<(num_rational::BigRational, num_rational::BigRational)> {
    let mut algebra = Algebra::default();
    let form = algebra.form(tree)?;
    algebra.linear(&form, name)
}

/// The quotient of two trees, where it is a rational constant other than zero.
pub(super) fn ratio(a: &Expr, b: &Expr) -> Option<num_rational::BigRational> {
    let mut algebra = Algebra::default();
    let (a, b) = (algebra.form(a)?, algebra.form(b)?);
    let left = algebra.multiply(&a.top, &b.bottom)?;
    let right = algebra.multiply(&b.top, &a.bottom)?;
    left.ratio(&right)
}

#[cfg(test)]
mod tests;
