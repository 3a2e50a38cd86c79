//! The math judge: a final answer in LaTeX or plain text equals the gold answer.

mod algebra;
mod ball;
mod compare;
mod complex;
mod evaluate;
mod exact;
mod expression;
mod find;
mod measure;
mod normal;
mod parse;
mod words;

use crate::extract;
use crate::verdict::{Case, Judge, Outcome, Verdict};
use compare::Same;
use find::{ANSWER, Found};
use parse::Refusal;

/// Takes the last `\boxed{…}`, else the last `<answer>…</answer>`, else what follows the last `####`, else what follows
/// the last phrase like "the answer is", else the last formula in dollar signs, else the last number.
///
/// Two answers are the same when their normal spellings are equal, or when both parse and are equal: rational numbers
/// exactly; formulas by a normal form over radicals; what that does not settle at fixed generic points, with certified
/// error bounds, and once more with digits enough for the largest number in them; tuples, intervals, sets, unions,
/// matrices part by part (sets and plain lists in any order, end points of intervals exactly); `x = 5` is 5; an
/// inequality in one name is a set of numbers; `a ± b` is the list of both. A unit, degree or percent sign may be left
/// out; `50%` is 50 and 1/2. Text is compared by its letters and digits.
///
/// A gold that holds a box or `####` is the text of a solution whether or not the case says so.
///
/// Nothing an answer holds is evaluated without bounds: text, depth, nodes, digits, list lengths and operations are
/// limited; past a limit, or where values cannot be told apart, the outcome is `gave_up`. In a truncated response only
/// a box, a tag, `####` or an answer phrase counts as a final answer. See docs/judges.md.
#[derive(Debug, Clone, Copy, Default)]
pub struct Math;

impl Judge for Math {
    fn name(&self) -> &str {
        "math"
    }

    fn version(&self) -> &str {
        "3"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let gold = if case.gold_is_text || extract::is_marked(case.gold) {
            let Some(found) = find::find(case.gold) else {
                let reason = "no answer was found in the gold's text";
                return Verdict::new(Outcome::GaveUp, None, "gold", reason);
            };
            let joined = (found.rule == "boxed")
                .then(|| find::neighbours(case.gold))
                .flatten();
            joined.unwrap_or(found.text)
        } else {
            case.gold.to_owned()
        };
        if gold.trim().is_empty() {
            return Verdict::new(Outcome::GaveUp, None, "gold", "the gold answer is empty");
        }
        let found = find::find(case.response);
        if case.truncated && found.as_ref().is_none_or(|found| !found.is_marked()) {
            let rule = found.map_or("none", |f| f.rule);
            let reason = "the token limit came before a final answer";
            return Verdict::new(Outcome::Truncated, None, rule, reason);
        }
        let Some(found) = found else {
            let reason = "no answer was found in the response";
            return Verdict::new(Outcome::Unparsed, None, "none", reason);
        };
        let first = decide(&found.text, &gold, found.rule);
        if first.outcome == Outcome::Correct {
            return first;
        }
        for (text, rule) in alternatives(&found, case.response) {
            let verdict = decide(&text, &gold, rule);
            if verdict.outcome == Outcome::Correct {
                return verdict;
            }
        }
        first
    }
}

/// Other readings of where the answer stands: neighbouring boxes, the right side of a calculation, a choice's text.
fn alternatives(found: &Found, response: &str) -> Vec<(String, &'static str)> {
    let mut others = Vec::new();
    if found.text.len() > ANSWER {
        return others;
    }
    if found.rule == "boxed"
        && let Some(joined) = find::neighbours(response)
    {
        others.push((joined, "boxes"));
    }
    if matches!(found.rule, "last_formula" | "answer_phrase" | "whole")
        && let Some(side) = find::right_side(&found.text)
    {
        others.push((side.to_owned(), found.rule));
    }
    if let Some((_, rest)) = words::choice_prefix(&normal::normal(&found.text))
        && !rest.trim().is_empty()
    {
        others.push((rest, found.rule));
    }
    others
}

/// Compares two bare answers, outside of any text.
fn decide(found: &str, gold: &str, rule: &'static str) -> Verdict {
    let verdict = |outcome, reason: &str| Verdict::new(outcome, Some(found.to_owned()), rule, reason);
    if found.trim() == gold.trim() {
        return verdict(Outcome::Correct, "the same text as the gold answer");
    }
    if found.len().max(gold.len()) > ANSWER {
        return verdict(Outcome::GaveUp, "an answer is too long to be compared");
    }
    let (answer, gold) = (normal::normal(found), normal::normal(gold));
    if answer.is_empty() {
        return verdict(Outcome::Unparsed, "the answer is empty");
    }
    if normal::squeezed(&answer) == normal::squeezed(&gold) {
        return verdict(Outcome::Correct, "the same text as the gold answer");
    }
    // Words that have a formula (`five`, `no solution`) stand for it where the other side is one.
    let (in_words, gold_in_words) = (words::formula(&answer), words::formula(&gold));
    let spelt = in_words.is_some() || gold_in_words.is_some();
    let words = words::compare(&answer, &gold);
    if words == Some(true) {
        return verdict(Outcome::Correct, "the same words as the gold answer");
    }
    if words == Some(false) && !spelt {
        return verdict(Outcome::Wrong, "other words than the gold answer");
    }
    let (answer, gold) = (in_words.unwrap_or(answer), gold_in_words.unwrap_or(gold));
    match (parse::parse(&answer), parse::parse(&gold)) {
        (Ok(parsed), Ok(gold_parsed)) => {
            let decision = compare::answers(&parsed, &gold_parsed);
            match decision.same {
                Same::Yes => verdict(Outcome::Correct, equal(decision.rule)),
                _ if decimal_comma(&answer, &gold) => {
                    verdict(Outcome::Correct, "equal to the gold answer with a decimal comma")
                }
                Same::No if decision.rule == "units" => {
                    verdict(Outcome::Wrong, "in a unit of another kind than the gold answer")
                }
                Same::No => verdict(Outcome::Wrong, unequal(decision.rule)),
                Same::Unknown => verdict(
                    Outcome::GaveUp,
                    "too large or too unlike to be compared within the limits",
                ),
            }
        }
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

fn equal(rule: &str) -> &'static str {
    match rule {
        "exact" => "equal to the gold answer, exactly",
        "algebra" => "equal to the gold answer by algebra",
        "decimal" => "the gold answer rounded to many digits",
        "numeric" => "equal to the gold answer at many points, with certified digits",
        _ => "equal to the gold answer, part by part",
    }
}

fn unequal(rule: &str) -> &'static str {
    match rule {
        "exact" => "another number than the gold answer",
        "algebra" => "not equal to the gold answer by algebra",
        "numeric" => "apart from the gold answer at some point, certainly",
        _ => "not equal to the gold answer",
    }
}

/// Equality as a lenient computer algebra system sees it: of each text what parses from its start, values within a
/// relative `tolerance`. None where the limits are reached.
pub(crate) fn loosely_equal(a: &str, b: &str, tolerance: f64) -> Option<bool> {
    if a.len().max(b.len()) > ANSWER {
        return None;
    }
    match (
        parse::prefix(&a.replace('~', " ")),
        parse::prefix(&b.replace('~', " ")),
    ) {
        (Ok(a), Ok(b)) => {
            if a == b {
                return Some(true);
            }
            match compare::loosely(&a, &b, tolerance) {
                Same::Yes => Some(true),
                Same::No => Some(false),
                Same::Unknown => None,
            }
        }
        (Err(Refusal::Large), _) | (_, Err(Refusal::Large)) => None,
        _ => Some(false),
    }
}

/// Whether an answer is a number that rounds to the number `gold` at so many decimal places; `x = 1.23` is 1.23.
pub(crate) fn rounds_to(answer: &str, gold: &str, places: u32) -> bool {
    if answer.len().max(gold.len()) > ANSWER {
        return false;
    }
    let Some(gold) = number(gold).and_then(|gold| gold.tree.exact()) else {
        return false;
    };
    [Some(answer), find::right_side(answer)]
        .into_iter()
        .flatten()
        .filter_map(number)
        .any(|answer| compare::rounds_to(&answer.tree, &gold, places))
}

fn number(text: &str) -> Option<parse::Answer> {
    parse::parse(&normal::normal(text)).ok()
}

/// `2,74` for 2.74: two groups of digits with a comma, where the other side is the decimal.
fn decimal_comma(answer: &str, gold: &str) -> bool {
    let pointed = |text: &str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, part) = text.split_once(',')?;
        (digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(part)).then(|| format!("{whole}.{part}"))
    };
    let value = |text: &str| match parse::parse(text) {
        Ok(parsed) => parsed.tree.exact(),
        Err(_) => None,
    };
    let (answer_pointed, gold_pointed) = (pointed(answer), pointed(gold));
    let (a, b) = match (&answer_pointed, &gold_pointed) {
        (Some(a), None) => (value(a), value(gold)),
        (None, Some(b)) => (value(answer), value(b)),
        _ => return false,
    };
    a.is_some() && a == b
}

#[cfg(test)]
mod tests;
