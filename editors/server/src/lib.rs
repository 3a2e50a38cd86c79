//! The language server: what `rlx lsp` speaks with an editor over standard input and output.
//!
//! It stands beside the way text → Ast → Study → …: `rlx_language::index` knows what each place of a study means, and this
//! crate only carries questions and answers.
//!
//! 1. `message`: bytes → messages, with bounds on everything that a broken client could send
//! 2. `documents`: open texts, changed as somebody types, each with its index; positions in UTF-16
//! 3. `server`: the life of a session, and which request goes where
//! 4. `answers`: hover, definition, completion, … from the index
//! 5. `library`: the standard library as files that an editor can open

mod answers;
mod documents;
mod library;
mod message;
mod server;

use std::io::{BufRead, Write};
use std::path::PathBuf;

/// Serves one editor until it says `exit` or closes the line. `cache` is a folder for copies of the standard library.
///
/// Gives the exit code: 0 after a proper `shutdown`, else 1.
///
/// # Errors
/// When the line to the editor breaks.
pub fn serve(input: &mut dyn BufRead, output: &mut dyn Write, cache: PathBuf) -> std::io::Result<u8> {
    server::Server::new(output, cache).run(input)
}
