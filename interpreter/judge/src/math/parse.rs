//! The parser of bare answers: LaTeX as models write it, and plain text.

use super::expression::Expr;
use super::normal::DEGREE;
use crate::rational;

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

const FUNCTIONS: [(&str, &str); 19] = [
    ("arcsin", "arcsin"),
    ("arccos", "arccos"),
    ("arctan", "arctan"),
    ("asin", "arcsin"),
    ("acos", "arccos"),
    ("atan", "arctan"),
    ("sinh", "sinh"),
    ("cosh", "cosh"),
    ("tanh", "tanh"),
    ("sin", "sin"),
    ("cos", "cos"),
    ("tan", "tan"),
    ("cot", "cot"),
    ("sec", "sec"),
    ("csc", "csc"),
    ("exp", "exp"),
    ("ln", "ln"),
    ("log", "log"),
    ("lg", "lg"),
];

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

    /// `\text{ cm}^2`, `\mathrm{km}/\mathrm{h}`, or an English word.
    fn unit(&mut self) -> bool {
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

    fn unit_exponent(&mut self) {
        for exponent in ["^2", "^{2}", "^3", "^{3}", "."] {
            if self.take(exponent) {
                break;
            }
        }
    }

    /// The content of the braces that open here.
    fn braced(&mut self) -> Option<String> {
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

    fn factor(&mut self) -> Parsed {
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
    fn argument(&mut self, number: bool) -> Parsed {
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

    fn group(&mut self, open: char, close: char) -> Parsed {
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

    fn atom(&mut self) -> Parsed {
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

    fn number(&mut self) -> Parsed {
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
    fn bracketed(&mut self, open: char) -> Parsed {
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

    fn word(&mut self) -> Parsed {
        let word: String = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|c| c.is_ascii_alphabetic())
            .take(40)
            .collect();
        if word.is_empty() {
            return Err(Refusal::Foreign);
        }
        if let Some((name, function)) = FUNCTIONS.iter().find(|(name, _)| word == *name) {
            self.at += name.len();
            return self.call(function);
        }
        if word == "sqrt" {
            self.at += 4;
            return self.root();
        }
        let constant = match word.as_str() {
            "pi" => Some(Expr::Pi),
            "inf" | "infinity" | "oo" => Some(Expr::Infinity),
            _ => None,
        };
        if let Some(constant) = constant {
            self.at += word.len();
            return self.node(constant);
        }
        if word.len() >= 3 && word != "xyz" && word != "abc" {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        let first = word.chars().next().unwrap_or_default();
        self.named(first.to_string())
    }

    fn named(&mut self, mut name: String) -> Parsed {
        let constant = match name.as_str() {
            "e" => Some(Expr::E),
            "i" => Some(Expr::I),
            _ => None,
        };
        if self.take("_") {
            let start = self.at;
            self.argument(true)?;
            name.push('_');
            let label = self.chars.get(start..self.at).unwrap_or_default();
            name.extend(label.iter().filter(|c| !"{} ".contains(**c)));
            return self.node(Expr::Name(name));
        }
        self.node(constant.unwrap_or(Expr::Name(name)))
    }

    fn root(&mut self) -> Parsed {
        let mut degree = 2;
        if self.take("[") {
            let text: String = self
                .chars
                .iter()
                .skip(self.at)
                .take_while(|c| **c != ']')
                .take(8)
                .collect();
            degree = text.trim().parse().map_err(|_| Refusal::Foreign)?;
            self.at += text.chars().count();
            if !self.take("]") || !(1..=64).contains(&degree) {
                return Err(Refusal::Foreign);
            }
        }
        self.space();
        let inner = match self.peek() {
            Some('(') => self.deeper(Self::atom)?,
            _ => self.argument(false)?,
        };
        self.node(Expr::Root(Box::new(inner), degree))
    }

    /// A function's power, base and argument: `\sin^2 x`, `\log_2 8`, `\ln(x)`.
    fn call(&mut self, function: &'static str) -> Parsed {
        let base = if self.take("_") {
            Some(self.argument(true)?)
        } else {
            None
        };
        let power = if self.take("^") {
            Some(self.argument(true)?)
        } else {
            None
        };
        self.space();
        let argument = match self.peek() {
            Some('(' | '{') => self.deeper(Self::atom)?,
            _ => {
                // `\sin 2x` takes the product, not the sum.
                let mut argument = self.factor()?;
                while self
                    .peek()
                    .is_some_and(|c| c.is_ascii_alphabetic() || self.starts("\\pi") || self.starts("\\theta"))
                {
                    argument = product(argument, self.factor()?);
                }
                argument
            }
        };
        let called = match (function, base) {
            ("log", None) => Expr::Function("ln", vec![argument]),
            ("lg", None) => Expr::Function("log", vec![argument, Expr::integer(10)]),
            ("log", Some(base)) => Expr::Function("log", vec![argument, base]),
            (_, None) => Expr::Function(function, vec![argument]),
            _ => return Err(Refusal::Foreign),
        };
        self.node(match power {
            // `\sin^{-1}` is the inverse function, not the reciprocal.
            Some(power) if power == Expr::Negative(Box::new(Expr::integer(1))) => match called {
                Expr::Function("sin", arguments) => Expr::Function("arcsin", arguments),
                Expr::Function("cos", arguments) => Expr::Function("arccos", arguments),
                Expr::Function("tan", arguments) => Expr::Function("arctan", arguments),
                _ => return Err(Refusal::Foreign),
            },
            Some(power) => Expr::Power(Box::new(called), Box::new(power)),
            None => called,
        })
    }

    fn command(&mut self) -> Parsed {
        if self.take("\\{") {
            if self.take("\\}") {
                return self.node(Expr::List('{', Vec::new(), '}'));
            }
            let inner = self.deeper(|parser| parser.list(None))?;
            if !self.take("\\}") {
                return Err(Refusal::Foreign);
            }
            let items = match inner {
                Expr::List(' ', items, _) => items,
                single => vec![single],
            };
            return self.node(Expr::List('{', items, '}'));
        }
        let start = self.at;
        self.at += 1;
        let name: String = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|c| c.is_ascii_alphabetic())
            .take(40)
            .collect();
        self.at += name.len();
        match name.as_str() {
            "frac" => {
                let top = self.argument(false)?;
                let bottom = self.argument(false)?;
                self.node(Expr::Divide(Box::new(top), Box::new(bottom)))
            }
            "binom" => {
                let top = self.argument(false)?;
                let bottom = self.argument(false)?;
                self.node(Expr::Function("binom", vec![top, bottom]))
            }
            "sqrt" => self.root(),
            "pi" => self.node(Expr::Pi),
            "infty" => self.node(Expr::Infinity),
            "emptyset" | "varnothing" => self.node(Expr::List('{', Vec::new(), '}')),
            "lfloor" => self.fenced("\\rfloor", "floor"),
            "lceil" => self.fenced("\\rceil", "ceil"),
            "lvert" => self.fenced("\\rvert", "abs"),
            "mathbb" => {
                let inner = self.group('{', '}')?;
                let Expr::Name(inner) = inner else {
                    return Err(Refusal::Foreign);
                };
                if inner == "R" {
                    let ends = vec![Expr::Negative(Box::new(Expr::Infinity)), Expr::Infinity];
                    return self.node(Expr::List('(', ends, ')'));
                }
                self.node(Expr::Name(inner))
            }
            "begin" => self.matrix(),
            "text" | "mathrm" | "mbox" | "textrm" | "textbf" | "mathbf" | "mathit" => {
                self.space();
                let inner = self.braced().ok_or(Refusal::Foreign)?;
                let inner = inner.trim();
                match inner {
                    "i" => self.node(Expr::I),
                    "e" => self.node(Expr::E),
                    _ if name.starts_with("math") && inner.chars().count() == 1 => {
                        self.node(Expr::Name(inner.to_owned()))
                    }
                    // Words alone are compared as text, before any parsing.
                    _ => Err(Refusal::Foreign),
                }
            }
            "" => Err(Refusal::Foreign),
            _ => {
                if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
                    return self.call(function);
                }
                const GREEK: [&str; 24] = [
                    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
                    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
                    "varphi", "ell", "Gamma",
                ];
                if GREEK.contains(&name.as_str()) {
                    return self.named(name);
                }
                self.at = start;
                Err(Refusal::Foreign)
            }
        }
    }

    fn fenced(&mut self, close: &str, function: &'static str) -> Parsed {
        let inner = self.sum()?;
        if self.take(close) {
            self.node(Expr::Function(function, vec![inner]))
        } else {
            Err(Refusal::Foreign)
        }
    }

    fn matrix(&mut self) -> Parsed {
        let kind = self.braced().ok_or(Refusal::Foreign)?;
        // `vmatrix` is a determinant.
        let matrix = ["matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix"].contains(&kind.as_str());
        if !matrix && kind != "array" {
            return Err(Refusal::Foreign);
        }
        if kind == "array" {
            self.braced();
        }
        let mut rows = vec![Vec::new()];
        loop {
            let cell = self.union()?;
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            if self.take("\\\\") {
                if !self.starts_end() {
                    rows.push(Vec::new());
                }
            } else if self.take("&") {
                continue;
            }
            if self.starts_end() {
                break;
            }
            self.space();
            if self.peek().is_none() {
                return Err(Refusal::Foreign);
            }
        }
        self.take("\\end");
        self.braced().ok_or(Refusal::Foreign)?;
        self.node(Expr::Matrix(rows))
    }

    fn starts_end(&mut self) -> bool {
        self.space();
        self.starts("\\end")
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
