//! The parser of bare answers: LaTeX as models write it, and plain text. Here: lists, relations, sums, products.

mod atom;
mod command;
mod unit;

use super::expression::Expr;
use crate::rational;
use command::FUNCTIONS;

/// Deepest nesting, most nodes.
const DEPTH: usize = 60;
const NODES: usize = 6_000;

/// A parsed answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) tree: Expr,
    pub(super) percent: bool,
}

/// Why an answer has no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not in the grammar.
    Foreign,
    /// It is too long or too deep.
    Large,
}

/// Parses an answer in normal spelling; the caller bounds its length.
pub(super) fn parse(text: &str) -> Result<Answer, Refusal> {
    if let Some(tree) = thousands(text) {
        return Ok(Answer { tree, percent: false });
    }
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
        nodes: 0,
        percent: false,
    };
    let tree = parser.list(None)?;
    parser.space();
    if parser.at < parser.chars.len() {
        return Err(Refusal::Foreign);
    }
    Ok(Answer {
        tree,
        percent: parser.percent,
    })
}

/// `1,234,567.5` as a whole is one number.
fn thousands(text: &str) -> Option<Expr> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
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

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    nodes: usize,
    percent: bool,
}

type Parsed = Result<Expr, Refusal>;

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn starts(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(offset, c)| self.chars.get(self.at + offset) == Some(&c))
    }

    /// Takes `text`, space before it allowed. A command must not go on with a letter.
    fn take(&mut self, text: &str) -> bool {
        let before = self.at;
        self.space();
        let length = text.chars().count();
        let command = text.starts_with('\\') && text.ends_with(|c: char| c.is_ascii_alphabetic());
        let goes_on = self
            .chars
            .get(self.at + length)
            .is_some_and(|c| c.is_ascii_alphabetic());
        if self.starts(text) && !(command && goes_on) {
            self.at += length;
            return true;
        }
        self.at = before;
        false
    }

    fn node(&mut self, tree: Expr) -> Parsed {
        self.nodes += 1;
        if self.nodes > NODES {
            Err(Refusal::Large)
        } else {
            Ok(tree)
        }
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Refusal::Large);
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Terms with commas, semicolons, `and`, `or` between them, up to `close` (not taken).
    fn list(&mut self, close: Option<char>) -> Parsed {
        let mut items = vec![self.union()?];
        loop {
            self.space();
            if close.is_some() && self.peek() == close {
                break;
            }
            let mut parted = false;
            while self.take(",") || self.take(";") || self.joint() {
                parted = true;
            }
            if !parted || self.ended(close) {
                break;
            }
            items.push(self.union()?);
        }
        match items.len() {
            1 => Ok(items.swap_remove(0)),
            _ => self.node(Expr::List(' ', items, ' ')),
        }
    }

    fn ended(&mut self, close: Option<char>) -> bool {
        self.space();
        self.peek().is_none() || (close.is_some() && self.peek() == close)
    }

    fn joint(&mut self) -> bool {
        for word in [
            "\\text{ and }",
            "\\text{and }",
            "\\text{ and}",
            "\\text{and}",
            "\\text{ or }",
            "\\mbox{ and }",
            "\\mbox{ or }",
            "\\lor",
            "\\land",
        ] {
            if self.take(word) {
                return true;
            }
        }
        let before = self.at;
        for word in ["and", "or"] {
            if self.take(word) && self.peek().is_some_and(|c| !c.is_ascii_alphabetic()) {
                return true;
            }
            self.at = before;
        }
        false
    }

    fn union(&mut self) -> Parsed {
        let mut parts = vec![self.relation()?];
        while self.take("\\cup") {
            parts.push(self.relation()?);
        }
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => self.node(Expr::Union(parts)),
        }
    }

    fn relation(&mut self) -> Parsed {
        let mut terms = vec![self.sum()?];
        let mut relations = Vec::new();
        loop {
            let known = [
                ("\\le", "<="),
                ("\\ge", ">="),
                ("\\ne", "!="),
                ("\\in", "in"),
                ("\\approx", "="),
                ("<", "<"),
                (">", ">"),
                ("==", "="),
                ("=", "="),
                ("\\equiv", "="),
            ];
            let Some((_, relation)) = known.iter().find(|(spelling, _)| self.take(spelling)) else {
                break;
            };
            relations.push(*relation);
            terms.push(self.sum()?);
        }
        match relations.len() {
            0 => Ok(terms.swap_remove(0)),
            _ => self.node(Expr::Relation(terms, relations)),
        }
    }

    fn sum(&mut self) -> Parsed {
        self.deeper(|parser| {
            let mut terms = vec![parser.signed()?];
            loop {
                if parser.take("+-") || parser.take("\\pm") {
                    let left = Expr::Add(std::mem::take(&mut terms));
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
        if self.take("\\pm") {
            let term = self.term()?;
            return self.node(Expr::PlusMinus(Box::new(Expr::integer(0)), Box::new(term)));
        }
        let mut negative = false;
        loop {
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

    fn term(&mut self) -> Parsed {
        let mut value = self.factor()?;
        loop {
            self.space();
            if self.take("\\cdot") || self.take("\\times") || self.take("*") {
                let factor = self.signed_factor()?;
                value = product(value, factor);
            } else if self.take("\\div") || self.take("/") || self.take(":") {
                let bottom = self.signed_factor()?;
                value = Expr::Divide(Box::new(value), Box::new(bottom));
            } else if self.take("\\%") || self.take("%") {
                self.percent = true;
            } else if self.unit() {
                // Units and words after a value carry no value.
            } else if self.peek().is_some_and(|c| self.begins_factor(c)) {
                let factor = self.factor()?;
                value = match (&value, &factor) {
                    // `2 1/2` and `2\frac12` are mixed numbers.
                    (Expr::Number(whole), Expr::Divide(top, bottom))
                        if whole.is_integer()
                            && matches!(
                                (top.as_ref(), bottom.as_ref()),
                                (Expr::Number(_), Expr::Number(_))
                            ) =>
                    {
                        Expr::Add(vec![value, factor])
                    }
                    (Expr::Number(whole), Expr::Number(_))
                        if whole.is_integer() && self.peek() == Some('/') =>
                    {
                        self.at += 1;
                        let bottom = self.factor()?;
                        Expr::Add(vec![value, Expr::Divide(Box::new(factor), Box::new(bottom))])
                    }
                    (Expr::Number(_), Expr::Number(_)) => return Err(Refusal::Foreign),
                    _ => product(value, factor),
                };
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

    fn signed_factor(&mut self) -> Parsed {
        let negative = self.take("-");
        let factor = self.factor()?;
        Ok(if negative {
            Expr::Negative(Box::new(factor))
        } else {
            factor
        })
    }

    fn begins_factor(&self, c: char) -> bool {
        if c == '\\' {
            const STOPS: [&str; 18] = [
                "\\rfloor",
                "\\rceil",
                "\\rvert",
                "\\}",
                "\\le",
                "\\ge",
                "\\ne",
                "\\in",
                "\\cup",
                "\\pm",
                "\\text{ and",
                "\\text{and",
                "\\text{ or",
                "\\mbox",
                "\\approx",
                "\\\\",
                "\\end",
                "\\equiv",
            ];
            return self.starts("\\infty") || !STOPS.iter().any(|stop| self.starts(stop));
        }
        if ["and ", "or "].iter().any(|word| self.starts(word)) {
            return false;
        }
        c.is_alphanumeric() || c == '(' || c == '{' || c == '.' || (c == '[' && self.depth > 0)
    }
}

fn product(left: Expr, right: Expr) -> Expr {
    match left {
        Expr::Multiply(mut factors) => {
            factors.push(right);
            Expr::Multiply(factors)
        }
        left => Expr::Multiply(vec![left, right]),
    }
}
