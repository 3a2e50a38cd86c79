//! `rlx new`: a first study that runs as it is.

use crate::{args::NewArgs, failure::Failure};
use std::process::ExitCode;

const FIRST: &str = include_str!("new.rlx");
/// A word for each number and sign of countdown: the tokenizer of the quickstart.
const TOKENIZER: [(&str, &str); 2] = [
    (
        "tokenizer.json",
        include_str!("../../../experiments/quickstart/tokenizer/tokenizer.json"),
    ),
    // Names the token that ends a response.
    (
        "tokenizer_config.json",
        include_str!("../../../experiments/quickstart/tokenizer/tokenizer_config.json"),
    ),
];

pub(crate) fn run(args: &NewArgs) -> Result<ExitCode, Failure> {
    let folder = args.file.with_file_name("tokenizer");
    let mut files = vec![(args.file.clone(), FIRST)];
    files.extend(TOKENIZER.map(|(name, text)| (folder.join(name), text)));
    for (path, text) in &files {
        // The tokenizer of an earlier `rlx new` in the same folder may stay.
        let ours = path != &args.file && std::fs::read_to_string(path).is_ok_and(|there| there == *text);
        if path.exists() && !ours {
            let help = "give another name, or remove it first";
            return Err(Failure::user(
                "rlx::new",
                format!("{} is there already", path.display()),
                Some(help.into()),
            ));
        }
    }
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, "make the folder", &error))?;
    for (path, text) in &files {
        rlx_store::file::write(path, text.as_bytes())?;
    }
    let file = args.file.display();
    println!("{file} was written, and {} beside it. Next:", folder.display());
    println!("  rlx check {file}    what is wrong with it: nothing yet");
    println!("  rlx plan {file}     the steps, and what they cost");
    println!("  rlx run {file}      a few minutes; then open the page that it names");
    Ok(ExitCode::SUCCESS)
}
