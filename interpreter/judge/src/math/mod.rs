//! The math judge: a final answer in LaTeX or plain text equals the gold answer.

mod compare;
mod expression;
mod normal;
mod parse;
mod words;

use crate::extract;
use crate::rational;
use crate::verdict::{Case, Judge, Outcome, Verdict};
use compare::Same;
use parse::Refusal;

/// Longest text that is looked at, in bytes; a longer response is judged by its last bytes.
const LIMIT: usize = 1 << 20;

/// Takes the last `\boxed{…}`, else the last `<answer>…</answer>`, else what follows the last `####`, else what follows
/// the last phrase like "the answer is", else the last formula in dollar signs, else the last number.
///
/// Two answers are the same when their normal spellings are equal, or when both parse and are equal: rational numbers
/// exactly; other numbers to a relative 1e-9; expressions with names at five fixed points; tuples, intervals, sets,
/// unions, matrices part by part (sets and plain lists in any order, end points of intervals exactly); `x = 5` is 5;
/// an inequality in one name is an interval; `a ± b` is the list of both. Units, degree and currency signs are not
/// compared; `50%` is 50 and 1/2. Text is compared by its letters and digits.
///
/// A gold that holds a box or `####` is the text of a solution whether or not the case says so.
///
/// Nothing an answer holds is evaluated without bounds: text, depth, nodes, exact digits and list lengths are limited;
/// past a limit, or where values are too large to be told apart, the outcome is `gave_up`. In a truncated response only
/// a box, a tag, `####` or an answer phrase counts as a final answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Math;

/// Longest answer that is compared otherwise than as text, in bytes.
const ANSWER: usize = 8_000;

/// An answer and the rule that found it.
struct Found {
    text: String,
    rule: &'static str,
}

impl Judge for Math {
    fn name(&self) -> &str {
        "math"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let gold = if case.gold_is_text || extract::is_marked(case.gold) {
            let Some(found) = find(case.gold) else {
                return Verdict::new(
                    Outcome::GaveUp,
                    None,
                    "gold",
                    "no answer was found in the gold's text",
                );
            };
            found.text
        } else {
            case.gold.to_owned()
        };
        if normal::normal(&gold).is_empty() {
            return Verdict::new(Outcome::GaveUp, None, "gold", "the gold answer is empty");
        }
        let found = find(case.response);
        if case.truncated
            && found
                .as_ref()
                .is_none_or(|f| matches!(f.rule, "last_formula" | "last_number" | "whole"))
        {
            let rule = found.map_or("none", |f| f.rule);
            return Verdict::new(
                Outcome::Truncated,
                None,
                rule,
                "the token limit came before a final answer",
            );
        }
        let Some(found) = found else {
            return Verdict::new(
                Outcome::Unparsed,
                None,
                "none",
                "no answer was found in the response",
            );
        };
        let mut verdict = decide(&found, &gold);
        if verdict.outcome != Outcome::Correct
            && found.rule == "boxed"
            && let Some(joined) = neighbours(case.response)
        {
            // Several answers, each in a box of its own.
            let together = decide(
                &Found {
                    text: joined,
                    rule: "boxes",
                },
                &gold,
            );
            if together.outcome == Outcome::Correct {
                verdict = together;
            }
        }
        verdict
    }
}

/// Equal where degrees are read as π/180, one of the two having them.
fn same_angles(found: &str, gold: &str) -> bool {
    let (a, b) = (normal::in_radians(found), normal::in_radians(gold));
    if a.is_none() && b.is_none() {
        return false;
    }
    let parsed =
        |radians: Option<String>, text| parse::parse(&radians.unwrap_or_else(|| normal::normal(text)));
    match (parsed(a, found), parsed(b, gold)) {
        (Ok(a), Ok(b)) => compare::answers(&a, &b) == Same::Yes,
        _ => false,
    }
}

fn decide(found: &Found, gold: &str) -> Verdict {
    let raw_gold = gold;
    let extracted = Some(found.text.clone());
    let verdict = |outcome, reason: &str| Verdict::new(outcome, extracted.clone(), found.rule, reason);
    if found.text.len().max(gold.len()) > ANSWER {
        return match found.text.trim() == gold.trim() {
            true => verdict(Outcome::Correct, "the same text as the gold answer"),
            false => verdict(Outcome::GaveUp, "an answer is too long to be compared"),
        };
    }
    let (answer, gold) = (normal::normal(&found.text), normal::normal(gold));
    if answer.is_empty() {
        return verdict(Outcome::Unparsed, "the answer is empty");
    }
    if squeezed(&answer) == squeezed(&gold) {
        return verdict(Outcome::Correct, "the same text as the gold answer");
    }
    match words::compare(&answer, &gold) {
        Some(true) => return verdict(Outcome::Correct, "the same words as the gold answer"),
        Some(false) => return verdict(Outcome::Wrong, "other words than the gold answer"),
        None => {}
    }
    let angles = same_angles(&found.text, raw_gold);
    let parsed = (parse::parse(&answer), parse::parse(&gold));
    match parsed {
        (Ok(answer), Ok(gold)) => match compare::answers(&answer, &gold) {
            Same::Yes => verdict(Outcome::Correct, "equal to the gold answer"),
            _ if angles => verdict(Outcome::Correct, "equal to the gold answer as an angle"),
            Same::No => verdict(Outcome::Wrong, "not equal to the gold answer"),
            Same::Unknown => verdict(
                Outcome::GaveUp,
                "too large or too unlike to be compared within the limits",
            ),
        },
        (Err(Refusal::Large), _) | (_, Err(Refusal::Large)) => {
            verdict(Outcome::GaveUp, "an answer is too long or too deep")
        }
        (Err(Refusal::Foreign), _) => {
            verdict(Outcome::Wrong, "not a formula, and not the gold answer's text")
        }
        (_, Err(Refusal::Foreign)) => verdict(
            Outcome::Wrong,
            "the gold answer is no formula, and the texts differ",
        ),
    }
}

/// Without white space and without braces around single characters.
fn squeezed(text: &str) -> String {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        match (c, chars.get(at + 1), chars.get(at + 2)) {
            ('{', Some(&single), Some('}')) if single != '\\' && single != '{' && single != '}' => {
                out.push(single);
                at += 3;
            }
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    out
}

fn find(text: &str) -> Option<Found> {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let text = text.get(from..)?;
    if let Some(marked) = extract::marked(text) {
        // A "final answer is …" after the box is the last word.
        let lower = text.to_ascii_lowercase();
        if marked.rule == "boxed"
            && let Some(at) = lower.rfind("final answer is")
            && text.rfind("\\boxed").is_some_and(|boxed| boxed < at)
            && let Some(phrase) = text.get(at..).and_then(after_phrase)
            && phrase.text.len() < 200
        {
            return Some(phrase);
        }
        return Some(Found {
            text: marked.text.trim().to_owned(),
            rule: marked.rule,
        });
    }
    if let Some(phrase) = after_phrase(text) {
        return Some(phrase);
    }
    let whole = text.trim();
    let formal = whole.contains(|c: char| c.is_ascii_digit() || c == '\\') || whole.len() <= 2;
    if formal && whole.len() <= 200 && parse::parse(&normal::normal(whole)).is_ok() {
        return Some(Found {
            text: whole.to_owned(),
            rule: "whole",
        });
    }
    if let Some(formula) = last_formula(text) {
        return Some(Found {
            text: formula,
            rule: "last_formula",
        });
    }
    let number = rational::last_number(text)?;
    Some(Found {
        text: number.text.trim().to_owned(),
        rule: "last_number",
    })
}

/// What the last "answer is …" states: its first formula, else its sentence.
fn after_phrase(text: &str) -> Option<Found> {
    // ASCII lower-casing keeps every byte's place.
    let lower = text.to_ascii_lowercase();
    let phrases = [
        "answer is",
        "answers are",
        "answer:",
        "answer to be",
        "answer**:",
        "result is",
    ];
    let (at, length) = phrases
        .iter()
        .filter_map(|p| Some((lower.rfind(p)?, p.len())))
        .max()?;
    let rest = text.get(at + length..)?;
    let rest = rest.trim_start_matches([':', ' ', '*', '\n', '=']);
    let rest = rest.strip_prefix("therefore").unwrap_or(rest);
    let line = rest.split("\n\n").next()?.trim_start();
    let found = |text: &str| {
        Some(Found {
            text: text.trim().to_owned(),
            rule: "answer_phrase",
        })
    };
    if let Some(formula) = first_formula(line)
        && line.find(['$', '\\']).is_some_and(|at| at < 40)
    {
        return found(formula);
    }
    let line = line.split('\n').next()?;
    let end = line.find(". ").unwrap_or(line.len());
    let sentence = line.get(..end)?.trim().trim_end_matches(['.', '*', '!']);
    let sentence = sentence.split(" because ").next()?.split(", since ").next()?;
    if sentence.is_empty() {
        return None;
    }
    let parses = sentence.len() <= ANSWER && parse::parse(&normal::normal(sentence)).is_ok();
    if !parses && let Some(number) = rational::Scanner::new(sentence).next() {
        return found(number.text);
    }
    found(sentence)
}

const FENCES: [(&str, &str); 4] = [("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")];

fn first_formula(text: &str) -> Option<&str> {
    let (at, (open, close)) = FENCES
        .iter()
        .filter_map(|fence| Some((text.find(fence.0)?, fence)))
        .min_by_key(|(at, fence)| (*at, std::cmp::Reverse(fence.0.len())))?;
    let rest = text.get(at + open.len()..)?;
    let end = rest.find(close)?;
    rest.get(..end).filter(|inner| !inner.trim().is_empty())
}

/// The last formula between dollar signs or `\( \)`, `\[ \]`; of an equation the right side.
fn last_formula(text: &str) -> Option<String> {
    let (end, (open, close)) = FENCES
        .iter()
        .filter_map(|fence| Some((text.rfind(fence.1)?, fence)))
        .max_by_key(|(end, fence)| (*end + fence.1.len(), fence.1.len()))?;
    let before = text.get(..end)?;
    let inner = before.get(before.rfind(open)? + open.len()..)?;
    // A lone `$5` is money, not a formula.
    if *close == "$" && (inner.len() > 200 || inner.contains("\n\n")) {
        return None;
    }
    let side = inner.rsplit('=').next()?.trim();
    (!side.is_empty()).then(|| side.to_owned())
}

/// The contents of the last boxes, joined by commas, where only a few characters part them.
fn neighbours(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = text;
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

#[cfg(test)]
mod tests;
