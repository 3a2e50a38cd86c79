//! Answers that are read as a whole: grouped thousands, numbers in another base.

use super::{Parsed, Refusal};
use crate::math::expression::Expr;
use crate::rational;
use num_bigint::BigInt;
use num_rational::BigRational;

/// An answer whose whole spelling decides what it is.
pub(super) fn whole(text: &str) -> Option<Expr> {
    let first = text.trim_start_matches('-').bytes().next()?;
    if !first.is_ascii_alphanumeric() && first != b'(' && first != b'\\' {
        return None;
    }
    thousands(text).or_else(|| in_base(text))
}

/// `1,234,567.5` as a whole is one number.
fn thousands(text: &str) -> Option<Expr> {
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest.trim_start()));
    let (whole, _) = digits.split_once('.').unwrap_or((digits, ""));
    let mut groups = whole.split([',', ' ']);
    let first = groups.next()?;
    let plain = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let rest: Vec<&str> = groups.collect();
    let grouped = (1..=3).contains(&first.len()) && plain(first) && !rest.is_empty();
    if !grouped || first == "0" || !rest.iter().all(|group| group.len() == 3 && plain(group)) {
        return None;
    }
    let value = rational::decimal(&digits.replace([',', ' '], ""))?;
    Some(Expr::Number(if negative { -value } else { value }))
}

/// `1A3_{16}`, `(1010)_2`, `1010_{\text{two}}`: [`Expr::Function`] `base` of value, base, and the digits read as decimal
/// (-1 where they hold letters).
fn in_base(text: &str) -> Option<Expr> {
    let (digits, base) = text.rsplit_once('_')?;
    let digits = digits
        .trim()
        .trim_start_matches("\\text")
        .trim_start_matches("\\mathrm");
    let digits = digits.trim_matches(['(', ')', '{', '}', ' ']);
    let base = base.trim_matches(['{', '}', ' ']);
    let base = base
        .strip_prefix("\\text")
        .or_else(|| base.strip_prefix("\\mathrm"))
        .unwrap_or(base)
        .trim_matches(['{', '}', ' ']);
    let base = base.strip_prefix("base").unwrap_or(base).trim();
    let base: u32 = match base {
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "twelve" => 12,
        "sixteen" => 16,
        number => number.parse().ok()?,
    };
    let digits: String = digits
        .chars()
        .filter(|c| !matches!(c, ',' | ' ' | '{' | '}'))
        .collect();
    let starts = digits.bytes().next()?.is_ascii_digit() || (base > 10 && digits.len() > 1);
    if !(2..=36).contains(&base) || digits.len() > 200 || !starts {
        return None;
    }
    let value = BigInt::parse_bytes(digits.as_bytes(), base)?;
    let plain = rational::decimal(&digits).unwrap_or_else(|| BigRational::from(BigInt::from(-1)));
    let numbers = [
        BigRational::from(value),
        BigRational::from(BigInt::from(base)),
        plain,
    ];
    Some(Expr::Function("base", numbers.map(Expr::Number).to_vec()))
}

/// A number with a base behind it, inside of a larger answer.
pub(super) fn based(digits: Expr, base: Expr) -> Parsed {
    let (Expr::Number(plain), Expr::Number(base)) = (&digits, &base) else {
        return Err(Refusal::Foreign);
    };
    let small = base
        .is_integer()
        .then(|| u32::try_from(base.to_integer()).ok())
        .flatten()
        .filter(|base| (2..=36).contains(base))
        .ok_or(Refusal::Foreign)?;
    let text = plain.to_integer().to_string();
    let value = BigInt::parse_bytes(text.as_bytes(), small).filter(|_| plain.is_integer());
    let value = value.ok_or(Refusal::Foreign)?;
    let numbers = [BigRational::from(value), base.clone(), plain.clone()];
    Ok(Expr::Function("base", numbers.map(Expr::Number).to_vec()))
}
