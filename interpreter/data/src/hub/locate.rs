//! Finding models and data sets that are on this machine already.

use super::files::{Split, files_below, is_weights, split_files};
use super::{Repo, World};
use crate::error::DataError;
use rlx_language::study::{Model, ModelSource, ProblemSet, ProblemSource};
use std::fs;
use std::path::{Path, PathBuf};

impl Repo {
    /// The folder of the revision's snapshot, where the cache has one.
    pub(super) fn snapshot(&self, world: &World) -> Option<PathBuf> {
        let folder = self.folder(world);
        let commit = match fs::read_to_string(folder.join("refs").join(&self.revision)) {
            Ok(commit) => commit.trim().to_owned(),
            // A commit is its own name.
            Err(_) => self.revision.clone(),
        };
        let plain = !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric());
        let snapshot = folder.join("snapshots").join(commit);
        (plain && snapshot.is_dir()).then_some(snapshot)
    }

    pub(super) fn not_here(&self, missing: &str, world: &World, mend: String) -> DataError {
        DataError::NotHere {
            kind: self.kind(),
            repo: self.label(),
            missing: missing.to_owned(),
            cache: self.folder(world),
            mend,
        }
    }
}

fn mend(name: &str, what: &str) -> String {
    format!("run `rlx fetch FILE`, or name {what} on this machine with `--set {name}.source=\"PATH\"`")
}

/// The commit that a revision of a model's (or a data set's) repository stands for on this machine; None where the
/// cache does not have it. No network.
pub fn commit(dataset: bool, repo: &str, revision: &str, world: &World) -> Option<String> {
    let snapshot = Repo::at(dataset, repo, revision, world).ok()?.snapshot(world)?;
    Some(snapshot.file_name()?.to_str()?.to_owned())
}

/// The model's folder or `.gguf` file on this machine; for fresh weights the folder of the tokenizer. No network.
///
/// # Errors
/// [`DataError::NotHere`] names repository, missing files and what to do; [`DataError::Source`] a path that is not there.
pub fn locate_model(model: &Model, world: &World) -> Result<PathBuf, DataError> {
    match &model.source {
        ModelSource::Path { path } => existing(path, &model.name, "a Hugging Face folder or a .gguf file"),
        ModelSource::Init { tokenizer, .. } => existing(tokenizer, &model.name, "the tokenizer's folder"),
        ModelSource::Responses { recorded } => existing(&recorded.path, &model.name, "a file of responses"),
        ModelSource::Endpoint { endpoint } => Err(DataError::Source {
            path: PathBuf::from(&endpoint.url),
            what: format!("`{}` is behind a server and has no files", model.name),
            mend: "name a folder, a .gguf file or a repository of the hub where weights are wanted"
                .to_owned(),
        }),
        ModelSource::Hub { repo, revision } => {
            let repo = Repo::at(false, repo, revision, world)?;
            let mend = || mend(&model.name, "a folder or .gguf file");
            let Some(snapshot) = repo.snapshot(world) else {
                return Err(repo.not_here("all of its files are", world, mend()));
            };
            let missing = missing_model_files(&snapshot)?;
            if missing.is_empty() {
                Ok(snapshot)
            } else {
                let verb = if missing.len() == 1 { "is" } else { "are" };
                Err(repo.not_here(&format!("{} {verb}", missing.join(", ")), world, mend()))
            }
        }
    }
}

fn existing(path: &str, name: &str, what: &str) -> Result<PathBuf, DataError> {
    let path = PathBuf::from(path);
    if path.exists() {
        return Ok(path);
    }
    let mend = format!("`{name}` needs {what} there, or another place with `--set {name}.source=\"PATH\"`");
    Err(DataError::Source {
        path,
        what: "there is nothing here".to_owned(),
        mend,
    })
}

/// What a snapshot lacks to be opened: configuration, tokenizer, weights (every shard that the index lists).
pub(super) fn missing_model_files(snapshot: &Path) -> Result<Vec<String>, DataError> {
    let mut missing: Vec<String> = ["config.json", "tokenizer.json"]
        .into_iter()
        .filter(|name| !snapshot.join(name).is_file())
        .map(str::to_owned)
        .collect();
    let index = snapshot.join("model.safetensors.index.json");
    if index.is_file() {
        for shard in shards(&index)? {
            if !snapshot.join(&shard).is_file() {
                missing.push(shard);
            }
        }
    } else if !files_below(snapshot)?.iter().any(|name| is_weights(name)) {
        missing.push("model.safetensors".to_owned());
    }
    Ok(missing)
}

/// The weight files that an index names, sorted.
fn shards(index: &Path) -> Result<Vec<String>, DataError> {
    let text = fs::read_to_string(index).map_err(|e| DataError::io(index, e))?;
    let bad = |what: String| DataError::Source {
        path: index.to_owned(),
        what,
        mend: "remove the file and fetch it again".to_owned(),
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| bad(format!("not JSON: {e}")))?;
    let map = value.get("weight_map").and_then(|map| map.as_object());
    let map = map.ok_or_else(|| bad("no `weight_map` in it".to_owned()))?;
    let mut names: Vec<String> = map
        .values()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    if names.iter().any(|name| name.contains('/') || name.contains('\\')) {
        return Err(bad("it names files outside its folder".to_owned()));
    }
    Ok(names)
}

/// Whether the rows of a hub's problem set are in the cache; true for every other source.
pub fn have_problems(set: &ProblemSet, world: &World) -> bool {
    problem_files(set, world).is_ok()
}

/// The files of a hub problem set's split, in order. Empty for other sources. No network.
pub(crate) fn problem_files(set: &ProblemSet, world: &World) -> Result<Vec<PathBuf>, DataError> {
    let ProblemSource::Hub {
        repo,
        revision,
        config,
        split,
    } = &set.source
    else {
        return Ok(Vec::new());
    };
    let repo = Repo::at(true, repo, revision, world)?;
    let snapshot = repo.snapshot(world);
    let names = snapshot
        .as_deref()
        .map(files_below)
        .transpose()?
        .unwrap_or_default();
    let Some(snapshot) = snapshot.filter(|_| !names.is_empty()) else {
        let missing = format!("split `{split}` is");
        return Err(repo.not_here(&missing, world, mend(&set.name, "a JSON lines file")));
    };
    let files = repo.split(&names, config.as_deref(), split)?;
    Ok(files.into_iter().map(|name| snapshot.join(name)).collect())
}

impl Repo {
    /// The names of a split's files among those of the repository.
    pub(super) fn split(
        &self,
        names: &[String],
        config: Option<&str>,
        split: &str,
    ) -> Result<Vec<String>, DataError> {
        match split_files(names, config, split) {
            Split::Files(files) => Ok(files),
            Split::None => Err(DataError::NoSplit {
                repo: self.label(),
                split: split.to_owned(),
                config: config
                    .map(|config| format!(" of configuration `{config}`"))
                    .unwrap_or_default(),
                files: listing(names),
            }),
        }
    }
}

fn listing(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        _ if names.len() <= 20 => names.join(", "),
        _ => format!("{}, … ({} in all)", names[..20].join(", "), names.len()),
    }
}
