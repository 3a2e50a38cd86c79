//! Pins: a content hash of what a source is, wherever it lies. Step keys are made of pins, not of paths.

use crate::error::DataError;
use crate::hub::{self, World};
use crate::load::local_file;
use crate::{picture, table, tasks};
use indexmap::IndexMap;
use rlx_language::study::{Model, ModelSource, ProblemSet, ProblemSource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Changes whenever the same options and seed give other problems.
const COUNTDOWN: &str = "countdown/1";

/// Remembers file hashes by path, size and modification time, so that a second run reads no weights.
#[derive(Debug, Default)]
pub struct PinCache {
    file: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    hash: String,
}

impl PinCache {
    /// Nothing is remembered.
    pub fn none() -> Self {
        PinCache::default()
    }

    /// Remembers in `file`. A missing or unreadable one counts as empty: the cache only saves time.
    pub fn open(file: &Path) -> Self {
        let entries = fs::read_to_string(file)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        PinCache {
            file: Some(file.to_owned()),
            entries,
            changed: false,
        }
    }

    /// Writes what was learnt, by way of a temporary file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&mut self) -> Result<(), DataError> {
        let Some(file) = self.file.as_ref().filter(|_| self.changed) else {
            return Ok(());
        };
        let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
        let text = serde_json::to_string(&self.entries)
            .map_err(|e| DataError::io(&temporary, std::io::Error::other(e)))?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|e| DataError::io(folder, e))?;
        }
        let written = File::create(&temporary).and_then(|mut out| out.write_all(text.as_bytes()));
        written.map_err(|e| DataError::io(&temporary, e))?;
        fs::rename(&temporary, file).map_err(|e| DataError::io(file, e))?;
        self.changed = false;
        Ok(())
    }

    /// BLAKE3 of a file's content.
    fn file_hash(&mut self, path: &Path) -> Result<String, DataError> {
        let real = fs::canonicalize(path).map_err(|e| DataError::io(path, e))?;
        let metadata = fs::metadata(&real).map_err(|e| DataError::io(path, e))?;
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as u64);
        let key = real.to_string_lossy().into_owned();
        if let Some(entry) = self.entries.get(&key)
            && (entry.size, entry.modified) == (metadata.len(), modified)
            && modified != 0
        {
            return Ok(entry.hash.clone());
        }
        let mut hasher = blake3::Hasher::new();
        let file = File::open(&real).map_err(|e| DataError::io(path, e))?;
        hasher.update_reader(file).map_err(|e| DataError::io(path, e))?;
        let hash = hasher.finalize().to_hex().to_string();
        self.entries.insert(
            key,
            Entry {
                size: metadata.len(),
                modified,
                hash: hash.clone(),
            },
        );
        self.changed = true;
        Ok(hash)
    }
}

/// The content hash of a file, or of a folder's files with their names (hidden files left out). 64 hexadecimal digits.
///
/// # Errors
/// What cannot be read.
pub fn pin(path: &Path, cache: &mut PinCache) -> Result<String, DataError> {
    if !path.is_dir() {
        return cache.file_hash(path);
    }
    let files = hub::files_below(path)?;
    pin_files(path, &files, cache)
}

fn pin_files(root: &Path, files: &[String], cache: &mut PinCache) -> Result<String, DataError> {
    let mut hasher = blake3::Hasher::new();
    for name in files {
        let hash = cache.file_hash(&root.join(name))?;
        hasher
            .update(&(name.len() as u64).to_le_bytes())
            .update(name.as_bytes())
            .update(hash.as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The content hash of a model: of the files that the engine reads (weights, configuration, tokenizer); a changed
/// README is no other model. For fresh weights that of the tokenizer (the architecture is part of the study).
///
/// # Errors
/// The model is not on this machine, or cannot be read.
pub fn pin_model(model: &Model, world: &World, cache: &mut PinCache) -> Result<String, DataError> {
    let path = hub::locate_model(model, world)?;
    match &model.source {
        ModelSource::Init { .. } => pin(&path, cache),
        ModelSource::Path { .. } | ModelSource::Hub { .. } if path.is_dir() => {
            let files: Vec<String> = hub::files_below(&path)?
                .into_iter()
                .filter(|name| hub::is_model_file(name))
                .collect();
            pin_files(&path, &files, cache)
        }
        _ => pin(&path, cache),
    }
}

/// The content hash of a problem set's source, those of the sets that it excludes included. What the study itself says
/// of them (columns, seeds, limits) is not in it.
///
/// # Errors
/// As [`crate::load`].
pub fn pin_problems(
    name: &str,
    sets: &IndexMap<String, ProblemSet>,
    world: &World,
    cache: &mut PinCache,
) -> Result<String, DataError> {
    pin_problems_within(name, sets, world, cache, &mut Vec::new())
}

/// The content hash of the files that hold a problem set's rows, or of what makes them. What the set excludes is not in it.
///
/// # Errors
/// The rows are not on this machine, or cannot be read.
pub fn pin_rows(set: &ProblemSet, world: &World, cache: &mut PinCache) -> Result<String, DataError> {
    Ok(match &set.source {
        ProblemSource::Task { task, .. } => {
            let version = if task == "countdown" {
                COUNTDOWN
            } else {
                tasks::VERSION
            };
            blake3::hash(version.as_bytes()).to_hex().to_string()
        }
        ProblemSource::Path { path } => cache.file_hash(&local_file(Path::new(path))?)?,
        ProblemSource::Hub { .. } => {
            let mut hasher = blake3::Hasher::new();
            for file in hub::problem_files(set, world)? {
                hasher.update(cache.file_hash(&file)?.as_bytes());
            }
            hasher.finalize().to_hex().to_string()
        }
    })
}

/// The content hash of the picture files that a problem set's rows name, one that is not here included by its name; None
/// for a set without pictures. Pictures within the rows are in [`pin_rows`].
///
/// # Errors
/// The rows are not on this machine, or cannot be read.
pub fn pin_pictures(
    set: &ProblemSet,
    world: &World,
    cache: &mut PinCache,
) -> Result<Option<String>, DataError> {
    if set.image.is_empty() {
        return Ok(None);
    }
    let files = match &set.source {
        ProblemSource::Task { .. } => return Ok(None),
        ProblemSource::Path { path } => vec![local_file(Path::new(path))?],
        ProblemSource::Hub { .. } => hub::problem_files(set, world)?,
    };
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        table::read(&file, |row| {
            let found = picture::cell(&set.image, &row).and_then(|(value, _)| picture::told(value, &folder));
            for told in found.into_iter().flatten() {
                if let picture::Told::File(name) = told {
                    let path = folder.join(&name);
                    let hash = match path.is_file() {
                        true => cache.file_hash(&path)?,
                        false => "absent".to_owned(),
                    };
                    hasher
                        .update(&(name.len() as u64).to_le_bytes())
                        .update(name.as_bytes())
                        .update(hash.as_bytes());
                }
            }
            Ok(true)
        })?;
    }
    Ok(Some(hasher.finalize().to_hex().to_string()))
}

fn pin_problems_within(
    name: &str,
    sets: &IndexMap<String, ProblemSet>,
    world: &World,
    cache: &mut PinCache,
    ring: &mut Vec<String>,
) -> Result<String, DataError> {
    let set = sets
        .get(name)
        .ok_or_else(|| DataError::UnknownSet { set: name.to_owned() })?;
    if ring.iter().any(|outer| outer == name) {
        ring.push(name.to_owned());
        return Err(DataError::ExclusionRing {
            ring: ring.join(" → "),
        });
    }
    let mut own = pin_rows(set, world, cache)?;
    if let Some(pictures) = pin_pictures(set, world, cache)? {
        own = blake3::hash(format!("{own} {pictures}").as_bytes())
            .to_hex()
            .to_string();
    }
    if set.exclude.is_empty() {
        return Ok(own);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(own.as_bytes());
    ring.push(name.to_owned());
    for other in &set.exclude {
        hasher.update(pin_problems_within(other, sets, world, cache, ring)?.as_bytes());
    }
    ring.pop();
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_follow_names_and_content_and_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("model");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("a.txt"), "one").unwrap();
        fs::write(root.join("sub/b.txt"), "two").unwrap();
        fs::write(root.join(".hidden"), "x").unwrap();
        let file = folder.path().join("cache/pins.json");
        let mut cache = PinCache::open(&file);
        let first = pin(&root, &mut cache).unwrap();
        cache.save().unwrap();

        let mut again = PinCache::open(&file);
        assert_eq!(again.entries.len(), 2);
        assert_eq!(pin(&root, &mut again).unwrap(), first);
        assert!(!again.changed, "nothing was read again");
        assert_eq!(pin(&root, &mut PinCache::none()).unwrap(), first);

        fs::write(root.join(".hidden"), "y").unwrap();
        assert_eq!(pin(&root, &mut again).unwrap(), first);
        fs::write(root.join("sub/b.txt"), "three").unwrap();
        let changed = pin(&root, &mut again).unwrap();
        assert_ne!(changed, first);
        fs::rename(root.join("sub/b.txt"), root.join("sub/c.txt")).unwrap();
        assert_ne!(pin(&root, &mut again).unwrap(), changed);
        assert!(
            pin(&root.join("none"), &mut again)
                .unwrap_err()
                .to_string()
                .contains("none")
        );
    }
}
