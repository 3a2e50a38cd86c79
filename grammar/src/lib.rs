//! The syntax of rlx. First step of the story **text → Ast** → Study → Plan → rows → tables,
//! figures, verdicts: [`parse`] turns the text of a study into the tree of [`ast`] and says all
//! that is wrong with it; [`format`] gives the text its one layout.
//!
//! The crate knows no file system and resolves no name. The letter of the language is
//! `rlx.pest`; pest itself does not show in the interface.
//!
//! 1. `scan`: text → tokens (comments and line breaks are tokens; nothing is lost)
//! 2. `habits`: forms of other languages → errors that teach, and a text of the same length that parses
//! 3. `cut`: tokens → one piece for each declaration, brackets checked
//! 4. `parser`, `tree`, `values`: piece → pest's pairs → [`ast::Item`]; `expected`, `keyword`: pest's
//!    errors → messages; `recover`: further errors of the same declaration

pub mod ast;
mod cut;
mod error;
mod expected;
mod format;
mod habits;
mod keyword;
mod lexeme;
mod parser;
mod recover;
mod scan;
mod text;
mod tree;
mod values;

pub use error::{CODES, SyntaxError};
pub use format::format;
pub use lexeme::{Lexeme, LexemeKind, keywords, lexemes};
pub use parser::{Parsed, parse, parse_bytes, parse_expression, parse_setting};

/// The largest file that is read, in bytes. A study of ten thousand lines has a fifth of it.
pub const MAX_BYTES: usize = 2 << 20;
/// The largest declaration that is read, in bytes.
pub const MAX_DECLARATION: usize = 512 << 10;
/// The most errors that are told of one file: its first ones.
pub const MAX_ERRORS: usize = 256;
/// The deepest nesting of brackets.
pub const MAX_NESTING: usize = 64;
/// The most operators that can be open at one place of a value.
pub const MAX_OPERATORS: usize = 256;
