//! `Picture`: what a problem shows beside its text, and where a row says it is.

use crate::choose;
use crate::error::DataError;
use crate::table::{self, Row};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of one picture's file at most.
const LARGEST: u64 = 256 << 20;

/// A picture as its set stores it: an encoded PNG, JPEG or WebP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What the set calls it: its path there; else the problem's id and the picture's number.
    pub name: String,
    /// BLAKE3 of its bytes; 32 hexadecimal digits.
    pub hash: String,
    /// Not written down: whoever reads a problem elsewhere has its pictures' hashes.
    #[serde(skip)]
    place: Place,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Elsewhere,
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Picture {
    /// A picture of these bytes.
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Picture {
            name,
            hash: hash(&bytes),
            place: Place::Bytes(bytes.into()),
        }
    }

    /// One in a file, which is read for its hash and again when it is wanted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(name: String, path: PathBuf) -> Result<Self, DataError> {
        let bytes = read(&path)?;
        Ok(Picture {
            name,
            hash: hash(&bytes),
            place: Place::File(path),
        })
    }

    /// Whether its bytes are on this machine.
    pub fn is_here(&self) -> bool {
        self.place != Place::Elsewhere
    }

    /// The encoded picture.
    ///
    /// # Errors
    /// A file that is gone or has changed, and a picture of which only the hash is known.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, DataError> {
        let fault = |what: &str, mend: &str| DataError::Source {
            path: PathBuf::from(&self.name),
            what: what.to_owned(),
            mend: mend.to_owned(),
        };
        match &self.place {
            Place::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::File(path) => {
                let bytes = read(path)?;
                if hash(&bytes) != self.hash {
                    return Err(fault(
                        "the picture has changed since it was first read",
                        "start again",
                    ));
                }
                Ok(Cow::Owned(bytes))
            }
            Place::Elsewhere => Err(fault(
                "the picture is not here, only its hash",
                "put the problem set in place",
            )),
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let size = fs::metadata(path).map_err(|e| DataError::io(path, e))?.len();
    if size > LARGEST {
        return Err(DataError::Source {
            path: path.to_owned(),
            what: format!("a picture of {size} bytes"),
            mend: format!("give pictures of at most {} MiB", LARGEST >> 20),
        });
    }
    fs::read(path).map_err(|e| DataError::io(path, e))
}

/// Where a cell says that a picture is.
pub(crate) enum Told {
    /// A path from the folder of the data file, as written.
    File(String),
    Bytes {
        name: Option<String>,
        bytes: Vec<u8>,
    },
}

/// The cell of the first of `columns` that the row has.
pub(crate) fn cell<'a>(columns: &[String], row: &'a Row) -> Option<(&'a Value, String)> {
    columns.iter().find_map(|column| {
        let path: Vec<String> = column.split('.').map(str::to_owned).collect();
        Some((choose::cell(row, &path)?, column.clone()))
    })
}

/// Pictures that a cell tells of: a path, base64 (with or without the head of a data URL), the hub's record of `bytes` and
/// `path`, or a list of these. None where it holds none of them.
pub(crate) fn told(value: &Value, folder: &Path) -> Option<Vec<Told>> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let all: Option<Vec<Vec<Told>>> = items.iter().map(|item| told(item, folder)).collect();
            Some(all?.into_iter().flatten().collect())
        }
        Value::String(text) => one(text, folder).map(|told| vec![told]),
        Value::Object(record) => {
            let path = record.get("path").and_then(Value::as_str).map(str::to_owned);
            match (record.get("bytes"), path) {
                (Some(Value::String(text)), name) => {
                    let bytes = decode(text)?;
                    Some(vec![Told::Bytes { name, bytes }])
                }
                (_, Some(path)) => Some(vec![Told::File(path)]),
                _ => None,
            }
        }
        _ => None,
    }
}

fn one(text: &str, folder: &Path) -> Option<Told> {
    if text.trim().is_empty() {
        return None;
    }
    if let Some((head, body)) = text.split_once(',')
        && head.starts_with("data:")
        && head.ends_with(";base64")
    {
        let bytes = decode(body)?;
        return Some(Told::Bytes { name: None, bytes });
    }
    // No path of a picture is that long, and asking the system for one longer than it allows is an error of its own.
    if text.len() <= 1024 && (folder.join(text).is_file() || !is_picture(text)) {
        return Some(Told::File(text.to_owned()));
    }
    decode(text).map(|bytes| Told::Bytes { name: None, bytes })
}

/// Whether base64 begins as that of a PNG, JPEG or WebP does.
fn is_picture(text: &str) -> bool {
    ["iVBORw0KGg", "/9j/", "UklGR"]
        .iter()
        .any(|head| text.starts_with(head))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(&plain)
        .or_else(|_| STANDARD_NO_PAD.decode(&plain))
        .ok()
        .filter(|bytes| !bytes.is_empty())
}

/// The pictures of a row, at least one.
///
/// # Errors
/// Neither column is there, the cell tells of no picture, or a file is not there.
pub(crate) fn of_row(
    columns: &[String],
    path: &Path,
    row: &Row,
    id: &str,
) -> Result<Vec<Picture>, DataError> {
    let fault = |what: String, mend: &str| DataError::Row {
        path: path.to_owned(),
        place: row.place.clone(),
        what,
        mend: mend.to_owned(),
    };
    let Some((value, column)) = cell(columns, row) else {
        let known: Vec<&str> = row.cells.keys().map(String::as_str).collect();
        return Err(fault(
            format!(
                "no column `{}`; the columns are {}",
                columns.join("`, `"),
                known.join(", ")
            ),
            "set `image` to one of them",
        ));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let Some(all) = told(value, folder) else {
        return Err(fault(
            format!(
                "column `{column}` holds {} that tells of no picture",
                table::kind(value)
            ),
            "give a path from the file's folder, base64, or the hub's record of `bytes` and `path`; a `filter` leaves rows without pictures out",
        ));
    };
    let several = all.len() > 1;
    all.into_iter()
        .enumerate()
        .map(|(number, told)| {
            let own = || match several {
                true => format!("{id}#{}", number + 1),
                false => id.to_owned(),
            };
            match told {
                Told::Bytes { name, bytes } => {
                    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(own);
                    Ok(Picture::new(name, bytes))
                }
                Told::File(name) => {
                    let file = folder.join(&name);
                    if !file.is_file() {
                        return Err(fault(
                            format!(
                                "the picture `{name}` of column `{column}` is not at {}",
                                file.display()
                            ),
                            "put the pictures where the paths lead from the data file's folder",
                        ));
                    }
                    Picture::open(name, file)
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The smallest PNG's head is enough here: nothing is decoded.
    const HEAD: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn row(value: Value) -> Row {
        Row {
            place: "line 1".into(),
            cells: [("image".to_owned(), value)].into_iter().collect(),
        }
    }

    fn pictures(value: Value, folder: &Path) -> Result<Vec<Picture>, DataError> {
        of_row(
            &["decoded".into(), "image".into()],
            &folder.join("rows.jsonl"),
            &row(value),
            "7",
        )
    }

    #[test]
    fn every_way_to_tell_of_a_picture_gives_the_same_picture() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        fs::write(folder.path().join("images/a.png"), HEAD).unwrap();
        let text = STANDARD.encode(HEAD);
        for (value, name) in [
            (json!("images/a.png"), "images/a.png"),
            (json!(text), "7"),
            (json!(text.trim_end_matches('=')), "7"),
            (json!(format!("data:image/png;base64,{text}")), "7"),
            (json!({ "bytes": text, "path": null }), "7"),
            (json!({ "bytes": text, "path": "b.png" }), "b.png"),
            (json!({ "bytes": null, "path": "images/a.png" }), "images/a.png"),
        ] {
            let found = pictures(value.clone(), folder.path()).unwrap();
            assert_eq!(found[0].name, name, "{value}");
            assert_eq!(found[0].bytes().unwrap().as_ref(), HEAD, "{value}");
            assert_eq!(found[0].hash, hash(HEAD), "{value}");
        }
        let two = pictures(json!([{ "bytes": text }, "images/a.png"]), folder.path()).unwrap();
        assert_eq!(
            (two[0].name.as_str(), two[1].name.as_str()),
            ("7#1", "images/a.png")
        );
    }

    #[test]
    fn what_tells_of_no_picture_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        for value in [
            json!(null),
            json!([]),
            json!(3),
            json!(""),
            json!({ "bytes": null }),
        ] {
            let error = pictures(value, folder.path()).unwrap_err().to_string();
            assert!(
                error.contains("rows.jsonl, line 1") && error.contains("`image`"),
                "{error}"
            );
        }
        let error = pictures(json!("images/none.png"), folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`images/none.png`") && error.contains("put the pictures"),
            "{error}"
        );
        let error = of_row(&["shown".into()], Path::new("x.jsonl"), &row(json!("a")), "0").unwrap_err();
        assert!(error.to_string().contains("no column `shown`"), "{error}");
    }

    #[test]
    fn a_file_that_changes_and_one_that_is_elsewhere_are_not_taken_for_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        fs::write(&path, HEAD).unwrap();
        let picture = Picture::open("a.png".into(), path.clone()).unwrap();
        fs::write(&path, b"another").unwrap();
        assert!(picture.bytes().unwrap_err().to_string().contains("has changed"));
        let text = serde_json::to_string(&picture).unwrap();
        assert!(!text.contains(&folder.path().display().to_string()), "{text}");
        let read: Picture = serde_json::from_str(&text).unwrap();
        assert!(!read.is_here() && read.hash == picture.hash);
        assert!(read.bytes().is_err());
    }
}
