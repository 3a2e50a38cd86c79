//! Answers that are compared to some decimal places, where a benchmark asks for so many.

use crate::math;
use crate::verdict::{Outcome, Verdict};

/// `verdict`, and right where the answer that it found wrong is a number that rounds to the gold at `places` decimal
/// places, ties either way: 1.22 and 1.2 at one place, 10√2 and 14.14 at two. MathVista rounds so; an answer that is
/// rounded more coarsely than the gold stays wrong unless it is equal.
#[must_use]
pub fn to_places(verdict: Verdict, gold: &str, places: u32) -> Verdict {
    let found = verdict.extracted.as_deref().unwrap_or_default();
    if verdict.outcome != Outcome::Wrong || !math::rounds_to(found, gold, places) {
        return verdict;
    }
    let reason = format!("rounds to the gold answer at {places} decimal places");
    Verdict::new(Outcome::Correct, verdict.extracted.clone(), &verdict.rule, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Case, Judge, Math, Number};

    fn judged(judge: &dyn Judge, gold: &str, answer: &str, places: Option<u32>) -> Outcome {
        let case = Case {
            problem: "",
            gold,
            response: &format!("So it is \\boxed{{{answer}}}."),
            truncated: false,
            gold_is_text: false,
        };
        let verdict = judge.judge(&case);
        match places {
            None => verdict.outcome,
            Some(places) => to_places(verdict, gold, places).outcome,
        }
    }

    #[test]
    fn an_answer_rounds_to_the_gold_at_the_places_that_are_asked_for() {
        for (gold, answer, places, right) in [
            ("1.2", "1.22", 1, true),
            ("1.2", "1.25", 1, true),
            ("1.2", "1.15", 1, true),
            ("1.2", "1.26", 1, false),
            ("1.2", "1.2", 1, true),
            ("14.14", "10\\sqrt{2}", 2, true),
            ("14.14", "10\\sqrt{3}", 2, false),
            ("0.33", "\\frac{1}{3}", 2, true),
            ("-4.3", "-4.27", 1, true),
            ("-4.3", "4.27", 1, false),
            ("6.28", "2\\pi", 2, true),
            ("28.3", "28.27 \\text{ cm}", 1, true),
            ("28.3", "x = 28.27", 1, true),
            ("131253.5", "131253", 1, false),
            ("0.0", "0.04", 1, true),
            ("0.0", "y", 1, false),
            ("5", "5.4", 0, true),
        ] {
            let outcome = judged(&Math, gold, answer, Some(places));
            assert_eq!(
                outcome == Outcome::Correct,
                right,
                "{answer} for {gold} at {places}"
            );
        }
        assert_eq!(judged(&Math, "1.2", "1.22", None), Outcome::Wrong);
        assert_eq!(judged(&Number, "1.2", "1.22", Some(1)), Outcome::Correct);
        assert_eq!(judged(&Number, "1.2", "1.3", Some(1)), Outcome::Wrong);
    }

    #[test]
    fn hostile_answers_end_as_they_do_without_places() {
        for answer in ["9^{9^{9}}", "((((((((", "1/0", &"9".repeat(50_000)] {
            assert_ne!(judged(&Math, "1.2", answer, Some(2)), Outcome::Correct);
        }
    }
}
