//! Whether an output is the expected one.

use num_bigint::BigInt;
use std::str::FromStr;

/// Digits of a number beyond which it is compared as text.
const MAX_DIGITS: usize = 10_000;

/// Compares what a program printed with what was expected.
///
/// Blanks separate, and how many there are does not matter. Words must be equal; where they are not, both may be decimal
/// numbers of equal value (LiveCodeBench compares exactly: `1.0` is `1.00`, and 0.3333 is not 0.333).
pub fn outputs_match(got: &str, expected: &str) -> bool {
    let mut got = got.split_whitespace();
    let mut expected = expected.split_whitespace();
    loop {
        match (got.next(), expected.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || same_number(a, b) => {}
            _ => return false,
        }
    }
}

fn same_number(a: &str, b: &str) -> bool {
    match (decimal(a), decimal(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// A decimal number as (digits without zeros at the end, power of ten).
fn decimal(text: &str) -> Option<(BigInt, i64)> {
    if text.len() > MAX_DIGITS {
        return None;
    }
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, i64::from(power.parse::<i32>().ok()?)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, digits) = match whole.strip_prefix(['-', '+']) {
        Some(digits) => (whole.starts_with('-'), digits),
        None => (false, whole),
    };
    let all = format!("{digits}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let trimmed = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - trimmed.len()).ok()?;
    let power = power - i64::try_from(fraction.len()).ok()? + dropped;
    let value = BigInt::from_str(if trimmed.is_empty() { "0" } else { trimmed }).ok()?;
    if value == BigInt::ZERO {
        return Some((value, 0));
    }
    Some((if negative { -value } else { value }, power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_do_not_matter_and_words_do() {
        assert!(outputs_match("  1 2\n3\n\n", "1 2 3"));
        assert!(outputs_match("YES\r\nNO\r\n", "YES\nNO\n"));
        assert!(!outputs_match("Yes", "YES"));
        assert!(!outputs_match("debug\nYES", "YES"));
        assert!(!outputs_match("1 2", "1 2 3"));
        assert!(outputs_match("", "\n"));
        assert!(!outputs_match("", "0"));
    }

    #[test]
    fn numbers_are_compared_exactly_by_value() {
        assert!(outputs_match("1.0 -0 2e3 007", "1.00 0 2000 7"));
        assert!(!outputs_match("0.3333", "0.333"));
        assert!(!outputs_match("123456789012345678901", "123456789012345678902"));
        assert!(!outputs_match("1e400", "1e401"));
        assert!(!outputs_match("inf", "Infinity"));
        assert!(!outputs_match(".", "-"));
    }
}
