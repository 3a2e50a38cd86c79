//! Sums, products, mixed numbers.

use super::{NODES, Parsed, Parser, Refusal};
use crate::math::expression::Expr;
use num_rational::BigRational;
use num_traits::{One, Signed};

impl Parser {
    pub(super) fn sum(&mut self) -> Parsed {
        self.deeper(|parser| {
            let mut terms = vec![parser.signed()?];
            loop {
                if parser.lenient {
                    let before = parser.at;
                    let minus = parser.take("-");
                    if !minus && !parser.take("+") {
                        break;
                    }
                    match parser.signed() {
                        Ok(term) if minus => terms.push(Expr::Negative(Box::new(term))),
                        Ok(term) => terms.push(term),
                        Err(Refusal::Large) => return Err(Refusal::Large),
                        Err(Refusal::Foreign) => {
                            parser.at = before;
                            break;
                        }
                    }
                    continue;
                }
                if parser.take("+-") || parser.take("\\pm") || parser.take("\\mp") {
                    let left = match terms.len() {
                        1 => terms.swap_remove(0),
                        _ => Expr::Add(std::mem::take(&mut terms)),
                    };
                    let right = parser.term()?;
                    terms = vec![Expr::PlusMinus(Box::new(left), Box::new(right))];
                } else if parser.take("+") {
                    terms.push(parser.signed()?);
                } else if parser.take("-") {
                    let term = parser.signed()?;
                    terms.push(Expr::Negative(Box::new(term)));
                } else {
                    break;
                }
            }
            match terms.len() {
                1 => Ok(terms.swap_remove(0)),
                _ => parser.node(Expr::Add(terms)),
            }
        })
    }

    fn signed(&mut self) -> Parsed {
        let mut negative = false;
        loop {
            if self.take("\\pm") || self.take("\\mp") {
                let term = self.term()?;
                return self.node(Expr::PlusMinus(Box::new(Expr::integer(0)), Box::new(term)));
            }
            if self.take("-") {
                negative = !negative;
            } else if !self.take("+") {
                break;
            }
        }
        let term = self.term()?;
        Ok(if negative {
            Expr::Negative(Box::new(term))
        } else {
            term
        })
    }

    /// Factors with `\cdot`, `/`, or nothing between them.
    pub(super) fn term(&mut self) -> Parsed {
        let mut value = self.factor()?;
        loop {
            self.space();
            if self.take("\\cdot") || self.take("\\times") || self.take("*") || self.take("\\ast") {
                let factor = self.signed_factor()?;
                value = product(value, factor);
            } else if self.take("\\div") || self.take("/") || self.take(":") {
                let bottom = self.signed_factor()?;
                value = value.over(bottom);
            } else if self.lenient {
                // A lenient reader stops where it cannot go on.
                let before = self.at;
                match self
                    .peek()
                    .is_some_and(|c| self.begins_factor(c))
                    .then(|| self.factor())
                {
                    Some(Ok(factor)) => value = product(value, factor),
                    Some(Err(Refusal::Large)) => return Err(Refusal::Large),
                    _ => {
                        self.at = before;
                        break;
                    }
                }
            } else if self.take("\\%") || self.take("%") || self.percent_word() {
                value = Expr::Percent(Box::new(value));
            } else if self.take("\\mod") || self.take("\\bmod") {
                let modulus = self.factor()?;
                value = Expr::Function("mod", vec![value, modulus]);
            } else if self.take("\\pmod") {
                let modulus = self.argument(false)?;
                value = Expr::Function("mod", vec![value, modulus]);
            } else if self.unit() {
                // Units and words after a value carry no value here; a known unit is kept beside the tree.
            } else if self.peek().is_some_and(|c| self.begins_factor(c)) {
                let factor = self.factor()?;
                value = self.side_by_side(value, factor)?;
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

    fn side_by_side(&mut self, value: Expr, factor: Expr) -> Parsed {
        let whole = |tree: &Expr| matches!(tree, Expr::Number(n) if n.is_integer() && n.is_positive());
        let proper = |top: &BigRational, bottom: &BigRational| top.is_positive() && top < bottom;
        Ok(match (&value, &factor) {
            // `2 1/2` and `2\frac12` are mixed numbers.
            (_, Expr::Divide(top, bottom))
                if whole(&value)
                    && matches!((top.as_ref(), bottom.as_ref()), (Expr::Number(a), Expr::Number(b)) if proper(a, b)) =>
            {
                Expr::Add(vec![value, factor])
            }
            (_, Expr::Number(top)) if whole(&value) && self.peek() == Some('/') => {
                let top = top.clone();
                self.at += 1;
                let bottom = self.factor()?;
                match &bottom {
                    Expr::Number(below) if proper(&top, below) => Expr::Add(vec![value, factor.over(bottom)]),
                    _ => return Err(Refusal::Foreign),
                }
            }
            // Two numbers side by side are no product.
            (Expr::Number(_), Expr::Number(_)) => return Err(Refusal::Foreign),
            _ => product(value, factor),
        })
    }

    fn signed_factor(&mut self) -> Parsed {
        let mut negative = false;
        while self.take("-") {
            negative = !negative;
        }
        let factor = self.factor()?;
        Ok(if negative {
            Expr::Negative(Box::new(factor))
        } else {
            factor
        })
    }

    fn begins_factor(&self, c: char) -> bool {
        if c == '\\' {
            const STOPS: [&str; 38] = [
                "rfloor",
                "rceil",
                "rvert",
                "rVert",
                "le",
                "ge",
                "ne",
                "in",
                "notin",
                "cup",
                "cap",
                "bigcup",
                "bigcap",
                "setminus",
                "backslash",
                "pm",
                "mp",
                "mbox",
                "approx",
                "sim",
                "simeq",
                "equiv",
                "end",
                "lor",
                "land",
                "vee",
                "wedge",
                "mid",
                "to",
                "implies",
                "mod",
                "bmod",
                "pmod",
                "cdot",
                "times",
                "div",
                "lrcorner",
                "urcorner",
            ];
            let name = self.letters();
            if self.lenient {
                const ENDS: [&str; 10] = [
                    "rfloor", "rceil", "rvert", "le", "ge", "ne", "lt", "gt", "end", "begin",
                ];
                return !name.is_empty() && !ENDS.contains(&name.as_str())
                    || matches!(self.chars.get(self.at + 1), Some(',' | ';' | ':' | '!' | ' '));
            }
            if name.is_empty() {
                return self.starts("\\{");
            }
            if matches!(name.as_str(), "text" | "textrm" | "mathrm" | "textbf") {
                let inner: String = self
                    .chars
                    .iter()
                    .skip(self.at + name.len() + 1)
                    .take(12)
                    .collect();
                let inner = inner.trim_start_matches(['{', ' ', ',']);
                return !["and", "or"].iter().any(|word| {
                    inner
                        .strip_prefix(word)
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
                });
            }
            return !STOPS.contains(&name.as_str());
        }
        if c == '|' {
            return self.bars == 0;
        }
        if ["and ", "or ", "and(", "or("]
            .iter()
            .any(|word| self.starts(word))
        {
            return false;
        }
        c.is_alphanumeric() || c == '(' || c == '{' || c == '.' || (c == '[' && self.depth > 0)
    }
}

pub(super) fn product(left: Expr, right: Expr) -> Expr {
    let (left, right) = (ungrouped(left), ungrouped(right));
    match left {
        Expr::Multiply(mut factors) => {
            factors.push(right);
            Expr::Multiply(factors)
        }
        Expr::Number(one) if one.is_one() && !matches!(right, Expr::Number(_)) => right,
        left => Expr::Multiply(vec![left, right]),
    }
}

/// Braces around one term of a product only group it.
fn ungrouped(tree: Expr) -> Expr {
    match tree {
        Expr::List('{', mut items, '}') if items.len() == 1 => items.swap_remove(0),
        other => other,
    }
}
