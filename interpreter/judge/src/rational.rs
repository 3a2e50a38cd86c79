//! Exact numbers as they are typed: separators, decimals, exponents, fractions, mixed numbers.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Zero};

/// Most digits of a number that is read; longer ones are refused, so that no arithmetic explodes.
pub(crate) const DIGITS: usize = 400;

/// A number found in running text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<'a> {
    pub(crate) value: BigRational,
    pub(crate) percent: bool,
    /// As it stands in the text, sign and unit marks included.
    pub(crate) text: &'a str,
    /// Byte offsets in the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// `1234`, `12.50`, `.5`, `1e5`, digits only, no separators; None above [`DIGITS`] digits.
pub(crate) fn decimal(text: &str) -> Option<BigRational> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > DIGITS || exponent.unsigned_abs() as usize > DIGITS {
        return None;
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<BigInt>().ok()?;
    let shift = i64::from(exponent) - fraction.len() as i64;
    let scale = Pow::pow(BigInt::from(10), shift.unsigned_abs());
    Some(if shift >= 0 {
        BigRational::from(number * scale)
    } else {
        BigRational::new(number, scale)
    })
}

/// The last number of a text.
pub(crate) fn last_number(text: &str) -> Option<Found<'_>> {
    Scanner::new(text).last()
}

/// The whole text is one number, currency, percent sign and a full stop allowed.
pub(crate) fn whole_number(text: &str) -> Option<Found<'_>> {
    let text = text.trim();
    let mut scanner = Scanner::new(text);
    let found = scanner.next()?;
    let before = text.get(..found.start)?;
    let after = text.get(found.end..)?;
    let plain = before.chars().all(|c| c.is_whitespace() || "$€£¥\\(".contains(c))
        && after.chars().all(|c| c.is_whitespace() || "$€£¥\\.)".contains(c));
    plain.then_some(found)
}

/// Numbers of a text from left to right.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn is_digit(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|b| b.is_ascii_digit())
    }

    fn digits_end(&self, mut at: usize) -> usize {
        while self.is_digit(at) {
            at += 1;
        }
        at
    }

    /// An unsigned number at `at`: its digits without separators, and where it ends.
    fn unsigned(&self, at: usize) -> Option<(String, usize)> {
        let mut end = self.digits_end(at);
        let mut plain = self.text.get(at..end)?.to_owned();
        if (1..=3).contains(&plain.len()) {
            // Thousands: `,` `{,}` `\,` `\!` between groups of exactly three digits.
            while let Some(width) = self.separator(end) {
                let group = self.digits_end(end + width);
                if group - (end + width) != 3 {
                    break;
                }
                plain.push_str(self.text.get(end + width..group)?);
                end = group;
            }
        }
        if self.byte(end) == Some(b'.') && self.is_digit(end + 1) {
            let fraction = self.digits_end(end + 1);
            plain.push_str(self.text.get(end..fraction)?);
            end = fraction;
        }
        if plain.is_empty() {
            return None;
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let exponent = self.digits_end(end + 1 + sign);
            if exponent > end + 1 + sign && !self.byte(exponent).is_some_and(|b| b.is_ascii_alphabetic()) {
                plain.push_str(self.text.get(end..exponent)?);
                end = exponent;
            }
        }
        Some((plain, end))
    }

    fn separator(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        ["{,}", ",\\!", "\\,", "\\!", ","]
            .iter()
            .find(|mark| rest.starts_with(**mark))
            .map(|mark| mark.len())
    }

    /// Where an opening sign or currency mark before `start` begins, and whether the sign is a minus.
    fn prefix(&self, start: usize) -> (usize, bool) {
        let before = self.text.get(..start).unwrap_or_default();
        let bare = before.trim_end_matches(['$', '€', '£', '¥', '\\']);
        for (mark, negative) in [("-", true), ("−", true), ("+", false)] {
            if let Some(rest) = bare.strip_suffix(mark) {
                // After a digit, a letter or a closing bracket it is an operator, not a sign.
                let operator = rest
                    .trim_end()
                    .chars()
                    .next_back()
                    .is_some_and(|c| c.is_alphanumeric() || ")]}%".contains(c));
                let spaced = rest.ends_with(' ') && !rest.trim_end().ends_with(|c: char| c.is_ascii_digit());
                return if operator && !spaced {
                    (bare.len(), false)
                } else {
                    (rest.len(), negative)
                };
            }
        }
        (bare.len(), false)
    }

    /// `/ 4` or `/4` after a numerator.
    fn denominator(&self, end: usize) -> Option<(String, usize)> {
        let rest = self.text.get(end..)?;
        let gap = rest.len() - rest.trim_start_matches(' ').len();
        if self.byte(end + gap) != Some(b'/') {
            return None;
        }
        let rest = self.text.get(end + gap + 1..)?;
        let gap = gap + 1 + rest.len() - rest.trim_start_matches(' ').len();
        self.is_digit(end + gap)
            .then(|| self.unsigned(end + gap))
            .flatten()
    }

    /// `\frac{3}{4}` (also dfrac, tfrac) at `at`: value and end.
    fn latex_fraction(&self, at: usize) -> Option<(BigRational, usize)> {
        let rest = self.text.get(at..)?;
        let body = ["\\frac{", "\\dfrac{", "\\tfrac{"]
            .iter()
            .find_map(|name| rest.strip_prefix(name))?;
        // Bounded, so that a text full of fractions costs no more than its length.
        let (top, body) = body.split_at(near(body).find("}{")?);
        let body = body.get(2..)?;
        let (bottom, body) = body.split_at(near(body).find('}')?);
        let body = body.get(1..)?;
        let (negative, top) = top
            .trim()
            .strip_prefix('-')
            .map_or((false, top.trim()), |top| (true, top));
        let value = divide(decimal(top)?, decimal(bottom.trim())?)?;
        Some((
            if negative { -value } else { value },
            self.text.len() - body.len(),
        ))
    }

    fn finish(&mut self, start: usize, end: usize, magnitude: BigRational) -> Found<'a> {
        let (start, negative) = self.prefix(start);
        let rest = self.text.get(end..).unwrap_or_default();
        let after = rest.trim_start_matches([' ', '\\']);
        let percent = after.starts_with('%');
        let end = if percent {
            end + rest.len() - after.len() + 1
        } else {
            end
        };
        self.at = end;
        let text = self.text.get(start..end).unwrap_or_default();
        Found {
            value: if negative { -magnitude } else { magnitude },
            percent,
            text,
            start,
            end,
        }
    }
}

/// The first bytes of a text, enough for the longest number that is read.
fn near(text: &str) -> &str {
    let mut end = text.len().min(DIGITS + 8);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn divide(top: BigRational, bottom: BigRational) -> Option<BigRational> {
    (!bottom.is_zero()).then(|| top / bottom)
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        while self.at < self.text.len() {
            let start = self.at;
            if self.byte(start) == Some(b'\\')
                && let Some((value, end)) = self.latex_fraction(start)
            {
                return Some(self.finish(start, end, value));
            }
            let opens = self.is_digit(start) || (self.byte(start) == Some(b'.') && self.is_digit(start + 1));
            if !opens {
                self.at += 1;
                continue;
            }
            let Some((plain, end)) = self.unsigned(start) else {
                self.at += 1;
                continue;
            };
            // Digits within a word, as in `B2B`, are no number.
            if start > 0
                && self
                    .text
                    .get(..start)
                    .is_some_and(|before| before.ends_with(char::is_alphabetic))
                && self
                    .text
                    .get(end..)
                    .is_some_and(|after| after.starts_with(char::is_alphabetic))
            {
                self.at = end;
                continue;
            }
            let Some(mut value) = decimal(&plain) else {
                self.at = end;
                continue;
            };
            let mut end = end;
            if let Some((bottom, after)) = self.denominator(end) {
                if let Some(quotient) = decimal(&bottom).and_then(|bottom| divide(value.clone(), bottom)) {
                    (value, end) = (quotient, after);
                }
            } else if value.is_integer() {
                // A mixed number: `2 1/2`, `2\frac{1}{2}`.
                let rest = self.text.get(end..).unwrap_or_default();
                let next = end + rest.len() - rest.trim_start_matches(' ').len();
                let part = match self.latex_fraction(next) {
                    Some(part) => Some(part),
                    None if next == end + 1 => self.unsigned(next).and_then(|(top, after)| {
                        let (bottom, after) = self.denominator(after)?;
                        Some((divide(decimal(&top)?, decimal(&bottom)?)?, after))
                    }),
                    None => None,
                };
                if let Some((part, after)) = part
                    && part > BigRational::zero()
                    && part < BigRational::one()
                {
                    (value, end) = (value + part, after);
                }
            }
            return Some(self.finish(start, end, value));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rational(top: i64, bottom: i64) -> BigRational {
        BigRational::new(top.into(), bottom.into())
    }

    #[test]
    fn numbers_as_people_type_them() {
        let rows = [
            ("42", 42, 1),
            ("costs $1,234.50.", 2469, 2),
            ("1{,}000", 1000, 1),
            ("12\\,345", 12345, 1),
            ("1,2", 2, 1),
            ("is -7", -7, 1),
            ("is −7", -7, 1),
            ("-$5", -5, 1),
            ("10-3", 3, 1),
            ("x = 10 - 3", 3, 1),
            ("3/4", 3, 4),
            ("2 1/2 cups", 5, 2),
            ("\\frac{3}{4}", 3, 4),
            ("-\\dfrac{3}{4}", -3, 4),
            ("2\\frac{1}{2}", 5, 2),
            (".5", 1, 2),
            ("1e3", 1000, 1),
            ("2e", 2, 1),
            ("7/0", 0, 1),
            ("50\\%", 50, 1),
            ("ends 18.", 18, 1),
            ("7 B2B", 7, 1),
        ];
        for (text, top, bottom) in rows {
            assert_eq!(
                last_number(text).map(|f| f.value),
                Some(rational(top, bottom)),
                "{text}"
            );
        }
        assert!(last_number("50 %").is_some_and(|f| f.percent && f.text == "50 %"));
        assert_eq!(last_number("none"), None);
        assert_eq!(last_number(&"9".repeat(DIGITS + 1)), None);
        assert_eq!(decimal("1e999999999"), None);
        assert!(whole_number("$18.00").is_some() && whole_number("18 apples").is_none());
    }
}
