//! The standard library is a part of the program; editors open files. So it is written out, once and read-only, where
//! somebody goes to a definition in it.

use std::path::{Path, PathBuf};

use rlx_language::standard_library;

/// The copy of a part of the library (`std/models.rlx`) in the cache; None where it cannot be written.
pub(crate) fn file(cache: &Path, name: &str) -> Option<PathBuf> {
    let (_, text) = standard_library().find(|(known, _)| *known == name)?;
    let path = cache.join(name);
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Some(path);
    }
    std::fs::create_dir_all(path.parent()?).ok()?;
    // Of another version: beside it and renamed, so that no editor reads half a file.
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&beside, text).ok()?;
    let mut permissions = std::fs::metadata(&beside).ok()?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&beside, permissions).ok()?;
    std::fs::rename(&beside, &path).ok()?;
    Some(path)
}
