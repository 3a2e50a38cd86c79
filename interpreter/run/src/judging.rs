//! `Judging`: a judge of the language, ready to work, whether it compares texts or runs programs.

use crate::RunError;
use rlx_data::Problem;
use rlx_judge::{
    Outcome, Verdict,
    code::{CODE_VERSION, CodeTask, ProgramKind, TestGold},
    command::{self, COMMAND_VERSION},
};
use rlx_language::{Judge, ProblemSet};
use rlx_sandbox::{Executable, Sandbox, SandboxOptions, Worker};
use std::sync::Mutex;

/// A judge with what the assistant's turns begin with, which it reads before each response.
pub(crate) struct Judging {
    kind: Kind,
    prefill: String,
    /// It compares to decimal places where a problem says so.
    rounds: bool,
}

enum Kind {
    Text(Box<dyn rlx_judge::Judge + Send + Sync>),
    /// With the workers that have nothing to do.
    Programs(Sandbox, Mutex<Vec<Worker>>),
    /// The program that judges.
    Command(Executable, Sandbox, Mutex<Vec<Worker>>),
}

impl Judging {
    /// Gets the judge of a step ready; for programs a sandbox is opened.
    pub(crate) fn open(judge: Judge, set: &ProblemSet, step: &str) -> Result<Self, RunError> {
        Ok(Judging {
            kind: Kind::open(judge, set, step)?,
            prefill: set.prompt.prefill.clone().unwrap_or_default(),
            rounds: matches!(judge, Judge::Number | Judge::Math),
        })
    }

    /// Whether a verdict takes as long as a program runs.
    pub(crate) fn runs_programs(&self) -> bool {
        matches!(self.kind, Kind::Programs(..) | Kind::Command(..))
    }

    /// Name and version, as rows keep them.
    pub(crate) fn label(&self) -> String {
        match &self.kind {
            Kind::Text(judge) => format!("{} {}", judge.name(), judge.version()),
            Kind::Programs(..) => format!("code {CODE_VERSION}"),
            // Which program it was, by the first digits of its hash.
            Kind::Command(program, ..) => {
                let hash = program.hash().get(..16).unwrap_or_default();
                format!("command {COMMAND_VERSION} {hash}")
            }
        }
    }

    /// The verdict on one response; threads may ask at once.
    pub(crate) fn judge(&self, problem: &Problem, response: &str, truncated: bool) -> Verdict {
        let verdict = if self.prefill.is_empty() {
            self.kind.judge(problem, response, truncated)
        } else {
            self.kind
                .judge(problem, &format!("{}{response}", self.prefill), truncated)
        };
        match problem.precision.filter(|_| self.rounds) {
            None => verdict,
            Some(places) => {
                let gold = problem.answer.as_deref().unwrap_or_default();
                rlx_judge::to_places(verdict, gold, places)
            }
        }
    }
}

impl Kind {
    fn open(judge: Judge, set: &ProblemSet, step: &str) -> Result<Self, RunError> {
        if matches!(judge, Judge::Code | Judge::Command) {
            let fault = |message: String| RunError::Step {
                step: step.to_owned(),
                code: "rlx::sandbox",
                message,
                help: "`rlx explain rlx::sandbox` tells what the code judge needs".into(),
            };
            let launcher = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
            let mut options = SandboxOptions::new(launcher);
            let limits = &mut options.limits;
            let (time, memory) = match (&set.code, &set.command) {
                (Some(code), _) => (code.time, code.memory),
                (_, Some(command)) => (command.time, command.memory),
                _ => (None, None),
            };
            if let Some(seconds) = time {
                limits.cpu_seconds = seconds;
                // A starved program gets the same share of patience.
                limits.wall_seconds = limits.wall_seconds.max(seconds.saturating_mul(100));
            }
            if let Some(bytes) = memory {
                limits.memory_bytes = bytes;
            }
            let sandbox = Sandbox::open(options).map_err(|error| fault(error.to_string()))?;
            let Some(command) = set.command.as_ref().filter(|_| judge == Judge::Command) else {
                return Ok(Kind::Programs(sandbox, Mutex::default()));
            };
            let bad = |message: String| {
                RunError::Step {
                step: step.to_owned(),
                code: "rlx::run::judge",
                message,
                help: "`program` is a path from the folder of the declaring file, to a Python file, a compiled program or a script"
                    .into(),
            }
            };
            let path = &command.path;
            let bytes = std::fs::read(path).map_err(|error| {
                bad(format!(
                    "the program that judges, {path}, cannot be read: {error}"
                ))
            })?;
            let program = Executable::new(&bytes)
                .map_err(|error| bad(format!("the program that judges, {path}, cannot be run: {error}")))?;
            return Ok(Kind::Command(program, sandbox, Mutex::default()));
        }
        let judge = rlx_judge::by_name(judge.name()).ok_or_else(|| RunError::Step {
            step: step.to_owned(),
            code: "rlx::run::judge",
            message: format!("there is no judge `{}`", judge.name()),
            help: "name one of the judges of the language reference".into(),
        })?;
        Ok(Kind::Text(judge))
    }

    fn judge(&self, problem: &Problem, response: &str, truncated: bool) -> Verdict {
        match self {
            Kind::Text(judge) => judge.judge(&crate::judge::case(problem, response, truncated)),
            Kind::Programs(sandbox, idle) => working(sandbox, idle, |worker| {
                program(worker, problem, response, truncated)
            }),
            Kind::Command(executable, sandbox, idle) => working(sandbox, idle, |worker| {
                let case = crate::judge::case(problem, response, truncated);
                match worker.print(executable, &command::asked(&case, problem.precision)) {
                    Ok(Ok(printed)) => command::heard(&printed),
                    Ok(Err(why)) => command::failed(&format!("the judging program failed: {why}")),
                    Err(error) => command::failed(&error.to_string()),
                }
            }),
        }
    }
}

/// A verdict by a worker that has nothing to do, or a new one.
fn working(
    sandbox: &Sandbox,
    idle: &Mutex<Vec<Worker>>,
    judge: impl FnOnce(&mut Worker) -> Verdict,
) -> Verdict {
    let free = idle.lock().ok().and_then(|mut idle| idle.pop());
    let mut worker = free.unwrap_or_else(|| sandbox.worker());
    let verdict = judge(&mut worker);
    if let Ok(mut idle) = idle.lock() {
        idle.push(worker);
    }
    verdict
}

/// Runs one program. What goes wrong here is never the program's fault, and never counts for or against it.
fn program(worker: &mut Worker, problem: &Problem, response: &str, truncated: bool) -> Verdict {
    let gave_up = |reason: String| Verdict {
        outcome: Outcome::GaveUp,
        extracted: None,
        rule: "none".into(),
        reason,
    };
    let gold: Result<TestGold, _> = serde_json::from_str(problem.answer.as_deref().unwrap_or_default());
    let gold = match gold {
        Ok(gold) => gold,
        Err(error) => return gave_up(format!("the problem has no tests: {error}")),
    };
    let tests = match gold.read_all() {
        Ok(tests) => tests,
        Err(error) => return gave_up(error.to_string()),
    };
    let task = CodeTask {
        kind: if gold.completion {
            ProgramKind::Completion
        } else {
            ProgramKind::Reply
        },
        response,
        prompt: &problem.text,
        setup: &gold.setup,
        tests: &tests,
        starter_code: &gold.starter_code,
        truncated,
    };
    worker
        .judge(&task)
        .unwrap_or_else(|error| gave_up(error.to_string()))
}
