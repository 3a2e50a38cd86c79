//! The system's reading of LaTeX: its grammar, of which a text needs to follow only the beginning.
//!
//! Letters and unknown commands are names, `e`, `i` and `\pi` too; a letter before a bracket is a function; powers and
//! relations group from the left. Where an operator has nothing right behind it, the text ends before it.

use super::tokens::{Token, tokens};
use super::tree::{Reading, Tree};

/// Deepest nesting, most steps.
const DEPTH: usize = 60;
const STEPS: usize = 100_000;

/// Why a text has no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    /// It is not in the grammar.
    Foreign,
    /// It is too deep, or takes too long.
    Large,
}

/// Reads the beginning of a text.
pub(super) fn latex(text: &str) -> Result<Reading, No> {
    let (tokens, broken) = tokens(text);
    let mut parser = Parser {
        tokens,
        broken,
        at: 0,
        depth: 0,
        steps: 0,
        failure: None,
    };
    let reading = parser.relation();
    match (parser.failure, reading) {
        (Some(failure), _) => Err(failure),
        (None, Some(reading)) => Ok(reading),
        (None, None) => Err(No::Foreign),
    }
}

struct Parser {
    tokens: Vec<Token>,
    /// Behind the tokens stands a character that is none.
    broken: bool,
    at: usize,
    depth: usize,
    steps: usize,
    /// Set once for all; no way back from it.
    failure: Option<No>,
}

const NORMAL: [&str; 22] = [
    "exp", "log", "lg", "ln", "sin", "cos", "tan", "csc", "sec", "cot", "arcsin", "arccos", "arctan",
    "arccsc", "arcsec", "arccot", "sinh", "cosh", "tanh", "arsinh", "arcosh", "artanh",
];

/// Commands with a meaning of their own, which are no names.
const KEYWORDS: [&str; 41] = [
    "langle",
    "rangle",
    "lim",
    "to",
    "rightarrow",
    "Rightarrow",
    "longrightarrow",
    "Longrightarrow",
    "int",
    "sum",
    "prod",
    "lfloor",
    "rfloor",
    "lceil",
    "rceil",
    "sqrt",
    "overline",
    "times",
    "cdot",
    "div",
    "frac",
    "dfrac",
    "tfrac",
    "binom",
    "dbinom",
    "tbinom",
    "mathit",
    "neq",
    "leq",
    "le",
    "leqq",
    "leqslant",
    "geq",
    "ge",
    "geqq",
    "geqslant",
    "colon",
    "limits",
    "left",
    "right",
    "hfil",
];

type Parsed = Option<Tree>;

/// What a known function is applied to.
struct Applied {
    base: Option<Tree>,
    power: Option<Tree>,
    argument: Tree,
}

impl Parser {
    fn peek(&mut self) -> Option<&Token> {
        self.steps += 1;
        if self.steps > STEPS {
            self.failure.get_or_insert(No::Large);
        }
        if self.failure.is_some() {
            return None;
        }
        if self.broken && self.at >= self.tokens.len() {
            self.failure = Some(No::Foreign);
        }
        self.tokens.get(self.at)
    }

    fn sign(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn command(&mut self, names: &[&str]) -> bool {
        let found = matches!(self.peek(), Some(Token::Command(found)) if names.contains(&found.as_str()));
        self.at += usize::from(found);
        found
    }

    /// Tries; goes back where nothing is read.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.at;
        self.depth += 1;
        if self.depth > DEPTH * 8 {
            self.failure.get_or_insert(No::Large);
            return None;
        }
        let read = read(self);
        self.depth -= 1;
        if read.is_none() {
            self.at = before;
        }
        read
    }

    fn relation(&mut self) -> Option<Reading> {
        let mut left = Reading::Formula(self.expr()?);
        loop {
            let next = self.attempt(|p| {
                let sign = p.relation_sign()?;
                Some((sign, p.expr()?))
            });
            let Some((sign, right)) = next else {
                return Some(left);
            };
            left = match relate(sign, left, right) {
                Some(related) => related,
                None => {
                    self.failure.get_or_insert(No::Foreign);
                    return None;
                }
            };
        }
    }

    fn relation_sign(&mut self) -> Option<&'static str> {
        if self.peek() == Some(&Token::Equal) {
            self.at += 1;
            return Some("=");
        }
        if self.sign('<') {
            return Some("<");
        }
        if self.sign('>') {
            return Some(">");
        }
        if self.command(&["leq", "le", "leqq", "leqslant"]) {
            return Some("<=");
        }
        if self.command(&["geq", "ge", "geqq", "geqslant"]) {
            return Some(">=");
        }
        self.command(&["neq"]).then_some("!=")
    }

    /// Sums.
    fn expr(&mut self) -> Parsed {
        let mut left = self.product(false)?;
        loop {
            let next = self.attempt(|p| {
                let minus = p.sign('-');
                if !minus && !p.sign('+') {
                    return None;
                }
                let right = p.product(false)?;
                Some(if minus { right.negative() } else { right })
            });
            match next {
                Some(right) => left = Tree::Add(Box::new(left), Box::new(right)),
                None => return Some(left),
            }
        }
    }

    /// Products with a sign between them. `bare` is the argument of a function without brackets.
    fn product(&mut self, bare: bool) -> Parsed {
        let mut left = self.unary(bare)?;
        loop {
            let next = self.attempt(|p| {
                let over = if p.sign('*') || p.command(&["times", "cdot"]) {
                    false
                } else if p.sign('/') || p.sign(':') || p.command(&["div"]) {
                    true
                } else {
                    return None;
                };
                Some((over, p.unary(bare)?))
            });
            match next {
                Some((true, right)) => left = Tree::Divide(Box::new(left), Box::new(right)),
                Some((false, right)) => left = left.times(right),
                None => return Some(left),
            }
        }
    }

    fn unary(&mut self, bare: bool) -> Parsed {
        if self.sign('+') {
            return self.attempt(|p| p.unary(bare));
        }
        if self.sign('-') {
            return Some(self.attempt(|p| p.unary(bare))?.negative());
        }
        let mut factors = vec![self.postfix(true)?];
        while let Some(next) = self.attempt(|p| p.postfix(!bare)) {
            factors.push(next);
        }
        self.joined(factors)
    }

    /// Factors without a sign between them. An x between numbers is a sign; what follows `d/dx` is derived.
    fn joined(&mut self, factors: Vec<Tree>) -> Parsed {
        let numeric: Vec<bool> = factors.iter().map(|factor| !factor.has_names()).collect();
        let is_sign = |at: usize, factor: &Tree| {
            at > 0
                && matches!(factor, Tree::Name(name) if name == "x")
                && numeric.get(at - 1) == Some(&true)
                && numeric.get(at + 1) == Some(&true)
        };
        let mut whole: Parsed = None;
        for (at, factor) in factors.into_iter().enumerate().rev() {
            whole = match (factor, whole) {
                (Tree::Operator(name), Some(of)) => Some(Tree::Derivative(name, Box::new(of))),
                (Tree::Operator(_), None) => {
                    self.failure.get_or_insert(No::Foreign);
                    return None;
                }
                (factor, Some(rest)) if is_sign(at, &factor) => Some(rest),
                (factor, Some(rest)) => Some(factor.times(rest)),
                (factor, None) => Some(factor),
            };
        }
        whole
    }

    fn postfix(&mut self, functions: bool) -> Parsed {
        let mut base = self.component(functions)?;
        while let Some(exponent) = self.attempt(|p| {
            let exponent = p.sign('^').then(|| p.script())??;
            p.attempt(Parser::index);
            Some(exponent)
        }) {
            base = Tree::Power(Box::new(base), Box::new(exponent));
        }
        while self.sign('!') {
            base = Tree::Function("factorial", vec![base]);
        }
        Some(base)
    }

    /// An atom, or a formula in braces.
    fn script(&mut self) -> Parsed {
        if let Some(inner) = self.attempt(|p| p.enclosed('{', '}')) {
            return Some(inner);
        }
        self.attempt(Parser::atom)
    }

    fn index(&mut self) -> Option<String> {
        self.sign('_').then(|| self.script())?.map(|tree| spelling(&tree))
    }

    fn enclosed(&mut self, open: char, close: char) -> Parsed {
        if !self.sign(open) {
            return None;
        }
        let inner = self.expr()?;
        self.sign(close).then_some(inner)
    }

    fn component(&mut self, functions: bool) -> Parsed {
        for (open, close) in [('(', ')'), ('[', ']'), ('{', '}'), ('⟨', '⟩')] {
            if self.peek() == Some(&Token::Sign(open)) {
                return self.attempt(|p| p.enclosed(open, close));
            }
        }
        if self.peek() == Some(&Token::Sign('|')) {
            let inner = self.attempt(|p| p.enclosed('|', '|'))?;
            return Some(Tree::Function("abs", vec![inner]));
        }
        if functions && let Some(called) = self.attempt(Parser::function) {
            return Some(called);
        }
        for (open, close, name) in [("lfloor", "rfloor", "floor"), ("lceil", "rceil", "ceiling")] {
            if let Some(inner) = self.attempt(|p| {
                let inner = p.command(&[open]).then(|| p.expr())??;
                p.command(&[close]).then_some(inner)
            }) {
                return Some(Tree::Function(name, vec![inner]));
            }
        }
        self.attempt(Parser::atom)
    }

    /// A letter or an unknown command, its index, its primes.
    fn name(&mut self) -> Option<String> {
        let mut name = match self.peek()? {
            Token::Letter(letter) => letter.to_string(),
            Token::Command(name)
                if !KEYWORDS.contains(&name.as_str()) && !NORMAL.contains(&name.as_str()) =>
            {
                format!("\\{name}")
            }
            _ => return None,
        };
        self.at += 1;
        let mut primes = self.primes();
        if let Some(index) = self.attempt(Parser::index) {
            name.push_str(&format!("_{{{index}}}"));
        }
        if primes == 0 {
            primes = self.primes();
        }
        // The system keeps the primes of letters alone.
        if !name.starts_with('\\') {
            name.extend(std::iter::repeat_n('\'', primes));
        }
        Some(name.strip_prefix('\\').map(str::to_owned).unwrap_or(name))
    }

    fn primes(&mut self) -> usize {
        match self.peek() {
            Some(Token::Primes(count)) => {
                let count = *count;
                self.at += 1;
                count
            }
            _ => 0,
        }
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(Token::Digit(digit)) = self.peek() {
            digits.push(*digit);
            self.at += 1;
        }
        digits
    }

    fn number(&mut self) -> Parsed {
        let mut number = self.digits();
        if number.is_empty() {
            return None;
        }
        while let Some(group) = self.attempt(|p| {
            let mut group = String::new();
            if !p.sign(',') {
                return None;
            }
            for _ in 0..3 {
                match p.peek() {
                    Some(Token::Digit(digit)) => group.push(*digit),
                    _ => return None,
                }
                p.at += 1;
            }
            Some(group)
        }) {
            number.push_str(&group);
        }
        if let Some(decimals) = self.attempt(|p| {
            let decimals = p.sign('.').then(|| p.digits())?;
            (!decimals.is_empty()).then_some(decimals)
        }) {
            number.push('.');
            number.push_str(&decimals);
        }
        number.parse().ok().map(Tree::Number)
    }

    fn atom(&mut self) -> Parsed {
        match self.peek()? {
            Token::Digit(_) => return self.number(),
            Token::Differential(name) => {
                let name = format!("d{name}");
                self.at += 1;
                return Some(Tree::Name(name));
            }
            _ => {}
        }
        if self.command(&["frac", "dfrac", "tfrac"]) {
            return self.fraction();
        }
        if self.command(&["binom", "dbinom", "tbinom"]) {
            let n = self.enclosed('{', '}')?;
            let k = self.enclosed('{', '}')?;
            return Some(Tree::Function("binom", vec![n, k]));
        }
        if self.command(&["mathit"]) {
            let mut name = String::new();
            if !self.sign('{') {
                return None;
            }
            while let Some(Token::Letter(letter)) = self.peek() {
                name.push(*letter);
                self.at += 1;
            }
            return self.sign('}').then_some(Tree::Name(name));
        }
        let name = self.name()?;
        Some(if name == "infty" {
            Tree::Infinity
        } else {
            Tree::Name(name)
        })
    }

    /// Behind `\frac`; each part is a digit or stands in braces.
    fn fraction(&mut self) -> Parsed {
        let derived = self.attempt(|p| {
            let alone = p.sign('{') && p.peek() == Some(&Token::Letter('d'));
            p.at += usize::from(alone);
            if !alone || !p.sign('}') || !p.sign('{') {
                return None;
            }
            let Some(Token::Differential(name)) = p.peek() else {
                return None;
            };
            let name = name.clone();
            p.at += 1;
            p.sign('}').then_some(Tree::Operator(name))
        });
        if derived.is_some() {
            return derived;
        }
        let part = |p: &mut Parser| match p.peek() {
            Some(Token::Digit(digit)) => {
                let value = f64::from(digit.to_digit(10)?);
                p.at += 1;
                Some(Tree::Number(value))
            }
            _ => p.enclosed('{', '}'),
        };
        let (above, below) = (part(self)?, part(self)?);
        Some(Tree::Divide(Box::new(above), Box::new(below)))
    }

    fn function(&mut self) -> Parsed {
        let name = match self.peek()? {
            Token::Command(name) => name.clone(),
            Token::Letter(_) => String::new(),
            _ => return None,
        };
        if let Some(known) = NORMAL.iter().find(|known| **known == name) {
            self.at += 1;
            return self.normal(known);
        }
        match name.as_str() {
            "int" => {
                self.at += 1;
                self.integral()
            }
            "sqrt" => {
                self.at += 1;
                let root = self.attempt(|p| p.enclosed('[', ']'));
                let base = self.enclosed('{', '}')?;
                Some(Tree::Power(
                    Box::new(base),
                    Box::new(Tree::Divide(
                        Box::new(Tree::Number(1.0)),
                        Box::new(root.unwrap_or(Tree::Number(2.0))),
                    )),
                ))
            }
            "overline" => {
                self.at += 1;
                Some(Tree::Function("conjugate", vec![self.enclosed('{', '}')?]))
            }
            "sum" | "prod" => {
                self.at += 1;
                self.fold(name == "sum")
            }
            "lim" => {
                self.at += 1;
                self.limit()
            }
            _ => {
                let name = self.name()?;
                let mut all = Vec::new();
                if !self.sign('(') {
                    return None;
                }
                loop {
                    all.push(self.expr()?);
                    if !self.sign(',') {
                        break;
                    }
                }
                self.sign(')').then_some(Tree::Call(name, all))
            }
        }
    }

    fn normal(&mut self, name: &'static str) -> Parsed {
        // In `\log_28` the 2 is the base, in `\log_5125` the 512, since an argument has to follow.
        let read = self
            .attempt(|p| p.applied(false))
            .or_else(|| self.attempt(|p| p.applied(true)))?;
        let Applied {
            base,
            power,
            argument,
        } = read;
        let called = match name {
            "log" | "ln" | "lg" => {
                let base = base.or((name == "lg").then_some(Tree::Number(10.0)));
                Tree::Function("log", std::iter::once(argument).chain(base).collect())
            }
            "sin" | "cos" | "tan" | "csc" | "sec" | "cot" if power == Some(Tree::Number(-1.0)) => {
                let inverse = match name {
                    "sin" => "arcsin",
                    "cos" => "arccos",
                    "tan" => "arctan",
                    "csc" => "arccsc",
                    "sec" => "arcsec",
                    _ => "arccot",
                };
                return Some(Tree::Function(inverse, vec![argument]));
            }
            name => Tree::Function(name, vec![argument]),
        };
        Some(match power {
            Some(power) => Tree::Power(Box::new(called), Box::new(power)),
            None => called,
        })
    }

    /// Base, power and argument of a function. `short`: of scripts that are digits the last one is left over.
    fn applied(&mut self, short: bool) -> Option<Applied> {
        let script = |p: &mut Parser| match p.peek() {
            Some(Token::Digit(_)) if short => {
                let digits = p.digits();
                let (kept, _) = digits.split_at_checked(digits.len() - 1)?;
                p.at -= 1;
                kept.parse().ok().map(Tree::Number)
            }
            _ => p.script(),
        };
        let (mut base, mut power) = (None, None);
        for _ in 0..2 {
            if base.is_none()
                && let Some(found) = self.attempt(|p| p.sign('_').then(|| script(p))?)
            {
                base = Some(found);
            }
            if power.is_none()
                && let Some(found) = self.attempt(|p| p.sign('^').then(|| script(p))?)
            {
                power = Some(found);
            }
        }
        let enclosed = self.attempt(|p| {
            if !p.sign('(') {
                return None;
            }
            // Of several arguments the first one counts.
            let first = p.expr()?;
            while p.sign(',') {
                p.expr()?;
            }
            p.sign(')').then_some(first)
        });
        let argument = match enclosed {
            Some(argument) => argument,
            None => self.product(true)?,
        };
        Some(Applied {
            base,
            power,
            argument,
        })
    }

    fn integral(&mut self) -> Parsed {
        let ends = self.attempt(|p| {
            let lower_first = p.sign('_');
            if !lower_first && !p.sign('^') {
                return None;
            }
            let first = p.script()?;
            if !p.sign(if lower_first { '^' } else { '_' }) {
                return None;
            }
            let second = p.script()?;
            Some(if lower_first {
                [first, second]
            } else {
                [second, first]
            })
        });
        let body = self.attempt(Parser::expr);
        let (body, over) = match self.peek() {
            Some(Token::Differential(name)) => {
                let name = name.clone();
                self.at += 1;
                (body.unwrap_or(Tree::Number(1.0)), name)
            }
            _ => over_what(body?),
        };
        Some(match ends {
            Some([from, to]) => Tree::Integral(over, Box::new([from, to, body])),
            None => Tree::Primitive(over, Box::new(body)),
        })
    }

    fn fold(&mut self, sum: bool) -> Parsed {
        let below = |p: &mut Parser| {
            if !p.sign('_') || !p.sign('{') {
                return None;
            }
            let name = match p.expr()? {
                Tree::Name(name) => name,
                _ => return None,
            };
            if p.peek() != Some(&Token::Equal) {
                return None;
            }
            p.at += 1;
            let from = p.expr()?;
            p.sign('}').then_some((name, from))
        };
        let above = |p: &mut Parser| p.sign('^').then(|| p.script())?;
        let ((name, from), to) = match self.attempt(below) {
            Some(first) => (first, above(self)?),
            None => {
                let to = above(self)?;
                (below(self)?, to)
            }
        };
        let body = self.product(false)?;
        Some(Tree::Fold(sum, name, Box::new([from, to, body])))
    }

    fn limit(&mut self) -> Parsed {
        if !self.sign('_') || !self.sign('{') {
            return None;
        }
        let name = self.name()?;
        if !self.command(&[
            "to",
            "rightarrow",
            "Rightarrow",
            "longrightarrow",
            "Longrightarrow",
        ]) {
            return None;
        }
        let towards = self.expr()?;
        if !self.sign('}') {
            return None;
        }
        let of = self.product(false)?;
        Some(Tree::Limit(name, Box::new([towards, of])))
    }
}

/// The name that an integral without a differential behind it is over: a factor `dx` in it, else x.
fn over_what(body: Tree) -> (Tree, String) {
    let differential = body
        .names()
        .into_iter()
        .find_map(|name| Some((name.to_owned(), name.strip_prefix('d')?.to_owned())))
        .filter(|(_, over)| !over.is_empty());
    match differential {
        Some((factor, over)) => (replaced(body, &factor), over),
        None => (body, "x".to_owned()),
    }
}

/// The tree with 1 for a name, in sums, products and quotients.
fn replaced(tree: Tree, name: &str) -> Tree {
    let boxed = |tree: Box<Tree>| Box::new(replaced(*tree, name));
    match tree {
        Tree::Name(found) if found == name => Tree::Number(1.0),
        Tree::Negative(a) => Tree::Negative(boxed(a)),
        Tree::Add(a, b) => Tree::Add(boxed(a), boxed(b)),
        Tree::Multiply(a, b) => Tree::Multiply(boxed(a), boxed(b)),
        Tree::Divide(a, b) => Tree::Divide(boxed(a), boxed(b)),
        other => other,
    }
}

/// How an index is spelt in a name.
fn spelling(tree: &Tree) -> String {
    match tree {
        Tree::Name(name) => name.clone(),
        Tree::Number(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// A relation; between numbers a truth. None where the system refuses a chain.
fn relate(sign: &'static str, left: Reading, right: Tree) -> Option<Reading> {
    let left_tree = match &left {
        Reading::Formula(tree) => tree,
        // A relation equals no number, and is not smaller than one.
        _ if sign == "=" => return Some(Reading::Truth(false)),
        _ if sign == "!=" => return Some(Reading::Truth(true)),
        _ => return None,
    };
    if *left_tree == right {
        return Some(Reading::Truth(matches!(sign, "=" | "<=" | ">=")));
    }
    if !left_tree.has_names() && !right.has_names() {
        let (a, b) = (super::value::real(left_tree), super::value::real(&right));
        if let (Some(a), Some(b)) = (a, b) {
            let same = (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
            return Some(Reading::Truth(match sign {
                "=" => same,
                "!=" => !same,
                "<" => a < b && !same,
                ">" => a > b && !same,
                "<=" => a <= b || same,
                _ => a >= b || same,
            }));
        }
    }
    Some(Reading::Relation(sign, Box::new(left), Box::new(right)))
}
