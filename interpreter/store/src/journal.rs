//! Rows that have come and whose block is not whole yet.
//!
//! A block is written when all its rows are there, so that equal work ends with equal files; a row that took an hour must
//! not wait for its neighbours to be safe. So each is written here as it comes, a line with its own hash, and moves into
//! its block. After a kill the lines are read back, up to one that was cut off; a power cut may take the last of them.

use crate::{Row, StoreError, file};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    marker::PhantomData,
    path::PathBuf,
};

/// The rows that wait for their block, in one file beside the blocks.
#[derive(Debug)]
pub struct Journal<R> {
    path: PathBuf,
    file: Option<File>,
    rows: PhantomData<R>,
}

impl<R: Row> Journal<R> {
    /// Opens what an earlier run left, and gives its rows in the order they came.
    pub(crate) fn at(path: PathBuf) -> Result<(Journal<R>, Vec<R>), StoreError> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::io(&path, error)),
        };
        let rows: Vec<R> = text
            .split_inclusive(|byte| *byte == b'\n')
            .map_while(read)
            .collect();
        let mut journal = Journal {
            path,
            file: None,
            rows: PhantomData,
        };
        // What follows a line that is cut off would be lost to the next reader.
        journal.keep(rows.iter())?;
        Ok((journal, rows))
    }

    /// Adds a row: after this returns it survives a kill.
    ///
    /// # Errors
    /// [`StoreError::Io`], also for a full disk.
    pub fn push(&mut self, row: &R) -> Result<(), StoreError> {
        let line = line(row)?;
        let io = |error| StoreError::io(&self.path, error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    file::create_folder(folder)?;
                }
                let opened = OpenOptions::new().create(true).append(true).open(&self.path);
                self.file.insert(opened.map_err(io)?)
            }
        };
        file.write_all(&line).map_err(io)
    }

    /// Drops all rows but these; the file goes with the last one.
    pub fn keep<'a>(&mut self, rows: impl Iterator<Item = &'a R>) -> Result<(), StoreError>
    where
        R: 'a,
    {
        let mut text = Vec::new();
        for row in rows {
            text.extend(line(row)?);
        }
        self.file = None;
        if !text.is_empty() {
            return file::write(&self.path, &text);
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io(&self.path, error))
            }
            _ => Ok(()),
        }
    }
}

/// `<16 hex of the row's BLAKE3> <row>`
fn line<R: Row>(row: &R) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(row).map_err(|error| StoreError::Encode(error.to_string()))?;
    let mut line = hash(&text).into_bytes();
    line.push(b' ');
    line.extend(text);
    line.push(b'\n');
    Ok(line)
}

/// The row of a whole line.
fn read<R: Row>(line: &[u8]) -> Option<R> {
    let line = line.strip_suffix(b"\n")?;
    let (stated, text) = line.split_at_checked(16)?;
    let text = text.strip_prefix(b" ")?;
    if hash(text).as_bytes() != stated {
        return None;
    }
    serde_json::from_slice(text).ok()
}

fn hash(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..16].to_owned()
}
