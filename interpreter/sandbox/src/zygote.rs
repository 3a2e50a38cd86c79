//! `Zygote`: a warm interpreter in its sandbox, from which programs are forked.

use crate::{
    SandboxError,
    channel::{Channel, Heard, memory_file, wait},
    sandbox::Settings,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::fd::BorrowedFd,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What a zygote is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs programs.
    Candidate,
    /// Runs tests.
    Driver,
}

const ZYGOTE: &str = include_str!("python/zygote.py");
const CANDIDATE: &str = include_str!("python/candidate.py");
const DRIVER: &str = include_str!("python/driver.py");

/// Time that an interpreter may take to start, on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Address space that a bare interpreter is taken to use where the kernel does not say.
const BASELINE: u64 = 512 << 20;

#[derive(Debug)]
pub(crate) struct Zygote {
    child: Child,
    pub(crate) control: Channel,
    /// Its number here; None where the kernel does not tell.
    pub(crate) pid: Option<i32>,
    jobs: u64,
}

impl Zygote {
    pub(crate) fn start(settings: &Settings, role: Role) -> Result<Self, SandboxError> {
        let doing = SandboxError::system;
        let (control, there) = Channel::pair()?;
        let said = memory_file(b"")?;
        let kept = said.try_clone().map_err(doing("memory file"))?;
        let code = match role {
            Role::Candidate => format!("{ZYGOTE}\n{CANDIDATE}"),
            Role::Driver => format!("{ZYGOTE}\n{DRIVER}"),
        };
        let mut command = settings.command(code)?;
        let child = command
            .stdin(Stdio::from(there))
            .stdout(Stdio::null())
            .stderr(Stdio::from(said))
            .spawn()
            .map_err(doing("start of the launcher"))?;
        drop(command); // it holds the other side of the socket
        let mut zygote = Zygote {
            child,
            control,
            pid: None,
            jobs: 0,
        };
        let begun = Instant::now();
        while begun.elapsed() < START {
            let ready = wait(&[zygote.control_fd()], Duration::from_millis(200));
            if ready.first() != Some(&true) {
                continue;
            }
            match zygote.control.receive() {
                Heard::Message { pid, .. } => {
                    zygote.pid = pid;
                    return Ok(zygote);
                }
                Heard::End => break,
            }
        }
        let _ = zygote.child.kill();
        let _ = zygote.child.wait();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&kept));
        let why = fs::read_to_string(path).unwrap_or_default();
        let why = why.trim().lines().last().unwrap_or("it says nothing").to_owned();
        Err(SandboxError::Start { why })
    }

    fn control_fd(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.control)
    }

    /// Bytes of address space that the interpreter uses itself.
    fn baseline(&self) -> u64 {
        self.pid
            .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/statm")).ok())
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .map_or(BASELINE, |pages| pages.saturating_mul(4096))
    }

    /// Starts a job; `files` go with it by name. Returns its number.
    pub(crate) fn begin(
        &mut self,
        mut job: Value,
        memory_bytes: u64,
        files: &[(&str, BorrowedFd<'_>)],
    ) -> Result<u64, SandboxError> {
        self.jobs += 1;
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        if let Some(fields) = job.as_object_mut() {
            fields.insert("job".into(), json!(self.jobs));
            fields.insert("fds".into(), json!(names));
            fields.insert(
                "address_space".into(),
                json!(self.baseline().saturating_add(memory_bytes)),
            );
        }
        let files: Vec<BorrowedFd<'_>> = files.iter().map(|(_, file)| *file).collect();
        self.control.send(&job, &files)?;
        Ok(self.jobs)
    }

    /// Asks for the end of a job; how it ended still comes as a message.
    pub(crate) fn kill(&self, job: u64) {
        let _ = self.control.send(&json!({ "kill": job }), &[]);
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // Closing the control socket would do; this does not wait for a fork that is under way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The launcher's command line.
pub(crate) fn launcher(
    launcher: &std::path::Path,
    launch: &crate::launcher::Launch,
) -> Result<Command, SandboxError> {
    let text = serde_json::to_string(launch).map_err(|error| SandboxError::Start {
        why: error.to_string(),
    })?;
    let mut command = Command::new(launcher);
    command.arg(crate::LAUNCHER_ARGUMENT).arg(text);
    Ok(command)
}
