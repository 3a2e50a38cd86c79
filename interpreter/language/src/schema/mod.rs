//! What can be written where: one table a kind of declaration. Reading, errors, defaults and the
//! reference documentation all come from these tables.

use crate::unit::Unit;

mod algorithm;
mod distill;
mod evaluate;
mod heard;
mod lookup;
mod lora;
mod model;
mod problems;
mod query;
mod search;
mod source;
mod train;

pub(crate) use algorithm::SFT_FIELDS;
pub use algorithm::{ALGORITHM, CORRECTION, CRITIC, DYNAMIC_SAMPLING, FORMAT, KL, OPTIMIZER, OVERLONG};
pub use distill::DISTILL;
pub use evaluate::{EVALUATE, LOOK, SAMPLING};
pub use heard::{ENDPOINT, RESPONSES};
pub use lookup::{MEASURES, function, of, task};
pub use lora::LORA;
pub use model::{INIT, MODEL};
pub use problems::{
    ARITHMETIC, BENCHMARK, COUNTDOWN, DATA, EQUATION, EXAMPLE, MODULAR, NUMERAL, PROMPT, TASKS,
};
pub use query::*;
pub use search::SEARCH;
pub use source::source_of;
pub use train::TRAIN;

/// The fields of one kind of record.
#[derive(Debug)]
pub struct Schema {
    /// What a person calls it: `train`, `sampling`, `countdown`.
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
    /// How many of the fields, from the first, can be given without a name in a call.
    pub positional: usize,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub ty: Type,
    pub default: Default,
    pub doc: &'static str,
}

/// What a field is when nobody writes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// It must be written.
    Required,
    /// Nothing; `none` can be written, too.
    None,
    /// A value, as rlx would write it.
    Value(&'static str),
    /// A value, as rlx would write it; `none` can be written, too.
    OrNone(&'static str),
    /// Follows from other fields, as the text says.
    Computed(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A whole number of something, at least `least`.
    Count {
        unit: Unit,
        least: u64,
    },
    /// Whole numbers of something, as a list or a range; a single one is a list of one.
    Counts {
        unit: Unit,
        least: u64,
    },
    /// A whole number that counts nothing: a seed, a width.
    Integer {
        least: u64,
    },
    /// A number in a range.
    Number(Range),
    /// A number in a range, or the name of what finds one; the text says what that is.
    NumberOf(Range, &'static str),
    /// `0.6..2.0`: both ends in a range, the first one the smaller.
    Span(Range),
    /// A number that `%` can be written for: `5%` is 0.05.
    Share(Range),
    /// Two numbers in a range.
    Pair(Range),
    /// Tokens, each a text or a token id, with a number in a range: `[["yes", 2.5], [198, -100]]`
    Biases(Range),
    Text,
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    Record(&'static Schema),
    /// Something named elsewhere or with a form of its own; the text says what.
    Reference(&'static str),
}

/// An interval of numbers.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub low: f64,
    /// `low` itself is outside.
    pub open: bool,
    pub high: f64,
    /// `at least 0`
    pub text: &'static str,
}

/// At its ends a bias decides alone: e^-100 of any probability is none.
pub const BIAS: Range = Range {
    low: -100.0,
    open: false,
    high: 100.0,
    text: "from -100 to 100",
};
pub const AT_LEAST_ZERO: Range = Range {
    low: 0.0,
    open: false,
    high: f64::MAX,
    text: "at least 0",
};
pub const ABOVE_ZERO: Range = Range {
    low: 0.0,
    open: true,
    high: f64::MAX,
    text: "above 0",
};
pub const ZERO_TO_ONE: Range = Range {
    low: 0.0,
    open: false,
    high: 1.0,
    text: "from 0 to 1",
};
pub const ABOVE_ZERO_TO_ONE: Range = Range {
    low: 0.0,
    open: true,
    high: 1.0,
    text: "above 0 and at most 1",
};
pub const BELOW_ONE: Range = Range {
    low: 0.0,
    open: false,
    high: 1.0 - f64::EPSILON / 2.0,
    text: "at least 0 and below 1",
};
pub const ABOVE_ONE: Range = Range {
    low: 1.0,
    open: true,
    high: f64::MAX,
    text: "above 1",
};

impl Range {
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite()
            && value <= self.high
            && if self.open {
                value > self.low
            } else {
                value >= self.low
            }
    }
}

impl Schema {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    pub fn may_be_none(&self) -> bool {
        matches!(self.default, Default::None | Default::OrNone(_))
    }
}

impl Type {
    /// `a number of samples`, `a number from 0 to 1`: how a message names it.
    pub fn describe(&self) -> String {
        match self {
            Type::Count { unit, .. } => format!("a number of {unit}"),
            Type::Counts { unit, .. } => format!("numbers of {unit}"),
            Type::Integer { .. } => "a whole number".into(),
            Type::Number(range) => format!("a number {}", range.text),
            Type::NumberOf(range, what) => format!("a number {} or {what}", range.text),
            Type::Span(range) => format!("a range of two numbers {}, `LOW..HIGH`", range.text),
            Type::Share(range) => format!("a share or probability {}", range.text),
            Type::Pair(range) => format!("two numbers {}", range.text),
            Type::Biases(range) => {
                format!(
                    "a list of `[token, number]`, tokens as text or id, numbers {}",
                    range.text
                )
            }
            Type::Text => "a text in double quotes".into(),
            Type::Bool => "`true` or `false`".into(),
            Type::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Type::Record(schema) => format!("a record of {}", schema.name),
            Type::Reference(what) => (*what).into(),
        }
    }

    pub fn unit(&self) -> Option<Unit> {
        match self {
            Type::Count { unit, .. } | Type::Counts { unit, .. } => Some(*unit),
            _ => None,
        }
    }
}

/// All kinds of declaration with fields, for references and editors.
pub const DECLARATIONS: [&Schema; 8] = [
    &MODEL, &DATA, &BENCHMARK, &ALGORITHM, &TRAIN, &DISTILL, &SEARCH, &EVALUATE,
];

/// Records that fields hold.
pub const RECORDS: [&Schema; 20] = [
    &INIT,
    &RESPONSES,
    &ENDPOINT,
    &COUNTDOWN,
    &ARITHMETIC,
    &EQUATION,
    &MODULAR,
    &NUMERAL,
    &PROMPT,
    &EXAMPLE,
    &OPTIMIZER,
    &KL,
    &SAMPLING,
    &LOOK,
    &CRITIC,
    &DYNAMIC_SAMPLING,
    &OVERLONG,
    &FORMAT,
    &CORRECTION,
    &LORA,
];

/// True where a field of this name takes this word as it is, so that it is no name.
pub(crate) fn is_word_of(field: &str, word: &str) -> bool {
    DECLARATIONS.iter().chain(&RECORDS).any(|schema| {
        schema
            .field(field)
            .is_some_and(|field| matches!(field.ty, Type::Word(words) if words.contains(&word)))
    })
}
