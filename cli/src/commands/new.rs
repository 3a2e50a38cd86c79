//! `rlx new`: a first study that runs as it is.

use crate::{args::NewArgs, failure::Failure};
use std::process::ExitCode;

const FIRST: &str = include_str!("new.rlx");
/// A word for each number and sign of countdown: the tokenizer of the quickstart.
const TOKENIZER: &str = include_str!("../../../experiments/quickstart/tokenizer/tokenizer.json");

pub(crate) fn run(args: &NewArgs) -> Result<ExitCode, Failure> {
    let tokenizer = args.file.with_file_name("tokenizer").join("tokenizer.json");
    for path in [&args.file, &tokenizer] {
        if path.exists() && !(path == &tokenizer && is_ours(path)) {
            let help = "give another name, or remove it first";
            return Err(Failure::user(
                "rlx::new",
                format!("{} is there already", path.display()),
                Some(help.into()),
            ));
        }
    }
    if let Some(folder) = tokenizer.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, "make the folder", &error))?;
    }
    rlx_store::file::write(&tokenizer, TOKENIZER.as_bytes())?;
    rlx_store::file::write(&args.file, FIRST.as_bytes())?;
    let file = args.file.display();
    println!("{file} was written, and {} beside it. Next:", tokenizer.display());
    println!("  rlx check {file}    what is wrong with it: nothing yet");
    println!("  rlx plan {file}     the steps, and what they cost");
    println!("  rlx run {file}      a few minutes; then open the page that it names");
    Ok(ExitCode::SUCCESS)
}

/// The tokenizer of an earlier `rlx new` in the same folder.
fn is_ours(path: &std::path::Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text == TOKENIZER)
}
