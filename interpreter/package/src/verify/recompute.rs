//! Level 1: numbers, intervals, figures and verdicts of claims, again from the rows.

use super::{Findings, Opened};
use crate::{
    archive::sha256,
    error::PackError,
    gather::{files_below, results},
};
use rlx_store::file;
use std::{collections::BTreeSet, path::Path};

/// Makes everything in `results/` again and compares it byte by byte.
///
/// # Errors
/// Rows that cannot be read; what differs is a finding, not an error.
pub fn recompute(opened: &Opened, version: &str) -> Result<Findings, PackError> {
    let mut found = Findings::default();
    // The plan was made with the labels as they were; what is read of them now must be the same.
    if !rlx_run::read_by_hand(opened.study()).is_empty() {
        let (now, planned) = (opened.store().labels().hashes()?, &opened.around.labels);
        let keys: BTreeSet<&String> = now.keys().chain(planned.keys()).collect();
        for key in keys.into_iter().filter(|key| now.get(*key) != planned.get(*key)) {
            let what = "the labels are not those that the packed plan was made with";
            found.fault(format!("store/labels/{key}"), what);
        }
    }
    let packed_folder = opened.folder.path().join("results");
    let fresh = tempfile::tempdir().map_err(|error| PackError::io(Path::new("temporary folder"), error))?;
    let times = packed_folder.join("times.json");
    if times.is_file() {
        file::write(&fresh.path().join("times.json"), &file::read(&times)?)?;
    }
    let data = results(
        &opened.spec,
        &opened.plan,
        &opened.store(),
        &opened.world(),
        &opened.manifest.rlx,
        fresh.path(),
    )?;
    let (packed, made) = (files_below(&packed_folder)?, files_below(fresh.path())?);
    let mut same = 0;
    for (path, bytes) in &packed {
        match made.get(path) {
            None => found.fault(format!("results/{path}"), "it is not made from the packed rows"),
            Some(again) if again == bytes => same += 1,
            Some(again) => found.fault(format!("results/{path}"), difference(bytes, again)),
        }
    }
    for path in made.keys().filter(|path| !packed.contains_key(*path)) {
        found.fault(
            format!("results/{path}"),
            "it is made from the rows, but is not in the pack",
        );
    }
    if found.faults.is_empty() {
        found.passed.push(format!(
            "{same} files of results made again from the rows, byte by byte the same: {} figures and tables, {} claims",
            data.outputs.len(),
            data.claims.len()
        ));
    } else if opened.manifest.rlx != version || opened.other_library {
        found.notes.push(format!(
            "the pack was made by rlx {}, this is {version}: what differs may come from that",
            opened.manifest.rlx
        ));
    }
    Ok(found)
}

/// The first place where two files differ, for people.
fn difference(packed: &[u8], again: &[u8]) -> String {
    match (std::str::from_utf8(packed), std::str::from_utf8(again)) {
        (Ok(packed), Ok(again)) => {
            let mut lines = packed.lines().zip(again.lines()).enumerate();
            match lines.find(|(_, (one, other))| one != other) {
                Some((at, (one, other))) => {
                    let from = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
                    format!(
                        "line {}: packed `{}`, from the rows `{}`",
                        at + 1,
                        excerpt(one, from),
                        excerpt(other, from)
                    )
                }
                None => format!(
                    "{} lines were packed, the rows give {}",
                    packed.lines().count(),
                    again.lines().count()
                ),
            }
        }
        _ => format!(
            "SHA-256 {} was packed, the rows give {}",
            sha256(packed),
            sha256(again)
        ),
    }
}

/// Some letters around a byte.
fn excerpt(line: &str, at: usize) -> String {
    let before = line[..line.floor_char_boundary(at)]
        .chars()
        .rev()
        .take(20)
        .count();
    let skipped = line[..line.floor_char_boundary(at)].chars().count() - before;
    line.chars().skip(skipped).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_difference_is_shown() {
        let said = difference(b"a,1\nb,2.50\n", b"a,1\nb,2.75\n");
        assert_eq!(said, "line 2: packed `b,2.50`, from the rows `b,2.75`");
        assert_eq!(
            difference(b"a\n", b"a\nb\n"),
            "1 lines were packed, the rows give 2"
        );
    }
}
