//! A sandbox for tests.
#![allow(dead_code, clippy::unwrap_used)] // each test file takes its part

use rlx_judge::{
    Verdict,
    code::{CodeTask, ProgramKind, Tests},
};
use rlx_sandbox::{Limits, Sandbox, SandboxError, SandboxOptions, Worker};
use std::{cell::RefCell, path::PathBuf};

pub(crate) fn options() -> SandboxOptions {
    let mut options = SandboxOptions::new(PathBuf::from(env!("CARGO_BIN_EXE_rlx-sandbox")));
    // Short, so that the tests are: what ends here ends in milliseconds otherwise.
    options.limits = Limits {
        cpu_seconds: 1,
        idle_seconds: 1,
        memory_bytes: 512 << 20,
        ..Limits::default()
    };
    options
}

/// A sandbox with one worker, which judges all programs of a test.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    worker: RefCell<Worker>,
}

/// None, with a visible word, on a machine that offers neither an interpreter nor isolation.
pub(crate) fn open(options: SandboxOptions) -> Option<Bench> {
    match Sandbox::open(options) {
        Ok(sandbox) => Some(Bench {
            worker: RefCell::new(sandbox.worker()),
            sandbox,
        }),
        Err(error @ (SandboxError::NoIsolation { .. } | SandboxError::NoPython { .. })) => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

impl Bench {
    pub(crate) fn judge_with(&self, program: &str, tests: &Tests, starter_code: &str) -> Verdict {
        self.worker
            .borrow_mut()
            .judge(&CodeTask {
                kind: ProgramKind::Program,
                response: program,
                prompt: "",
                setup: "",
                tests,
                starter_code,
                truncated: false,
            })
            .unwrap()
    }

    pub(crate) fn judge(&self, program: &str, tests: &str) -> Verdict {
        self.judge_with(program, &Tests::Source(tests.to_owned()), "")
    }
}
