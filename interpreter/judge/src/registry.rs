//! Judges by the name the language gives them.

use crate::{Choice, Countdown, Exact, Judge, Math, MathPaper, Number};

/// Names of all judges, in the order in which help lists them.
pub const NAMES: [&str; 6] = ["number", "math", "math_paper", "choice", "exact", "countdown"];

/// The judge called `name`.
pub fn by_name(name: &str) -> Option<Box<dyn Judge + Send + Sync>> {
    match name {
        "number" => Some(Box::new(Number)),
        "math" => Some(Box::new(Math)),
        "math_paper" => Some(Box::new(MathPaper)),
        "choice" => Some(Box::new(Choice)),
        "exact" => Some(Box::new(Exact)),
        "countdown" => Some(Box::new(Countdown)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_judge_is_there_under_its_own_name() {
        for name in NAMES {
            assert_eq!(by_name(name).unwrap().name(), name);
        }
        assert!(by_name("oracle").is_none());
    }
}
