//! rlx-store: the rows on disk.
//!
//! Between Plan and tables on the way text → Ast → Study → Plan → **rows** → tables, figures, verdicts. The only crate that
//! writes results. Everything lies under the key of the step that made it:
//!
//! ```text
//! samples/<key>/rows-000000-<hash>.jsonl   one line a response
//! samples/<key>/drawn.jsonl                 those whose block is not whole yet, while they are drawn
//! verdicts/<key>/…                         one line a verdict
//! scores/<key>/…                           one line a scored response
//! labels/<key>/<reader>.jsonl              what a reader says of responses, one line a word
//! searches/<key>/looks.json                 temperatures that a search looked at, with their entropies
//! training/<key>/                          checkpoints, metrics, resume state; done.json when finished
//! ```

pub mod file;
mod journal;
mod labels;
mod rows;
mod table;

pub use journal::Journal;
pub use labels::{LabelRow, Labels, Said, plain_reader};
pub use rows::{Finish, Response, Row, ScoreRow, VerdictRow};
pub use table::{Table, problems_hash};

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Something that kept the store from being read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {error}", path = path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path} is damaged: {what}", path = path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("a row cannot be written as JSON: {0}")]
    Encode(String),
    #[error("another rlx is at work in {path}", path = path.display())]
    Busy { path: PathBuf },
    #[error("`{0}` cannot be a reader's name: use letters, digits, `-` and `_`")]
    Reader(String),
}

impl StoreError {
    pub(crate) fn io(path: &Path, error: std::io::Error) -> StoreError {
        StoreError::Io {
            path: path.to_owned(),
            error,
        }
    }

    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            StoreError::Io { error, .. } if error.kind() == std::io::ErrorKind::StorageFull => {
                "free some space (`rlx gc` removes what no study needs) and run the same command again: finished work is kept".into()
            }
            StoreError::Io { .. } => "check that the folder exists and may be written, then run the same command again".into(),
            StoreError::Damaged { path, .. } => {
                format!("remove {} and run the same command again: only its rows are drawn anew", path.display())
            }
            StoreError::Encode(_) => "this is a defect of rlx: please report it".into(),
            StoreError::Busy { .. } => "wait for it to end, or give this run a store of its own with `--store DIR`".into(),
            StoreError::Reader(_) => "for example `--reader anna`".into(),
        }
    }
}

/// A folder of results.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Held while the store may be written; the system drops it with the process, however that ends.
    _lock: Option<File>,
}

impl Store {
    /// Opens a store for reading and writing; creates it if it is not there. One process at a time.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process holds it, [`StoreError::Io`] when it cannot be made.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        file::create_folder(root)?;
        let path = root.join("lock");
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| StoreError::io(&path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StoreError::Busy {
                    path: root.to_owned(),
                });
            }
            Err(fs::TryLockError::Error(error)) => return Err(StoreError::io(&path, error)),
        }
        Ok(Store {
            root: root.to_owned(),
            _lock: Some(lock),
        })
    }

    /// Opens a store for reading only; it need not exist.
    pub fn read_only(root: &Path) -> Store {
        Store {
            root: root.to_owned(),
            _lock: None,
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn samples(&self, key: &str) -> Table<Response> {
        Table::at(self.root.join("samples").join(key))
    }

    pub fn verdicts(&self, key: &str) -> Table<VerdictRow> {
        Table::at(self.root.join("verdicts").join(key))
    }

    pub fn scores(&self, key: &str) -> Table<ScoreRow> {
        Table::at(self.root.join("scores").join(key))
    }

    /// What readers said of responses.
    pub fn labels(&self) -> Labels {
        Labels::at(&self.root)
    }

    /// The working folder of a training.
    pub fn training(&self, key: &str) -> PathBuf {
        self.root.join("training").join(key)
    }

    /// The notes of a search for a temperature; what it drew lies with the samples.
    pub fn search(&self, key: &str) -> PathBuf {
        self.root.join("searches").join(key)
    }

    /// Every step folder in the store: (kind, key, path), sorted.
    pub fn folders(&self) -> Result<Vec<(String, String, PathBuf)>, StoreError> {
        let mut folders = Vec::new();
        for kind in ["samples", "scores", "searches", "training", "verdicts"] {
            for path in file::list(&self.root.join(kind))? {
                let key = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                folders.push((kind.to_owned(), key, path));
            }
        }
        Ok(folders)
    }

    /// Removes one step folder.
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        fs::remove_dir_all(path).map_err(|error| StoreError::io(path, error))
    }
}
