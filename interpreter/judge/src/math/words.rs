//! Answers in words: names, choices, yes and no, numbers spelt out, times of day.

/// Words for one answer; each group is one meaning.
const SAME: [&[&str]; 6] = [
    &[
        "nosolution",
        "nosolutions",
        "none",
        "nosuchnumber",
        "norealsolution",
        "norealsolutions",
        "emptyset",
        "theemptyset",
        "nosolutionexists",
    ],
    &["doesnotexist", "dne", "undefined", "notdefined"],
    &[
        "allrealnumbers",
        "allreals",
        "anyrealnumber",
        "realnumbers",
        "everyrealnumber",
        "thesetofrealnumbers",
        "setofrealnumbers",
    ],
    &["infinity", "positiveinfinity", "plusinfinity"],
    &["negativeinfinity", "minusinfinity"],
    &["yes", "true"],
];

/// Some(same) where either answer is words (or a choice letter) rather than a formula; None where both are formulas.
pub(super) fn compare(answer: &str, gold: &str) -> Option<bool> {
    let may_be_words = |text: &str| text.bytes().any(|b| b.is_ascii_alphabetic()) || !text.is_ascii();
    if !may_be_words(answer) && !may_be_words(gold) {
        return None;
    }
    // A choice with its text: `\textbf{(C)} 12` for C.
    if let [choice @ b'A'..=b'Z'] = bare_choice(gold).as_bytes()
        && let Some((letter, rest)) = choice_prefix(answer)
        && !rest.trim().is_empty()
    {
        return Some(letter as u8 == *choice);
    }
    if let (Some(a), Some(b)) = (clock(answer), clock(gold)) {
        return Some(a.0 == b.0 && (a.1 == b.1 || a.1.is_none() || b.1.is_none()));
    }
    let (a, b) = (words(answer), words(gold));
    if a.is_none() && b.is_none() {
        return None;
    }
    let a = a.unwrap_or_else(|| letters(answer));
    let b = b.unwrap_or_else(|| letters(gold));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if a == b || stem(&a) == stem(&b) {
        return Some(true);
    }
    let group = |text: &str| SAME.iter().position(|group| group.contains(&text));
    if group(&a).is_some() && group(&a) == group(&b) {
        return Some(true);
    }
    Some(false)
}

/// A formula for words that have one: a number spelt out, `no solution`, `all real numbers`.
pub(super) fn formula(text: &str) -> Option<String> {
    if !text.bytes().any(|b| b.is_ascii_alphabetic()) || text.len() > 120 {
        return None;
    }
    let inner = plain(text).to_lowercase();
    let bare: String = inner.chars().filter(|c| c.is_alphanumeric()).collect();
    match SAME.iter().position(|group| group.contains(&bare.as_str())) {
        Some(0) => return Some("\\emptyset".to_owned()),
        Some(2) => return Some("\\mathbb{R}".to_owned()),
        Some(3) => return Some("\\infty".to_owned()),
        Some(4) => return Some("-\\infty".to_owned()),
        _ => {}
    }
    // Letters in a list, written as text: `\text{A, C}`.
    let listed = plain(text);
    let letters = listed.split(',').all(|item| item.trim().chars().count() == 1);
    if listed != text.trim() && letters && listed.contains(',') {
        return Some(listed);
    }
    spelt(&inner).map(|n| n.to_string())
}

/// `two hundred and five`, `twenty-one`, `minus three`.
fn spelt(text: &str) -> Option<i64> {
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
    const TENS: [&str; 10] = [
        "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    let negative = matches!(words.first(), Some(&("minus" | "negative")));
    if negative {
        words.remove(0);
    }
    if words.is_empty()
        || words.len() > 16
        || !text
            .chars()
            .all(|c| c.is_ascii_alphabetic() || " -,.".contains(c))
    {
        return None;
    }
    let (mut total, mut group, mut read) = (0i64, 0i64, false);
    for word in words {
        match word {
            "and" if read => continue,
            "hundred" if read => group = group.checked_mul(100)?,
            "thousand" | "million" | "billion" if read => {
                let scale = match word {
                    "thousand" => 1_000,
                    "million" => 1_000_000,
                    _ => 1_000_000_000,
                };
                total = total.checked_add(group.checked_mul(scale)?)?;
                group = 0;
            }
            _ => {
                let small = SMALL.iter().position(|known| *known == word);
                let tens = TENS.iter().position(|known| *known == word).map(|n| n * 10);
                group = group.checked_add(small.or(tens)? as i64)?;
            }
        }
        read = true;
    }
    let value = total.checked_add(group)?;
    Some(if negative { -value } else { value })
}

/// Minutes since midnight or noon, and whether it is after noon, where the text says; needs a colon.
fn clock(text: &str) -> Option<(u32, Option<bool>)> {
    let text = plain(text).to_lowercase();
    let compact: String = text.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    let (time, half) = match (compact.strip_suffix("am"), compact.strip_suffix("pm")) {
        (Some(time), _) => (time, Some(false)),
        (_, Some(time)) => (time, Some(true)),
        _ => (compact.as_str(), None),
    };
    let (hours, minutes) = time.split_once(':').unwrap_or((time, "00"));
    if half.is_none() && !time.contains(':') || minutes.len() != 2 || hours.is_empty() || hours.len() > 2 {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 24 || minutes > 59 {
        return None;
    }
    // A ratio like 3:40 is a time only where the other side shows that it is one; both are compared as they stand.
    match half {
        Some(after) => Some(((hours % 12) * 60 + minutes, Some(after))),
        None if hours > 12 => Some(((hours - 12) * 60 + minutes, Some(true))),
        None => Some(((hours % 12) * 60 + minutes, None)),
    }
}

/// The letter of a choice that stands before its text (`(C) 12`, `\textbf{(C)}\ 12`, `C. 12`), and the text.
pub(super) fn choice_prefix(text: &str) -> Option<(char, String)> {
    let inner = plain(text);
    let inner = inner.trim_start();
    let (body, enclosed) = match inner.strip_prefix('(') {
        Some(rest) => (rest, true),
        None => (inner, false),
    };
    let mut chars = body.chars();
    let letter = chars.next().filter(|c| ('A'..='J').contains(c))?;
    let rest = chars.as_str();
    let rest = match enclosed {
        true => rest.strip_prefix(')')?,
        false => rest
            .strip_prefix(')')
            .or_else(|| rest.strip_prefix(". "))
            .or_else(|| rest.strip_prefix(": "))?,
    };
    Some((letter, rest.trim_start_matches([':', '.', ' ']).to_owned()))
}

fn bare_choice(text: &str) -> String {
    plain(text).trim_matches(['(', ')', ' ', '.']).to_owned()
}

/// Without a plural's s.
fn stem(word: &str) -> &str {
    word.strip_suffix('s')
        .filter(|rest| rest.len() >= 4)
        .unwrap_or(word)
}

/// The letters and digits of an answer that is text; None where it may be a formula.
fn words(text: &str) -> Option<String> {
    let inner = plain(text);
    let bare = letters_of(&inner);
    let has_digit = inner.chars().any(|c| c.is_ascii_digit());
    let symbols = inner.chars().any(|c| "+*/=^_<>{}\\|[]\u{2}\u{3}".contains(c));
    let longest = inner
        .split(|c: char| !c.is_alphabetic())
        .map(|word| word.chars().count())
        .max()
        .unwrap_or_default();
    let choice = inner != text.trim() && bare.chars().count() == 1 && bare.chars().all(char::is_alphabetic);
    // Two letters are a word where they are written as text, and `no` always is.
    let short =
        !has_digit && !symbols && bare.len() == 2 && longest == 2 && (inner != text.trim() || bare == "no");
    let foreign = !has_digit && !symbols && inner.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    if (!has_digit && !symbols && longest >= 3 && !is_formula(&inner)) || choice || foreign || short {
        return Some(bare);
    }
    None
}

fn is_formula(text: &str) -> bool {
    let capitals = text.len() <= 4 && text.chars().all(|c| c.is_ascii_uppercase());
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
    capitals
        || words.any(|word| {
            super::parse::is_function(word)
                || matches!(word, "infty" | "infinity" | "inf" | "oo" | "abc" | "xyz" | "pqr")
                || ["sin", "cos", "tan", "log"]
                    .iter()
                    .any(|name| word.strip_prefix(name).is_some_and(|rest| rest.len() == 1))
        })
}

/// Without `\text{…}` around parts, and without parentheses around the whole.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    if text.contains('\\') {
        for command in [
            "\\text", "\\mathrm", "\\textbf", "\\mathbf", "\\mbox", "\\textrm", "\\textit", "\\mathit",
            "\\emph", "\\textsf",
        ] {
            let opened = format!("{command}{{");
            for _ in 0..32 {
                let Some(at) = text.find(&opened) else { break };
                let open = at + command.len();
                let Some(close) = text.get(open..).and_then(|rest| rest.find('}')) else {
                    break;
                };
                text.replace_range(open + close..open + close + 1, "");
                text.replace_range(at..=open, "");
            }
        }
    }
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match inner {
        Some(inner) if inner.trim().chars().count() == 1 => inner.trim().to_owned(),
        _ => trimmed.to_owned(),
    }
}

fn letters(text: &str) -> String {
    letters_of(&plain(text))
}

fn letters_of(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let bare = ["the ", "an ", "a "]
        .iter()
        .find_map(|article| lower.strip_prefix(article))
        .unwrap_or(&lower);
    bare.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        let rows = [
            ("two hundred", Some("200")),
            ("twenty-one", Some("21")),
            ("one thousand two hundred and five", Some("1205")),
            ("minus three", Some("-3")),
            ("\\text{five}", Some("5")),
            ("and", None),
            ("hundred", None),
            ("five apples", None),
            ("\\text{no solution}", Some("\\emptyset")),
        ];
        for (text, expected) in rows {
            assert_eq!(formula(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn words_times_and_choices() {
        let rows = [
            ("\\text{Evelyn}", "evelyn", Some(true)),
            ("\\text{an ellipse}", "ellipse", Some(true)),
            ("yes", "no", Some(false)),
            ("4:30 \\text{ a.m.}", "4:30\\text{ p.m.}", Some(false)),
            ("16:30", "4:30\\text{ p.m.}", Some(true)),
            ("3:30\\text{ p.m.}", "4:30\\text{ p.m.}", Some(false)),
            ("\\textbf{(C)} 12", "C", Some(true)),
            ("\\textbf{(C)} 12", "D", Some(false)),
            ("x+1", "1+x", None),
            ("\\text{(C)}", "C", Some(true)),
            ("none", "\\text{no solution}", Some(true)),
            ("12", "13", None),
            ("\\text{No}", "no", Some(true)),
            ("no", "\\text{yes}", Some(false)),
            ("on", "no", Some(false)),
            ("x", "\\text{x}", Some(true)),
        ];
        for (answer, gold, expected) in rows {
            assert_eq!(compare(answer, gold), expected, "{answer} / {gold}");
        }
    }
}
