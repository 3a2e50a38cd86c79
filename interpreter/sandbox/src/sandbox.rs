//! `Sandbox`: how programs are locked in on this machine.

use crate::{
    Limits, SandboxError, Worker,
    filters::{IMAGE, PID_PLACEHOLDER, filters},
    launcher::{Launch, WORK},
    python::Python,
    zygote::{Role, Zygote, launcher},
};
use serde_json::json;
use std::{path::PathBuf, process::Command, sync::Arc};

/// A user that no account has; programs run as it where this process is the superuser.
const NOBODY: u32 = 1_879_048_192 + 1_733;

/// How a sandbox is to be made.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// A binary whose `main` begins with [`crate::launch_if_asked`]: mostly this very one.
    pub launcher: PathBuf,
    /// The interpreter: a path, or a name to be looked up.
    pub python: PathBuf,
    pub limits: Limits,
    /// Run programs with limits alone where the machine offers no isolation.
    pub allow_unsafe: bool,
    /// Do without namespaces, as on a machine that has none.
    pub without_namespaces: bool,
    /// Do without Landlock, as on a machine that has none.
    pub without_landlock: bool,
}

impl SandboxOptions {
    pub fn new(launcher: PathBuf) -> Self {
        SandboxOptions {
            launcher,
            python: PathBuf::from("python3"),
            limits: Limits::default(),
            allow_unsafe: false,
            without_namespaces: false,
            without_landlock: false,
        }
    }
}

/// What holds programs in, beside limits and the filter of system calls, which always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// Own namespaces of mounts, processes, network and IPC, with a root that holds the interpreter alone.
    pub namespaces: bool,
    /// Rules of the kernel on which files can be opened.
    pub landlock: bool,
}

impl Layers {
    /// In words, for `rlx doctor`.
    pub fn describe(self) -> &'static str {
        match (self.namespaces, self.landlock) {
            (true, true) => "namespaces, Landlock, seccomp, limits",
            (true, false) => "namespaces, seccomp, limits",
            (false, true) => "Landlock, seccomp, limits",
            (false, false) => "seccomp and limits alone: files can be read",
        }
    }
}

/// Everything that starting an interpreter needs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) options: SandboxOptions,
    pub(crate) layers: Layers,
    python: Python,
    filters: Vec<String>,
    /// Those of a process that becomes another program.
    becoming: Vec<String>,
    /// Mount point of the new root; empty, and removed at the end.
    root: tempfile::TempDir,
}

impl Settings {
    /// The command that becomes an interpreter with this code.
    pub(crate) fn command(&self, code: String) -> Result<Command, SandboxError> {
        let limits = &self.options.limits;
        let superuser = nix::unistd::geteuid().is_root();
        let config = json!({
            "filters": self.filters,
            "becoming": self.becoming,
            "image": IMAGE,
            "execveat": libc::SYS_execveat,
            "pid_placeholder": PID_PLACEHOLDER,
            "file_bytes": if self.layers.namespaces { limits.file_bytes } else { 0 },
            "open_files": limits.open_files,
            // Counted by user: of this sandbox alone where it has a user of its own.
            "tasks": limits.tasks,
            "count_tasks": superuser || self.layers.namespaces,
            "drop_to": if superuser { NOBODY } else { 0 },
            "work": if self.layers.namespaces { WORK } else { "/" },
            "writable": self.layers.namespaces,
            "new_pids": self.layers.namespaces,
            "recursion": 50_000,
        });
        let launch = Launch {
            program: self.python.executable.clone(),
            arguments: vec!["-s".into(), "-B".into(), "-c".into(), code, config.to_string()],
            readable: self.python.readable.clone(),
            root: self.layers.namespaces.then(|| self.root.path().to_owned()),
            landlock: self.layers.landlock,
            work_bytes: limits.file_bytes,
        };
        launcher(&self.options.launcher, &launch)
    }
}

/// A way to judge programs on this machine, found by trying.
#[derive(Debug, Clone)]
pub struct Sandbox {
    settings: Arc<Settings>,
}

impl Sandbox {
    /// Finds the strongest isolation that this machine offers.
    ///
    /// # Errors
    /// [`SandboxError::NoIsolation`] where neither namespaces nor Landlock can be had and `allow_unsafe` is not set;
    /// others where there is no interpreter, or no seccomp.
    pub fn open(options: SandboxOptions) -> Result<Self, SandboxError> {
        let python = Python::ask(&options.python)?;
        let hexadecimal = |filters: Vec<Vec<u8>>| -> Vec<String> {
            let text = |filter: &Vec<u8>| filter.iter().map(|byte| format!("{byte:02x}")).collect();
            filters.iter().map(text).collect()
        };
        let (plain, becoming) = (hexadecimal(filters(false)?), hexadecimal(filters(true)?));
        let mut why = Vec::new();
        for (namespaces, landlock) in [(true, true), (false, true), (true, false), (false, false)] {
            let alone = !namespaces && !landlock;
            if (namespaces && options.without_namespaces)
                || (landlock && options.without_landlock)
                || (alone && !options.allow_unsafe)
            {
                continue;
            }
            let root = tempfile::Builder::new()
                .prefix("rlx-sandbox-")
                .tempdir()
                .map_err(SandboxError::system("temporary folder"))?;
            let settings = Settings {
                options: options.clone(),
                layers: Layers { namespaces, landlock },
                python: python.clone(),
                filters: plain.clone(),
                becoming: becoming.clone(),
                root,
            };
            match Zygote::start(&settings, Role::Candidate) {
                Ok(_) => {
                    return Ok(Sandbox {
                        settings: Arc::new(settings),
                    });
                }
                Err(SandboxError::Start { why: reason }) => why.push(reason),
                Err(other) => return Err(other),
            }
        }
        if options.allow_unsafe {
            let why = why.last().cloned().unwrap_or_default();
            return Err(SandboxError::Start { why });
        }
        why.dedup();
        Err(SandboxError::NoIsolation {
            why: if why.is_empty() {
                "both are switched off".to_owned()
            } else {
                why.join("; ")
            },
        })
    }

    /// What holds programs in here.
    pub fn layers(&self) -> Layers {
        self.settings.layers
    }

    /// Version of the interpreter, `3.11.7`.
    pub fn python(&self) -> String {
        let (major, minor, patch) = self.settings.python.version;
        format!("{major}.{minor}.{patch}")
    }

    pub fn limits(&self) -> Limits {
        self.settings.options.limits
    }

    /// A worker of its own interpreters; one a thread.
    pub fn worker(&self) -> Worker {
        Worker::new(Arc::clone(&self.settings))
    }
}
