//! Judges by the name the language gives them.

use rlx_judge::Judge;

/// The judge called `name`.
pub(crate) fn by_name(name: &str) -> Option<Box<dyn Judge + Send + Sync>> {
    match name {
        "number" => Some(Box::new(rlx_judge::Number)),
        "countdown" => Some(Box::new(rlx_judge::Countdown)),
        _ => None,
    }
}
