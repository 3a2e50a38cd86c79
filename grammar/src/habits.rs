//! Forms of other languages: said what they are called here, and replaced by text of the
//! same length, so that the rest of the declaration is still read and every place stays true.

use std::borrow::Cow;

use crate::error::SyntaxError;
use crate::scan::Token;

pub(crate) struct Repaired<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) errors: Vec<SyntaxError>,
}

pub(crate) fn repair<'a>(source: &'a str, _tokens: &[Token]) -> Repaired<'a> {
    Repaired { text: Cow::Borrowed(source), errors: Vec::new() }
}

/// `source`, which starts at `offset` of the file, with the one-byte signs at `places` blanked.
pub(crate) fn blank(source: &str, offset: usize, places: &[usize]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut from = 0;
    for place in places {
        let at = place - offset;
        text.push_str(source.get(from..at).unwrap_or_default());
        text.push(' ');
        from = at + 1;
    }
    text.push_str(source.get(from..).unwrap_or_default());
    text
}
