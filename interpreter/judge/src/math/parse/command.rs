//! Names: LaTeX commands, functions, variables, matrices.

use super::{Parsed, Parser, Refusal, product};
use crate::math::expression::Expr;

/// Spellings of functions and the names that [`Expr::Function`] gives them; longer ones first.
pub(super) const FUNCTIONS: [(&str, &str); 19] = [
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
    pub(super) fn word(&mut self) -> Parsed {
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

    pub(super) fn named(&mut self, mut name: String) -> Parsed {
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

    pub(super) fn root(&mut self) -> Parsed {
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
    pub(super) fn call(&mut self, function: &'static str) -> Parsed {
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

    pub(super) fn command(&mut self) -> Parsed {
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

    pub(super) fn fenced(&mut self, close: &str, function: &'static str) -> Parsed {
        let inner = self.sum()?;
        if self.take(close) {
            self.node(Expr::Function(function, vec![inner]))
        } else {
            Err(Refusal::Foreign)
        }
    }

    pub(super) fn matrix(&mut self) -> Parsed {
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

    pub(super) fn starts_end(&mut self) -> bool {
        self.space();
        self.starts("\\end")
    }
}
