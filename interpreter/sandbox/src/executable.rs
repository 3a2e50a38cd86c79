//! `Executable`: a program of the user's own, in whatever language, ready to be run in the sandbox.

use crate::{SandboxError, channel::memory_file};
use std::{os::fd::OwnedFd, path::PathBuf, sync::Arc};

/// Largest program, in bytes.
const LARGEST: usize = 256 << 20;
/// Where `env` looks for interpreters.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// What a program's file holds.
#[derive(Debug, Clone)]
pub struct Executable {
    pub(crate) kind: Kind,
    hash: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Source for the interpreter that is warm.
    Python(String),
    /// Machine code, and what it is called with. A script is put beside it, as its last argument.
    Native {
        image: Arc<OwnedFd>,
        arguments: Vec<String>,
        script: Option<String>,
    },
}

/// Why a file is no program that can be run here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutableError {
    #[error(
        "it is neither Python, nor an ELF program, nor a script whose first line names its interpreter: name a Python \
         file, a compiled program for Linux, or begin the script with `#!`"
    )]
    Unknown,
    #[error("it has {bytes} bytes, and {LARGEST} are the most: strip it, or judge by a script")]
    Large { bytes: usize },
    #[error(
        "its first line asks for the interpreter `{name}`, which is not among the programs of this machine: install it, \
         or name another one"
    )]
    NoInterpreter { name: String },
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl Executable {
    /// Looks at a program's bytes: an ELF program, a script that names its interpreter, Python otherwise.
    ///
    /// # Errors
    /// What it is instead.
    pub fn new(bytes: &[u8]) -> Result<Self, ExecutableError> {
        if bytes.len() > LARGEST {
            return Err(ExecutableError::Large { bytes: bytes.len() });
        }
        let kind = if bytes.starts_with(b"\x7fELF") {
            Kind::Native {
                image: Arc::new(memory_file(bytes)?),
                arguments: vec!["judge".to_owned()],
                script: None,
            }
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| ExecutableError::Unknown)?;
            if text.contains('\0') {
                return Err(ExecutableError::Unknown);
            }
            script(text)?
        };
        let hash = blake3::hash(bytes).to_hex().to_string();
        Ok(Executable { kind, hash })
    }

    /// The hash of the program's bytes, 64 hexadecimal digits: the one that keys and locks have.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

fn script(text: &str) -> Result<Kind, ExecutableError> {
    let python = || Ok(Kind::Python(text.to_owned()));
    let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) else {
        return python();
    };
    let mut words = line.split_whitespace();
    let mut named = words.next().unwrap_or_default();
    if named.ends_with("/env") {
        named = words.find(|word| *word != "-S").unwrap_or_default();
    }
    let base = named.rsplit('/').next().unwrap_or_default();
    if base.starts_with("python") || base.starts_with("pypy") {
        return python();
    }
    let missing = || ExecutableError::NoInterpreter {
        name: named.to_owned(),
    };
    let places: Vec<PathBuf> = if named.starts_with('/') {
        vec![PathBuf::from(named)]
    } else {
        FOLDERS
            .iter()
            .map(|folder| PathBuf::from(folder).join(named))
            .collect()
    };
    let image = places
        .iter()
        .find_map(|place| std::fs::read(place).ok())
        .filter(|image| image.starts_with(b"\x7fELF"))
        .ok_or_else(missing)?;
    let mut arguments = vec![named.to_owned()];
    arguments.extend(words.map(str::to_owned));
    Ok(Kind::Native {
        image: Arc::new(memory_file(&image)?),
        arguments,
        script: Some(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_apart_by_their_content() {
        let python = |bytes: &[u8]| matches!(Executable::new(bytes).unwrap().kind, Kind::Python(_));
        assert!(python(b"print(1)"));
        assert!(python(b"#!/usr/bin/env python3\nprint(1)"));
        assert!(python(b"#!/usr/bin/env -S python3 -u\nprint(1)"));
        assert!(matches!(
            Executable::new(b"\x7fELFrest").unwrap().kind,
            Kind::Native { script: None, .. }
        ));
        let Kind::Native {
            arguments, script, ..
        } = Executable::new(b"#!/bin/sh -e\nread x").unwrap().kind
        else {
            panic!("a shell's script is no Python");
        };
        assert_eq!(arguments, ["/bin/sh", "-e"]);
        assert_eq!(script.as_deref(), Some("#!/bin/sh -e\nread x"));
        for (bytes, why) in [
            (&b"\xff\xfe\x00"[..], "neither Python"),
            (b"a\0b", "neither Python"),
            (b"#!/usr/bin/env no-such-interpreter\n", "no-such-interpreter"),
        ] {
            let error = Executable::new(bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let one = Executable::new(b"print(1)").unwrap();
        assert_eq!(one.hash().len(), 64);
        assert_ne!(one.hash(), Executable::new(b"print(2)").unwrap().hash());
    }
}
