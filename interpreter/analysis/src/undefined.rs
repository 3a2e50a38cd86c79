//! Why a number could not be given.

use thiserror::Error;

/// A number that is undefined, with the reason. Never replaced by a smaller one.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Undefined {
    #[error("there are no results of an evaluation `{name}` (known: {known}); run it first")]
    UnknownEvaluation { name: String, known: String },
    #[error("{evaluation} does not sample `{model}` (models: {known}); add it to the evaluation's models")]
    UnknownModel {
        evaluation: String,
        model: String,
        known: String,
    },
    #[error(
        "{missing} of {expected} rows of {model} in {evaluation} are missing; run the study again to draw and judge them"
    )]
    MissingRows {
        evaluation: String,
        model: String,
        missing: usize,
        expected: usize,
    },
    #[error("{evaluation} has no problems; check the benchmark's `limit` and `skip`")]
    NoProblems { evaluation: String },
    #[error("{evaluation}: {source}")]
    PassAtK {
        evaluation: String,
        source: crate::pass_at_k::PassAtKError,
    },
    #[error(
        "{missing} perplexities of responses of {of} under {under} in {evaluation} are missing; run the study again to score them"
    )]
    MissingPerplexities {
        evaluation: String,
        of: String,
        under: String,
        missing: usize,
    },
    #[error("{of} has no {kind}response in {evaluation}, so there is no perplexity to take the middle of")]
    NoResponses {
        evaluation: String,
        of: String,
        kind: &'static str,
    },
    #[error(
        "`{left}` and `{right}` have different problems, so their solved sets cannot be compared; evaluate both on the same benchmark"
    )]
    DifferentProblems { left: String, right: String },
    #[error(
        "`{left}` and `{right}` have different problems, so their curves cannot be held against each other; ask for each in a figure of its own"
    )]
    OtherProblems { left: String, right: String },
    #[error(
        "a set made of {found} different solved sets is more than the {most} that can be weighed together; split the claim"
    )]
    TooManySets { found: usize, most: usize },
    #[error("{training} logged no {metric}{place}; run the study again, or ask for a step that was logged")]
    NotLogged {
        training: String,
        metric: String,
        place: String,
    },
    #[error(
        "{missing} responses of {of} in {evaluation} have no log-probabilities (imported ones often have none), so their entropy is unknown"
    )]
    NoSurprisal {
        evaluation: String,
        of: String,
        missing: usize,
    },
    #[error(
        "of {missing} responses of {of} in {evaluation} nobody counted the tokens (they were drawn elsewhere), so their length is unknown"
    )]
    NoLength {
        evaluation: String,
        of: String,
        missing: usize,
    },
    #[error("no response of {of} in {evaluation} has an answer to vote with")]
    NoAnswers { evaluation: String, of: String },
    #[error(
        "{unread} of the {hardest} problems that {of} solves in more than 0 and less than {}% of its samples in {evaluation} are not read yet; label their right responses with `rlx inspect STUDY`, then run the study again",
        crate::queries::read_by_hand::percent(*below)
    )]
    Unread {
        evaluation: String,
        of: String,
        unread: usize,
        hardest: usize,
        below: f64,
    },
    #[error(
        "{of} solves no problem of {evaluation} in more than 0 and less than {}% of its samples{}, so there is no share of them",
        crate::queries::read_by_hand::percent(*below),
        if *ambiguous > 0 { " that is not ambiguous" } else { "" }
    )]
    NothingToRead {
        evaluation: String,
        of: String,
        below: f64,
        ambiguous: usize,
    },
    #[error("the search `{search}` has not found its temperature; run the study again")]
    NotSearched { search: String },
    #[error("the denominator is 0")]
    DivisionByZero,
    #[error("the value is not a finite number")]
    NotFinite,
}
