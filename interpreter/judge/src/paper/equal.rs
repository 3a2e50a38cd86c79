//! When the paper's grader calls two normalised answers equal. None means that the limits were reached.

use super::system;

/// The relative difference up to which two numbers are equal.
const TOLERANCE: f64 = 1e-4;

/// Whether a prediction equals a reference.
pub(super) fn equal(prediction: &str, reference: &str, work: &mut u32) -> Option<bool> {
    *work = work.checked_sub(1)?;
    if prediction.trim().to_lowercase() == reference.trim().to_lowercase() {
        return Some(true);
    }
    if ["A", "B", "C", "D", "E"].contains(&reference) && choice(prediction) == reference {
        return Some(true);
    }
    if let (Some(found), Some(gold)) = (number(prediction), number(reference)) {
        return Some(
            [gold / 100.0, gold, gold * 100.0]
                .iter()
                .any(|gold| close(found, *gold)),
        );
    }
    if prediction.is_empty() {
        return Some(false);
    }
    let (prediction, mut reference) = (prediction.trim(), reference.trim().to_owned());
    if prediction.contains("pmatrix") && !reference.contains("pmatrix") {
        reference = matrix_of(&reference);
    }
    if bare(prediction, &reference) {
        return Some(true);
    }
    let mut unknown = false;
    let mut settle = |same: Option<bool>| {
        unknown |= same.is_none();
        same == Some(true)
    };
    if bracketed(prediction) && bracketed(&reference) {
        let (a, b) = (inner(prediction), inner(&reference));
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split(',').collect(), b.split(',').collect());
        if a.len() == b.len() && a.len() <= 64 && settle(every(&a, &b, work)) {
            return Some(true);
        }
    }
    if let (Some(a), Some(b)) = (rows(prediction), rows(&reference)) {
        let same_shape = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.len() == b.len());
        let cells = |rows: &[Vec<&str>]| rows.iter().map(Vec::len).sum::<usize>();
        if same_shape && cells(&a) <= 64 {
            let mut all = Some(true);
            for (a, b) in a.iter().zip(&b) {
                if all == Some(true) {
                    all = every(a, b, work);
                }
            }
            if settle(all) {
                return Some(true);
            }
        }
    }
    let sides = |text: &str| match text.split('=').collect::<Vec<_>>().as_slice() {
        [left, right] => Some((left.trim().to_owned(), right.trim().to_owned())),
        _ => None,
    };
    match (sides(prediction), sides(&reference)) {
        (Some((a, b)), Some((c, d))) => {
            let (found, gold) = (format!("{a} - ({b})"), format!("{c} - ({d})"));
            if settle(symbolic(&found, &gold)) || settle(symbolic(&format!("-({found})"), &gold)) {
                return Some(true);
            }
        }
        (Some((name, value)), None)
            if name.chars().count() <= 2
                && !reference.contains('=')
                && settle(equal(&value, &reference, work)) =>
        {
            return Some(true);
        }
        (None, Some((name, value)))
            if name.chars().count() <= 2
                && !prediction.contains('=')
                && settle(equal(prediction, &value, work)) =>
        {
            return Some(true);
        }
        _ => {}
    }
    if settle(symbolic(prediction, &reference)) {
        return Some(true);
    }
    if unknown { None } else { Some(false) }
}

fn every(a: &[&str], b: &[&str], work: &mut u32) -> Option<bool> {
    for (a, b) in a.iter().zip(b) {
        if !equal(a, b, work)? {
            return Some(false);
        }
    }
    Some(true)
}

/// The last letter A to E that stands alone, else the cleaned text.
pub(super) fn choice(text: &str) -> String {
    let text = text
        .trim_matches('\n')
        .trim_end_matches('.')
        .trim_end_matches('/');
    let text = text.trim_matches(' ').trim_start_matches(':');
    let upper = text.to_uppercase();
    let last = upper
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .rfind(|word| ["A", "B", "C", "D", "E"].contains(word));
    match last {
        Some(letter) => letter.to_owned(),
        None => text.trim().trim_matches('.').to_owned(),
    }
}

/// As Python reads a number, without commas; a percent sign divides by 100.
fn number(text: &str) -> Option<f64> {
    let plain = text.replace(',', "");
    let read = |text: &str| {
        let text = text.trim();
        let text = text
            .strip_prefix('+')
            .filter(|rest| !rest.starts_with(['+', '-']))
            .unwrap_or(text);
        // Underscores may stand between digits there.
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        let joined = text
            .match_indices('_')
            .all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1)));
        let named = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE_".contains(&byte));
        match joined && named {
            true => text.replace('_', "").parse::<f64>().ok(),
            false => text.parse::<f64>().ok(),
        }
    };
    read(&plain).or_else(|| {
        let body = plain.strip_suffix('%')?;
        read(body.strip_suffix('\\').unwrap_or(body)).map(|value| value / 100.0)
    })
}

fn close(a: f64, b: f64) -> bool {
    if a == b {
        return true;
    }
    a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

/// `{a,b}` becomes a column.
fn matrix_of(text: &str) -> String {
    let (Some(open), Some(close)) = (text.find('{'), text.rfind('}')) else {
        return String::new();
    };
    match text.get(open..=close).filter(|body| body.contains(',')) {
        Some(body) => {
            let cells = body.trim_matches(['{', '}']).replace(',', "\\");
            format!("\\begin{{pmatrix}}{cells}\\end{{pmatrix}}")
        }
        None => String::new(),
    }
}

/// The same once brackets are gone.
fn bare(prediction: &str, reference: &str) -> bool {
    let (mut found, mut gold) = (prediction, reference);
    let square = found.starts_with('[') && found.ends_with(']') && !gold.starts_with('(');
    let round = found.starts_with('(') && found.ends_with(')') && !gold.starts_with('[');
    if square || round {
        found = found.trim_matches(['[', ']', '(', ')']);
        gold = gold.trim_matches(['[', ']', '(', ')']);
    }
    let plain = |text: &str| text.replace(['{', '}', '(', ')'], "").to_lowercase();
    plain(found) == plain(gold)
}

/// Begins with a bracket and has another one behind something.
fn bracketed(text: &str) -> bool {
    let mut chars = text.chars();
    matches!(chars.next(), Some('(' | '[')) && chars.next().is_some() && chars.as_str().contains([')', ']'])
}

/// Without the first and the last character.
fn inner(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.next_back();
    chars.as_str()
}

fn rows(text: &str) -> Option<Vec<Vec<&str>>> {
    let body = text
        .strip_prefix("\\begin{pmatrix}")?
        .strip_suffix("\\end{pmatrix}")?;
    let rows = body.split("\\\\").map(str::trim).filter(|line| !line.is_empty());
    Some(rows.map(|line| line.split('&').collect()).collect())
}

/// Two texts, as the computer algebra system sees them.
fn symbolic(a: &str, b: &str) -> Option<bool> {
    if a.len().max(b.len()) > super::ANSWER {
        return None;
    }
    system::same(a, b, TOLERANCE)
}
