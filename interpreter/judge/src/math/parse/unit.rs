//! Units and words around a value.

use super::Parser;
use super::function::known;
use crate::math::measure::{self, Unit};

impl Parser {
    /// `\text{ cm}^2`, `\mathrm{km}/\mathrm{h}`, or an English word, behind a value.
    pub(super) fn unit(&mut self) -> bool {
        let before = self.at;
        self.space();
        for command in ["\\text", "\\mathrm", "\\mbox", "\\textrm", "\\mathit", "\\textbf"] {
            if self.take(command) {
                self.space();
                if self.peek() == Some('{')
                    && let Some(inner) = self.braced()
                {
                    let inner = inner.trim().trim_matches(['~', ' ']);
                    let joint = matches!(inner.trim_matches([',', ' ']), "and" | "or" | "&");
                    let value = inner.parse::<f64>().is_ok() || matches!(inner, "i" | "e" | "");
                    if !joint && !value && known(inner).is_none() {
                        let inner = inner.to_owned();
                        self.measured(&inner);
                        return true;
                    }
                }
                self.at = before;
                return false;
            }
        }
        let word: String = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|c| c.is_alphabetic())
            .take(40)
            .collect();
        if known(&word).is_none() && !["and", "pi"].contains(&word.as_str()) && is_unit(&word) {
            self.at += word.chars().count();
            self.measured(&word);
            return true;
        }
        self.at = before;
        false
    }

    /// Notes the unit with the exponent behind it.
    fn measured(&mut self, word: &str) {
        let mut exponent = 1;
        for (spelling, power) in [("^2", 2), ("^{2}", 2), ("^3", 3), ("^{3}", 3), (".", 1)] {
            if self.take(spelling) {
                exponent = power;
                break;
            }
        }
        let unit: Option<Unit> = measure::unit(word).map(|unit| unit.raised(exponent));
        self.units.push(unit);
    }

    pub(super) fn percent_word(&mut self) -> bool {
        let before = self.at;
        if self.take("\\text") || self.take("\\mathrm") || self.take("\\textrm") || self.take("\\mbox") {
            self.space();
            if self.peek() == Some('{')
                && let Some(inner) = self.braced()
                && matches!(
                    inner.trim().to_lowercase().as_str(),
                    "percent" | "per cent" | "pct" | "percentage" | "%" | "\\%" | "percents"
                )
            {
                return true;
            }
            self.at = before;
            return false;
        }
        for word in ["percentage", "percents", "percent", "per cent", "pct"] {
            if self.take(word) {
                if !self.peek().is_some_and(char::is_alphanumeric) {
                    return true;
                }
                self.at = before;
            }
        }
        false
    }

    /// Words before a value: `\text{Rs. }10`, `Rs. 10`, `\text{about } 5`.
    pub(super) fn opening_words(&mut self) {
        for _ in 0..4 {
            let before = self.at;
            self.space();
            if ["\\approx", "\\simeq", "\\sim", "\\therefore"]
                .iter()
                .any(|sign| self.take(sign))
            {
                continue;
            }
            if self.take("\\text") || self.take("\\textrm") || self.take("\\mbox") || self.take("\\mathrm") {
                self.space();
                if self.peek() == Some('{')
                    && let Some(inner) = self.braced()
                {
                    let inner = inner.trim();
                    let words = inner.chars().filter(|c| c.is_alphabetic()).count() >= 2;
                    let value = inner.chars().any(|c| c.is_ascii_digit()) || known(inner).is_some();
                    self.space();
                    let exponent = matches!(self.peek(), Some('^' | '_'));
                    if words && !value && !exponent && self.at < self.chars.len() {
                        self.take(":");
                        self.take("=");
                        continue;
                    }
                }
                self.at = before;
                return;
            }
            const WORDS: [&str; 14] = [
                "Rs.",
                "Rs",
                "USD",
                "US",
                "EUR",
                "INR",
                "GBP",
                "approximately",
                "about",
                "exactly",
                "roughly",
                "around",
                "is",
                "equals",
            ];
            let taken = WORDS.iter().any(|word| {
                let here = self.at;
                if self.take(word) {
                    if !self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
                        return true;
                    }
                    self.at = here;
                }
                false
            });
            if !taken {
                self.at = before;
                return;
            }
        }
    }
}

/// A word that measures or counts: the short unit names, and any longer word in lower case.
fn is_unit(word: &str) -> bool {
    const SHORT: [&str; 33] = [
        "cm", "mm", "km", "in", "ft", "yd", "mi", "kg", "mg", "lb", "lbs", "oz", "ml", "mL", "hr", "hrs",
        "min", "mins", "sec", "secs", "mph", "kmph", "kph", "am", "pm", "deg", "rad", "sq", "dm", "USD",
        "Hz", "cents", "men",
    ];
    SHORT.contains(&word)
        || (word.len() >= 4
            && word.chars().all(|c| c.is_ascii_lowercase())
            && !["sqrt", "infinity", "theta", "alpha", "beta", "gamma", "lambda"].contains(&word))
}
