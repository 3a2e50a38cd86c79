//! The exact judge: the final answer is the gold answer, letter for letter.

use crate::extract;
use crate::verdict::{Case, Judge, Outcome, Verdict};

/// Takes the last `\boxed{…}`, else the last `<answer>…</answer>`, else what follows the last `####`, else the whole
/// response, and compares it with the gold as text; only white space at the ends, and its amount within, is not compared.
///
/// In a truncated response only a box, a tag or `####` counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact;

impl Judge for Exact {
    fn name(&self) -> &str {
        "exact"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let gold = match case.gold_is_text {
            true => extract::marked(case.gold).map_or(case.gold, |marked| marked.text),
            false => case.gold,
        };
        let (found, rule) = match extract::marked(case.response) {
            Some(marked) => (marked.text, marked.rule),
            None => (case.response, "whole"),
        };
        if case.truncated && rule == "whole" {
            let reason = "the token limit came before a marked answer";
            return Verdict::new(Outcome::Truncated, None, rule, reason);
        }
        if found.trim().is_empty() {
            return Verdict::new(Outcome::Unparsed, None, rule, "the answer is empty");
        }
        let extracted = Some(found.trim().to_owned());
        if found.split_whitespace().eq(gold.split_whitespace()) {
            Verdict::new(Outcome::Correct, extracted, rule, "the gold answer's text")
        } else {
            Verdict::new(Outcome::Wrong, extracted, rule, "not the gold answer's text")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_may_differ() {
        let rows = [
            ("a b", " a  b\n", Outcome::Correct),
            ("a b", "ab", Outcome::Wrong),
            ("1/2", "\\boxed{1/2}", Outcome::Correct),
            ("1/2", "\\boxed{0.5}", Outcome::Wrong),
            ("x", "  ", Outcome::Unparsed),
        ];
        for (gold, response, outcome) in rows {
            let case = Case {
                problem: "",
                gold,
                response,
                truncated: false,
                gold_is_text: false,
            };
            assert_eq!(Exact.judge(&case).outcome, outcome, "{gold} / {response}");
        }
    }
}
