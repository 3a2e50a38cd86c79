//! Fetching what a study names from the hub into the cache.

use super::download::Client;
use super::files::is_model_file;
use super::locate::{locate_model, problem_files};
use super::{Repo, World};
use crate::error::DataError;
use rlx_language::study::{Model, ModelSource, ProblemSet, ProblemSource};
use std::fs;
use std::path::{Path, PathBuf};

/// Picks the wanted ones of a repository's files.
type Choose<'a> = &'a dyn Fn(&[String]) -> Result<Vec<String>, DataError>;

/// How far a repository's download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub repo: String,
    pub file: String,
    /// Files that are complete, and all that are wanted.
    pub files_done: usize,
    pub files: usize,
    /// Bytes of this file that are here, and its size where the hub states it.
    pub bytes: u64,
    pub size: Option<u64>,
}

/// Brings a model into the cache, file by file, and returns where it lies. What is complete is not asked for again.
/// `progress` is called after every block; false stops the download, which goes on from there another time.
///
/// # Errors
/// [`DataError`]: offline, no such repository, no access, a cut line, a wrong checksum, a full disk.
pub fn fetch_model(
    model: &Model,
    world: &World,
    progress: &mut dyn FnMut(&Progress) -> bool,
) -> Result<PathBuf, DataError> {
    let located = locate_model(model, world);
    let (ModelSource::Hub { repo, revision }, Err(DataError::NotHere { .. })) = (&model.source, &located)
    else {
        return located;
    };
    let repo = Repo::at(false, repo, revision, world)?;
    repo.fetch(
        world,
        &|names| Ok(names.iter().filter(|name| is_model_file(name)).cloned().collect()),
        progress,
    )?;
    locate_model(model, world)
}

/// Brings a hub problem set's files into the cache; nothing to do for other sources.
///
/// # Errors
/// As [`fetch_model`]; and a split that is not there.
pub fn fetch_problems(
    set: &ProblemSet,
    world: &World,
    progress: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Vec<PathBuf>, DataError> {
    let located = problem_files(set, world);
    let ProblemSource::Hub {
        repo,
        revision,
        config,
        split,
    } = &set.source
    else {
        return located;
    };
    let repo = Repo::at(true, repo, revision, world)?;
    // A snapshot may hold some splits or some shards only, so a split counts as here when the fetch that brought it
    // noted so.
    if located.is_ok() && (repo.is_noted(world, config.as_deref(), split) || world.offline()) {
        return located;
    }
    match repo.fetch(
        world,
        &|names| repo.split(names, config.as_deref(), split),
        progress,
    ) {
        Ok(()) => repo.note(world, config.as_deref(), split)?,
        // Another program put it there, and the hub is out of reach: what is here is used.
        Err(DataError::Transfer { .. }) if located.is_ok() => return located,
        Err(error) => return Err(error),
    }
    problem_files(set, world)
}

impl Repo {
    fn note_file(&self, world: &World, config: Option<&str>, split: &str) -> PathBuf {
        let name = format!("{} {} {split}", self.revision, config.unwrap_or_default());
        self.folder(world)
            .join(".rlx")
            .join(&blake3::hash(name.as_bytes()).to_hex()[..16])
    }

    fn is_noted(&self, world: &World, config: Option<&str>, split: &str) -> bool {
        self.note_file(world, config, split).is_file()
    }

    fn note(&self, world: &World, config: Option<&str>, split: &str) -> Result<(), DataError> {
        write_whole(&self.note_file(world, config, split), b"complete\n")
    }

    fn fetch(
        &self,
        world: &World,
        choose: Choose,
        progress: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<(), DataError> {
        let client = Client::new(world);
        let (kind, prefix) = if self.dataset {
            ("datasets", "datasets/")
        } else {
            ("models", "")
        };
        let endpoint = world.endpoint();
        let revision = self.revision.replace('/', "%2F");
        let listing = format!("{endpoint}/api/{kind}/{}/revision/{revision}", self.id);
        if world.offline() {
            return Err(DataError::Offline { url: listing });
        }
        let (commit, names) = client.listing(&listing)?;
        let wanted = choose(&names)?;
        let folder = self.folder(world);
        let snapshot = folder.join("snapshots").join(&commit);
        make_folder(&snapshot)?;
        // The reference comes first, so that an interrupted download goes on with the same commit's files.
        if self.revision != commit {
            write_whole(&folder.join("refs").join(&self.revision), commit.as_bytes())?;
        }
        let mut state = Progress {
            repo: self.id.clone(),
            file: String::new(),
            files_done: 0,
            files: wanted.len(),
            bytes: 0,
            size: None,
        };
        for name in &wanted {
            let target = snapshot.join(name);
            state.file = name.clone();
            if !target.is_file() {
                let url = format!("{endpoint}/{prefix}{}/resolve/{commit}/{}", self.id, escape(name));
                let blob = client.blob(&url, &folder.join("blobs"), &mut |bytes, size| {
                    (state.bytes, state.size) = (bytes, size);
                    progress(&state)
                })?;
                link(&blob, &target, name)?;
            }
            state.files_done += 1;
            (state.bytes, state.size) = (0, None);
        }
        Ok(())
    }
}

/// Percent-encodes what a file's name may hold beyond plain characters; slashes stay.
fn escape(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-~".contains(&b);
    name.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn make_folder(folder: &Path) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|e| DataError::io(folder, e))
}

fn write_whole(path: &Path, content: &[u8]) -> Result<(), DataError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, content).map_err(|e| DataError::io(&temporary, e))?;
    fs::rename(&temporary, path).map_err(|e| DataError::io(path, e))
}

/// `snapshots/<commit>/<name>` as a relative link to the blob; a copy where links are not to be had.
fn link(blob: &Path, target: &Path, name: &str) -> Result<(), DataError> {
    if let Some(folder) = target.parent() {
        make_folder(folder)?;
    }
    let _ = fs::remove_file(target);
    let up = "../".repeat(name.matches('/').count() + 2);
    let file = blob
        .file_name()
        .map(|file| file.to_string_lossy().into_owned())
        .unwrap_or_default();
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(format!("{up}blobs/{file}"), target);
    #[cfg(not(unix))]
    let linked: std::io::Result<()> = Err(std::io::Error::other(format!("{up}{file}")));
    match linked {
        Ok(()) => Ok(()),
        Err(_) => fs::copy(blob, target)
            .map(|_| ())
            .map_err(|e| DataError::io(target, e)),
    }
}
