//! The one layout of a study.
//!
//! Four spaces a level; fields of a declaration each on a line; `=` aligned over consecutive
//! one-line fields, keyword, name and `=` over consecutive one-line declarations; comments behind
//! a line from column 46 on. A record, list or call keeps to one line unless a line break stands
//! directly inside of it. Blank lines stay, at most one at a time.
//!
//! The layout works on tokens, not on the tree, so no comment and no spelling of a number is lost.

mod entries;
mod layout;
mod lines;

use crate::SyntaxError;
use crate::scan::{Texts, scan};

/// Lays the text of a study out anew. The result means the same, holds every comment, and is
/// its own layout.
///
/// # Errors
/// All syntax errors of a text that does not parse; such a text is not touched.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    let parsed = crate::parse(text);
    if !parsed.errors.is_empty() {
        return Err(parsed.errors);
    }
    let tokens = scan(text, Texts::AsWritten);
    Ok(layout::file(text, &tokens))
}
