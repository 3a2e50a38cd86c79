//! Names: LaTeX commands, words, variables.

use super::function::{is_greek, known};
use super::{Parsed, Parser, Refusal};
use crate::math::expression::{Expr, Fold};

impl Parser {
    pub(super) fn word(&mut self) -> Parsed {
        let word = self.letters();
        if self.lenient
            && let Some(letter) = word.chars().next()
        {
            self.at += 1;
            return self.symbol(letter.to_string());
        }
        let Some(first) = word.chars().next() else {
            return Err(Refusal::Foreign);
        };
        // `x \max`-like spellings aside, functions are whole words; `sinx` is one that runs into its argument.
        if let Some(function) = known(&word) {
            self.at += word.len();
            return self.call(function);
        }
        for name in ["sin", "cos", "tan", "cot", "ln", "log"] {
            if let Some(rest) = word.strip_prefix(name)
                && (rest.len() == 1 || rest == "pi" || rest == "theta")
            {
                self.at += name.len();
                return self.call(known(name).unwrap_or("ln"));
            }
        }
        let constant = match word.as_str() {
            "pi" => Some(Expr::Pi),
            "inf" | "infinity" | "oo" | "Infinity" => Some(Expr::Infinity),
            "theta" | "alpha" | "beta" | "gamma" | "lambda" => Some(Expr::Name(word.clone())),
            _ => None,
        };
        if let Some(constant) = constant {
            self.at += word.len();
            return self.node(constant);
        }
        // Three letters and more are a word, not a product, unless they are capitals (points) or `xyz`.
        let capitals = word.chars().all(|c| c.is_ascii_uppercase());
        let variables = is_product(&word);
        if word.len() >= 3 && !capitals && !variables {
            return Err(Refusal::Foreign);
        }
        self.at += 1;
        self.letter(first)
    }

    /// A one-letter name, its constants and its call.
    pub(super) fn letter(&mut self, letter: char) -> Parsed {
        if letter == 'f' && self.peek() == Some('(') || matches!(letter, 'g' | 'h') && self.simple_call() {
            let argument = self.deeper(Self::atom)?;
            let arguments = match argument {
                Expr::List('(', items, ')') => items,
                one => vec![one],
            };
            return self.node(Expr::Call(letter.to_string(), arguments));
        }
        self.named(letter.to_string())
    }

    /// `g(x)`, `h(2)`: one letter or digit in parentheses.
    fn simple_call(&self) -> bool {
        self.peek() == Some('(')
            && self
                .chars
                .get(self.at + 1)
                .is_some_and(char::is_ascii_alphanumeric)
            && self.chars.get(self.at + 2) == Some(&')')
    }

    /// A name and nothing else, as a lenient reader takes every letter and unknown command.
    fn symbol(&mut self, name: String) -> Parsed {
        if self.take("_") {
            return self.index(name);
        }
        self.node(Expr::Name(name))
    }

    /// A command as a lenient reader takes it.
    fn lenient_command(&mut self) -> Parsed {
        const KNOWN: [&str; 24] = [
            "frac", "binom", "sqrt", "sum", "prod", "infty", "lfloor", "lceil", "sin", "cos", "tan", "csc",
            "sec", "cot", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp", "lg",
        ];
        let name = self.letters();
        if name.is_empty() {
            // Spacing.
            if matches!(self.chars.get(self.at + 1), Some(',' | ';' | ':' | '!' | ' ')) {
                self.at += 2;
                return self.deeper(Self::atom);
            }
            return Err(Refusal::Foreign);
        }
        if KNOWN.contains(&name.as_str()) {
            return self.known_command();
        }
        if name == "begin" {
            return Err(Refusal::Foreign);
        }
        self.at += 1 + name.len();
        self.symbol(name)
    }

    pub(super) fn named(&mut self, name: String) -> Parsed {
        if self.take("_") {
            return self.index(name);
        }
        self.node(match name.as_str() {
            "e" => Expr::E,
            "i" => Expr::I,
            _ => Expr::Name(name),
        })
    }

    /// The index of a name, after `_`: a formula, or a label such as `\text{max}`.
    pub(super) fn index(&mut self, name: String) -> Parsed {
        let start = self.at;
        if let Ok(index) = self.argument(true)
            && index.is_value()
        {
            return self.node(Expr::Indexed(name, Box::new(index)));
        }
        self.at = start;
        self.space();
        let label = if self.peek() == Some('{') {
            self.braced().ok_or(Refusal::Foreign)?
        } else if self.peek() == Some('\\') {
            let letters = self.letters();
            self.at += 1 + letters.len();
            self.space();
            if self.peek() == Some('{') {
                self.braced().ok_or(Refusal::Foreign)?
            } else {
                letters
            }
        } else {
            return Err(Refusal::Foreign);
        };
        let label: String = label
            .replace("\\text", "")
            .replace("\\mathrm", "")
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect();
        self.node(Expr::Name(format!("{name}_{label}")))
    }

    pub(super) fn command(&mut self) -> Parsed {
        if self.lenient {
            return self.lenient_command();
        }
        if self.take("\\{") {
            return self.set();
        }
        self.known_command()
    }

    fn known_command(&mut self) -> Parsed {
        let start = self.at;
        let name = self.letters();
        self.at += 1 + name.len();
        match name.as_str() {
            "frac" => {
                let top = self.argument(false)?;
                let bottom = self.argument(false)?;
                self.node(top.over(bottom))
            }
            "binom" => {
                let top = self.argument(false)?;
                let bottom = self.argument(false)?;
                self.node(Expr::Function("binom", vec![top, bottom]))
            }
            "pi" => self.node(Expr::Pi),
            "infty" => self.node(Expr::Infinity),
            "emptyset" | "varnothing" => self.node(Expr::List('{', Vec::new(), '}')),
            "lfloor" | "llcorner" => self.fenced(&["\\rfloor", "\\lrcorner"], "floor"),
            "lceil" | "ulcorner" => self.fenced(&["\\rceil", "\\urcorner"], "ceil"),
            "lvert" => self.fenced(&["\\rvert"], "abs"),
            "sum" => self.fold(Fold::Sum),
            "prod" => self.fold(Fold::Product),
            "mathbb" => {
                let inner = self.argument(false)?;
                match inner {
                    Expr::Name(name) if name == "R" => {
                        let ends = vec![Expr::Negative(Box::new(Expr::Infinity)), Expr::Infinity];
                        self.node(Expr::List('(', ends, ')'))
                    }
                    Expr::Name(name) => self.node(Expr::Name(format!("mathbb {name}"))),
                    _ => Err(Refusal::Foreign),
                }
            }
            "begin" => self.matrix(),
            "text" | "mathrm" | "mbox" | "textrm" | "textbf" | "mathbf" | "mathit" | "bf" | "rm"
            | "boldsymbol" | "vec" | "overrightarrow" | "overline" | "bar" | "hat" | "mathcal" | "tilde" => {
                self.styled(&name)
            }
            "boxed" | "fbox" => self.group('{', '}'),
            "" => {
                self.at = start;
                Err(Refusal::Foreign)
            }
            _ => {
                if let Some(function) = known(&name) {
                    return self.call(function);
                }
                if is_greek(&name) {
                    return self.named(name);
                }
                self.at = start;
                Err(Refusal::Foreign)
            }
        }
    }

    /// `\mathrm{lcm}(4, 6)`, `\mathbf{v}`, `\overline{AB}`, after the command.
    fn styled(&mut self, command: &str) -> Parsed {
        self.space();
        if self.peek() != Some('{') {
            return match command {
                "text" | "mbox" => Err(Refusal::Foreign),
                _ => self.argument(false),
            };
        }
        let inner = self.braced().ok_or(Refusal::Foreign)?;
        let inner = inner.trim();
        if let Some(function) = known(inner) {
            return self.call(function);
        }
        let label =
            !inner.is_empty() && inner.chars().count() <= 3 && inner.chars().all(char::is_alphanumeric);
        match inner {
            "i" => self.node(Expr::I),
            "e" => self.node(Expr::E),
            _ if inner.parse::<u32>().is_ok() => {
                let value = crate::rational::decimal(inner).ok_or(Refusal::Foreign)?;
                self.node(Expr::Number(value))
            }
            _ if label
                && matches!(
                    command,
                    "overline" | "bar" | "vec" | "overrightarrow" | "hat" | "tilde"
                ) =>
            {
                self.named(format!("{command} {inner}"))
            }
            _ if label && (command.starts_with("math") || inner.chars().count() == 1) => {
                self.named(inner.to_owned())
            }
            // Words alone are compared as text, before any parsing.
            _ => Err(Refusal::Foreign),
        }
    }

    /// `\{1, 2\}`, `\{x : x > 3\}`, after the brace.
    fn set(&mut self) -> Parsed {
        if self.take("\\}") {
            return self.node(Expr::List('{', Vec::new(), '}'));
        }
        let bars = std::mem::replace(&mut self.bars, 1);
        let inner = self.deeper(|parser| parser.list(None))?;
        self.bars = bars;
        let inner = if self.take("\\mid") || self.take("|") || self.take(":") {
            // A set by its condition stands for the condition.
            self.deeper(|parser| parser.list(None))?
        } else {
            inner
        };
        if !self.take("\\}") {
            return Err(Refusal::Foreign);
        }
        let items = match inner {
            Expr::List(' ', items, _) => items,
            condition @ (Expr::Relation(..) | Expr::Sets(..)) => return Ok(condition),
            single => vec![single],
        };
        self.node(Expr::List('{', items, '}'))
    }

    fn fenced(&mut self, closes: &[&str], function: &'static str) -> Parsed {
        let inner = self.deeper(Self::sum)?;
        if closes.iter().any(|close| self.take(close)) {
            self.node(Expr::Function(function, vec![inner]))
        } else {
            Err(Refusal::Foreign)
        }
    }
}

/// Letters that are a product rather than a word: no vowel but an `a` before consonants, as in `abc`.
fn is_product(word: &str) -> bool {
    let vowel = |c: char| "aeiou".contains(c);
    word.len() <= 5
        && word.chars().all(|c| c.is_ascii_lowercase())
        && !word.chars().skip(1).any(vowel)
        && (!word.starts_with(vowel) || ["ab", "ac", "ax"].iter().any(|start| word.starts_with(start)))
}
