//! The archive: a zip file with a seal.
//!
//! Every entry is deflated, has a fixed date and mode, and entries are in the order of their names, so equal contents
//! give equal bytes. The archive's comment is the last thing in the file and ends in the SHA-256 of all bytes before that
//! hash: no byte of the file, headers included, can change unseen.

use crate::{
    error::PackError,
    manifest::{FORMAT, Listed, MANIFEST, Manifest},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File},
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Component, Path, PathBuf},
};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// What the archive's comment says before the hash.
const SEAL: &str = "rlx-pack-1 sha256:";
const HASH: usize = 64;
/// More entries than this no study has.
const MOST_ENTRIES: usize = 1_000_000;
/// A manifest longer than this is no manifest.
const LONGEST_MANIFEST: u64 = 512 << 20;
/// Rows of tokens shrink some 5 to 20 times; a bomb a thousand times and more.
const MOST_SHRINKING: u64 = 500;
/// Below this size an entry may shrink as it likes.
const HARMLESS: u64 = 16 << 20;

/// What a file of a pack is made from.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// Files by their path in the pack.
pub(crate) type Contents = BTreeMap<String, Content>;

impl Content {
    fn open(&self) -> Result<Box<dyn Read + '_>, PackError> {
        Ok(match self {
            Content::Bytes(bytes) => Box::new(bytes.as_slice()),
            Content::File(path) => Box::new(BufReader::new(
                File::open(path).map_err(|error| PackError::io(path, error))?,
            )),
        })
    }
}

/// Sizes and hashes, in the order of the paths. What is in `known` is not read again: rows can be gigabytes.
pub(crate) fn list(contents: &Contents, known: Vec<Listed>) -> Result<Vec<Listed>, PackError> {
    let mut known: BTreeMap<String, Listed> = known
        .into_iter()
        .map(|listed| (listed.path.clone(), listed))
        .collect();
    let mut listed = Vec::with_capacity(contents.len());
    for (path, content) in contents {
        listed.push(match known.remove(path) {
            Some(listed) => listed,
            None => {
                let (bytes, sha256) = digest(&mut content.open()?, Path::new(path))?;
                Listed {
                    path: path.clone(),
                    bytes,
                    sha256,
                }
            }
        });
    }
    Ok(listed)
}

/// Writes the sealed archive beside `target` and moves it there; returns the SHA-256 of the whole file.
pub(crate) fn write(target: &Path, contents: &Contents) -> Result<String, PackError> {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = target.with_file_name(name);
    let written = write_at(&temporary, contents);
    if written.is_err() {
        // What is half written helps nobody, and on a full disk it is in the way.
        let _ = fs::remove_file(&temporary);
    }
    let hash = written?;
    fs::rename(&temporary, target).map_err(|error| PackError::io(target, error))?;
    Ok(hash)
}

fn write_at(path: &Path, contents: &Contents) -> Result<String, PackError> {
    let io = |error: std::io::Error| PackError::io(path, error);
    let zip = |error: zip::result::ZipError| PackError::io(path, std::io::Error::other(error));
    let file = File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(path)
        .map_err(io)?;
    let mut writer = ZipWriter::new(BufWriter::new(file));
    writer
        .set_comment(format!("{SEAL}{}", "0".repeat(HASH)))
        .map_err(zip)?;
    for (name, content) in contents {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(true);
        writer.start_file(name.as_str(), options).map_err(zip)?;
        std::io::copy(&mut content.open()?, &mut writer).map_err(io)?;
    }
    let mut file = writer
        .finish()
        .map_err(zip)?
        .into_inner()
        .map_err(|error| io(error.into_error()))?;
    let length = file.seek(SeekFrom::End(0)).map_err(io)?;
    let before = length - HASH as u64;
    file.rewind().map_err(io)?;
    let (_, seal) = digest(&mut BufReader::new(&mut file).take(before), path)?;
    file.seek(SeekFrom::Start(before)).map_err(io)?;
    file.write_all(seal.as_bytes()).map_err(io)?;
    file.sync_all().map_err(io)?;
    file.rewind().map_err(io)?;
    Ok(digest(&mut BufReader::new(file), path)?.1)
}

/// Something in a pack that is not as it was packed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The file in the pack, or `(archive)` for the bytes between files.
    pub file: String,
    pub what: String,
}

/// A pack that was opened and looks like one. Its content is not checked yet: see [`Pack::faults`].
pub struct Pack {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    sealed: bool,
    /// SHA-256 of the whole file.
    pub sha256: String,
    pub bytes: u64,
    manifest: Result<Manifest, Fault>,
}

impl Pack {
    /// Opens a pack; writes nothing.
    ///
    /// # Errors
    /// [`PackError::NoPack`] for a file that is no archive or is cut short, [`PackError::Hostile`] for one with paths that
    /// lead outside, links, encrypted or repeated entries, or entries that unfold beyond all measure.
    pub fn open(path: &Path) -> Result<Pack, PackError> {
        let io = |error: std::io::Error| PackError::io(path, error);
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let bytes = file.get_ref().metadata().map_err(io)?.len();
        let (_, sha256) = digest(&mut file, path)?;
        file.rewind().map_err(io)?;
        let before = bytes.saturating_sub(HASH as u64);
        let (_, expected) = digest(&mut (&mut file).take(before), path)?;
        let mut stated = Vec::new();
        file.read_to_end(&mut stated).map_err(io)?;
        let sealed = stated == expected.as_bytes();
        file.rewind().map_err(io)?;
        let archive = ZipArchive::new(file).map_err(|error| PackError::no_pack(path, error))?;
        let mut pack = Pack {
            path: path.to_owned(),
            archive,
            sealed,
            sha256,
            bytes,
            manifest: Err(Fault {
                file: MANIFEST.into(),
                what: "it is not there".into(),
            }),
        };
        pack.refuse_hostile()?;
        if !pack.archive.comment().starts_with(SEAL.as_bytes())
            && pack.archive.index_for_name(MANIFEST).is_none()
        {
            return Err(PackError::no_pack(
                path,
                "it is a zip archive, but not one that rlx wrote",
            ));
        }
        pack.manifest = pack.read_manifest();
        Ok(pack)
    }

    /// The manifest.
    ///
    /// # Errors
    /// It is damaged or of another format.
    pub fn manifest(&self) -> Result<&Manifest, PackError> {
        self.manifest
            .as_ref()
            .map_err(|fault| PackError::no_pack(&self.path, format!("{}: {}", fault.file, fault.what)))
    }

    fn read_manifest(&mut self) -> Result<Manifest, Fault> {
        let fault = |what: String| Fault {
            file: MANIFEST.into(),
            what,
        };
        let entry = self
            .archive
            .by_name(MANIFEST)
            .map_err(|error| fault(error.to_string()))?;
        let mut text = Vec::new();
        entry
            .take(LONGEST_MANIFEST)
            .read_to_end(&mut text)
            .map_err(|error| fault(error.to_string()))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(fault(format!(
                "its format is `{}`; this rlx reads `{FORMAT}`",
                manifest.format
            )));
        }
        Ok(manifest)
    }

    fn refuse_hostile(&mut self) -> Result<(), PackError> {
        let hostile = |what: String| PackError::hostile(&self.path, what);
        if self.archive.len() > MOST_ENTRIES {
            return Err(hostile(format!("it has {} entries", self.archive.len())));
        }
        if self.archive.has_duplicate_names() {
            return Err(hostile("two of its entries have one name".into()));
        }
        let overlapping = self.archive.has_overlapping_files();
        if overlapping.map_err(|error| PackError::no_pack(&self.path, error))? {
            return Err(PackError::hostile(&self.path, "its entries lie over each other"));
        }
        let mut seen = BTreeSet::new();
        for index in 0..self.archive.len() {
            let entry = self
                .archive
                .by_index_raw(index)
                .map_err(|error| PackError::no_pack(&self.path, error))?;
            let raw = entry.name_raw().to_vec();
            let name = String::from_utf8(raw).map_err(|_| {
                PackError::hostile(&self.path, format!("the name of entry {index} is not UTF-8"))
            })?;
            let shown = name.escape_debug().to_string();
            let hostile = |what: &str| PackError::hostile(&self.path, format!("entry `{shown}` {what}"));
            if !is_inside(&name) {
                return Err(hostile("leads outside of the pack"));
            }
            if entry.is_symlink() || entry.is_dir() {
                return Err(hostile("is a link or a folder"));
            }
            if entry.encrypted() {
                return Err(hostile("is encrypted"));
            }
            if entry.size() > HARMLESS.max(entry.compressed_size().saturating_mul(MOST_SHRINKING)) {
                return Err(hostile("unfolds beyond all measure"));
            }
            // Names that are one file on a system without case.
            if !seen.insert(name.to_lowercase()) {
                return Err(hostile("differs from another one in case only"));
            }
        }
        Ok(())
    }

    /// Everything that is not as it was packed; empty for a sound pack.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn faults(&mut self) -> Result<Vec<Fault>, PackError> {
        let mut faults = Vec::new();
        match &self.manifest {
            Err(fault) => faults.push(fault.clone()),
            Ok(manifest) => {
                let listed: BTreeSet<String> = manifest.files.iter().map(|file| file.path.clone()).collect();
                for listed in manifest.files.clone() {
                    if let Some(what) = self.fault_of(&listed) {
                        faults.push(Fault {
                            file: listed.path,
                            what,
                        });
                    }
                }
                for name in self.archive.file_names_raw() {
                    let name = String::from_utf8_lossy(name).into_owned();
                    if name != MANIFEST && !listed.contains(&name) {
                        faults.push(Fault {
                            file: name,
                            what: "it is not in the manifest".into(),
                        });
                    }
                }
            }
        }
        if !self.sealed && faults.is_empty() {
            faults.push(Fault {
                file: "(archive)".into(),
                what: "the contents of all files are as packed, but bytes of the archive's own structure or its seal were changed".into(),
            });
        }
        Ok(faults)
    }

    fn fault_of(&mut self, listed: &Listed) -> Option<String> {
        let entry = match self.archive.by_name(&listed.path) {
            Ok(entry) => entry,
            Err(error) => return Some(error.to_string()),
        };
        match digest(
            &mut entry.take(listed.bytes.saturating_add(1)),
            Path::new(&listed.path),
        ) {
            Err(error) => Some(error.to_string()),
            Ok((bytes, _)) if bytes != listed.bytes => Some(format!(
                "it has another length than the {} bytes that were packed",
                listed.bytes
            )),
            Ok((_, hash)) if hash != listed.sha256 => Some(format!(
                "its SHA-256 is {}, and {} was packed",
                short(&hash),
                short(&listed.sha256)
            )),
            Ok(_) => None,
        }
    }

    /// The bytes of one file.
    ///
    /// # Errors
    /// It is not there or damaged.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, PackError> {
        let mut bytes = Vec::new();
        let entry = self
            .archive
            .by_name(name)
            .map_err(|error| PackError::no_pack(&self.path, format!("{name}: {error}")))?;
        // Sizes were bounded when the pack was opened.
        let size = entry.size();
        entry
            .take(size)
            .read_to_end(&mut bytes)
            .map_err(|error| PackError::no_pack(&self.path, format!("{name}: {error}")))?;
        Ok(bytes)
    }

    /// Writes the listed files whose path `wanted` says yes to under `folder`.
    ///
    /// # Errors
    /// A damaged file, or a folder that cannot be written.
    pub(crate) fn extract(&mut self, folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), PackError> {
        for listed in self.manifest()?.files.clone() {
            if !wanted(&listed.path) {
                continue;
            }
            let path = folder.join(&listed.path);
            let io = |error: std::io::Error| PackError::io(&path, error);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(io)?;
            }
            let entry = self
                .archive
                .by_name(&listed.path)
                .map_err(|error| PackError::no_pack(&self.path, format!("{}: {error}", listed.path)))?;
            let mut out = BufWriter::new(File::create(&path).map_err(io)?);
            std::io::copy(&mut entry.take(listed.bytes), &mut out).map_err(io)?;
            out.flush().map_err(io)?;
        }
        Ok(())
    }
}

/// A relative path of plain names.
fn is_inside(name: &str) -> bool {
    let plain = |component| matches!(component, Component::Normal(_));
    !name.is_empty()
        && !name.contains(['\\', '\0', ':'])
        && !name.ends_with('/')
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && Path::new(name).components().all(plain)
}

/// Length and SHA-256 of what is left to read.
fn digest(reader: &mut impl Read, path: &Path) -> Result<(u64, String), PackError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(PackError::io(path, error)),
        };
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
    Ok((bytes, hexadecimal(&hasher.finalize())))
}

/// SHA-256 of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
