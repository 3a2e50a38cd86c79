//! Judges by the name the language gives them.

use rlx_judge::Judge;

/// Names of all judges.
pub const JUDGES: [&str; 3] = ["number", "math", "countdown"];

/// The judge called `name`.
pub fn by_name(name: &str) -> Option<Box<dyn Judge + Send + Sync>> {
    match name {
        "number" => Some(Box::new(rlx_judge::Number)),
        "countdown" => Some(Box::new(rlx_judge::Countdown)),
        _ => None,
    }
}
