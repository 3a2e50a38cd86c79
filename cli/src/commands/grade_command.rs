//! `rlx grade --judge command`: a program of the user's own as the judge of a file.

use crate::{args::GradeArgs, commands::grade_code, failure::Failure};
use rlx_judge::{
    Case, Judge, Verdict,
    command::{COMMAND_VERSION, asked, failed, heard},
};
use rlx_sandbox::{Executable, Sandbox, Worker};
use std::sync::Mutex;

/// A judge that asks a program, locked in, for each verdict.
pub(crate) struct Program {
    executable: Executable,
    sandbox: Sandbox,
    /// Workers that have nothing to do.
    idle: Mutex<Vec<Worker>>,
}

impl Program {
    /// Reads the program and makes the sandbox ready.
    pub(crate) fn open(args: &GradeArgs) -> Result<Self, Failure> {
        let bad = |message: String| {
            let help = "name a program that reads a case as JSON and prints a verdict: `--program judge.py`";
            Failure::user("rlx::judge", message, Some(help.to_owned()))
        };
        let path = args
            .program
            .as_deref()
            .ok_or_else(|| bad("the judge `command` asks a program, and none is named".to_owned()))?;
        let bytes = std::fs::read(path)
            .map_err(|error| bad(format!("{} cannot be read: {error}", path.display())))?;
        let executable = Executable::new(&bytes)
            .map_err(|error| bad(format!("{} cannot be run: {error}", path.display())))?;
        Ok(Program {
            executable,
            sandbox: grade_code::open(args)?,
            idle: Mutex::default(),
        })
    }
}

impl Judge for Program {
    fn name(&self) -> &str {
        "command"
    }

    fn version(&self) -> &str {
        COMMAND_VERSION
    }

    fn judge(&self, case: &Case) -> Verdict {
        let free = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut worker = free.unwrap_or_else(|| self.sandbox.worker());
        let verdict = match worker.print(&self.executable, &asked(case, None)) {
            Ok(Ok(printed)) => heard(&printed),
            Ok(Err(why)) => failed(&format!("the judging program failed: {why}")),
            Err(error) => failed(&error.to_string()),
        };
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(worker);
        }
        verdict
    }
}
