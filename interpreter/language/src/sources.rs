//! Where texts come from. The crate knows no file system: a caller gives texts by name.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Gives the text of a file by its name. Names are paths with `/`, relative to where the caller is.
pub trait Sources {
    /// The text, or None where there is no such file (or it cannot be read).
    fn read(&self, name: &str) -> Option<String>;

    /// The names of the `.rlx` files directly in a folder, without the folder, by letter; none where there is no such
    /// folder.
    fn list(&self, _folder: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Texts in memory, for tests and editors.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<String, String>);

impl Sources for Memory {
    fn read(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = format!("{folder}/");
        self.0
            .keys()
            .filter_map(|name| name.strip_prefix(&inside))
            .filter(|name| name.ends_with(".rlx") && !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }
}

/// Notes which texts are read of the sources that it stands before.
pub struct Recording<'s> {
    inner: &'s dyn Sources,
    seen: RefCell<BTreeMap<String, String>>,
}

impl<'s> Recording<'s> {
    pub fn new(inner: &'s dyn Sources) -> Self {
        Recording {
            inner,
            seen: RefCell::default(),
        }
    }

    /// The texts that were read, by name.
    pub fn into_texts(self) -> BTreeMap<String, String> {
        self.seen.into_inner()
    }
}

impl Sources for Recording<'_> {
    fn read(&self, name: &str) -> Option<String> {
        let text = self.inner.read(name)?;
        self.seen.borrow_mut().insert(name.to_owned(), text.clone());
        Some(text)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.inner.list(folder)
    }
}

/// The standard library, a part of the binary: module, shown name, text.
pub(crate) const STD: [(&str, &str, &str); 6] = [
    (
        "models",
        "std/models.rlx",
        include_str!("../../../stdlib/models.rlx"),
    ),
    ("data", "std/data.rlx", include_str!("../../../stdlib/data.rlx")),
    (
        "benchmarks",
        "std/benchmarks.rlx",
        include_str!("../../../stdlib/benchmarks.rlx"),
    ),
    (
        "algorithms",
        "std/algorithms.rlx",
        include_str!("../../../stdlib/algorithms.rlx"),
    ),
    (
        "prompts",
        "std/prompts.rlx",
        include_str!("../../../stdlib/prompts.rlx"),
    ),
    (
        "limit_of_rlvr",
        "std/limit_of_rlvr.rlx",
        include_str!("../../../stdlib/limit_of_rlvr.rlx"),
    ),
];

/// The standard library's files: shown name and text.
pub fn standard_library() -> impl Iterator<Item = (&'static str, &'static str)> {
    STD.iter().map(|&(_, name, text)| (name, text))
}

/// `path` as seen from the folder of the file `from`, without `.` and (where it can be told) `..`.
pub(crate) fn join(from: &str, path: &str) -> String {
    let absolute = path.starts_with('/') || path.as_bytes().get(1) == Some(&b':');
    let folder = if absolute {
        ""
    } else {
        from.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let rooted = path.starts_with('/')
        || (!absolute && folder.is_empty() && from.starts_with('/'))
        || folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

/// `experiments/aime.rlx` → `aime`.
pub(crate) fn stem(name: &str) -> &str {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    file.strip_suffix(".rlx").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_with_the_declaring_files_folder() {
        assert_eq!(
            join("experiments/quickstart.rlx", "./quickstart/base"),
            "experiments/quickstart/base"
        );
        assert_eq!(join("experiments/quickstart.rlx", "../models/x"), "models/x");
        assert_eq!(join("quickstart.rlx", "../x"), "../x");
        assert_eq!(join("../a/b.rlx", "../../x"), "../../x");
        assert_eq!(join("/tmp/a.rlx", "./x"), "/tmp/x");
        assert_eq!(join("/a.rlx", "x"), "/x");
        assert_eq!(join("experiments/a.rlx", "/models/x"), "/models/x");
        assert_eq!(stem("experiments/aime.rlx"), "aime");
    }
}
