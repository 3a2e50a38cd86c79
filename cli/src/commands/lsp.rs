//! `rlx lsp`: the language server, for editors.

use crate::{failure::Failure, project};
use std::{
    io::{BufWriter, stdin, stdout},
    process::ExitCode,
};

pub(crate) fn run() -> Result<ExitCode, Failure> {
    let mut output = BufWriter::new(stdout().lock());
    let code = rlx_server::serve(&mut stdin().lock(), &mut output, project::cache())
        .map_err(|error| Failure::user("rlx::lsp", format!("the line to the editor broke: {error}"), None))?;
    Ok(ExitCode::from(code))
}
