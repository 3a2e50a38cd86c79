//! The hub: where its models and data sets lie in the Hugging Face cache, and how they get there.
//!
//! The cache is the one that the Python libraries use: `models--org--name/` (or `datasets--…`) with `refs/<revision>`
//! naming a commit, `snapshots/<commit>/<file>` linking to `blobs/<etag>`. A revision that is in the cache is not asked
//! for again, so `main` stays what it was when it was fetched.

mod download;
mod fetch;
mod files;
mod locate;
mod world;

pub use fetch::{Progress, fetch_model, fetch_problems};
pub use locate::{commit, have_problems, locate_model};
pub use world::World;

pub(crate) use files::{data_files, files_below, is_model_file};
pub(crate) use locate::problem_files;

use crate::error::DataError;
use std::path::PathBuf;

/// A repository at a revision.
#[derive(Debug, Clone)]
struct Repo {
    dataset: bool,
    id: String,
    revision: String,
}

impl Repo {
    fn new(dataset: bool, id: &str, revision: &str) -> Result<Self, DataError> {
        let part = |text: &str| {
            !text.is_empty()
                && !text.starts_with(['.', '-'])
                && !text.contains("..")
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let parts: Vec<&str> = id.split('/').collect();
        let named = parts.len() <= 2 && parts.iter().all(|text| part(text));
        let revised = revision.split('/').all(part);
        if !(named && revised) {
            return Err(DataError::RepoName {
                repo: format!("{id}@{revision}"),
            });
        }
        Ok(Repo {
            dataset,
            id: id.to_owned(),
            revision: revision.to_owned(),
        })
    }

    /// A repository at the commit that the revision is held at, where it is.
    fn at(dataset: bool, id: &str, revision: &str, world: &World) -> Result<Self, DataError> {
        let repo = Repo::new(dataset, id, revision)?;
        match world.held(&repo.label()) {
            Some(commit) => Repo::new(dataset, id, commit),
            None => Ok(repo),
        }
    }

    fn kind(&self) -> &'static str {
        if self.dataset { "data set" } else { "model" }
    }

    /// `hf:org/name@revision`
    fn label(&self) -> String {
        format!("hf:{}@{}", self.id, self.revision)
    }

    /// `models--org--name` under the cache.
    fn folder(&self, world: &World) -> PathBuf {
        let kind = if self.dataset { "datasets" } else { "models" };
        world
            .cache()
            .join(format!("{kind}--{}", self.id.replace('/', "--")))
    }
}

#[cfg(test)]
mod tests;
