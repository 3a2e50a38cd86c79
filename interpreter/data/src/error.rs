//! `DataError`: what can be wrong with a source, and how to mend it.

use std::path::PathBuf;

/// Everything this crate refuses. Every message says what, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    #[error("unknown task `{task}`: the tasks are {known}")]
    UnknownTask { task: String, known: String },
    #[error("task `{task}`: option `{option}` = {found}: {mend}")]
    TaskOption {
        task: String,
        option: String,
        found: String,
        mend: String,
    },
    #[error("problem set `{set}` is an endless task: write how many problems it has (`size = 64 problems`)")]
    Endless { set: String },
    #[error(
        "problem set `{set}`: only {found} of the {wanted} problems wanted are left after {tried} draws: \
             exclude less, or ask for fewer"
    )]
    Exhausted {
        set: String,
        found: u64,
        wanted: u64,
        tried: u64,
    },
    #[error("no problem set `{set}` is declared")]
    UnknownSet { set: String },
    #[error("problem sets exclude each other in a ring: {ring}")]
    ExclusionRing { ring: String },
    #[error("problem set `{set}` still shares {count} problems with `{excluded}`, first `{first}`")]
    Overlap {
        set: String,
        excluded: String,
        count: usize,
        first: String,
    },
    #[error("problem set `{set}` is empty: {why}")]
    Empty { set: String, why: String },
    #[error("{path}: {source}: {mend}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
        mend: String,
    },
    #[error("{path}, {place}: {what}: {mend}")]
    Row {
        path: PathBuf,
        place: String,
        what: String,
        mend: String,
    },
    #[error(
        "{path}, {place}: no column `{column}`; the columns are {columns}: set `{field} = \"…\"` to one of them"
    )]
    MissingColumn {
        path: PathBuf,
        place: String,
        column: String,
        field: &'static str,
        columns: String,
    },
    #[error(
        "{path}, {place}: the id `{id}` was seen before ({first}): ids must be unique within a problem set"
    )]
    DuplicateId {
        path: PathBuf,
        place: String,
        id: String,
        first: String,
    },
    #[error(
        "{path}: {what}: give JSON lines (.jsonl), a JSON array (.json) or CSV (.csv), each also as .gz or .zst, or Parquet"
    )]
    Format { path: PathBuf, what: String },
    #[error("{path}: {what}: {mend}")]
    Source {
        path: PathBuf,
        what: String,
        mend: String,
    },
    #[error(
        "prompt template: unknown placeholder `{{{placeholder}}}`: only `{{problem}}` is filled in; write \
             `{{{{name}}}}` for `{{name}}` itself"
    )]
    Placeholder { placeholder: String },
    #[error(
        "prompt template: `{{problem}}` does not occur in it, so every problem would get the same prompt"
    )]
    NoPlaceholder,
    #[error(
        "problem `{problem}` has {pictures} pictures and {places} places for them: give each `<image>` of the text a picture"
    )]
    Places {
        problem: String,
        pictures: usize,
        places: usize,
    },
    #[error("problem `{problem}` shows a picture, and its prompt is no chat: write `chat = true`")]
    NoChat { problem: String },
    #[error("`{repo}` is not a repository name: write `hf:organisation/name@revision`")]
    RepoName { repo: String },
    /// `repo` is `hf:org/name@revision` here and below.
    #[error("{kind} {repo} is not on this machine: {missing} missing under {cache}: {mend}")]
    NotHere {
        kind: &'static str,
        repo: String,
        missing: String,
        cache: PathBuf,
        mend: String,
    },
    #[error(
        "{repo} has no data file for split `{split}`{config}; its files are {files}: name another \
             split, or set the source to a path"
    )]
    NoSplit {
        repo: String,
        split: String,
        config: String,
        files: String,
    },
    #[error(
        "offline: {url} was not asked: run without --offline and HF_HUB_OFFLINE, or put the files in place"
    )]
    Offline { url: String },
    #[error("{url}: {status}: {mend}")]
    Http { url: String, status: u16, mend: String },
    #[error("{url}: {message}: what came so far is kept; start again to go on from there")]
    Transfer { url: String, message: String },
    #[error(
        "{url}: the content does not have the {algorithm} that the hub states (expected {expected}, got {got}); it \
             was thrown away: start again"
    )]
    Checksum {
        url: String,
        algorithm: &'static str,
        expected: String,
        got: String,
    },
    #[error("{url}: the answer is not what the hub's interface promises: {what}")]
    Protocol { url: String, what: String },
    #[error("the download was cancelled; what came so far is kept")]
    Cancelled,
}

impl DataError {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        let mend = match source.kind() {
            std::io::ErrorKind::NotFound => {
                "check the path; relative paths start at the file that declares them"
            }
            std::io::ErrorKind::PermissionDenied => "make it readable for this user",
            std::io::ErrorKind::StorageFull => "free some space on this disk",
            _ => "check that the disk is there and sound",
        };
        DataError::Io {
            path: path.to_owned(),
            source,
            mend: mend.to_owned(),
        }
    }
}
