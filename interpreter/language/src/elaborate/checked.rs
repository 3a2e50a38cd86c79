//! Records that fit their schema, and how fields are taken out of them.

use indexmap::IndexMap;

use super::Sited;
use super::entries::Nested;
use crate::program::Place;
use crate::study::Token;

/// Whose fields are read.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// Dotted path: `rl`, `rl.optimizer`.
    pub(super) path: String,
    /// `train rl`, for messages.
    pub(super) what: String,
    /// Blamed for what is missing.
    pub(super) place: Place,
    pub(super) module: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Typed<'a> {
    Count(u64),
    Counts(Vec<(u64, Place)>),
    Number(f64),
    Pair([f64; 2]),
    Biases(Vec<(Token, f64)>),
    /// With the site of the literal, for paths.
    Text(&'a str),
    Bool(bool),
    Word(&'static str),
    Record(Box<Checked<'a>>),
    /// `none`, or left out.
    Absent,
    Reference(Sited<'a>, Vec<Nested<'a>>),
}

#[derive(Debug, Clone)]
pub(super) struct Slot<'a> {
    /// None where an error was reported.
    pub(super) typed: Option<Typed<'a>>,
    /// The value, or the owner for a default.
    pub(super) place: Place,
    /// Nobody wrote it.
    pub(super) default: bool,
}

/// A record that fits its schema, but for what was reported.
#[derive(Debug, Clone)]
pub(super) struct Checked<'a> {
    pub(super) slots: IndexMap<&'static str, Slot<'a>>,
    pub(super) place: Place,
    /// A field is unknown or missing; reported.
    pub(super) failed: bool,
}

impl<'a> Checked<'a> {
    pub(super) fn typed(&self, field: &str) -> Option<&Typed<'a>> {
        self.slots.get(field)?.typed.as_ref()
    }

    pub(super) fn place(&self, field: &str) -> Place {
        self.slots.get(field).map_or(self.place, |slot| slot.place)
    }

    pub(super) fn is_default(&self, field: &str) -> bool {
        self.slots.get(field).is_none_or(|slot| slot.default)
    }

    /// True when every field was read.
    pub(super) fn is_whole(&self) -> bool {
        !self.failed && self.slots.values().all(|slot| slot.typed.is_some())
    }

    pub(super) fn maybe_count(&self, field: &str) -> Option<Option<u64>> {
        match self.typed(field)? {
            Typed::Count(count) => Some(Some(*count)),
            _ => Some(None),
        }
    }

    pub(super) fn count(&self, field: &str) -> Option<u64> {
        self.maybe_count(field)?
    }

    pub(super) fn maybe_number(&self, field: &str) -> Option<Option<f64>> {
        match self.typed(field)? {
            Typed::Number(number) => Some(Some(*number)),
            _ => Some(None),
        }
    }

    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.maybe_number(field)?
    }

    pub(super) fn counts(&self, field: &str) -> Option<&[(u64, Place)]> {
        match self.typed(field)? {
            Typed::Counts(counts) => Some(counts),
            _ => None,
        }
    }

    pub(super) fn pair(&self, field: &str) -> Option<[f64; 2]> {
        match self.typed(field)? {
            Typed::Pair(pair) => Some(*pair),
            _ => None,
        }
    }

    pub(super) fn biases(&self, field: &str) -> Option<Vec<(Token, f64)>> {
        match self.typed(field)? {
            Typed::Biases(biases) => Some(biases.clone()),
            _ => Some(Vec::new()),
        }
    }

    pub(super) fn maybe_text(&self, field: &str) -> Option<Option<String>> {
        match self.typed(field)? {
            Typed::Text(text) => Some(Some((*text).to_owned())),
            _ => Some(None),
        }
    }

    pub(super) fn text(&self, field: &str) -> Option<String> {
        self.maybe_text(field)?
    }

    pub(super) fn boolean(&self, field: &str) -> Option<bool> {
        match self.typed(field)? {
            Typed::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn word(&self, field: &str) -> Option<&'static str> {
        match self.typed(field)? {
            Typed::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn record(&self, field: &str) -> Option<&Checked<'a>> {
        match self.typed(field)? {
            Typed::Record(record) => Some(record),
            _ => None,
        }
    }

    pub(super) fn reference(&self, field: &str) -> Option<(Sited<'a>, &[Nested<'a>])> {
        match self.typed(field)? {
            Typed::Reference(at, nested) => Some((*at, nested)),
            _ => None,
        }
    }
}
