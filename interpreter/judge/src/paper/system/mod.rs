//! The computer algebra system that the paper's grader asks last, as far as its answers are known from outside: what it
//! reads of a text, and when two readings are the same to it.
//!
//! It tries three languages in turn: LaTeX of which the beginning has to parse, its own (tuples, lists, sets), and
//! another LaTeX with matrices and lists. Names have any complex value to it, so that `\sqrt{x^2}` is not `|x|`; it knows
//! identities of roots, logarithms, trigonometry, factorials and binomials. Here formulas are the same where they agree at
//! fixed generic complex points up to a bound of rounding; numbers also within a relative 1e-4.

mod latex;
mod python;
mod tokens;
mod tree;
mod value;

use crate::math;
use latex::No;
use num_complex::Complex64;
use std::collections::{BTreeMap, BTreeSet};
use tree::{Reading, Tree};
use value::Missing;

/// Points at which formulas are compared.
const POINTS: usize = 4;

/// Whether the system calls two texts the same; None past the limits.
pub(super) fn same(a: &str, b: &str, tolerance: f64) -> Option<bool> {
    let (x, y) = (read(a)?, read(b)?);
    if x == y {
        return Some(true);
    }
    // Two readings that print alike are the same: an unknown `floor(x)` and the system's own.
    if let (Reading::Formula(x), Reading::Formula(y)) = (&x, &y)
        && tree::prints_as(x, y)
    {
        return Some(true);
    }
    match (&x, &y) {
        (Reading::Formula(x), Reading::Formula(y)) => match formulas(x, y, tolerance) {
            // Numbers past the range of floats are left to the exact arithmetic of the other judge.
            Err(Missing::Range) => math::loosely_equal(&halved(a), &halved(b), tolerance),
            Err(Missing::Opaque) => Some(false),
            Ok(same) => Some(same),
        },
        (Reading::Relation(one, a, b), Reading::Relation(other, c, d)) => {
            let (Reading::Formula(a), Reading::Formula(c)) = (a.as_ref(), c.as_ref()) else {
                return Some(false);
            };
            let alike = one == other && identical(a, c) && identical(b, d);
            // Of whatever kind the relations are: by the size of the difference of their sides.
            let sides = |a: &Tree, b: &Tree| a.clone().minus(b.clone());
            Some(alike || agree(&sides(a, b), &sides(c, d), value::Value::is_as_large) == Ok(true))
        }
        (Reading::Matrix(a), Reading::Matrix(b)) => Some(
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.len() == b.len())
                && a.iter()
                    .flatten()
                    .zip(b.iter().flatten())
                    .all(|(a, b)| cells(a, b)),
        ),
        _ => Some(elements(&x, &y)),
    }
}

/// A text in the first language that reads it; None past the limits.
fn read(text: &str) -> Option<Reading> {
    let halved = halved(text);
    for text in [halved.as_str(), text] {
        match latex::latex(text) {
            Ok(reading) => return Some(reading),
            Err(No::Large) => return None,
            Err(No::Foreign) => {}
        }
    }
    if let Some(reading) = python::python(text) {
        return Some(reading);
    }
    Some(second(text).unwrap_or_else(|| Reading::Text(text.to_owned())))
}

fn halved(text: &str) -> String {
    text.replace("\\\\", "\\")
}

/// The second LaTeX: matrices, lists with commas or semicolons, and what a stray backslash ends.
fn second(text: &str) -> Option<Reading> {
    let original = text;
    let mut text = text.to_owned();
    for dropped in ["\\displaystyle", "\\qquad", "\\quad", "~", "\\,", "$"] {
        if text.contains(dropped) {
            text = text.replace(dropped, " ");
        }
    }
    let text = text.trim();
    if let Some(rows) = matrix(text) {
        return Some(rows);
    }
    let bare = [('{', '}'), ('[', ']')]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
        .unwrap_or(text);
    for separator in [',', ';'] {
        let parts = split(bare, separator)?;
        if parts.len() < 2 {
            continue;
        }
        let items: Option<Vec<Reading>> = parts
            .into_iter()
            .map(|part| latex::latex(&halved(part)).ok())
            .collect();
        return items.map(Reading::List);
    }
    // Ends of lines may stand behind a formula, a single backslash may not.
    let ended = text.trim_end_matches('\\');
    if ended.is_empty() || (text.len() - ended.len()) % 2 == 1 || text == original && ended == text {
        return None;
    }
    latex::latex(ended).ok()
}

/// Parts between separators outside of all brackets; None where brackets do not match or there are too many.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            c if c == separator && depth == 0 => {
                parts.push(text.get(from..at)?);
                from = at + c.len_utf8();
            }
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    parts.push(text.get(from..)?);
    (depth == 0 && parts.len() <= 64).then_some(parts)
}

fn matrix(text: &str) -> Option<Reading> {
    let inner = text
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(text)
        .trim();
    let (kind, rest) = inner.strip_prefix("\\begin{")?.split_once('}')?;
    if !["pmatrix", "bmatrix", "matrix"].contains(&kind) {
        return None;
    }
    let body = rest.strip_suffix(&format!("\\end{{{kind}}}"))?;
    let mut rows = Vec::new();
    for row in body.split("\\\\").filter(|row| !row.trim().is_empty()) {
        let mut cells = Vec::new();
        for cell in row.split('&') {
            // Cells end with their text; a beginning is not enough.
            let mut cell = cell.to_owned();
            for command in ["\\cdot", "\\times", "\\pi"] {
                cell = cell.replace(command, &format!("{command} "));
            }
            match latex::latex(&cell).ok()? {
                Reading::Formula(tree) => cells.push(constants(tree)),
                _ => return None,
            }
        }
        rows.push(cells);
        if rows.len() > 64 {
            return None;
        }
    }
    let width = rows.first()?.len();
    rows.iter()
        .all(|row| row.len() == width)
        .then_some(Reading::Matrix(rows))
}

/// In the second LaTeX π and e are numbers.
fn constants(tree: Tree) -> Tree {
    let boxed = |tree: Box<Tree>| Box::new(constants(*tree));
    match tree {
        Tree::Name(name) if name == "pi" => Tree::Number(std::f64::consts::PI),
        Tree::Name(name) if name == "e" => Tree::Number(std::f64::consts::E),
        Tree::Negative(a) => Tree::Negative(boxed(a)),
        Tree::Add(a, b) => Tree::Add(boxed(a), boxed(b)),
        Tree::Multiply(a, b) => Tree::Multiply(boxed(a), boxed(b)),
        Tree::Divide(a, b) => Tree::Divide(boxed(a), boxed(b)),
        Tree::Power(a, b) => Tree::Power(boxed(a), boxed(b)),
        Tree::Function(name, all) => Tree::Function(name, all.into_iter().map(constants).collect()),
        other => other,
    }
}

/// Formulas: identities, and numbers within a relative tolerance.
fn formulas(a: &Tree, b: &Tree, tolerance: f64) -> Result<bool, Missing> {
    if !a.has_names() && !b.has_names() {
        let point = BTreeMap::new();
        let (a, b) = (value::at(a, &point)?, value::at(b, &point)?);
        if a.is_near(b) {
            return Ok(true);
        }
        return Ok(match (a.real(), b.real()) {
            (Some(a), Some(b)) => (a - b).abs() <= tolerance * a.abs().max(b.abs()),
            _ => false,
        });
    }
    agree(a, b, value::Value::is_near)
}

fn identical(a: &Tree, b: &Tree) -> bool {
    a == b || formulas(a, b, 0.0) == Ok(true)
}

/// Cells of matrices: the same, or the same once rounded to three places.
fn cells(a: &Tree, b: &Tree) -> bool {
    let rounded = |tree: &Tree| Some((value::real(tree).filter(|_| !tree.has_names())? * 1e3).round());
    identical(a, b) || matches!((rounded(a), rounded(b)), (Some(a), Some(b)) if a == b)
}

/// Whether two formulas agree at all points where both have a value, which are two at least.
fn agree(a: &Tree, b: &Tree, test: impl Fn(value::Value, value::Value) -> bool) -> Result<bool, Missing> {
    let names: BTreeSet<&str> = a.names().into_iter().chain(b.names()).collect();
    // The ends of sums are whole numbers.
    let mut counted = BTreeSet::new();
    for tree in [a, b] {
        collect_ends(tree, &mut counted);
    }
    let mut compared = 0;
    let mut missing = Missing::Opaque;
    for number in 0..POINTS {
        let point = names.iter().enumerate().map(|(place, name)| {
            let at = match counted.contains(*name) {
                true => Complex64::new((4 + number + place) as f64, 0.0),
                false => value::hash(name, number + 11),
            };
            ((*name).to_owned(), at)
        });
        let point: BTreeMap<String, Complex64> = point.collect();
        match (value::at(a, &point), value::at(b, &point)) {
            (Ok(a), Ok(b)) => {
                if !test(a, b) {
                    return Ok(false);
                }
                compared += 1;
            }
            (Err(why), _) | (_, Err(why)) => missing = why,
        }
    }
    if compared >= 2 { Ok(true) } else { Err(missing) }
}

fn collect_ends(tree: &Tree, found: &mut BTreeSet<String>) {
    if let Tree::Fold(_, _, parts) = tree {
        let [from, to, _] = parts.as_ref();
        found.extend(from.names().into_iter().map(str::to_owned));
        found.extend(to.names().into_iter().map(str::to_owned));
    }
    for part in tree.parts() {
        collect_ends(part, found);
    }
}

/// Tuples and lists item by item, sets in any order; repetitions do not count in them.
fn elements(a: &Reading, b: &Reading) -> bool {
    match (a, b) {
        (Reading::Formula(a), Reading::Formula(b)) => identical(a, b),
        (Reading::Tuple(a), Reading::Tuple(b)) | (Reading::List(a), Reading::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| elements(a, b))
        }
        (Reading::Set(a), Reading::Set(b)) => {
            let within = |a: &[Reading], b: &[Reading]| a.iter().all(|a| b.iter().any(|b| elements(a, b)));
            a.len().max(b.len()) <= 200 && within(a, b) && within(b, a)
        }
        (a, b) => a == b,
    }
}
