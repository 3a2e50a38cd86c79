//! The study's text and all it imports, under names that hold on any machine.

use crate::{archive::sha256, error::PackError};
use rlx_language::{Diagnostic, Memory, Options, Recording, Sources, Study, elaborate, standard_library};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// Where the texts lie in a pack.
const FOLDER: &str = "spec";

/// The texts of a study as they are packed.
pub(crate) struct Spec {
    /// Of the study's own file, in the pack.
    pub(crate) root: String,
    /// By path in the pack.
    pub(crate) texts: BTreeMap<String, String>,
    /// What they mean under those names.
    pub(crate) study: Study,
}

impl Spec {
    /// Reads the study in `file` again, finds out which files it is made of, and gives them names below `spec/` that keep
    /// their places to each other.
    ///
    /// # Errors
    /// [`PackError::Spec`] when it has errors, or an import names a file by its absolute path.
    pub(crate) fn gather(sources: &dyn Sources, file: &Path, options: &Options) -> Result<Spec, PackError> {
        let recording = Recording::new(sources);
        let root = file.to_string_lossy().into_owned();
        elaborate(&recording, &root, options).map_err(|diagnostics| PackError::Spec(said(&diagnostics)))?;
        let seen = recording.into_texts();
        let places: Vec<(PathBuf, &String)> = seen
            .iter()
            .map(|(name, text)| Ok((absolute(name)?, text)))
            .collect::<Result<_, PackError>>()?;
        let home = places
            .iter()
            .filter_map(|(place, _)| place.parent())
            .map(Path::to_owned)
            .reduce(|home, folder| common(&home, &folder))
            .unwrap_or_default();
        let named = |place: &Path| {
            let inner = place.strip_prefix(&home).unwrap_or(place);
            let parts: Vec<_> = inner
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect();
            format!("{FOLDER}/{}", parts.join("/"))
        };
        let root = named(&absolute(&root)?);
        let texts = places
            .iter()
            .map(|(place, text)| (named(place), (*text).clone()))
            .collect();
        Spec::read(root, texts, options)
    }

    /// The study that packed texts mean.
    ///
    /// # Errors
    /// [`PackError::Spec`] when this rlx does not understand them.
    pub(crate) fn read(
        root: String,
        texts: BTreeMap<String, String>,
        options: &Options,
    ) -> Result<Spec, PackError> {
        let memory = Memory(texts);
        let (study, _) =
            elaborate(&memory, &root, options).map_err(|diagnostics| PackError::Spec(said(&diagnostics)))?;
        Ok(Spec {
            root,
            texts: memory.0,
            study,
        })
    }

    /// The text of the study's own file.
    pub(crate) fn text(&self) -> &str {
        self.texts.get(&self.root).map_or("", String::as_str)
    }
}

/// SHA-256 of the standard library in this binary: names and texts in order.
pub(crate) fn standard_library_hash() -> String {
    let mut all = String::new();
    for (name, text) in standard_library() {
        all.push_str(&format!("{name}\0{}\0{text}", text.len()));
    }
    sha256(all.as_bytes())
}

fn said(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| format!("  {}: {}", diagnostic.code, diagnostic.message))
        .collect();
    lines.join("\n")
}

fn absolute(name: &str) -> Result<PathBuf, PackError> {
    let path = std::path::absolute(name).map_err(|error| PackError::io(Path::new(name), error))?;
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    Ok(plain)
}

fn common(one: &Path, other: &Path) -> PathBuf {
    one.components()
        .zip(other.components())
        .take_while(|(one, other)| one == other)
        .map(|(component, _)| component)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_keep_their_places_to_each_other() {
        let mut sources = Memory::default();
        sources
            .0
            .insert("work/common/shared.rlx".into(), "let n = 4 samples\n".into());
        sources.0.insert(
            "work/studies/one.rlx".into(),
            "//! One.\nuse \"../common/shared.rlx\" as shared\n\nlet m = shared.n\n".into(),
        );
        // Whether names are read is not the question here: what is never used is an error of the language.
        let recording = Recording::new(&sources);
        let _ = elaborate(&recording, "work/studies/one.rlx", &Options::default());
        assert_eq!(recording.into_texts().len(), 2);
        assert_eq!(
            common(Path::new("/lab/common"), Path::new("/lab/studies")),
            Path::new("/lab")
        );
        assert_eq!(absolute("/a/./b/../c.rlx").unwrap(), Path::new("/a/c.rlx"));
    }
}
