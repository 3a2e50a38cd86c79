//! `rlx doctor`: what this machine can do.

use crate::{OpenBackend, args::DoctorArgs, backend, failure::Failure};
use std::process::ExitCode;

pub(crate) fn run(args: &DoctorArgs, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    let backend = backend(compute, &args.device)?;
    let device = backend.device();
    println!("rlx        {}", env!("CARGO_PKG_VERSION"));
    for (name, version) in &device.versions {
        println!("{name:<10} {version}");
    }
    println!("device     {}", device.device);
    println!("precision  {}", device.precision);
    for reason in &device.why {
        println!("           {reason}");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("threads    {cores}");
    if let Some(bytes) = memory() {
        println!("memory     {:.1} GiB", bytes as f64 / f64::from(1 << 30));
    }
    println!("code judge {}", code_judge());
    let place = crate::project::place(false);
    println!(
        "hub cache  {}{}",
        place.cache().display(),
        if place.offline() { " (offline)" } else { "" }
    );
    Ok(ExitCode::SUCCESS)
}

/// What would hold judged programs in here, found by trying.
fn code_judge() -> String {
    let launcher = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => return format!("none: {error}"),
    };
    match rlx_sandbox::Sandbox::open(rlx_sandbox::SandboxOptions::new(launcher)) {
        Ok(sandbox) => format!("Python {} in {}", sandbox.python(), sandbox.layers().describe()),
        Err(error) => format!("none: {error}"),
    }
}

/// Bytes of main memory, where the system tells.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
