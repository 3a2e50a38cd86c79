//! Factors: numbers, brackets, powers.

use super::{NODES, Parsed, Parser, Refusal, product};
use crate::math::expression::Expr;
use crate::math::normal::DEGREE;
use crate::rational;

impl Parser {
    pub(super) fn factor(&mut self) -> Parsed {
        let mut value = self.deeper(Self::atom)?;
        loop {
            self.space();
            if self.take("^") {
                if self.take("{\\prime}") || self.take("\\prime") {
                    continue;
                }
                let exponent = self.argument(true)?;
                value = Expr::Power(Box::new(value), Box::new(exponent));
            } else if self.peek() == Some('!') && self.chars.get(self.at + 1) != Some(&'=') {
                self.at += 1;
                value = Expr::Function("factorial", vec![value]);
            } else if self.take(DEGREE) {
                let turn = Expr::Divide(Box::new(Expr::Pi), Box::new(Expr::integer(180)));
                value = product(value, turn);
            } else if matches!(value, Expr::Number(_)) && self.take("_") {
                // The base of a number is a label: `101_2`.
                self.argument(true)?;
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
            _ => self.deeper(Self::atom),
        }
    }

    pub(super) fn group(&mut self, open: char, close: char) -> Parsed {
        self.space();
        if self.peek() != Some(open) {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        let inner = self.deeper(|parser| parser.list(Some(close)))?;
        self.space();
        if self.peek() != Some(close) {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        Ok(inner)
    }

    pub(super) fn atom(&mut self) -> Parsed {
        self.space();
        let Some(c) = self.peek() else {
            return Err(Refusal::Foreign);
        };
        match c {
            '0'..='9' | '.' => self.number(),
            '(' | '[' => self.bracketed(c),
            '{' => self.group('{', '}'),
            '|' => {
                self.at += 1;
                let inner = self.sum()?;
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

    pub(super) fn number(&mut self) -> Parsed {
        let start = self.at;
        let digits = |parser: &mut Self| {
            while parser.peek().is_some_and(|c| c.is_ascii_digit()) {
                parser.at += 1;
            }
        };
        digits(self);
        // Inside a larger answer `1,234` is a number only where a comma cannot part a list: after a digit, before
        // exactly three, and no space.
        if self.peek() == Some('.') && self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit) {
            self.at += 1;
            digits(self);
        } else if self.peek() == Some('.') && self.at > start {
            self.at += 1;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
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
            .collect();
        let value = rational::decimal(text.trim_end_matches('.')).ok_or(Refusal::Large)?;
        self.node(Expr::Number(value))
    }

    /// Parentheses group one term; with a comma, or with brackets, it is a list.
    pub(super) fn bracketed(&mut self, open: char) -> Parsed {
        self.at += 1;
        let inner = self.deeper(|parser| parser.list(Some(')').filter(|_| open == '(')))?;
        self.space();
        let Some(close @ (')' | ']')) = self.peek() else {
            return Err(Refusal::Foreign);
        };
        self.at += 1;
        match inner {
            Expr::List(' ', items, _) => self.node(Expr::List(open, items, close)),
            single if (open, close) == ('(', ')') || (open, close) == ('[', ']') => Ok(single),
            _ => Err(Refusal::Foreign),
        }
    }
}
