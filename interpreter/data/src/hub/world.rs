//! `World`: the environment that decides where the hub's files are and whether the network may be used.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables, passed in so that nothing here reads the process's own.
#[derive(Debug, Clone, Default)]
pub struct World {
    variables: BTreeMap<String, String>,
    offline: bool,
    /// `hf:org/name@main` → the commit that it is held at.
    commits: BTreeMap<String, String>,
}

impl World {
    /// `variables` as of `std::env::vars()`; `offline` as of `--offline`.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, offline: bool) -> Self {
        World {
            variables: variables.into_iter().collect(),
            offline,
            commits: BTreeMap::new(),
        }
    }

    /// Holds branches of the hub at commits, whatever they stand for now: `hf:org/name@main` → commit.
    #[must_use]
    pub fn holding(self, commits: BTreeMap<String, String>) -> Self {
        World { commits, ..self }
    }

    /// The commit that a revision is held at.
    pub(super) fn held(&self, label: &str) -> Option<&str> {
        self.commits.get(label).map(String::as_str)
    }

    /// The value of an environment variable; None where it is unset or blank.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.variable(name)?;
        match value.strip_prefix("~/") {
            Some(rest) => Some(PathBuf::from(self.variable("HOME")?).join(rest)),
            None => Some(PathBuf::from(value)),
        }
    }

    /// `HF_HOME`, else `$XDG_CACHE_HOME/huggingface`, else `~/.cache/huggingface`.
    fn home(&self) -> PathBuf {
        self.path("HF_HOME")
            .or_else(|| self.path("XDG_CACHE_HOME").map(|cache| cache.join("huggingface")))
            .or_else(|| self.path("HOME").map(|home| home.join(".cache/huggingface")))
            .unwrap_or_else(|| PathBuf::from(".cache/huggingface"))
    }

    /// The hub's cache: `HF_HUB_CACHE` (or the older `HUGGINGFACE_HUB_CACHE`), else `hub` in `HF_HOME`.
    pub fn cache(&self) -> PathBuf {
        self.path("HF_HUB_CACHE")
            .or_else(|| self.path("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| self.home().join("hub"))
    }

    /// `--offline`, or `HF_HUB_OFFLINE` set to 1, true, yes or on.
    pub fn offline(&self) -> bool {
        let asked = self
            .variable("HF_HUB_OFFLINE")
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.offline || ["1", "true", "yes", "on"].contains(&asked.as_str())
    }

    /// `--offline` alone: no server is asked. `HF_HUB_OFFLINE` is about the hub, and others may be near.
    pub fn alone(&self) -> bool {
        self.offline
    }

    /// `HF_ENDPOINT`, else the hub's own address; without a slash at the end.
    pub fn endpoint(&self) -> &str {
        self.variable("HF_ENDPOINT")
            .unwrap_or("https://huggingface.co")
            .trim_end_matches('/')
    }

    /// The access token: `HF_TOKEN`, else the content of `HF_TOKEN_PATH`, else of `token` in `HF_HOME`.
    pub(super) fn token(&self) -> Option<String> {
        if let Some(token) = self
            .variable("HF_TOKEN")
            .or_else(|| self.variable("HUGGING_FACE_HUB_TOKEN"))
        {
            return Some(token.trim().to_owned());
        }
        let file = self
            .path("HF_TOKEN_PATH")
            .unwrap_or_else(|| self.home().join("token"));
        let token = std::fs::read_to_string(file).ok()?.trim().to_owned();
        (!token.is_empty()).then_some(token)
    }
}
