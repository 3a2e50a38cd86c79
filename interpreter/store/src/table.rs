//! A table: rows of one kind under one key, written a block at a time.
//!
//! A block is one file, `rows-000007-<16 hex of its BLAKE3>.jsonl`. It is written beside, synced and renamed, so it is
//! there whole or not at all; the hash in its name finds a flipped byte. `complete.json` says for which problems and
//! how many samples the table is known to be whole, so that a finished step is recognised without reading its rows.

use crate::{Journal, Row, StoreError, file};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// Rows of type `R` in a folder of the store.
#[derive(Debug)]
pub struct Table<R> {
    folder: PathBuf,
    rows: PhantomData<R>,
}

/// What a table holds without reading it: see [`Table::complete_for`].
#[derive(Debug, Default, Serialize, Deserialize)]
struct Complete {
    /// Hash of the problem ids → samples a problem.
    wanted: BTreeMap<String, u64>,
}

/// Hash of a list of problem ids, in order.
pub fn problems_hash<'a>(problems: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = blake3::Hasher::new();
    for problem in problems {
        hasher.update(&(problem.len() as u64).to_le_bytes());
        hasher.update(problem.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

impl<R: Row> Table<R> {
    pub(crate) fn at(folder: PathBuf) -> Table<R> {
        Table {
            folder,
            rows: PhantomData,
        }
    }

    /// The folder of the blocks.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files of the blocks in the order they were written.
    fn blocks(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut blocks = Vec::new();
        for path in file::list(&self.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("rows-") && name.ends_with(".jsonl") {
                blocks.push(path);
            }
        }
        blocks.sort();
        Ok(blocks)
    }

    /// All rows, ordered by problem and sample. Of two rows for the same sample the one written first counts.
    ///
    /// # Errors
    /// A block that cannot be read, whose hash is not the one in its name, or that holds a line that is no row.
    pub fn read(&self) -> Result<Vec<R>, StoreError> {
        let mut rows: BTreeMap<(String, u64), R> = BTreeMap::new();
        self.each(&mut |row| {
            rows.entry((row.problem().to_owned(), row.sample()))
                .or_insert(row);
        })?;
        Ok(rows.into_values().collect())
    }

    /// The samples that are there. Rows are looked at one block at a time.
    pub fn present(&self) -> Result<BTreeSet<(String, u64)>, StoreError> {
        let mut present = BTreeSet::new();
        self.each(&mut |row| {
            present.insert((row.problem().to_owned(), row.sample()));
        })?;
        Ok(present)
    }

    /// All rows in the order they were written.
    fn each(&self, found: &mut dyn FnMut(R)) -> Result<(), StoreError> {
        for block in self.blocks()? {
            let text = file::read(&block)?;
            let name = block
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let stated = name
                .trim_end_matches(".jsonl")
                .rsplit('-')
                .next()
                .unwrap_or_default();
            if stated != block_hash(&text) {
                return Err(StoreError::Damaged {
                    path: block,
                    what: "its content does not have the hash in its name".into(),
                });
            }
            for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
                if line.is_empty() {
                    continue;
                }
                let row: R = serde_json::from_slice(line).map_err(|error| StoreError::Damaged {
                    path: block.clone(),
                    what: format!("line {}: {error}", at + 1),
                })?;
                found(row);
            }
        }
        Ok(())
    }

    /// The rows that wait for their block, and a place to write more of them: see [`Journal`].
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn journal(&self) -> Result<(Journal<R>, Vec<R>), StoreError> {
        Journal::at(self.folder.join("drawn.jsonl"))
    }

    /// Writes `rows` as one block: after this returns they survive a kill or a power cut.
    ///
    /// # Errors
    /// [`StoreError::Io`], also for a full disk; what was written before stays.
    pub fn append(&self, rows: &[R]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row).map_err(|error| StoreError::Encode(error.to_string()))?;
            text.push(b'\n');
        }
        file::create_folder(&self.folder)?;
        let last = self.blocks()?.last().and_then(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            name.split('-').nth(1)?.parse::<u64>().ok()
        });
        let name = format!(
            "rows-{:06}-{}.jsonl",
            last.map_or(0, |last| last + 1),
            block_hash(&text)
        );
        file::write(&self.folder.join(name), &text)
    }

    /// True when the table was marked complete for exactly these problems with at least `samples` samples each.
    pub fn complete_for(&self, problems: &str, samples: u64) -> Result<bool, StoreError> {
        Ok(self
            .completed()?
            .wanted
            .get(problems)
            .is_some_and(|have| *have >= samples))
    }

    /// Marks the table complete for the problems with this [`problems_hash`].
    pub fn mark_complete(&self, problems: &str, samples: u64) -> Result<(), StoreError> {
        let mut complete = self.completed()?;
        let have = complete.wanted.entry(problems.to_owned()).or_insert(0);
        *have = samples.max(*have);
        file::create_folder(&self.folder)?;
        file::write_json(&self.folder.join("complete.json"), &complete)
    }

    fn completed(&self) -> Result<Complete, StoreError> {
        let path = self.folder.join("complete.json");
        match fs::read(&path) {
            // A mark that cannot be read is no mark: the rows are counted again.
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Complete::default()),
            Err(error) => Err(StoreError::io(&path, error)),
        }
    }
}

fn block_hash(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..16].to_owned()
}
