//! The parser of bare answers: LaTeX as models write it, and plain text. Here: its state, lists, relations.

mod atom;
mod command;
mod function;
mod matrix;
mod special;
mod sum;
mod unit;

pub(super) use atom::THOUSANDS;

use super::expression::{Expr, SetOperation};
use super::measure::Unit;

/// Deepest nesting, most nodes.
const DEPTH: usize = 60;
const NODES: usize = 6_000;

/// A parsed answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) tree: Expr,
    /// The unit behind the value, where there is one that is known and alone.
    pub(super) unit: Option<Unit>,
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
    if let Some(tree) = special::whole(text) {
        return Ok(Answer { tree, unit: None });
    }
    let mut parser = Parser::new(text);
    parser.opening_words();
    let tree = parser.list(None)?;
    parser.space();
    if parser.at < parser.chars.len() {
        return Err(Refusal::Foreign);
    }
    let unit = match parser.units.as_slice() {
        [only] => only.clone(),
        _ => None,
    };
    Ok(Answer { tree, unit })
}

/// What parses from the start of a text, as a lenient system reads it: no units or percent signs, no mixed numbers.
pub(super) fn prefix(text: &str) -> Result<Expr, Refusal> {
    // What is behind the part that parses has to be readable letter by letter all the same.
    let readable = text.is_ascii()
        && !text.replace("\\;", "").contains([';', '?', '"', '#', '@'])
        && !text.ends_with('\\')
        && !text
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit());
    if !readable {
        return Err(Refusal::Foreign);
    }
    let mut parser = Parser::new(text);
    parser.lenient = true;
    parser.relation()
}

/// A word that names a known function.
pub(super) fn is_function(word: &str) -> bool {
    function::known(word).is_some()
}

pub(super) struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    nodes: usize,
    /// Open `|`, inside of which another closes.
    bars: usize,
    /// Units read so far; None for words that are no known unit.
    units: Vec<Option<Unit>>,
    /// No units, percent signs or mixed numbers.
    lenient: bool,
}

type Parsed = Result<Expr, Refusal>;

impl Parser {
    fn new(text: &str) -> Self {
        Parser {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
            nodes: 0,
            bars: 0,
            units: Vec::new(),
            lenient: false,
        }
    }

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
        if self.starts(text) {
            let length = text.chars().count();
            let command = text.starts_with('\\') && text.ends_with(|c: char| c.is_ascii_alphabetic());
            let goes_on = self
                .chars
                .get(self.at + length)
                .is_some_and(|c| c.is_ascii_alphabetic());
            if !(command && goes_on) {
                self.at += length;
                return true;
            }
        }
        self.at = before;
        false
    }

    /// The ASCII letters from here on, or from behind a backslash that stands here.
    fn letters(&self) -> String {
        let skip = usize::from(self.peek() == Some('\\'));
        self.chars
            .iter()
            .skip(self.at + skip)
            .take_while(|c| c.is_ascii_alphabetic())
            .take(40)
            .collect()
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
        let mut items = vec![self.sets()?];
        let (mut or, mut and) = (false, false);
        loop {
            self.space();
            if close.is_some() && self.peek() == close {
                break;
            }
            let mut parted = false;
            loop {
                if self.take(",") || self.take(";") {
                    parted = true;
                } else if let Some(word) = self.joint() {
                    parted = true;
                    or |= word == "or";
                    and |= word == "and";
                } else {
                    break;
                }
            }
            if !parted || self.ended(close) {
                break;
            }
            items.push(self.sets()?);
        }
        if items.len() == 1 {
            return Ok(items.swap_remove(0));
        }
        let inequalities = items.iter().all(
            |item| matches!(item, Expr::Relation(_, kinds) if kinds.iter().any(|kind| matches!(*kind, "<" | ">" | "<=" | ">="))),
        );
        if inequalities && or != and {
            let operation = if or {
                SetOperation::Union
            } else {
                SetOperation::Intersection
            };
            let mut items = items.into_iter();
            let Some(first) = items.next() else {
                return Err(Refusal::Foreign);
            };
            let joined = items.fold(first, |left, right| {
                Expr::Sets(operation, Box::new(left), Box::new(right))
            });
            return self.node(joined);
        }
        self.node(Expr::bare(items))
    }

    fn ended(&mut self, close: Option<char>) -> bool {
        self.space();
        self.peek().is_none() || (close.is_some() && self.peek() == close)
    }

    /// `and` or `or`, in text or as a command.
    fn joint(&mut self) -> Option<&'static str> {
        let before = self.at;
        for (command, word) in [
            ("\\lor", "or"),
            ("\\vee", "or"),
            ("\\land", "and"),
            ("\\wedge", "and"),
        ] {
            if self.take(command) {
                return Some(word);
            }
        }
        for command in ["\\text", "\\mbox", "\\textrm", "\\mathrm", "\\textbf"] {
            if self.take(command) {
                self.space();
                if self.peek() == Some('{')
                    && let Some(inner) = self.braced()
                {
                    match inner.trim().trim_matches(',').trim() {
                        "and" | "&" => return Some("and"),
                        "or" => return Some("or"),
                        _ => {}
                    }
                }
                self.at = before;
                return None;
            }
        }
        for word in ["and", "or"] {
            if self.take(word) && self.peek().is_some_and(|c| !c.is_ascii_alphabetic()) {
                return Some(word);
            }
            self.at = before;
        }
        None
    }

    fn sets(&mut self) -> Parsed {
        let mut left = self.relation()?;
        loop {
            let operation = if self.take("\\cup") || self.take("\\bigcup") {
                SetOperation::Union
            } else if self.take("\\cap") || self.take("\\bigcap") {
                SetOperation::Intersection
            } else if self.take("\\setminus") || self.take("\\backslash") {
                SetOperation::Difference
            } else {
                return Ok(left);
            };
            let right = self.relation()?;
            // `x \in A \cup B` is a statement on the union.
            left = match left {
                Expr::Relation(mut terms, kinds) if kinds.last() == Some(&"in") => {
                    let last = terms.pop().ok_or(Refusal::Foreign)?;
                    terms.push(Expr::Sets(operation, Box::new(last), Box::new(right)));
                    Expr::Relation(terms, kinds)
                }
                left => Expr::Sets(operation, Box::new(left), Box::new(right)),
            };
            self.nodes += 1;
            if self.nodes > NODES {
                return Err(Refusal::Large);
            }
        }
    }

    fn relation(&mut self) -> Parsed {
        let first = self.sum()?;
        let mut relations = Vec::new();
        let mut terms = vec![first];
        while let Some(relation) = self.relation_sign() {
            relations.push(relation);
            terms.push(self.sum()?);
        }
        match relations.len() {
            0 => Ok(terms.swap_remove(0)),
            _ => self.node(Expr::Relation(terms, relations)),
        }
    }

    fn relation_sign(&mut self) -> Option<&'static str> {
        const KNOWN: [(&str, &str); 17] = [
            ("=", "="),
            ("<=", "<="),
            (">=", ">="),
            ("<", "<"),
            (">", ">"),
            ("\\le", "<="),
            ("\\ge", ">="),
            ("\\ne", "!="),
            ("\\notin", "notin"),
            ("\\in", "in"),
            ("\\approx", "="),
            ("\\simeq", "="),
            ("\\sim", "="),
            ("\\equiv", "="),
            ("\\to", "="),
            ("\\implies", "="),
            ("!=", "!="),
        ];
        self.space();
        if !matches!(self.peek(), Some('=' | '<' | '>' | '\\' | '!')) {
            return None;
        }
        let (_, relation) = KNOWN.iter().find(|(spelling, _)| self.take(spelling))?;
        while *relation == "=" && self.take("=") {}
        Some(relation)
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
}
