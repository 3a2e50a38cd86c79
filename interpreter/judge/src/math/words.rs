//! Answers in words: names, choices, yes and no, small numbers spelt out.

const NUMBERS: [&str; 21] = [
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
    "twenty",
];

/// Some(same) where either answer is words (or a choice letter) rather than a formula; None where both are formulas.
pub(super) fn compare(answer: &str, gold: &str) -> Option<bool> {
    // A choice with its text: `\textbf{(C)} 12` for C.
    if let [choice @ b'A'..=b'Z'] = gold.as_bytes()
        && plain(answer)
            .trim_start()
            .strip_prefix('(')
            .is_some_and(|rest| rest.get(1..2) == Some(")"))
    {
        return Some(plain(answer).trim_start().as_bytes().get(1) == Some(choice));
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
    Some(stem(&a) == stem(&b))
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
    let bare = letters(&inner);
    if let Some(number) = NUMBERS.iter().position(|word| *word == bare) {
        return Some(number.to_string());
    }
    let has_digit = inner.chars().any(|c| c.is_ascii_digit());
    let symbols = inner.chars().any(|c| "+*/=^_<>{}\\|[]".contains(c));
    let longest = inner
        .split(|c: char| !c.is_alphabetic())
        .map(str::len)
        .max()
        .unwrap_or_default();
    let choice = inner != text && bare.len() == 1 && bare.chars().all(char::is_alphabetic);
    let clock = has_digit && (bare.ends_with("am") || bare.ends_with("pm")) && inner.contains([':', '.']);
    if (!has_digit && !symbols && longest >= 3 && !formula(&inner)) || choice || clock {
        return Some(bare);
    }
    None
}

fn formula(text: &str) -> bool {
    [
        "sin", "cos", "tan", "log", "sqrt", "infty", "infinity", "exp", "inf", "abc", "xyz",
    ]
    .iter()
    .any(|name| text.contains(name))
}

/// Without `\text{…}` around parts, and without parentheses around the whole.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for command in [
        "\\text", "\\mathrm", "\\textbf", "\\mathbf", "\\mbox", "\\textrm", "\\textit",
    ] {
        while let Some(at) = text.find(&format!("{command}{{")) {
            let open = at + command.len();
            let Some(close) = text.get(open..).and_then(|rest| rest.find('}')) else {
                break;
            };
            text.replace_range(open + close..open + close + 1, "");
            text.replace_range(at..=open, "");
        }
    }
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match inner {
        Some(inner) if inner.trim().len() == 1 => inner.trim().to_owned(),
        _ => trimmed.to_owned(),
    }
}

fn letters(text: &str) -> String {
    let text = plain(text);
    let lower = text.trim().to_lowercase();
    let bare = ["the ", "an ", "a "]
        .iter()
        .find_map(|article| lower.strip_prefix(article))
        .unwrap_or(&lower);
    bare.chars().filter(|c| c.is_alphanumeric()).collect()
}
