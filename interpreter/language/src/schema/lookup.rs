//! Tables by the words that name them, for editors and references.

use rlx_grammar::ast::Keyword;

use super::{
    ALGORITHM, BENCHMARK, DATA, DISTILL, ENDPOINT, EVALUATE, FUNCTIONS, INIT, MODEL, QUANTITIES, RESPONSES,
    SEARCH, SETS, Schema, TASKS, TRAIN,
};

/// All that a claim can name: quantities, and sets of problems inside of `share` and `count`.
pub const MEASURES: [&Schema; QUANTITIES.len() + SETS.len()] = {
    let mut all = [QUANTITIES[0]; QUANTITIES.len() + SETS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < QUANTITIES.len() {
            QUANTITIES[at]
        } else {
            SETS[at - QUANTITIES.len()]
        };
        at += 1;
    }
    all
};

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
