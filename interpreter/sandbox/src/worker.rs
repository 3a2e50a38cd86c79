//! `Worker`: judges one program after another.

use crate::{
    Executable, SandboxError,
    channel::{Channel, Heard, memory_file, wait},
    clock::Clock,
    executable::Kind,
    sandbox::Settings,
    zygote::{Role, Zygote},
};
use nix::{
    fcntl::OFlag,
    sys::socket::{AddressFamily, SockFlag, SockType, socketpair},
    unistd::{pipe2, read},
};
use rlx_judge::{
    Outcome, Verdict,
    code::{CodeTask, ProgramKind, TestCase, Tests, outputs_match, program_of},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

/// CPU seconds that the tests' own process may take.
const DRIVER_SECONDS: u64 = 120;
/// How often the clocks are looked at.
const TICK: Duration = Duration::from_millis(100);
/// Time that the rest of a job may take to be reported after its end was asked for.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Two warm interpreters that judge one program after another. One a thread.
#[derive(Debug)]
pub struct Worker {
    settings: Arc<Settings>,
    candidate: Option<Zygote>,
    driver: Option<Zygote>,
}

/// How a fork ended.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Ended {
    /// Exit code; negative: the signal.
    code: i32,
    cpu: f64,
    clean: bool,
}

/// What an exception says of itself. Of a program's own making: good for a reason, never for a pass.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct About {
    r#type: Option<String>,
    text: Option<String>,
    errno: Option<i64>,
    path: Option<String>,
}

/// Why a program was ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Idle,
    Wall,
    Output,
}

/// The driver's last words.
#[derive(Debug, Deserialize)]
struct Final {
    verdict: String,
    #[serde(default)]
    calls: u64,
    #[serde(default)]
    about: About,
    #[serde(default)]
    line: Option<u64>,
}

impl Worker {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Worker {
            settings,
            candidate: None,
            driver: None,
        }
    }

    /// Judges a program by its tests.
    ///
    /// # Errors
    /// [`SandboxError`] when the interpreters cannot be started, or the machine fails; never because of the program.
    pub fn judge(&mut self, task: &CodeTask<'_>) -> Result<Verdict, SandboxError> {
        let Some(found) = program_of(task) else {
            let outcome = if task.truncated {
                Outcome::Truncated
            } else {
                Outcome::NoProgram
            };
            return Ok(verdict(outcome, None, "none", "the response holds no program"));
        };
        let (outcome, reason) = match self.run(task, &found.program) {
            Ok(judged) => judged,
            Err(_) => {
                // An interpreter was lost (the machine was out of memory): once more, with new ones.
                (self.candidate, self.driver) = (None, None);
                match self.run(task, &found.program) {
                    Ok(judged) => judged,
                    Err(error) => {
                        (self.candidate, self.driver) = (None, None);
                        return Err(error);
                    }
                }
            }
        };
        Ok(verdict(outcome, Some(found.program), found.rule, &reason))
    }

    fn run(&mut self, task: &CodeTask<'_>, program: &str) -> Result<(Outcome, String), SandboxError> {
        match task.tests {
            Tests::Stdin(cases) => self.by_output(task, program, cases),
            Tests::Source(_) | Tests::Functional(_) => self.by_calls(task, program),
        }
    }

    fn candidate(&mut self) -> Result<&mut Zygote, SandboxError> {
        if self.candidate.is_none() {
            self.candidate = Some(Zygote::start(&self.settings, Role::Candidate)?);
        }
        self.candidate.as_mut().ok_or_else(lost)
    }

    fn driver(&mut self) -> Result<&mut Zygote, SandboxError> {
        if self.driver.is_none() {
            self.driver = Some(Zygote::start(&self.settings, Role::Driver)?);
        }
        self.driver.as_mut().ok_or_else(lost)
    }

    /// The program as the candidate's process gets it.
    fn source(task: &CodeTask<'_>, program: &str) -> Value {
        json!({
            "program": program,
            "setup": task.setup,
            // A reply may leave out what the prompt has imported and defined already.
            "given": if task.kind == ProgramKind::Reply { task.prompt } else { "" },
        })
    }

    fn imports(program: &str) -> Vec<&'static str> {
        if program.contains("numpy") {
            vec!["numpy"]
        } else {
            Vec::new()
        }
    }

    /// Tests that call: a driver beside the candidate.
    fn by_calls(&mut self, task: &CodeTask<'_>, program: &str) -> Result<(Outcome, String), SandboxError> {
        let limits = self.settings.options.limits;
        let spec = match task.tests {
            Tests::Functional(cases) => json!({
                "method": task.method(),
                "cases": cases.iter().map(|case| json!({"input": case.input, "output": case.output})).collect::<Vec<_>>(),
            }),
            Tests::Source(text) => json!({"tests": text, "setup": task.setup, "prompt": task.prompt}),
            Tests::Stdin(_) => Value::Null,
        };
        let spec = spec.to_string();
        let name = blake3::hash(spec.as_bytes()).to_hex().to_string();
        let doing = SandboxError::errno;
        let (here, there) = socketpair(
            AddressFamily::Unix,
            SockType::Stream,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .map_err(doing("socket pair"))?;
        let (status, candidate_status) = Channel::pair()?;
        let (report, driver_status) = Channel::pair()?;
        let source = memory_file(Self::source(task, program).to_string().as_bytes())?;
        let tests = memory_file(spec.as_bytes())?;
        // LiveCodeBench's imports; a call has the limit of a test there, and the calls of one program share a few.
        let functional = matches!(task.tests, Tests::Functional(_));
        let cpu = limits.cpu_seconds;
        let job = self.candidate()?.begin(
            json!({"cpu": cpu, "prelude": functional, "import": Self::imports(program)}),
            limits.memory_bytes,
            &[
                ("program", source.as_fd()),
                ("status", candidate_status.as_fd()),
                ("rpc", there.as_fd()),
            ],
        )?;
        drop((there, candidate_status, source));
        let driving = self.driver()?.begin(
            json!({"cpu": DRIVER_SECONDS, "tests": name}),
            limits.memory_bytes,
            &[
                ("spec", tests.as_fd()),
                ("status", driver_status.as_fd()),
                ("rpc", here.as_fd()),
            ],
        )?;
        drop((here, driver_status, tests));

        let (Some(candidate), Some(driver)) = (&self.candidate, &self.driver) else {
            return Err(lost());
        };
        let mut clock = Clock::start();
        let mut pids = [None, None];
        let (mut last, mut ended, mut driver_ended): (Option<Final>, Option<Ended>, bool) =
            (None, None, false);
        let mut stopped = None;
        let mut asked = None::<Duration>;
        let mut open = [true, true];
        while ended.is_none() || !driver_ended {
            let mut watched = vec![candidate.control.as_fd(), driver.control.as_fd()];
            let mut which = vec![0usize, 1];
            for (index, channel) in [&status, &report].into_iter().enumerate() {
                if open.get(index) == Some(&true) {
                    watched.push(channel.as_fd());
                    which.push(index + 2);
                }
            }
            let ready = wait(&watched, TICK);
            for (source, ready) in which.into_iter().zip(ready) {
                if !ready {
                    continue;
                }
                let channel = match source {
                    0 => &candidate.control,
                    1 => &driver.control,
                    2 => &status,
                    _ => &report,
                };
                match (source, channel.receive()) {
                    (0, Heard::Message { text, .. }) => {
                        if let Some(refused) = text.get("refused") {
                            return Err(refusal(refused));
                        }
                        if text.get("ended") == Some(&json!(job)) {
                            ended = Ended::deserialize(&text).ok();
                        }
                    }
                    (1, Heard::Message { text, .. }) => {
                        if let Some(refused) = text.get("refused") {
                            candidate.kill(job);
                            let about = About::deserialize(refused).unwrap_or_default();
                            self.candidate = None;
                            return Ok((
                                Outcome::GaveUp,
                                format!("the tests cannot be used: {}", words(&about)),
                            ));
                        }
                        driver_ended |= text.get("ended") == Some(&json!(driving));
                    }
                    (0 | 1, Heard::End) => return Err(lost()),
                    (2, Heard::Message { pid, .. }) => {
                        if let Some(slot) = pids.first_mut() {
                            *slot = slot.or(pid);
                        }
                    }
                    (_, Heard::Message { text, pid }) => {
                        if let Some(slot) = pids.last_mut() {
                            *slot = slot.or(pid);
                        }
                        if text.get("verdict").is_some() {
                            last = Final::deserialize(&text).ok();
                        }
                    }
                    (_, Heard::End) => {
                        if let Some(slot) = open.get_mut(source - 2) {
                            *slot = false;
                        }
                    }
                }
            }
            if clock.wall() < TICK / 2 && asked.is_none() && last.is_none() {
                continue;
            }
            // The interpreters count too: they may still be importing what the program needs.
            clock.tick(&[pids[0], pids[1], candidate.pid, driver.pid]);
            // With the driver's word the program is over; without a program the driver soon is.
            if asked.is_none() {
                if last.is_none() {
                    if clock.idle() > Duration::from_secs(limits.idle_seconds) {
                        stopped = Some(Stopped::Idle);
                    } else if clock.wall() > Duration::from_secs(limits.wall_seconds) {
                        stopped = Some(Stopped::Wall);
                    }
                }
                if last.is_some() || stopped.is_some() || driver_ended {
                    candidate.kill(job);
                    driver.kill(driving);
                    asked = Some(clock.wall());
                }
            } else if asked.is_some_and(|then| clock.wall() > then + LAST_WORDS) {
                return Err(lost());
            }
        }
        // What the driver said right before its end may still lie there.
        while last.is_none() && open.last() == Some(&true) {
            match report.receive() {
                Heard::Message { text, .. } => {
                    if text.get("verdict").is_some() {
                        last = Final::deserialize(&text).ok();
                    }
                }
                Heard::End => break,
            }
        }
        let ended = ended.ok_or_else(lost)?;
        if !ended.clean {
            self.candidate = None;
        }
        Ok(match last {
            Some(last) if last.verdict == "pass" && last.calls == 0 => (
                Outcome::GaveUp,
                "the tests never called the program, so they say nothing of it".to_owned(),
            ),
            Some(last) if last.verdict == "pass" => {
                (Outcome::Pass, format!("all tests held ({} calls)", last.calls))
            }
            Some(last) if last.verdict == "raised" => {
                let (outcome, why) = raised(&last.about);
                let place = last.line.map(|line| format!(" (line {line} of the tests)"));
                (outcome, why + &place.unwrap_or_default())
            }
            _ => end(ended, stopped, &self.settings.options.limits),
        })
    }

    /// What a program of the user's own prints when it reads `input`, or why there is no such thing: locked in like any
    /// other.
    ///
    /// # Errors
    /// As [`Worker::judge`].
    pub fn print(
        &mut self,
        program: &Executable,
        input: &str,
    ) -> Result<Result<String, String>, SandboxError> {
        let (source, text, image) = match &program.kind {
            Kind::Python(text) => (
                json!({ "program": text, "setup": "", "given": "" }),
                text.as_str(),
                None,
            ),
            Kind::Native {
                image,
                arguments,
                script,
            } => {
                if script.is_some() && !self.settings.layers.namespaces {
                    let why = "scripts of other interpreters than Python need namespaces, which this machine does not offer";
                    return Ok(Err(why.to_owned()));
                }
                let source = json!({ "arguments": arguments, "script": script });
                (source, "", Some(image.as_ref()))
            }
        };
        let source = source.to_string();
        let printed = match self.printed(&source, text, input, false, image) {
            Ok(printed) => printed,
            Err(_) => {
                // An interpreter was lost (the machine was out of memory): once more, with a new one.
                self.candidate = None;
                self.printed(&source, text, input, false, image)
                    .inspect_err(|_| self.candidate = None)?
            }
        };
        Ok(printed.map_err(|(_, reason)| reason))
    }

    /// Tests that read what a program prints.
    fn by_output(
        &mut self,
        task: &CodeTask<'_>,
        program: &str,
        cases: &[TestCase],
    ) -> Result<(Outcome, String), SandboxError> {
        let source = Self::source(task, program).to_string();
        for (number, case) in cases.iter().enumerate() {
            let (outcome, reason) = self.one_output(&source, program, case)?;
            if outcome != Outcome::Pass {
                return Ok((outcome, format!("test {}: {reason}", number + 1)));
            }
        }
        Ok((Outcome::Pass, format!("all {} tests held", cases.len())))
    }

    fn one_output(
        &mut self,
        source: &str,
        program: &str,
        case: &TestCase,
    ) -> Result<(Outcome, String), SandboxError> {
        Ok(match self.printed(source, program, &case.input, true, None)? {
            Err(fault) => fault,
            Ok(text) if outputs_match(&text, &case.output) => {
                (Outcome::Pass, "the output is right".to_owned())
            }
            Ok(text) => (Outcome::Fail, format!("printed {}", shown(&text))),
        })
    }

    /// What a program prints when it reads `input`; else what became of it.
    fn printed(
        &mut self,
        source: &str,
        program: &str,
        input: &str,
        prelude: bool,
        image: Option<&OwnedFd>,
    ) -> Result<Result<String, (Outcome, String)>, SandboxError> {
        let limits = self.settings.options.limits;
        let source = memory_file(source.as_bytes())?;
        let input = memory_file(input.as_bytes())?;
        let (output, printed): (OwnedFd, OwnedFd) =
            pipe2(OFlag::O_CLOEXEC).map_err(SandboxError::errno("pipe"))?;
        let (status, there) = Channel::pair()?;
        let mut files = vec![
            ("program", source.as_fd()),
            ("status", there.as_fd()),
            ("stdin", input.as_fd()),
            ("stdout", printed.as_fd()),
        ];
        files.extend(image.map(|image| ("image", image.as_fd())));
        let job = self.candidate()?.begin(
            json!({"cpu": limits.cpu_seconds, "prelude": prelude, "import": Self::imports(program)}),
            limits.memory_bytes,
            &files,
        )?;
        drop(files);
        drop((there, printed, source, input));
        let Some(candidate) = &self.candidate else {
            return Err(lost());
        };
        let mut clock = Clock::start();
        let mut pid = None;
        let mut about = None;
        let mut ended = None::<Ended>;
        let mut stopped = None;
        let mut asked = None::<Duration>;
        let mut open = [true, true];
        let mut text = Vec::new();
        let mut buffer = vec![0u8; 1 << 16];
        while ended.is_none() || open.last() == Some(&true) {
            let mut watched = vec![candidate.control.as_fd()];
            let mut which = vec![0usize];
            if open.first() == Some(&true) {
                watched.push(status.as_fd());
                which.push(1);
            }
            if open.last() == Some(&true) {
                watched.push(output.as_fd());
                which.push(2);
            }
            let ready = wait(&watched, TICK);
            for (source, ready) in which.into_iter().zip(ready) {
                match source {
                    _ if !ready => {}
                    0 => match candidate.control.receive() {
                        Heard::Message { text, .. } => {
                            if let Some(refused) = text.get("refused") {
                                return Err(refusal(refused));
                            }
                            if text.get("ended") == Some(&json!(job)) {
                                ended = Ended::deserialize(&text).ok();
                            }
                        }
                        Heard::End => return Err(lost()),
                    },
                    1 => match status.receive() {
                        Heard::Message { text, pid: from } => {
                            pid = pid.or(from);
                            if let Some(found) = text.get("x") {
                                about = About::deserialize(found).ok();
                            }
                        }
                        Heard::End => open = [false, open.last() == Some(&true)],
                    },
                    _ => match read(&output, &mut buffer) {
                        Ok(0) | Err(_) => open = [open.first() == Some(&true), false],
                        Ok(length) => {
                            if text.len() <= limits.output_bytes {
                                text.extend_from_slice(buffer.get(..length).unwrap_or_default());
                            }
                        }
                    },
                }
            }
            if clock.wall() < TICK / 2 && text.len() <= limits.output_bytes {
                continue;
            }
            clock.tick(&[pid, candidate.pid]);
            match asked {
                None if ended.is_none() => {
                    if text.len() > limits.output_bytes {
                        stopped = Some(Stopped::Output);
                    } else if clock.idle() > Duration::from_secs(limits.idle_seconds) {
                        stopped = Some(Stopped::Idle);
                    } else if clock.wall() > Duration::from_secs(limits.wall_seconds) {
                        stopped = Some(Stopped::Wall);
                    }
                    if stopped.is_some() {
                        candidate.kill(job);
                        asked = Some(clock.wall());
                    }
                }
                Some(then) if clock.wall() > then + LAST_WORDS => return Err(lost()),
                _ => {}
            }
        }
        let ended = ended.ok_or_else(lost)?;
        if !ended.clean {
            self.candidate = None;
        }
        while about.is_none() && open.first() == Some(&true) {
            match status.receive() {
                Heard::Message { text, .. } => {
                    about = text.get("x").and_then(|found| About::deserialize(found).ok());
                }
                Heard::End => break,
            }
        }
        if stopped.is_none() && text.len() > limits.output_bytes {
            stopped = Some(Stopped::Output);
        }
        if let Some(about) = about.filter(|_| stopped.is_none()) {
            return Ok(Err(raised(&about)));
        }
        if ended.code != 0 || stopped.is_some() {
            return Ok(Err(end(ended, stopped, &limits)));
        }
        Ok(String::from_utf8(text).map_err(|_| (Outcome::Fail, "the output is not text".to_owned())))
    }
}

fn lost() -> SandboxError {
    SandboxError::Start {
        why: "the interpreter was lost while a program ran".to_owned(),
    }
}

fn refusal(refused: &Value) -> SandboxError {
    let about = About::deserialize(refused).unwrap_or_default();
    SandboxError::Start { why: words(&about) }
}

fn verdict(outcome: Outcome, program: Option<String>, rule: &str, reason: &str) -> Verdict {
    Verdict {
        outcome,
        extracted: program,
        rule: rule.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The first words of a text, on one line.
fn shown(text: &str) -> String {
    let line: String = text
        .chars()
        .take(120)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!(
        "“{}{}”",
        line.trim(),
        if text.chars().nth(120).is_some() {
            "…"
        } else {
            ""
        }
    )
}

fn words(about: &About) -> String {
    let kind = about.r#type.as_deref().unwrap_or("an exception");
    match about.text.as_deref().filter(|text| !text.trim().is_empty()) {
        Some(text) => format!("{kind}: {}", shown(text)),
        None => kind.to_owned(),
    }
}

/// The verdict on an exception that nothing caught.
fn raised(about: &About) -> (Outcome, String) {
    /// EPERM, EACCES, EROFS: what filters, Landlock and read-only mounts answer.
    const REFUSED: [i64; 3] = [1, 13, 30];
    let kind = about.r#type.as_deref().unwrap_or_default();
    let outside =
        kind == "FileNotFoundError" && about.path.as_deref().is_some_and(|path| path.starts_with('/'));
    let outcome = match kind {
        "AssertionError" => Outcome::Fail,
        "MemoryError" => Outcome::Memory,
        _ if about.errno.is_some_and(|errno| REFUSED.contains(&errno)) || outside => Outcome::Forbidden,
        _ => Outcome::Error,
    };
    let reason = match (outcome, kind) {
        (Outcome::Fail, _) => match about.text.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => format!("an assertion did not hold: {}", shown(text)),
            None => "an assertion did not hold".to_owned(),
        },
        (_, "SystemExit") => "it ended before the tests were over".to_owned(),
        (Outcome::Forbidden, _) if outside => format!("{} is outside the sandbox", words(about)),
        _ => words(about),
    };
    (outcome, reason)
}

/// The verdict on a program that ended, or was ended, with tests left.
fn end(ended: Ended, stopped: Option<Stopped>, limits: &crate::Limits) -> (Outcome, String) {
    /// SIGXCPU and SIGSYS.
    const OUT_OF_TIME: i32 = -24;
    const BAD_CALL: i32 = -31;
    match stopped {
        Some(Stopped::Idle) => {
            let text = format!("asleep for {} s", limits.idle_seconds);
            return (Outcome::Timeout, text);
        }
        Some(Stopped::Wall) => {
            let text = format!("no end within {} s", limits.wall_seconds);
            return (Outcome::Timeout, text);
        }
        Some(Stopped::Output) => {
            let text = format!("printed more than {} MB", limits.output_bytes >> 20);
            return (Outcome::Error, text);
        }
        None => {}
    }
    // Rounding of the kernel's counters: a hundredth of a second.
    if ended.code == OUT_OF_TIME || ended.cpu + 0.01 >= limits.cpu_seconds as f64 {
        let text = format!("used more than {} s of CPU time", limits.cpu_seconds);
        return (Outcome::Timeout, text);
    }
    match ended.code {
        BAD_CALL => (
            Outcome::Forbidden,
            "a system call that the sandbox does not know".to_owned(),
        ),
        code if code < 0 => (Outcome::Error, format!("ended by signal {}", -code)),
        0 => (Outcome::Error, "it ended before the tests were over".to_owned()),
        code => (Outcome::Error, format!("it ended with code {code}")),
    }
}
