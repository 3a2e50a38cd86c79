//! `rlx fmt`: the one layout.

use crate::{args::FmtArgs, failure::Failure, project};
use std::process::ExitCode;

pub(crate) fn run(args: &FmtArgs) -> Result<ExitCode, Failure> {
    let mut off = false;
    let mut broken = false;
    for path in &args.files {
        let text = project::read_text(path)?;
        match rlx_grammar::format(&text) {
            Ok(laid_out) if laid_out == text => {}
            Ok(_) if args.check => {
                println!("{} is not in the layout", path.display());
                off = true;
            }
            Ok(laid_out) => {
                rlx_store::file::write(path, laid_out.as_bytes())?;
                println!("{} was laid out", path.display());
            }
            Err(errors) => {
                project::show_syntax(path, &text, &errors);
                broken = true;
            }
        }
    }
    Ok(if off || broken {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}
