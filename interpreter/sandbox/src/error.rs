//! `SandboxError`: why no program can be judged here, and how to mend it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    #[error(
        "this machine offers no way to lock programs in ({why}): use Linux 5.13 or newer with Landlock, or allow user \
         namespaces; `--unsafe-judge` runs the programs with limits alone, in reach of your files and your network"
    )]
    NoIsolation { why: String },
    #[error(
        "the code judge needs a Python interpreter: `{python}` {why}; install python3 or name another one"
    )]
    NoPython { python: PathBuf, why: String },
    #[error(
        "the sandbox needs {what}, which this kernel or processor does not have: judge the programs on another machine"
    )]
    Unsupported { what: String },
    #[error("the sandbox's interpreter does not start: {why}: `rlx doctor` says what this machine offers")]
    Start { why: String },
    #[error("the sandbox: {doing}: {source}")]
    System {
        doing: &'static str,
        source: std::io::Error,
    },
}

impl SandboxError {
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| SandboxError::System { doing, source }
    }

    pub(crate) fn errno(doing: &'static str) -> impl FnOnce(nix::errno::Errno) -> Self {
        move |errno| SandboxError::System {
            doing,
            source: errno.into(),
        }
    }
}
