//! JSON lines in and out.

use crate::failure::Failure;
use serde::de::DeserializeOwned;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

/// The rows of a file, one at a time; a bad line is an error that names it.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<T, Failure>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    let path = path.to_owned();
    Ok(BufReader::new(file)
        .lines()
        .enumerate()
        .filter_map(move |(at, line)| match line {
            Err(error) => Some(Err(Failure::file(&path, "read", &error))),
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => Some(serde_json::from_str(&line).map_err(|error| {
                let message = format!("{}: line {}: {error}", path.display(), at + 1);
                Failure::user(
                    "rlx::data::row",
                    message,
                    Some("each line holds one JSON object".into()),
                )
            })),
        }))
}

/// stdout went away.
pub(crate) fn stdout(error: std::io::Error) -> Failure {
    Failure::user("rlx::stdout", format!("stdout cannot be written: {error}"), None)
}
