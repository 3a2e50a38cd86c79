//! The system's reading of its own language, which it tries where a text is no LaTeX: numbers, names, operators with their
//! signs written out, tuples, lists and sets.

use super::tree::{Reading, Tree};

const DEPTH: usize = 40;

/// Reads a whole text; None where it is none.
pub(super) fn python(text: &str) -> Option<Reading> {
    if !text.is_ascii() || text.contains('\\') {
        return None;
    }
    let mut parser = Parser {
        text: text.as_bytes(),
        at: 0,
        depth: 0,
    };
    let (mut items, listed) = parser.items(None)?;
    parser.space();
    if parser.at < parser.text.len() {
        return None;
    }
    match listed {
        true => Some(Reading::Tuple(items)),
        false => items.pop(),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        self.space();
        let found = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(sign.as_bytes()));
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// Items up to a closing bracket, which is taken; whether commas stand between or behind them.
    fn items(&mut self, close: Option<&str>) -> Option<(Vec<Reading>, bool)> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let (mut items, mut listed) = (Vec::new(), false);
        loop {
            self.space();
            match close {
                Some(close) if self.take(close) => break,
                None if self.at >= self.text.len() => break,
                _ => {}
            }
            if !items.is_empty() && !listed {
                return None;
            }
            items.push(self.sum()?);
            if self.take(",") {
                listed = true;
            } else {
                match close {
                    Some(close) => self.take(close).then_some(())?,
                    None => (self.at >= self.text.len()).then_some(())?,
                }
                break;
            }
        }
        self.depth -= 1;
        if items.is_empty() && close.is_none() {
            return None;
        }
        Some((items, listed))
    }

    fn formula(reading: Reading) -> Option<Tree> {
        match reading {
            Reading::Formula(tree) => Some(tree),
            _ => None,
        }
    }

    fn sum(&mut self) -> Option<Reading> {
        let mut left = self.product()?;
        loop {
            let minus = self.take("-");
            if !minus && !self.take("+") {
                return Some(left);
            }
            let (a, b) = (Self::formula(left)?, Self::formula(self.product()?)?);
            left = Reading::Formula(match minus {
                true => a.minus(b),
                false => Tree::Add(Box::new(a), Box::new(b)),
            });
        }
    }

    fn product(&mut self) -> Option<Reading> {
        let mut left = self.unary()?;
        loop {
            self.space();
            if self
                .text
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(b"**") || rest.starts_with(b"//"))
            {
                return None;
            }
            let over = self.take("/");
            if !over && !self.take("*") {
                return Some(left);
            }
            let (a, b) = (Self::formula(left)?, Self::formula(self.unary()?)?);
            left = Reading::Formula(match over {
                true => Tree::Divide(Box::new(a), Box::new(b)),
                false => a.times(b),
            });
        }
    }

    fn unary(&mut self) -> Option<Reading> {
        self.depth += 1;
        if self.depth > DEPTH * 4 {
            return None;
        }
        let read = if self.take("-") {
            Some(Reading::Formula(Self::formula(self.unary()?)?.negative()))
        } else if self.take("+") {
            Some(Reading::Formula(Self::formula(self.unary()?)?))
        } else if self.take("~") {
            match Self::formula(self.unary()?)? {
                Tree::Number(value) if value.fract() == 0.0 => {
                    Some(Reading::Formula(Tree::Number(-value - 1.0)))
                }
                _ => None,
            }
        } else {
            self.power()
        };
        self.depth -= 1;
        read
    }

    fn power(&mut self) -> Option<Reading> {
        let mut base = self.atom()?;
        while self.text.get(self.at) == Some(&b'!') && self.text.get(self.at + 1) != Some(&b'=') {
            self.at += 1;
            base = Reading::Formula(Tree::Function("factorial", vec![Self::formula(base)?]));
        }
        if self.take("**") {
            let (base, exponent) = (Self::formula(base)?, Self::formula(self.unary()?)?);
            return Some(Reading::Formula(Tree::Power(Box::new(base), Box::new(exponent))));
        }
        Some(base)
    }

    fn atom(&mut self) -> Option<Reading> {
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}")] {
            if !self.take(open) {
                continue;
            }
            let (mut items, listed) = self.items(Some(close))?;
            return match open {
                "(" if items.len() == 1 && !listed => items.pop(),
                "(" => Some(Reading::Tuple(items)),
                "[" => Some(Reading::List(items)),
                // Lists and sets cannot be in a set.
                _ if items
                    .iter()
                    .any(|item| matches!(item, Reading::List(_) | Reading::Set(_))) =>
                {
                    None
                }
                _ => Some(Reading::Set(items)),
            };
        }
        self.space();
        let rest = self.text.get(self.at..)?;
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
            .count();
        let word = std::str::from_utf8(rest.get(..length)?).ok()?;
        if word.is_empty() {
            return None;
        }
        self.at += length;
        let called = self.text.get(self.at) == Some(&b'(');
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            // `007` is no number there.
            let padded = word.len() > 1 && word.starts_with('0') && word.bytes().all(|b| b.is_ascii_digit());
            let value = word.parse().ok().filter(|_| !padded && !called)?;
            return Some(Reading::Formula(Tree::Number(value)));
        }
        (!called && !word.contains('.')).then(|| {
            Reading::Formula(match word {
                "oo" => Tree::Infinity,
                "pi" => Tree::Number(std::f64::consts::PI),
                "E" => Tree::Number(std::f64::consts::E),
                word => Tree::Name(word.to_owned()),
            })
        })
    }
}
