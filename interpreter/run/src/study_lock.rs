//! `<study>.lock`: what a study stands on, by content. It lies beside the study's file and is kept with it.
//!
//! Models and data are pinned when they are first seen and never change silently after: other content under the same
//! name is an error until the lock is told to take it. The commit that a branch of the hub stood for is pinned too, and
//! another machine fetches that very commit. Texts that the study imports, the standard library among them, are under
//! version control themselves: a run notes what they are, and the difference shows where the lock is kept.

use crate::{RunError, World};
use rlx_data::PinCache;
use rlx_language::{ModelSource, Origin, ProblemSource, Study};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

const VERSION: u32 = 1;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyLock {
    /// Of this format.
    version: u32,
    /// The version of rlx that wrote it.
    pub rlx: String,
    /// BLAKE3 of each part of the standard library.
    #[serde(default)]
    pub library: BTreeMap<String, String>,
    /// BLAKE3 of each file that the study imports.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Models and adapters by where they come from.
    #[serde(default)]
    pub models: BTreeMap<String, Pinned>,
    /// Problems by where they come from.
    #[serde(default)]
    pub problems: BTreeMap<String, Pinned>,
}

/// What lay at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// BLAKE3 of the files that are read, as [`rlx_data::pin_model`] and [`rlx_data::pin_problems`] make it.
    pub hash: String,
    /// The commit on the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What is another thing now than when it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// `model`, `problems`, `file`, `library`
    pub kind: &'static str,
    pub name: String,
    /// None: it was not locked.
    pub locked: Option<String>,
    /// None: it is not needed any more.
    pub found: Option<String>,
}

impl Drift {
    /// Whether results would silently become others: the content of something that is locked changed.
    pub fn is_content(&self) -> bool {
        matches!(self.kind, "model" | "problems") && self.locked.is_some() && self.found.is_some()
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |hash: &Option<String>| {
            hash.as_ref()
                .map(|hash| hash.chars().take(12).collect::<String>())
        };
        let Drift { kind, name, .. } = self;
        match (short(&self.locked), short(&self.found)) {
            (Some(locked), Some(found)) => write!(f, "{kind} {name}: locked as {locked}, now {found}"),
            (None, Some(found)) => write!(f, "{kind} {name}: new, {found}"),
            (Some(locked), None) => write!(f, "{kind} {name}: locked as {locked}, not used any more"),
            (None, None) => write!(f, "{kind} {name}"),
        }
    }
}

/// Where the lock of a study's file lies: `experiments/aime.lock`.
pub fn path(file: &Path) -> PathBuf {
    file.with_extension("lock")
}

impl StudyLock {
    /// The lock of a study's file; None when it has none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(file: &Path) -> Result<Option<StudyLock>, RunError> {
        let path = path(file);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&path, &error.to_string())),
        };
        let lock: StudyLock =
            serde_json::from_slice(&text).map_err(|error| unreadable(&path, &error.to_string()))?;
        if lock.version != VERSION {
            let why = format!("its format is {}, and this rlx knows {VERSION}", lock.version);
            return Err(unreadable(&path, &why));
        }
        Ok(Some(lock))
    }

    /// Commits that branches of the hub are held at: `hf:org/name@main` → commit.
    pub fn commits(&self) -> BTreeMap<String, String> {
        self.models
            .iter()
            .chain(&self.problems)
            .filter_map(|(name, pinned)| {
                // Of a data set, configuration and split follow the revision.
                let repo = name.split(' ').next().unwrap_or(name);
                Some((repo.to_owned(), pinned.commit.clone()?))
            })
            .collect()
    }

    /// What `study`, read from `file`, stands on as far as it lies on this machine. `texts` are the other files that it
    /// was read from, by name. What a `--set` put in the place of what is written is left out: it belongs to one run.
    /// With it come the names of the models and problem sets that are not here.
    ///
    /// # Errors
    /// A model or data file that is there but cannot be read.
    pub fn of(
        study: &Study,
        file: &Path,
        texts: &BTreeMap<String, String>,
        world: &World,
        pin_cache: &Path,
        rlx: &str,
    ) -> Result<(StudyLock, Vec<String>), RunError> {
        let mut missing = Vec::new();
        let mut cache = PinCache::open(pin_cache);
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut models = BTreeMap::new();
        for (name, model) in &study.models {
            // Of what a server holds there is no content to pin.
            if was_set(study, name) || matches!(model.source, ModelSource::Endpoint { .. }) {
                continue;
            }
            if let Some(adapter) = &model.adapter
                && Path::new(adapter).exists()
            {
                let hash = rlx_data::pin(Path::new(adapter), &mut cache)?;
                models.insert(seen_from(folder, adapter), Pinned { hash, commit: None });
            }
            if world.model_path(model).is_err() {
                missing.push(name.clone());
                continue;
            }
            let hash = rlx_data::pin_model(model, world.place(), &mut cache)?;
            let (place, commit) = match &model.source {
                ModelSource::Hub { repo, revision } => (
                    format!("hf:{repo}@{revision}"),
                    rlx_data::commit(false, repo, revision, world.place()),
                ),
                ModelSource::Path { path } => (seen_from(folder, path), None),
                ModelSource::Init { tokenizer, .. } => (seen_from(folder, tokenizer), None),
                ModelSource::Responses { recorded } => (seen_from(folder, &recorded.path), None),
                ModelSource::Endpoint { .. } => continue,
            };
            models.insert(place, Pinned { hash, commit });
        }
        let mut problems = BTreeMap::new();
        for (name, set) in &study.problem_sets {
            if was_set(study, name) {
                continue;
            }
            let (place, commit) = match &set.source {
                ProblemSource::Hub {
                    repo,
                    revision,
                    config,
                    split,
                } => {
                    let part: String = config.iter().map(|config| format!(" {config}")).collect();
                    (
                        format!("hf:{repo}@{revision}{part} {split}"),
                        rlx_data::commit(true, repo, revision, world.place()),
                    )
                }
                ProblemSource::Path { path } => (seen_from(folder, path), None),
                ProblemSource::Task { task, .. } => (task.clone(), None),
            };
            if let Some(command) = &set.command
                && Path::new(&command.path).exists()
            {
                let hash = rlx_data::pin(Path::new(&command.path), &mut cache)?;
                let place = seen_from(folder, &command.path);
                problems.insert(place, Pinned { hash, commit: None });
            }
            // The same rows without their pictures are another thing.
            let place = match set.image.is_empty() {
                true => place,
                false => format!("{place} with pictures"),
            };
            // The sets that it excludes are pinned by themselves.
            let mut alone = set.clone();
            alone.exclude.clear();
            let sets = [(name.clone(), alone)].into_iter().collect();
            // What is not here cannot be pinned yet; whether it can be read is said where it is read.
            match rlx_data::pin_problems(name, &sets, world.place(), &mut cache) {
                Ok(hash) => {
                    problems.insert(place, Pinned { hash, commit });
                }
                Err(_) => missing.push(name.clone()),
            }
        }
        // The cache only saves time.
        let _ = cache.save();
        let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
        let lock = StudyLock {
            version: VERSION,
            rlx: rlx.to_owned(),
            library: rlx_language::standard_library()
                .map(|(name, text)| (name.to_owned(), hash(text)))
                .collect(),
            files: texts
                .iter()
                .map(|(name, text)| (seen_from(folder, name), hash(text)))
                .collect(),
            models,
            problems,
        };
        Ok((lock, missing))
    }

    /// What differs between this lock and what is found now. What was locked and is not found is told of texts only:
    /// a model that only another profile uses, or that is not on this machine, stays locked.
    pub fn drift(&self, now: &StudyLock) -> Vec<Drift> {
        let mut drifts = Vec::new();
        for (kind, locked, found) in [
            ("model", &self.models, &now.models),
            ("problems", &self.problems, &now.problems),
        ] {
            for (name, found) in found {
                let locked = locked.get(name);
                if locked.map(|pinned| &pinned.hash) != Some(&found.hash) {
                    drifts.push(Drift {
                        kind,
                        name: name.clone(),
                        locked: locked.map(|pinned| pinned.hash.clone()),
                        found: Some(found.hash.clone()),
                    });
                }
            }
        }
        for (kind, locked, found) in [
            ("file", &self.files, &now.files),
            ("library", &self.library, &now.library),
        ] {
            let mut names: Vec<&String> = locked.keys().chain(found.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let (locked, found) = (locked.get(name), found.get(name));
                if locked != found {
                    drifts.push(Drift {
                        kind,
                        name: name.clone(),
                        locked: locked.cloned(),
                        found: found.cloned(),
                    });
                }
            }
        }
        drifts
    }

    /// This lock with what is found now; what is not found now stays.
    #[must_use]
    pub fn with(self, now: StudyLock) -> StudyLock {
        let mut models = self.models;
        models.extend(now.models);
        let mut problems = self.problems;
        problems.extend(now.problems);
        StudyLock {
            models,
            problems,
            ..now
        }
    }

    /// Writes it beside the study's file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), RunError> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| unreadable(&path(file), &error.to_string()))?;
        text.push(b'\n');
        Ok(rlx_store::file::write(&path(file), &text)?)
    }
}

fn unreadable(path: &Path, why: &str) -> RunError {
    RunError::Lock {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// Whether a `--set` says where the model or the problems come from.
fn was_set(study: &Study, name: &str) -> bool {
    ["", ".source", ".adapter", ".split", ".config"]
        .iter()
        .any(|field| {
            let leaf = study.origins.get(&format!("{name}{field}"));
            leaf.is_some_and(|leaf| {
                matches!(leaf.origin, Origin::Set { .. })
                    || leaf
                        .through
                        .iter()
                        .any(|through| matches!(through.origin, Origin::Set { .. }))
            })
        })
}

/// `path` as seen from `folder`, so that the lock says the same wherever the study is run from.
fn seen_from(folder: &Path, path: &str) -> String {
    let path = Path::new(path);
    if path.is_absolute() != folder.is_absolute() {
        return path.display().to_string();
    }
    let plain = |path: &Path| -> Vec<String> {
        path.components()
            .filter(|part| !matches!(part, Component::CurDir))
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let (from, to) = (plain(folder), plain(path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // From a folder that is itself outside there is no way back.
    if from[common..].iter().any(|part| part == "..") {
        return path.display().to_string();
    }
    let up = from.len() - common;
    let mut parts = vec![if up == 0 { "." } else { ".." }];
    parts.extend(std::iter::repeat_n("..", up.saturating_sub(1)));
    parts.extend(to[common..].iter().map(String::as_str));
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(models: &[(&str, &str)], files: &[(&str, &str)]) -> StudyLock {
        StudyLock {
            version: VERSION,
            rlx: "0".into(),
            library: BTreeMap::new(),
            files: files.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
            models: models
                .iter()
                .map(|(name, hash)| {
                    let pinned = Pinned {
                        hash: (*hash).into(),
                        commit: Some(format!("c{hash}")),
                    };
                    ((*name).into(), pinned)
                })
                .collect(),
            problems: BTreeMap::new(),
        }
    }

    #[test]
    fn places_are_told_from_the_studys_folder() {
        let from = |folder: &str, path: &str| seen_from(Path::new(folder), path);
        assert_eq!(
            from("experiments", "experiments/quickstart/base"),
            "./quickstart/base"
        );
        assert_eq!(from("", "quickstart/base"), "./quickstart/base");
        assert_eq!(from("experiments", "models/x"), "../models/x");
        assert_eq!(from("experiments/paper", "models/x"), "../../models/x");
        assert_eq!(from("experiments", "/models/x"), "/models/x");
        assert_eq!(from("/a/b", "/a/c"), "../c");
        assert_eq!(from("../a", "../b"), "../b");
        assert_eq!(from("../a", "b"), "b");
    }

    #[test]
    fn other_content_drifts_and_what_is_not_here_stays() {
        let old = lock(&[("hf:a/b@main", "1"), ("./m", "2")], &[("./x.rlx", "3")]);
        let now = lock(&[("./m", "9"), ("./new", "5")], &[("./x.rlx", "4")]);
        let drifts = old.drift(&now);
        let content: Vec<&str> = drifts
            .iter()
            .filter(|drift| drift.is_content())
            .map(|drift| drift.name.as_str())
            .collect();
        assert_eq!(content, ["./m"]);
        assert_eq!(drifts.len(), 3, "{drifts:?}");
        let merged = old.with(now);
        assert_eq!(
            merged.models.keys().collect::<Vec<_>>(),
            ["./m", "./new", "hf:a/b@main"]
        );
        assert_eq!(merged.models["./m"].hash, "9");
        assert_eq!(merged.files["./x.rlx"], "4");
        assert_eq!(merged.commits()["hf:a/b@main"], "c1");
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("study.rlx");
        assert_eq!(StudyLock::read(&file).unwrap(), None);
        let lock = lock(&[("./m", "2")], &[]);
        lock.write(&file).unwrap();
        assert_eq!(StudyLock::read(&file).unwrap(), Some(lock));
        std::fs::write(folder.path().join("study.lock"), "{\"version\": 1, \"what\": 2}").unwrap();
        let error = StudyLock::read(&file).unwrap_err().to_string();
        assert!(error.contains("study.lock"), "{error}");
    }
}
