//! Units and words behind a value: they are read over.

use super::{FUNCTIONS, Parser};

impl Parser {
    /// `\text{ cm}^2`, `\mathrm{km}/\mathrm{h}`, or an English word.
    pub(super) fn unit(&mut self) -> bool {
        let before = self.at;
        self.space();
        for command in ["\\text", "\\mathrm", "\\mbox", "\\textrm", "\\mathit", "\\textbf"] {
            if self.take(command) {
                self.space();
                if self.peek() == Some('{')
                    && let Some(inner) = self.braced()
                {
                    let inner = inner.trim();
                    let joint = matches!(inner, "and" | "or");
                    let base = inner.parse::<f64>().is_ok();
                    if !joint && !base {
                        self.unit_exponent();
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
        let function =
            FUNCTIONS.iter().any(|(name, _)| *name == word) || ["sqrt", "and", "pi"].contains(&word.as_str());
        if !function && is_unit(&word) {
            self.at += word.chars().count();
            self.unit_exponent();
            return true;
        }
        self.at = before;
        false
    }

    pub(super) fn unit_exponent(&mut self) {
        for exponent in ["^2", "^{2}", "^3", "^{3}", "."] {
            if self.take(exponent) {
                break;
            }
        }
    }

    /// The content of the braces that open here.
    pub(super) fn braced(&mut self) -> Option<String> {
        let mut depth = 0;
        let start = self.at + 1;
        for (offset, &c) in self.chars.iter().enumerate().skip(self.at) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inner = self.chars.get(start..offset)?.iter().collect();
                self.at = offset + 1;
                return Some(inner);
            }
        }
        None
    }
}

/// A word that measures or counts: the short unit names, and any longer word in lower case.
fn is_unit(word: &str) -> bool {
    const SHORT: [&str; 22] = [
        "cm", "mm", "km", "in", "ft", "yd", "mi", "kg", "mg", "lb", "oz", "ml", "mL", "hr", "min", "sec",
        "mph", "am", "pm", "deg", "rad", "sq",
    ];
    SHORT.contains(&word)
        || (word.len() >= 4
            && word.chars().all(|c| c.is_ascii_lowercase())
            && !["sqrt", "infinity"].contains(&word))
}
