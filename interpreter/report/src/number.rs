//! How numbers are written: digits follow the interval, everywhere by the same rule.
//!
//! The half-width of an interval keeps two significant digits and the number is written with as many decimals: a share of
//! 15.71 ± 5.2 points is "15.7", one of 15.71 ± 12 points is "16". Columns use one number of decimals, that of their
//! median interval, so that they align.

use rlx_analysis::{Estimate, Interval};

/// Most decimals that are written, however narrow the interval.
const MOST_DECIMALS: usize = 3;
/// Shown for a number that is undefined.
pub const UNDEFINED: &str = "–";

/// What a number measures, and so how it is scaled and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A share in 0..=1, written in per cent.
    Share,
    /// A difference of shares, written in percentage points with its sign.
    Points,
    /// A difference of counts of problems, with its sign.
    Problems,
    /// A difference without a unit, with its sign.
    Difference,
    /// A plain number.
    Plain,
}

impl Unit {
    /// From the stored scale to the written one.
    pub fn scale(self) -> f64 {
        match self {
            Unit::Share | Unit::Points => 100.0,
            Unit::Problems | Unit::Difference | Unit::Plain => 1.0,
        }
    }

    /// What stands after a number in running text.
    pub fn suffix(self) -> &'static str {
        match self {
            Unit::Share => "%",
            Unit::Points => " points",
            Unit::Problems => " problems",
            Unit::Difference | Unit::Plain => "",
        }
    }

    fn signed(self) -> bool {
        matches!(self, Unit::Points | Unit::Problems | Unit::Difference)
    }

    fn default_decimals(self) -> usize {
        match self {
            Unit::Share | Unit::Points => 1,
            Unit::Problems => 0,
            Unit::Difference | Unit::Plain => 3,
        }
    }
}

/// Decimals of one number from its interval (already on the written scale): two significant digits of the half-width.
pub fn decimals(half_width: f64) -> Option<usize> {
    if !half_width.is_finite() || half_width <= 0.0 {
        return None;
    }
    let mut decimals = 0;
    let mut scaled = half_width;
    // 9.95 and above would be written with three digits.
    while scaled < 9.95 && decimals < MOST_DECIMALS {
        scaled *= 10.0;
        decimals += 1;
    }
    Some(decimals)
}

/// Decimals of a column: those of its median interval; the unit's own number where no cell has one.
pub fn column_decimals<'a>(estimates: impl IntoIterator<Item = &'a Estimate>, unit: Unit) -> usize {
    let mut all: Vec<usize> = estimates
        .into_iter()
        .filter_map(|estimate| estimate.problems_like_these.or(estimate.these_problems))
        .filter_map(|interval| decimals((interval.high - interval.low) * unit.scale() / 2.0))
        .collect();
    all.sort_unstable();
    all.get(all.len() / 2)
        .copied()
        .unwrap_or_else(|| unit.default_decimals())
}

/// A number on its written scale without its unit: `15.7`, `+3.2`, `−0.4`; the minus is U+2212.
pub fn number(value: f64, unit: Unit, decimals: usize) -> String {
    if !value.is_finite() {
        return UNDEFINED.to_owned();
    }
    let digits = format!("{:.decimals$}", (value * unit.scale()).abs());
    let zero = digits.bytes().all(|byte| byte == b'0' || byte == b'.');
    match (zero, value < 0.0, unit.signed()) {
        (false, true, _) => format!("−{digits}"),
        (false, false, true) => format!("+{digits}"),
        _ => digits,
    }
}

/// The number of an estimate, without its unit.
pub fn value(estimate: &Estimate, unit: Unit, decimals: usize) -> String {
    estimate
        .value
        .map_or_else(|| UNDEFINED.to_owned(), |value| number(value, unit, decimals))
}

/// `[low, high]` on the written scale.
pub fn interval(interval: Option<Interval>, unit: Unit, decimals: usize) -> Option<String> {
    let interval = interval.filter(|interval| interval.low.is_finite() && interval.high.is_finite())?;
    Some(format!(
        "[{}, {}]",
        number(interval.low, unit, decimals),
        number(interval.high, unit, decimals)
    ))
}

/// `15.7% [10.8, 21.2]`: with the interval over problems like these, its digits from that interval.
pub fn estimate(estimate: &Estimate, unit: Unit) -> String {
    let decimals = column_decimals([estimate], unit);
    let value = value(estimate, unit, decimals);
    let suffix = if estimate.value.is_some() {
        unit.suffix()
    } else {
        ""
    };
    match interval(estimate.problems_like_these, unit, decimals) {
        Some(interval) => format!("{value}{suffix} {interval}"),
        None => format!("{value}{suffix}"),
    }
}

/// `16,384`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `980`, `16.4k`, `1.21M`, `3.4B`
pub fn short_count(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => trimmed(value / 1e3, "k"),
        1_000_000..1_000_000_000 => trimmed(value / 1e6, "M"),
        _ => trimmed(value / 1e9, "B"),
    }
}

fn trimmed(value: f64, suffix: &str) -> String {
    let decimals = if value >= 99.95 { 0 } else { 1 };
    format!("{value:.decimals$}{suffix}")
}

/// `0.4 s`, `53.6 s`, `4 min 10 s`, `2 h 05 min`
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return UNDEFINED.to_owned();
    }
    if seconds < 99.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

/// A setting as a person writes it: `0.95`, `1.0`, `0.6`.
pub fn setting(value: f64) -> String {
    if value == value.trunc() {
        format!("{value:.1}")
    } else {
        format!("{value}")
    }
}

/// `95%` from 0.95, `99.9%` from 0.999.
pub fn confidence(share: f64) -> String {
    let percent = format!("{:.2}", share * 100.0);
    format!("{}%", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// `1 problem`, `64 problems`
pub fn plural(number: u64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", count(number))
    }
}

/// `a`, `a and b`, `a, b and c`
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `0.031`, `< 0.001`
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.001".to_owned(),
        p if p < 0.1 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            value: Some(value),
            these_problems: None,
            problems_like_these: Some(Interval { low, high }),
        }
    }

    #[test]
    fn digits_follow_the_interval() {
        assert_eq!(
            estimate(&with(0.157, 0.108, 0.212), Unit::Share),
            "15.7% [10.8, 21.2]"
        );
        assert_eq!(estimate(&with(0.157, 0.02, 0.31), Unit::Share), "16% [2, 31]");
        assert_eq!(
            estimate(&with(-0.125, -0.203, -0.047), Unit::Points),
            "−12.5 points [−20.3, −4.7]"
        );
        assert_eq!(
            estimate(&with(0.0, -0.047, 0.047), Unit::Points),
            "0.0 points [−4.7, +4.7]"
        );
        assert_eq!(
            estimate(&with(1.1402, 1.1377, 1.1423), Unit::Plain),
            "1.140 [1.138, 1.142]"
        );
        let none = Estimate {
            value: None,
            these_problems: None,
            problems_like_these: None,
        };
        assert_eq!(estimate(&none, Unit::Share), "–");
        assert_eq!(number(f64::NAN, Unit::Share, 1), "–");
        assert_eq!(number(-0.00001, Unit::Share, 1), "0.0");
    }

    #[test]
    fn a_column_aligns_on_its_median_interval() {
        let column = [
            with(0.1, 0.05, 0.15),
            with(0.5, 0.35, 0.65),
            with(0.2, 0.16, 0.25),
        ];
        assert_eq!(column_decimals(&column, Unit::Share), 1);
        assert_eq!(column_decimals(&[], Unit::Share), 1);
    }

    #[test]
    fn counts_and_times() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(short_count(16_384), "16.4k");
        assert_eq!(duration(250.0), "4 min 10 s");
        assert_eq!(duration(7_500.0), "2 h 05 min");
        assert_eq!(confidence(0.95), "95%");
        assert_eq!(confidence(0.999), "99.9%");
        assert_eq!(setting(1.0), "1.0");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
