//! Factors: numbers, brackets, powers.

use super::{NODES, Parsed, Parser, Refusal};
use crate::math::expression::Expr;
use crate::math::normal::DEGREE;
use crate::rational;

impl Parser {
    pub(super) fn factor(&mut self) -> Parsed {
        let mut value = self.deeper(Self::atom)?;
        loop {
            self.space();
            if self.take("^") {
                if self.primes() {
                    continue;
                }
                let before = self.at;
                let exponent = match self.argument(true) {
                    Err(Refusal::Foreign) if self.lenient => {
                        self.at = before - 1;
                        break;
                    }
                    exponent => exponent?,
                };
                // `x^{2}_{i}` is `x_{i}^{2}`.
                if let Expr::Name(name) = &value
                    && !self.lenient
                    && self.take("_")
                {
                    value = self.index(name.clone())?;
                }
                value = Expr::Power(Box::new(value), Box::new(exponent));
            } else if self.peek() == Some('!') && self.chars.get(self.at + 1) != Some(&'=') {
                self.at += 1;
                value = Expr::Function("factorial", vec![value]);
            } else if self.take(DEGREE) {
                value = Expr::Degree(Box::new(value));
            } else if !self.lenient && matches!(value, Expr::Number(_)) && self.take("_") {
                let base = self.argument(true)?;
                value = super::special::based(value, base)?;
            } else {
                break;
            }
            self.nodes += 1;
            if self.nodes > NODES {
                return Err(Refusal::Large);
            }
        }
        Ok(value)
    }

    fn primes(&mut self) -> bool {
        self.take("{\\prime}") || self.take("\\prime") || self.take("{\\prime\\prime}")
    }

    /// `{…}`, or one token: a command, a letter, a digit (the whole number where `number`).
    pub(super) fn argument(&mut self, number: bool) -> Parsed {
        self.space();
        match self.peek() {
            Some('{') => self.group('{', '}'),
            Some('(') if number => self.deeper(Self::atom),
            Some('-') if number => {
                self.at += 1;
                let inner = self.argument(true)?;
                Ok(Expr::Negative(Box::new(inner)))
            }
            Some(digit) if digit.is_ascii_digit() && !number => {
                self.at += 1;
                let value = i64::from(digit.to_digit(10).unwrap_or_default());
                self.node(Expr::integer(value))
            }
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.at += 1;
                self.letter(letter)
            }
            _ => self.deeper(Self::atom),
        }
    }

    pub(super) fn group(&mut self, open: char, close: char) -> Parsed {
        self.space();
        if self.peek() != Some(open) {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        let bars = std::mem::take(&mut self.bars);
        let inner = self.deeper(|parser| parser.list(Some(close)))?;
        self.bars = bars;
        self.space();
        if self.peek() != Some(close) {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        if self.lenient && matches!(inner, Expr::List(..) | Expr::Sets(..)) {
            return Err(Refusal::Foreign);
        }
        Ok(inner)
    }

    pub(super) fn atom(&mut self) -> Parsed {
        self.space();
        let Some(c) = self.peek() else {
            return Err(Refusal::Foreign);
        };
        match c {
            '0'..='9' | '.' => self.number(),
            '(' | '[' | ']' => self.bracketed(c),
            '{' => self.group('{', '}'),
            '|' => {
                self.at += 1;
                self.bars += 1;
                let inner = self.sum()?;
                self.bars -= 1;
                if self.take("|") {
                    self.node(Expr::Function("abs", vec![inner]))
                } else {
                    Err(Refusal::Foreign)
                }
            }
            '\\' => self.command(),
            c if c.is_alphabetic() => self.word(),
            _ => Err(Refusal::Foreign),
        }
    }

    fn number(&mut self) -> Parsed {
        let start = self.at;
        let digits = |parser: &mut Self| {
            while parser.peek().is_some_and(|c| c.is_ascii_digit()) {
                parser.at += 1;
            }
        };
        digits(self);
        self.thousands(start);
        if self.peek() == Some('.') && self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit) {
            self.at += 1;
            digits(self);
        } else if self.peek() == Some('.') && self.at > start {
            self.at += 1;
        }
        if !self.lenient && matches!(self.peek(), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.chars.get(self.at + 1), Some('+' | '-')));
            let first = self
                .chars
                .get(self.at + 1 + sign)
                .is_some_and(char::is_ascii_digit);
            if first {
                self.at += 1 + sign;
                digits(self);
            }
        }
        let text: String = self
            .chars
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .filter(|c| **c != THOUSANDS)
            .collect();
        if text.contains('.')
            && let Some(value) = self.repeating(&text)
        {
            return self.node(Expr::Number(value));
        }
        let value = rational::decimal(text.trim_end_matches('.')).ok_or_else(|| {
            if text.chars().any(|c| c.is_ascii_digit()) {
                Refusal::Large
            } else {
                Refusal::Foreign
            }
        })?;
        self.node(Expr::Number(value))
    }

    /// `0.1\overline{6}`: the digits under the bar go on for ever. `text` stands before it.
    fn repeating(&mut self, text: &str) -> Option<num_rational::BigRational> {
        let before = self.at;
        let digits = (self.take("\\overline") && self.peek() == Some('{'))
            .then(|| self.braced())
            .flatten()
            .filter(|digits| (1..=30).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits else {
            self.at = before;
            return None;
        };
        let places = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let fixed = rational::decimal(text.trim_end_matches('.'))?;
        // 0.00(d) = d / (10^n - 1) / 10^places
        let period = rational::decimal(&digits)? / rational::decimal(&"9".repeat(digits.len()))?;
        Some(fixed + period / rational::decimal(&format!("1{}", "0".repeat(places)))?)
    }

    /// Groups of three digits behind a separator that is no comma of a list: `1{,}000`, `1\,000`.
    fn thousands(&mut self, start: usize) {
        if !(1..=3).contains(&(self.at - start)) {
            return;
        }
        while self.peek() == Some(THOUSANDS) {
            let group = self
                .chars
                .iter()
                .skip(self.at + 1)
                .take_while(|c| c.is_ascii_digit())
                .count();
            if group != 3 {
                break;
            }
            self.at += 4;
        }
    }

    /// Parentheses group one term; with a comma, or with brackets, it is a list.
    fn bracketed(&mut self, open: char) -> Parsed {
        self.at += 1;
        let bars = std::mem::take(&mut self.bars);
        self.space();
        if matches!((open, self.peek()), ('(', Some(')')) | ('[', Some(']'))) {
            return Err(Refusal::Foreign);
        }
        let inner = self.deeper(|parser| parser.list(Some(')').filter(|_| open == '(')))?;
        self.bars = bars;
        self.space();
        let Some(close @ (')' | ']' | '[')) = self.peek() else {
            return Err(Refusal::Foreign);
        };
        self.at += 1;
        // `]a, b[` is the French open interval.
        let (start, end) = (
            if open == ']' { '(' } else { open },
            if close == '[' { ')' } else { close },
        );
        match inner {
            Expr::List(..) if self.lenient => Err(Refusal::Foreign),
            Expr::List(' ', items, _) => self.node(Expr::List(start, items, end)),
            single if matches!((open, close), ('(', ')') | ('[', ']')) => Ok(single),
            _ => Err(Refusal::Foreign),
        }
    }
}

/// What stands for a separator of thousands that is no comma.
pub(in crate::math) const THOUSANDS: char = '\u{3}';
