//! The final answer of a response, where nothing but its words show it: closing phrases, formulas, numbers.

use super::normal;
use super::parse;
use crate::extract;
use crate::rational;

/// Longest text that is looked at, in bytes; a longer response is judged by its last bytes.
const LIMIT: usize = 1 << 20;
/// Longest answer that is compared otherwise than as text, in bytes.
pub(super) const ANSWER: usize = 8_000;

/// An answer and the rule that found it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) rule: &'static str,
}

impl Found {
    fn new(text: &str, rule: &'static str) -> Found {
        Found {
            text: text.trim().to_owned(),
            rule,
        }
    }

    /// The writer marked it as the answer; it is no guess.
    pub(super) fn is_marked(&self) -> bool {
        !matches!(
            self.rule,
            "last_formula" | "last_number" | "whole" | "unclosed_box"
        )
    }
}

/// The last bytes of a text, as many as are looked at.
pub(super) fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

/// The final answer of a text.
pub(super) fn find(text: &str) -> Option<Found> {
    let text = tail(text);
    if let Some(marked) = extract::marked(text) {
        if marked.rule == "boxed"
            && let Some(later) = after_the_box(text)
        {
            return Some(later);
        }
        return Some(Found::new(marked.text, marked.rule));
    }
    // A box that the writer forgot to close, where the line is a formula once its braces are.
    if let Some(body) = extract::unclosed_box(text) {
        let open = body
            .matches('{')
            .count()
            .saturating_sub(body.matches('}').count());
        let closed = format!("{body}{}", "}".repeat(open));
        if !is_sentence(&closed) && parse::parse(&normal::normal(&closed)).is_ok() {
            return Some(Found::new(&closed, "unclosed_box"));
        }
    }
    if let Some(phrase) = after_phrase(text) {
        return Some(phrase);
    }
    let whole = text.trim();
    let formal = whole.contains(|c: char| c.is_ascii_digit() || c == '\\') || whole.chars().count() <= 2;
    if formal && whole.len() <= 200 && !is_sentence(whole) && parse::parse(&normal::normal(whole)).is_ok() {
        return Some(Found::new(whole, "whole"));
    }
    let number = last_number(text);
    if let Some((formula, end)) = last_formula(text).filter(|(formula, _)| is_answer(formula)) {
        // A number in the sentence behind the formula is said later.
        let later = number.as_ref().is_some_and(|(_, start)| {
            *start >= end
                && text
                    .get(end..*start)
                    .is_some_and(|between| between.contains(". ") || between.contains(".\n"))
        });
        if !later || formula.len() <= 12 && number.as_ref().is_some_and(|(_, start)| *start < end + 20) {
            return Some(Found::new(formula, "last_formula"));
        }
    }
    number.map(|(text, _)| Found::new(&text, "last_number"))
}

/// A "final answer is …" after the last box is the last word.
fn after_the_box(text: &str) -> Option<Found> {
    let at = text.rfind("\\boxed")?;
    let after = text.get(at..)?;
    let phrase = after.to_ascii_lowercase().rfind("final answer is")?;
    let found = after.get(phrase..).and_then(after_phrase)?;
    (found.text.len() < 200).then_some(found)
}

/// The last number, and where it begins; `2,74` is a decimal where nothing parts a list.
fn last_number(text: &str) -> Option<(String, usize)> {
    let number = rational::last_number(text)?;
    let before = text.get(..number.start)?;
    let whole = before.strip_suffix(',').map(|rest| {
        let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
        (rest, digits)
    });
    if let Some((rest, digits)) = whole
        && digits > 0
        && number.text.bytes().all(|b| b.is_ascii_digit())
    {
        let start = rest.len() - digits;
        let sign = usize::from(rest.get(..start).is_some_and(|rest| rest.ends_with('-')));
        let joined = text.get(start - sign..number.end)?;
        // A longer list of numbers is no decimal.
        if !text
            .get(..start - sign)
            .is_some_and(|rest| rest.trim_end().ends_with(','))
        {
            return Some((joined.to_owned(), start - sign));
        }
    }
    Some((number.text.to_owned(), number.start))
}

/// What the last "answer is …" states: its formulas, else its sentence.
fn after_phrase(text: &str) -> Option<Found> {
    // ASCII lower-casing keeps every byte's place.
    let lower = text.to_ascii_lowercase();
    const PHRASES: [&str; 13] = [
        "answer is",
        "answers are",
        "answer:",
        "answer to be",
        "answer**:",
        "answer:**",
        "answer =",
        "result is",
        "correct choice is",
        "correct option is",
        "答案是",
        "答案为",
        "答案：",
    ];
    let spoken = PHRASES
        .iter()
        .filter_map(|phrase| Some((lower.rfind(phrase)?, phrase.len())))
        .max();
    // GSM8K's solutions in the style of a dialogue.
    let (at, length) = spoken.max(text.rfind("\nA:").map(|at| (at, 3)))?;
    let rest = text.get(at + length..)?;
    let rest = rest.trim_start_matches([':', ' ', '*', '\n', '=', '：']);
    let rest = ["therefore", "thus", "simply", "just"]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let line = rest.split("\n\n").next()?.trim_start();
    let sentence = sentence(line.split('\n').next()?);
    if line.find(['$', '\\']).is_some_and(|at| at < 40)
        && let Some(formulas) = formulas(line)
    {
        // `The volume of $ABCD$ is 120`: the formula is what the sentence is about, not what it says.
        let behind = said(sentence);
        match behind.filter(|text| !text.contains(['$', '\\']) && text.contains(|c: char| c.is_ascii_digit()))
        {
            Some(value) => return Some(value_of(value)),
            None => return Some(Found::new(&formulas, "answer_phrase")),
        }
    }
    if sentence.is_empty() {
        return None;
    }
    Some(value_of(sentence))
}

/// Up to the full stop, without reasons.
fn sentence(line: &str) -> &str {
    let end = line.find(". ").unwrap_or(line.len());
    let sentence = line
        .get(..end)
        .unwrap_or(line)
        .trim()
        .trim_end_matches(['.', '*', '!', '。']);
    let sentence = sentence.split(" because ").next().unwrap_or(sentence);
    sentence.split(", since ").next().unwrap_or(sentence).trim()
}

/// What a sentence says of its subject: the words behind the last " is ".
fn said(sentence: &str) -> Option<&str> {
    let at = sentence.rfind(" is ")?;
    sentence
        .get(at + 4..)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

fn parses(text: &str) -> bool {
    text.len() <= ANSWER && parse::parse(&normal::normal(text)).is_ok()
}

fn value_of(sentence: &str) -> Found {
    if !parses(sentence) {
        if let Some(behind) = said(sentence)
            && parses(behind)
        {
            return Found::new(behind, "answer_phrase");
        }
        if let Some(number) = rational::Scanner::new(sentence).next() {
            return Found::new(number.text, "answer_phrase");
        }
    }
    Found::new(sentence, "answer_phrase")
}

const FENCES: [(&str, &str); 4] = [("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")];

/// Where a fence opens or closes; a dollar sign behind a backslash is money.
fn fence(text: &str, sign: &str) -> Option<usize> {
    text.match_indices(sign)
        .map(|(at, _)| at)
        .find(|at| !text.get(..*at).is_some_and(|before| before.ends_with('\\')))
}

/// The next formula: where it begins, its text, and where its fence ends.
fn next_formula(text: &str) -> Option<(usize, &str, usize)> {
    let (at, (open, close)) = FENCES
        .iter()
        .filter_map(|fence| Some((self::fence(text, fence.0)?, fence)))
        .min_by_key(|(at, fence)| (*at, std::cmp::Reverse(fence.0.len())))?;
    let rest = text.get(at + open.len()..)?;
    let end = fence(rest, close)?;
    let inner = rest.get(..end).filter(|inner| !inner.trim().is_empty())?;
    Some((at, inner, at + open.len() + end + close.len()))
}

/// The first formula of a line, with those that follow it after `and`, `or` or a comma.
fn formulas(line: &str) -> Option<String> {
    let (_, first, mut end) = next_formula(line)?;
    let mut joined = first.to_owned();
    for _ in 0..32 {
        let rest = line.get(end..)?;
        let Some((at, formula, after)) = next_formula(rest) else {
            break;
        };
        let between = rest.get(..at)?.trim().trim_matches(',').trim();
        if !matches!(between, "" | "and" | "or") || rest.get(..at)?.trim().is_empty() {
            break;
        }
        joined.push_str(", ");
        joined.push_str(formula);
        end += after;
    }
    Some(joined)
}

/// The last formula between dollar signs or `\( \)`, `\[ \]`, and where its fence ends.
fn last_formula(text: &str) -> Option<(&str, usize)> {
    let (end, (open, close)) = FENCES
        .iter()
        .filter_map(|fence| Some((text.rfind(fence.1)?, fence)))
        .max_by_key(|(end, fence)| (*end + fence.1.len(), fence.1.len()))?;
    let before = text.get(..end)?;
    let inner = before.get(before.rfind(open)? + open.len()..)?;
    // A lone `$5` is money, not a formula.
    if *close == "$" && (inner.len() > 200 || inner.contains('\n') || inner.contains("<<")) {
        return None;
    }
    (!inner.trim().is_empty()).then_some((inner, end + close.len()))
}

/// Words before a formula, as in `We find that $x < 3$`.
fn is_sentence(text: &str) -> bool {
    let words = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() >= 2 && !parse::is_function(word))
        .count();
    words >= 3 || text.trim_start_matches('$').contains(['$']) && !text.starts_with('$') && words > 0
}

/// Whether a formula, or its right side, is in the grammar of answers, or a word.
fn is_answer(formula: &str) -> bool {
    let text = formula.trim();
    let word = text.len() >= 2 && text.chars().all(char::is_alphabetic);
    !text.ends_with('=')
        && text.len() <= ANSWER
        && (word || parses(text) || right_side(text).is_some_and(parses))
}

/// The right side of a calculation, `2 + 3 = 5`; None where there is no such sign outside of braces.
pub(super) fn right_side(formula: &str) -> Option<&str> {
    let bytes = formula.as_bytes();
    let mut depth = 0i32;
    let mut last = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'=' if depth == 0 => {
                let sign = at.checked_sub(1).and_then(|before| bytes.get(before));
                if !matches!(sign, Some(b'<' | b'>' | b'!' | b':')) {
                    last = Some(at + 1);
                }
            }
            _ => {}
        }
    }
    formula
        .get(last?..)
        .map(str::trim)
        .filter(|side| !side.is_empty())
}

/// The contents of the last boxes, joined by commas, where only a few characters part them.
pub(super) fn neighbours(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = tail(text);
    while let Some(at) = rest.rfind("\\boxed") {
        let body = extract::last_boxed(rest.get(at..)?)?;
        parts.push(body.to_owned());
        let before = rest.get(..at)?;
        let gap = match before.rfind("\\boxed") {
            Some(previous) => {
                let inner = before.get(previous..)?;
                let close = inner.rfind('}')?;
                inner.get(close + 1..)?
            }
            None => break,
        };
        let words = gap
            .replace(['$', ',', ' ', ';', '\\', '(', ')', '\n'], "")
            .replace("quad", "");
        if gap.len() > 40
            || !["", "and", "or", "text{and}", "text{or}"].contains(&words.as_str())
            || parts.len() > 64
        {
            break;
        }
        rest = before;
    }
    parts.reverse();
    (parts.len() > 1).then(|| parts.join(", "))
}
