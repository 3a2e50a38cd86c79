//! The number judge: the response's answer equals the gold number exactly.

use crate::extract::{self, Marked};
use crate::rational::{self, Found};
use crate::verdict::{Case, Judge, Outcome, Verdict};
use num_bigint::BigInt;
use num_rational::BigRational;

/// Longest text that is looked at, in bytes; a longer response is judged by its last bytes.
const LIMIT: usize = 1 << 20;

/// Takes the last number of the last `\boxed{…}`, else of the last `<answer>…</answer>`, else the number after the
/// last `####`, else the last number of the response, and compares it with the gold as an exact rational.
///
/// Thousands separators, currency signs, decimals (`18.00` is 18), fractions, mixed numbers and negative signs are
/// understood. A percent sign is a unit: `50%` equals 50, and 1/2 as well. The gold is a number, or the text of a
/// worked solution (GSM8K's `… #### 42`), from which the answer is taken as from a response; a gold that is not a
/// bare number is taken as text whether or not the case says so.
///
/// In a truncated response only a marked answer (box, tag, `####`) counts as final; the last number does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Number;

impl Judge for Number {
    fn name(&self) -> &str {
        "number"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let bare = if case.gold_is_text {
            None
        } else {
            rational::whole_number(case.gold)
        };
        let Some(gold) = bare.or_else(|| find(tail(case.gold)).1) else {
            return Verdict::new(Outcome::GaveUp, None, "gold", "the gold answer holds no number");
        };
        let (marked, found) = find(tail(case.response));
        let rule = marked.map_or("last_number", |m| m.rule);
        if case.truncated && marked.is_none() {
            let reason = "the token limit came before a marked answer";
            return Verdict::new(Outcome::Truncated, None, rule, reason);
        }
        let Some(found) = found else {
            let (extracted, reason) = match marked {
                Some(m) => (Some(m.text.to_owned()), "the marked answer holds no number"),
                None => (None, "the response holds no number"),
            };
            return Verdict::new(Outcome::Unparsed, extracted, rule, reason);
        };
        let extracted = Some(found.text.trim().to_owned());
        if equal(&found, &gold) {
            Verdict::new(Outcome::Correct, extracted, rule, "equal to the gold number")
        } else {
            let reason = format!("{} is not {}", short(&found.value), short(&gold.value));
            Verdict::new(Outcome::Wrong, extracted, rule, reason)
        }
    }
}

fn find(text: &str) -> (Option<Marked<'_>>, Option<Found<'_>>) {
    match extract::marked(text) {
        Some(marked) if marked.rule == "####" => (Some(marked), rational::Scanner::new(marked.text).next()),
        Some(marked) => (Some(marked), rational::last_number(marked.text)),
        None => (None, rational::last_number(text)),
    }
}

fn equal(found: &Found, gold: &Found) -> bool {
    let hundred = BigRational::from(BigInt::from(100));
    found.value == gold.value
        || (found.percent && !gold.percent && &found.value / &hundred == gold.value)
        || (gold.percent && !found.percent && &gold.value / &hundred == found.value)
}

fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

fn short(value: &BigRational) -> String {
    let text = value.to_string();
    match text.get(..40) {
        Some(cut) if text.len() > 40 => format!("{cut}…"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(gold: &str, response: &str, truncated: bool) -> Verdict {
        Number.judge(&Case {
            problem: "",
            gold,
            response,
            truncated,
            gold_is_text: false,
        })
    }

    #[test]
    fn right_and_wrong_answers() {
        use Outcome::{Correct, GaveUp, Truncated, Unparsed, Wrong};
        let worked = "She has 3 * 6 = <<3*6=18>>18 eggs.\n#### 18";
        let rows = [
            (worked, "So she makes $18 every day.", Correct, "last_number"),
            (worked, "#### 18.00", Correct, "####"),
            (worked, "It is \\boxed{18} for 3 days", Correct, "boxed"),
            (worked, "\\boxed{18} no, \\boxed{17}", Wrong, "boxed"),
            (worked, "<answer>18 eggs</answer> 5", Correct, "answer_tag"),
            (worked, "eighteen", Unparsed, "last_number"),
            (worked, "\\boxed{eighteen} 18", Unparsed, "boxed"),
            ("1234567", "#### 1,234,567", Correct, "####"),
            ("-3", "x = -3.", Correct, "last_number"),
            ("-3", "the answer is 3", Wrong, "last_number"),
            ("0.5", "\\frac{1}{2}", Correct, "last_number"),
            ("0.5", "50%", Correct, "last_number"),
            ("0.2", "20", Wrong, "last_number"),
            ("27.0", "\\boxed{27}", Correct, "boxed"),
            ("none", "5", GaveUp, "gold"),
            (
                "100000000000000000001",
                "100000000000000000000",
                Wrong,
                "last_number",
            ),
        ];
        for (gold, response, outcome, rule) in rows {
            let verdict = judge(gold, response, false);
            assert_eq!(
                (verdict.outcome, verdict.rule.as_str()),
                (outcome, rule),
                "{gold} / {response}: {verdict:?}"
            );
        }
        assert_eq!(judge("18", "3 times 6 is 18 and so", true).outcome, Truncated);
        assert_eq!(judge("18", "#### 18\nand further", true).outcome, Correct);
    }
}
