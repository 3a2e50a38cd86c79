//! `rlx grade --judge code`: programs made elsewhere, run in the sandbox.

use crate::{
    args::GradeArgs,
    commands::{benchmark::Golds, lines, verdicts::Sink},
    failure::Failure,
};
use rlx_judge::{
    Verdict,
    code::{CodeTask, ProgramKind, TestGold, Tests},
};
use rlx_sandbox::{Sandbox, SandboxError, SandboxOptions};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

/// Rows that may wait for a slower one before them; bounds memory, not results.
const AHEAD: usize = 4096;

#[derive(Deserialize)]
struct Row {
    id: Value,
    response: String,
    #[serde(default)]
    kind: ProgramKind,
    #[serde(default)]
    prompt: String,
    /// Id of the benchmark's problem.
    #[serde(default)]
    problem: String,
    #[serde(default)]
    setup: String,
    #[serde(default)]
    tests: Value,
    #[serde(default)]
    starter_code: String,
    #[serde(default)]
    entry_point: String,
    #[serde(default)]
    truncated: bool,
}

impl Row {
    fn tests(&self) -> Result<Tests, Failure> {
        let tests = Tests::read(&self.tests)
            .map_err(|error| Failure::user("rlx::judge", format!("row {}: {error}", self.id), None))?;
        Ok(match tests {
            // HumanEval's tests only define `check`.
            Tests::Source(text) if !self.entry_point.is_empty() && !text.contains("\ncheck(") => {
                Tests::Source(format!("{text}\ncheck({})\n", self.entry_point))
            }
            other => other,
        })
    }

    fn judge(&self, worker: &mut rlx_sandbox::Worker, golds: Option<&Golds>) -> Result<Verdict, Failure> {
        if let Some(golds) = golds {
            return self.judge_by(worker, golds);
        }
        let tests = self.tests()?;
        let task = CodeTask {
            kind: self.kind,
            response: &self.response,
            prompt: &self.prompt,
            setup: &self.setup,
            tests: &tests,
            starter_code: &self.starter_code,
            truncated: self.truncated,
        };
        worker.judge(&task).map_err(sandbox)
    }

    /// With the tests of a benchmark's problem.
    fn judge_by(&self, worker: &mut rlx_sandbox::Worker, golds: &Golds) -> Result<Verdict, Failure> {
        let problem = golds.problem(&self.id, &self.problem)?;
        let broken =
            |why: String| Failure::user("rlx::judge", format!("problem {}: {why}", problem.id), None);
        let gold: TestGold = serde_json::from_str(problem.answer.as_deref().unwrap_or_default())
            .map_err(|error| broken(error.to_string()))?;
        let tests = gold.read_all().map_err(|error| broken(error.to_string()))?;
        let response = match self.kind {
            ProgramKind::Reply => golds.turn(&self.response),
            _ => self.response.clone(),
        };
        let task = CodeTask {
            kind: self.kind,
            response: &response,
            prompt: &problem.text,
            setup: &gold.setup,
            tests: &tests,
            starter_code: &gold.starter_code,
            truncated: self.truncated,
        };
        worker.judge(&task).map_err(sandbox)
    }
}

/// A sandbox as the command line asks for it.
pub(crate) fn open(args: &GradeArgs) -> Result<Sandbox, Failure> {
    let launcher = std::env::current_exe().map_err(|error| {
        Failure::user(
            "rlx::install",
            format!("the place of this program cannot be found: {error}"),
            None,
        )
    })?;
    let mut options = SandboxOptions::new(launcher);
    options.allow_unsafe = args.unsafe_judge;
    if let Some(python) = &args.python {
        options.python.clone_from(python);
    }
    if let Some(seconds) = args.cpu_seconds {
        options.limits.cpu_seconds = seconds.max(1);
    }
    Sandbox::open(options).map_err(sandbox)
}

/// What a person reads of an error of the sandbox; each message holds its own mend.
pub(crate) fn sandbox(error: SandboxError) -> Failure {
    Failure::user("rlx::sandbox", error.to_string(), None)
}

pub(crate) fn run(args: &GradeArgs, golds: Option<&Golds>) -> Result<ExitCode, Failure> {
    let sandbox = open(args)?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sink = Sink::open(args)?;
    let mut rows = lines::read::<Row>(&args.answers)?;
    for at in 0..sink.done() {
        match rows.next() {
            Some(row) => sink.check(at, &row?.id)?,
            None => break,
        }
    }
    let rows = Mutex::new(rows.enumerate());
    let (send, results) = mpsc::sync_channel::<(usize, Value, Result<Verdict, Failure>, Duration)>(AHEAD);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (send, sandbox, rows) = (send.clone(), &sandbox, &rows);
            scope.spawn(move || {
                let mut worker = sandbox.worker();
                loop {
                    let next = rows.lock().ok().and_then(|mut rows| rows.next());
                    let Some((at, row)) = next else { return };
                    let clock = Instant::now();
                    let (id, verdict) = match row {
                        Ok(row) => (row.id.clone(), row.judge(&mut worker, golds)),
                        Err(failure) => (Value::Null, Err(failure)),
                    };
                    if send.send((at, id, verdict, clock.elapsed())).is_err() {
                        return; // nobody listens any more
                    }
                }
            });
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (at, id, verdict, took) in results {
            early.insert(at, (id, verdict, took));
            while let Some((id, verdict, took)) = early.remove(&due) {
                due += 1;
                sink.write(&id, &verdict?, took, None)?;
            }
            sink.flush()?;
        }
        Ok(ExitCode::SUCCESS)
    })
}
