//! The math judge of "limit of RLVR": its rules as its repository has them, for comparison with published numbers.

mod equal;
mod find;
mod strip;
mod system;
mod units;

use crate::verdict::{Case, Judge, Outcome, Verdict};

/// Longest text that is looked at, in bytes; a longer response is judged by its last bytes.
const LIMIT: usize = 1 << 20;
/// Longest answer that is normalised and compared, in bytes.
const ANSWER: usize = 8_000;

/// The grader of the paper's repository, quirks included, as its evaluation runs for MATH500.
///
/// Extraction: what lies between "final answer is $" and "$. I hope", else what follows the last "boxed", else the last
/// "he answer is", "final answer is" or "答案是", else the last number. Normalisation drops units (single letters among
/// them), percent signs, `x=` and much else. Two numbers are equal within a relative 1e-4, also by a factor of 100; lists
/// are compared in order, brackets hardly at all; formulas by a computer algebra system that may read a part of them only.
///
/// The system's part is played by readers of the languages that it reads and a comparison at fixed complex points; its
/// limits give `gave_up` where the original runs into its timeout (a wrong answer there).
#[derive(Debug, Clone, Copy, Default)]
pub struct MathPaper;

impl Judge for MathPaper {
    fn name(&self) -> &str {
        "math_paper"
    }

    fn version(&self) -> &str {
        "2"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let gold = match case.gold_is_text {
            // What is taken from a text is normalised once more, as a prediction is.
            true => find::answer(tail(case.gold)).0,
            false => case.gold.to_owned(),
        };
        if gold.len() > ANSWER {
            return Verdict::new(Outcome::GaveUp, None, "gold", "the gold answer is too long");
        }
        let mut gold = strip::strip(&gold);
        if case.gold_is_text {
            gold = strip::strip(&gold);
        }
        let response = tail(case.response);
        let (raw, rule) = find::answer(response);
        if raw.len() > ANSWER {
            let start = raw.chars().take(200).collect();
            return Verdict::new(
                Outcome::GaveUp,
                Some(start),
                rule,
                "the answer is too long to be compared",
            );
        }
        // The evaluation normalises a prediction twice.
        let mut answer = strip::strip(&strip::strip(&raw));
        let choice = |text: &str| text.len() == 1 && ('A'..='E').any(|letter| text.starts_with(letter));
        let choices = |text: &str| text.chars().all(|c| ('A'..='E').contains(&c));
        if choice(&gold) && !choice(&answer) {
            answer = equal::choice(response);
        } else if choices(&gold) && !choices(&answer) {
            answer.retain(|c| ('A'..='E').contains(&c));
        }
        if answer.is_empty() {
            return Verdict::new(
                Outcome::Unparsed,
                None,
                rule,
                "no answer is left after normalisation",
            );
        }
        let extracted = Some(answer.clone());
        let mut work = 64;
        match equal::equal(&answer, &gold, &mut work) {
            Some(true) => Verdict::new(Outcome::Correct, extracted, rule, "equal by the paper's rules"),
            Some(false) => Verdict::new(
                Outcome::Wrong,
                extracted,
                rule,
                format!("not equal to {}", short(&gold)),
            ),
            None => Verdict::new(
                Outcome::GaveUp,
                extracted,
                rule,
                "past the limits of the comparison",
            ),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
