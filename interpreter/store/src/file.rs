//! Files that are there whole or not at all.

use crate::StoreError;
use serde::Serialize;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// Creates a folder with its parents.
pub fn create_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|error| StoreError::io(path, error))
}

/// The entries of a folder, sorted; none when it is not there.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io(path, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| StoreError::io(path, error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|error| StoreError::io(path, error))
}

/// Writes a file beside its place, syncs it and moves it there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let result = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        if let Some(folder) = path.parent() {
            // Of `study.lock` it is the empty path, which cannot be opened.
            let here = Path::new(".");
            let folder = if folder.as_os_str().is_empty() {
                here
            } else {
                folder
            };
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    })();
    result.map_err(|error| {
        // What is half written helps nobody, and on a full disk it is in the way.
        let _ = fs::remove_file(&temporary);
        StoreError::io(path, error)
    })
}

/// Writes indented JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| StoreError::Encode(error.to_string()))?;
    text.push(b'\n');
    write(path, &text)
}
