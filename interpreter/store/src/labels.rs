//! What readers say of responses: rows under the key of the responses.

use crate::{StoreError, file};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

/// One reader's word on one response. The last one written counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRow {
    pub reader: String,
    pub problem: String,
    pub sample: u64,
    /// `valid`, `guess`, `ambiguous`; None takes an earlier label back.
    pub label: Option<String>,
    pub note: String,
}

/// The labels of a store: `labels/<key>/<reader>.jsonl`, one line a word, appended.
#[derive(Debug, Clone)]
pub struct Labels {
    root: PathBuf,
}

/// Labels of one set of responses: (reader, problem, sample) → row.
pub type Said = BTreeMap<(String, String, u64), LabelRow>;

/// Refuses a reader's name that cannot be a file's.
///
/// # Errors
/// [`StoreError::Reader`].
pub fn plain_reader(reader: &str) -> Result<(), StoreError> {
    let letters = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    if reader.is_empty() || reader.len() > 64 || !reader.chars().all(letters) {
        return Err(StoreError::Reader(reader.to_owned()));
    }
    Ok(())
}

impl Labels {
    /// The labels in the store at `root`.
    pub fn at(root: &Path) -> Labels {
        Labels {
            root: root.join("labels"),
        }
    }

    /// Writes one word; after this returns it survives a kill.
    ///
    /// # Errors
    /// A reader's name that is no plain name, or a folder that cannot be written.
    pub fn say(&self, key: &str, row: &LabelRow) -> Result<(), StoreError> {
        plain_reader(&row.reader)?;
        let folder = self.root.join(key);
        file::create_folder(&folder)?;
        let path = folder.join(format!("{}.jsonl", row.reader));
        let io = |error| StoreError::io(&path, error);
        let mut line = serde_json::to_string(row).map_err(|error| StoreError::Encode(error.to_string()))?;
        line.push('\n');
        // A line that a kill cut short must not swallow this one.
        if std::fs::read(&path).is_ok_and(|text| text.last().is_some_and(|last| *last != b'\n')) {
            line.insert(0, '\n');
        }
        let mut out = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(io)?;
        out.write_all(line.as_bytes()).map_err(io)?;
        out.sync_all().map_err(io)?;
        Ok(())
    }

    /// What counts: the last word of each reader on each response.
    ///
    /// # Errors
    /// A file that cannot be read. A line that is no row is passed over: a kill can cut the last one short.
    pub fn of(&self, key: &str) -> Result<Said, StoreError> {
        let mut said = Said::new();
        for path in file::list(&self.root.join(key))? {
            for line in String::from_utf8_lossy(&file::read(&path)?).lines() {
                let Ok(row) = serde_json::from_str::<LabelRow>(line) else {
                    continue;
                };
                said.insert((row.reader.clone(), row.problem.clone(), row.sample), row);
            }
        }
        said.retain(|_, row| row.label.is_some() || !row.note.is_empty());
        Ok(said)
    }

    /// By the key of each set of responses a hash of its labels, without the notes: equal where the same readers say the
    /// same of the same responses, however often they changed their minds.
    ///
    /// # Errors
    /// As [`Labels::of`].
    pub fn hashes(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut found = BTreeMap::new();
        for folder in file::list(&self.root)? {
            let key = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let mut hasher = blake3::Hasher::new();
            let mut labels = 0;
            for ((reader, problem, sample), row) in self.of(&key)? {
                let Some(label) = row.label else { continue };
                labels += 1;
                for part in [&reader, &problem, &sample.to_string(), &label] {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part.as_bytes());
                }
            }
            if labels > 0 {
                found.insert(key, hasher.finalize().to_hex().chars().take(32).collect());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic
    use super::*;

    fn row(reader: &str, label: Option<&str>) -> LabelRow {
        LabelRow {
            reader: reader.into(),
            problem: "7".into(),
            sample: 3,
            label: label.map(str::to_owned),
            note: String::new(),
        }
    }

    #[test]
    fn the_last_word_counts_and_a_torn_line_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let labels = Labels::at(folder.path());
        assert!(labels.hashes().unwrap().is_empty());
        labels.say("key", &row("anna", Some("guess"))).unwrap();
        let first = labels.hashes().unwrap();
        labels.say("key", &row("anna", Some("valid"))).unwrap();
        assert_ne!(labels.hashes().unwrap(), first);
        labels.say("key", &row("anna", Some("guess"))).unwrap();
        assert_eq!(labels.hashes().unwrap(), first, "what counts is the same again");
        labels.say("key", &row("ben", Some("ambiguous"))).unwrap();
        let path = folder.path().join("labels/key/anna.jsonl");
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend(b"{\"reader\":\"an");
        std::fs::write(&path, torn).unwrap();
        labels.say("key", &row("anna", Some("ambiguous"))).unwrap();
        let said = labels.of("key").unwrap();
        assert_eq!(said.len(), 2);
        let word = |reader: &str| said[&(reader.to_owned(), "7".to_owned(), 3)].label.clone();
        assert_eq!(word("anna").as_deref(), Some("ambiguous"));
        assert_eq!(word("ben").as_deref(), Some("ambiguous"));
        labels.say("key", &row("ben", None)).unwrap();
        assert_eq!(labels.of("key").unwrap().len(), 1);
        assert!(matches!(
            labels.say("key", &row("../ben", None)),
            Err(StoreError::Reader(_))
        ));
    }
}
