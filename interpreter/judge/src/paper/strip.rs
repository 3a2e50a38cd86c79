//! How the paper's grader normalises an answer.

use super::units::{MORE, UNITS};

/// The normal spelling of an answer.
pub(super) fn strip(text: &str) -> String {
    let mut s = text.trim().replace('\n', "");
    s = s.trim_end_matches('.').to_owned();
    s = s.replace("\\!", "");
    s = arrays(&s);
    for (from, to) in [
        ("bmatrix", "pmatrix"),
        ("tfrac", "frac"),
        ("dfrac", "frac"),
        ("\\neq", "\\ne"),
        ("\\leq", "\\le"),
        ("\\geq", "\\ge"),
        ("\\left", ""),
        ("\\right", ""),
        ("\\{", "{"),
        ("\\}", "}"),
    ] {
        if s.contains(from) {
            s = s.replace(from, to);
        }
    }
    // A trailing \text{…}, from the first one on.
    if s.ends_with('}')
        && let Some(at) = s.find("\\text{")
        && let Some(before) = s.get(..at).map(str::trim).filter(|before| !before.is_empty())
    {
        s = before.to_owned();
    } else {
        s = s.trim().to_owned();
    }
    s = without_units(&s);
    for mark in ["^{\\circ}", "^\\circ", "\\$", "$", "\\(", "\\)"] {
        if s.contains(mark) {
            s = s.replace(mark, "");
        }
    }
    if let Some(number) = word_number(&s) {
        s = number;
    }
    s = texts(&s, "\\text{", true);
    for key in [
        "x=", "y=", "z=", "x\\in", "y\\in", "z\\in", "x\\to", "y\\to", "z\\to",
    ] {
        if s.contains(key) {
            s = s.replace(key, "");
        }
    }
    s = s
        .replace("\\emptyset", "{}")
        .replace("(-\\infty,\\infty)", "\\mathbb{R}");
    s = s.replace("\\%", "").replace('%', "");
    s = s.replace(" .", " 0.").replace("{.", "{0.");
    s = s.replace("infinity", "\\infty");
    if !s.contains("\\infty") {
        s = s.replace("inf", "\\infty");
    }
    s = s.replace("and", "").replace("\\mathbf", "");
    s = texts(&s, "\\mbox{", false);
    if s.contains('j') && !s.contains('i') {
        s = s.replace('j', "i");
    }
    s = without_zeros(&s);
    if s.is_empty() {
        return s;
    }
    if s.starts_with('.') {
        s.insert(0, '0');
    }
    let mut sides = s.split('=');
    if let (Some(left), Some(right), None) = (sides.next(), sides.next(), sides.next())
        && left.chars().count() <= 2
    {
        s = right.to_owned();
    }
    s = roots(&s);
    s = s.replace(' ', "");
    s = fractions(&s);
    slash(&s)
}

/// `\begin{array}{cc}` becomes a matrix.
fn arrays(text: &str) -> String {
    if !text.contains("{array}") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\begin{array}{") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let body = after.get("\\begin{array}{".len()..).unwrap_or_default();
        match body.split_once('}') {
            Some((_, tail)) => {
                out.push_str("\\begin{pmatrix}");
                rest = tail;
            }
            None => {
                out.push_str(after);
                rest = "";
            }
        }
    }
    out.push_str(rest);
    out.replace("\\end{array}", "\\end{pmatrix}")
}

/// A word of the regular-expression kind: letters, digits, the underscore.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Two passes over all units; each is dropped where no word character stands on either side.
fn without_units(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let plain = || UNITS.iter().chain(&MORE);
    for _ in 0..2 {
        for plural in [false, true] {
            for unit in plain() {
                let mut pattern: Vec<char> = unit.chars().collect();
                if plural {
                    pattern.push('s');
                }
                if let Some(shorter) = without(&chars, &pattern)
                    && !shorter.is_empty()
                {
                    chars = shorter;
                }
            }
        }
    }
    chars.into_iter().collect()
}

/// All matches dropped, from left to right, none overlapping; None where there is none.
fn without(chars: &[char], pattern: &[char]) -> Option<Vec<char>> {
    let first = *pattern.first()?;
    if pattern.len() > chars.len() || !chars.contains(&first) {
        return None;
    }
    let matches = |at: usize| {
        pattern.iter().enumerate().all(|(offset, c)| {
            chars
                .get(at + offset)
                .is_some_and(|found| found == c || *c == '.')
        })
    };
    let mut out = Vec::with_capacity(chars.len());
    let (mut at, mut found) = (0, false);
    while at < chars.len() {
        // The match begins at the start of the text, or takes one character that is no word.
        let starts = [
            (at == 0).then_some(0),
            (!chars.get(at).copied().is_none_or(is_word)).then_some(1),
        ];
        let mut end = None;
        for lead in starts.into_iter().flatten() {
            let after = at + lead + pattern.len();
            if matches(at + lead) && chars.get(after).is_none_or(|c| !is_word(*c)) {
                end = Some((lead, after));
                break;
            }
        }
        match end {
            Some((lead, after)) => {
                found = true;
                out.extend(chars.get(at..at + lead).unwrap_or_default());
                out.extend(chars.get(after));
                at = after + 1;
            }
            None => {
                out.extend(chars.get(at));
                at += 1;
            }
        }
    }
    found.then_some(out)
}

/// `\text{x}` becomes x, or nothing.
fn texts(text: &str, open: &str, keep: bool) -> String {
    if !text.contains(open) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let body = after.get(open.len()..).unwrap_or_default();
        let Some((inner, tail)) = body.split_once('}') else {
            out.push_str(after);
            return out;
        };
        if keep {
            out.push_str(inner);
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A text with number words in it becomes their number, other words left out; digits lose leading zeros.
pub(super) fn word_number(text: &str) -> Option<String> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = [
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    let plain = text.replace('-', " ").to_lowercase();
    if !plain.is_empty() && plain.chars().all(char::is_numeric) {
        let digits: Option<String> = plain.chars().map(digit).collect();
        let digits = digits?;
        let short = digits.trim_start_matches('0');
        return Some(if short.is_empty() {
            "0".to_owned()
        } else {
            short.to_owned()
        });
    }
    let value = |word: &str| -> Option<i64> {
        if let Some(n) = SMALL.iter().position(|name| *name == word) {
            return Some(n as i64);
        }
        if let Some(n) = TENS.iter().position(|name| *name == word) {
            return Some(10 * (n as i64 + 2));
        }
        match word {
            "hundred" => Some(100),
            "thousand" => Some(1_000),
            "million" => Some(1_000_000),
            "billion" => Some(1_000_000_000),
            _ => None,
        }
    };
    let words: Vec<&str> = plain
        .split_whitespace()
        .filter(|word| *word == "point" || value(word).is_some())
        .collect();
    if words.is_empty() {
        return None;
    }
    let only_place = |name: &str| -> Option<Option<usize>> {
        let mut places = words.iter().enumerate().filter(|(_, word)| **word == name);
        let first = places.next().map(|(at, _)| at);
        places.next().is_none().then_some(first)
    };
    let (thousand, million) = (only_place("thousand")?, only_place("million")?);
    let (billion, point) = (only_place("billion")?, only_place("point")?);
    let whole = words.get(..point.unwrap_or(words.len()))?;
    let scales = [(billion, 1_000_000_000), (million, 1_000_000), (thousand, 1_000)];
    let scales = scales.map(|(at, scale)| (at.filter(|at| *at < whole.len()), scale));
    // Up to four words: a times b plus c plus d; of more the first alone.
    let group = |words: &[&str]| -> Option<i64> {
        let numbers: Vec<i64> = words.iter().filter_map(|word| value(word)).collect();
        match numbers.as_slice() {
            [a, b, c, d] => a.checked_mul(*b)?.checked_add(*c)?.checked_add(*d),
            [a, b, c] => a.checked_mul(*b)?.checked_add(*c),
            [a, b] if numbers.contains(&100) => a.checked_mul(*b),
            [a, b] => a.checked_add(*b),
            [first, ..] => Some(*first),
            [] => None,
        }
    };
    let mut total = 0i64;
    match whole {
        [] => {}
        [only] => total = value(only)?,
        whole => {
            let mut from = 0;
            for (at, scale) in scales {
                if let Some(at) = at {
                    total = total.checked_add(group(whole.get(from..at)?)?.checked_mul(scale)?)?;
                    from = at + 1;
                }
            }
            if from < whole.len() {
                total = total.checked_add(group(whole.get(from..)?)?)?;
            }
        }
    }
    let decimals: Option<String> = words
        .get(point.map_or(words.len(), |at| at + 1)..)?
        .iter()
        .map(|word| {
            SMALL
                .iter()
                .take(10)
                .position(|name| name == word)
                .map(|n| n.to_string())
        })
        .collect();
    Some(match decimals {
        Some(decimals) if !decimals.is_empty() => format!("{total}.{decimals}"),
        _ => total.to_string(),
    })
}

/// A decimal digit, ASCII or full-width.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_u32(c as u32 - 0xff10 + 0x30),
        _ => None,
    }
}

/// `3.00` becomes 3, `3.0x` 3x.
fn without_zeros(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let after_digit = at > 0 && chars.get(at - 1).is_some_and(char::is_ascii_digit);
        if c == '.' && after_digit {
            let zeros = chars.iter().skip(at + 1).take_while(|c| **c == '0').count();
            if chars
                .get(at + 1 + zeros)
                .is_none_or(|next| !next.is_ascii_digit())
            {
                at += 1 + zeros;
                continue;
            }
        }
        out.push(c);
        at += 1;
    }
    out
}

/// `\sqrt2` becomes `\sqrt{2}`, with all the word that follows.
fn roots(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\sqrt") {
        let (before, after) = rest.split_at(at + 5);
        out.push_str(before);
        let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
        if length > 0 {
            out.push('{');
            out.push_str(after.get(..length).unwrap_or_default());
            out.push('}');
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// `\frac12` becomes `\frac{1}{2}`, `\frac1{72}` becomes `\frac{1}{72}`.
fn fractions(text: &str) -> String {
    let mut parts = text.split("\\frac");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("\\frac");
        if part.starts_with('{') {
            out.push_str(part);
            continue;
        }
        let mut chars = part.chars();
        let (Some(a), Some(b)) = (chars.next(), chars.next()) else {
            return text.to_owned();
        };
        let rest = chars.as_str();
        if b == '{' {
            out.push_str(&format!("{{{a}}}{{{rest}"));
        } else {
            out.push_str(&format!("{{{a}}}{{{b}}}{rest}"));
        }
    }
    out
}

/// An integer `a/b` becomes a fraction.
fn slash(text: &str) -> String {
    let Some((a, b)) = text.split_once('/').filter(|(_, b)| !b.contains('/')) else {
        return text.to_owned();
    };
    let plain =
        |side: &str| side.contains("sqrt") || side.parse::<i128>().is_ok_and(|n| n.to_string() == side);
    if plain(a) && plain(b) {
        format!("\\frac{{{a}}}{{{b}}}")
    } else {
        text.to_owned()
    }
}
