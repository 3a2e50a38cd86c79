//! The interpreter: where it is and what it reads.

use crate::SandboxError;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Asked of the interpreter once, outside any sandbox: it is the user's own.
const QUESTION: &str = "
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
keep = {paths[k] for k in ('stdlib', 'platstdlib', 'purelib', 'platlib') if k in paths}
keep |= {p for p in sys.path if p and os.path.exists(p)}
keep |= {os.path.join(sys.base_prefix, 'lib'), os.path.join(sys.prefix, 'lib'), os.path.join(sys.prefix, 'pyvenv.cfg')}
keep |= {sys.executable, os.path.realpath(sys.executable)}
print(json.dumps({'version': list(sys.version_info[:3]), 'executable': sys.executable, 'paths': sorted(keep)}))
";

/// Shared libraries and what the C library reads, wherever an interpreter lies.
const SYSTEM: [&str; 12] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/nix/store",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
];

/// An interpreter that was asked.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    pub(crate) executable: PathBuf,
    pub(crate) version: (u64, u64, u64),
    /// What has to be readable, folders before what lies in them.
    pub(crate) readable: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Answer {
    version: (u64, u64, u64),
    executable: PathBuf,
    paths: Vec<PathBuf>,
}

impl Python {
    pub(crate) fn ask(python: &Path) -> Result<Self, SandboxError> {
        let fault = |why: String| SandboxError::NoPython {
            python: python.to_owned(),
            why,
        };
        let output = Command::new(python)
            .args(["-s", "-B", "-c", QUESTION])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| fault(format!("does not start ({error})")))?;
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| {
            fault(format!(
                "does not answer ({})",
                String::from_utf8_lossy(&output.stderr)
                    .trim()
                    .lines()
                    .last()
                    .unwrap_or("no message")
            ))
        })?;
        if answer.version < (3, 9, 0) {
            let (major, minor, _) = answer.version;
            return Err(fault(format!(
                "is Python {major}.{minor}; 3.9 is the oldest that can be used"
            )));
        }
        let mut readable: Vec<PathBuf> = SYSTEM
            .iter()
            .map(PathBuf::from)
            .chain(answer.paths)
            .filter(|path| path.is_absolute() && path.exists())
            .collect();
        readable.sort();
        readable.dedup();
        Ok(Python {
            executable: answer.executable,
            version: answer.version,
            readable,
        })
    }
}
