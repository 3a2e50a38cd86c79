//! `rlx new`: a first study.

use crate::{args::NewArgs, failure::Failure};
use std::process::ExitCode;

/// A study that checks as it is; the reader puts models and data in place.
const FIRST: &str = include_str!("new.rlx");

pub(crate) fn run(args: &NewArgs) -> Result<ExitCode, Failure> {
    if args.file.exists() {
        let help = "give another name, or remove it first";
        return Err(Failure::user(
            "rlx::new",
            format!("{} is there already", args.file.display()),
            Some(help.into()),
        ));
    }
    rlx_store::file::write(&args.file, FIRST.as_bytes())?;
    let file = args.file.display();
    println!("{file} was written. Next: `rlx check {file}`, `rlx plan {file}`, `rlx run {file}`.");
    Ok(ExitCode::SUCCESS)
}
