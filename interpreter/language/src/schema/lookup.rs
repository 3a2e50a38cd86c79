//! Tables by the words that name them, for editors and references.

use rlx_grammar::ast::Keyword;

use super::{
    ACCURACY_SET, ALGORITHM, BENCHMARK, BEST_OF_ONE, CROSSING_OF, DATA, DELTA_SE_OF, DISTILL, ENDPOINT,
    ENTROPY_OF, EVALUATE, FUNCTIONS, INIT, LENGTH, LOGGED, MAJORITY_OF, MODEL, PASS, PERPLEXITY_OF,
    PUBLISHED, RESPONSES, SEARCH, SOLVED, Schema, TASKS, TEMPERATURE, TRAIN, TRUNCATED,
};

/// What a claim can measure; `share` and `count` of sets of problems apart.
pub const MEASURES: [&Schema; 14] = [
    &PASS,
    &DELTA_SE_OF,
    &PERPLEXITY_OF,
    &CROSSING_OF,
    &MAJORITY_OF,
    &BEST_OF_ONE,
    &LENGTH,
    &TRUNCATED,
    &ENTROPY_OF,
    &LOGGED,
    &TEMPERATURE,
    &PUBLISHED,
    &SOLVED,
    &ACCURACY_SET,
];

/// The fields of a kind of declaration; None where it has none.
pub fn of(keyword: Keyword) -> Option<&'static Schema> {
    Some(match keyword {
        Keyword::Model => &MODEL,
        Keyword::Data => &DATA,
        Keyword::Benchmark => &BENCHMARK,
        Keyword::Algorithm => &ALGORITHM,
        Keyword::Train => &TRAIN,
        Keyword::Distill => &DISTILL,
        Keyword::Search => &SEARCH,
        Keyword::Evaluate => &EVALUATE,
        Keyword::Param | Keyword::Let | Keyword::Figure | Keyword::Table | Keyword::Claim => return None,
    })
}

/// What a `source` can be besides a text: `init { … }`, `responses { … }`, `endpoint { … }`, `countdown { … }`.
pub fn task(word: &str) -> Option<&'static Schema> {
    let all = TASKS.into_iter().chain([&INIT, &RESPONSES, &ENDPOINT]);
    all.into_iter().find(|schema| schema.name == word)
}

/// A function by its name, in a claim or in a figure or table.
pub fn function(name: &str, claim: bool) -> Option<&'static Schema> {
    let known: &[&Schema] = if claim { &MEASURES } else { &FUNCTIONS };
    known.iter().find(|schema| schema.name == name).copied()
}
