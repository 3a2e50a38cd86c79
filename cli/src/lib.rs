//! The command line of rlx: one file a subcommand, diagnostics, progress.
//!
//! Two binaries share it. `rlx` is linked without libtorch and starts in milliseconds; when a command has tensor work to do
//! it hands its whole command line over to `rlx-compute` beside it, which calls [`main`] with a way to compute.

mod args;
mod codes;
mod commands;
mod curves;
mod failure;
mod flag;
mod progress;
mod project;

pub use args::DeviceOptions;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use rlx_run::{Backend, BackendError};
use std::process::ExitCode;

/// Opens the device that the command line asks for.
pub type OpenBackend = dyn Fn(&DeviceOptions) -> Result<Box<dyn Backend>, BackendError>;

/// Parses the command line and does what it says. `compute` is None in the binary without libtorch.
///
/// Exit codes: 0 success, 1 the input or a claim check asks for failure, 2 wrong usage.
pub fn main(compute: Option<&OpenBackend>) -> ExitCode {
    if let Some(code) = rlx_sandbox::launch_if_asked() {
        return code;
    }
    let cli = Cli::parse();
    if only_prints(&cli.command) {
        // `rlx plan FILE | head` ends quietly, as other tools do.
        sigpipe::reset();
    }
    match dispatch(cli.command, compute) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

/// Commands that have neither sockets nor children to talk to.
fn only_prints(command: &Command) -> bool {
    use Command::{Check, Doc, Explain, Fmt, Gc, Lock, Passk, Plan, Why};
    matches!(
        command,
        Check(_) | Doc(_) | Explain(_) | Fmt(_) | Gc(_) | Lock(_) | Passk(_) | Plan(_) | Why(_)
    )
}

fn dispatch(command: Command, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => commands::run::run(&args, compute),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Fmt(args) => commands::fmt::run(&args),
        Command::Fetch(args) => commands::fetch::run(&args),
        Command::Watch(args) => commands::watch::run(&args),
        Command::Lock(args) => commands::lock::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Pack(args) => commands::pack::run(&args),
        Command::Verify(args) => commands::verify::run(&args, compute),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Why(args) => commands::why::run(&args),
        Command::Sample(args) => commands::sample::run(&args, compute),
        Command::Score(args) => commands::score::run(&args, compute),
        Command::Import(args) => commands::import::run(&args),
        Command::Grade(args) => commands::grade::run(&args),
        Command::Passk(args) => commands::passk::run(&args),
        Command::Gc(args) => commands::gc::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args, compute),
        Command::New(args) => commands::new::run(&args),
        Command::Lsp(_) => commands::lsp::run(),
        Command::Doc(args) => commands::doc::run(&args),
    }
}

/// Opens the backend, or gives the command line to the binary that has one: then this does not return.
fn backend(compute: Option<&OpenBackend>, device: &DeviceOptions) -> Result<Box<dyn Backend>, Failure> {
    match compute {
        Some(open) => open(device).map_err(Failure::from),
        None => Err(hand_over()),
    }
}

/// Replaces this process by `rlx-compute` with the same arguments; gives the reason when that cannot be.
fn hand_over() -> Failure {
    use std::os::unix::process::CommandExt;
    let Some(beside) = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("rlx-compute")))
    else {
        return Failure::user("rlx::install", "the place of this program cannot be found", None);
    };
    let mut command = std::process::Command::new(&beside);
    command.args(std::env::args_os().skip(1));
    // libtorch's threads spin while they wait for each other: on a machine with other work each step then takes several
    // times longer. A short spin keeps the speed of an idle machine; the library reads this when it is loaded, so only
    // the parent can say it.
    #[allow(clippy::disallowed_methods)] // handed on, not read into a result
    if std::env::var_os("OMP_WAIT_POLICY").is_none() && std::env::var_os("GOMP_SPINCOUNT").is_none() {
        command.env("GOMP_SPINCOUNT", "30000");
    }
    // glibc gives large blocks back to the system at once and takes them anew, page by page, with each tensor of a
    // training: that was a quarter of a step's time. Other allocators do not read these.
    #[allow(clippy::disallowed_methods)]
    for (name, bytes) in [
        ("MALLOC_MMAP_THRESHOLD_", 1_u64 << 32),
        ("MALLOC_TRIM_THRESHOLD_", 1 << 34),
    ] {
        if std::env::var_os(name).is_none() {
            command.env(name, bytes.to_string());
        }
    }
    let error = command.exec();
    Failure::user(
        "rlx::install",
        format!("{} cannot be started: {error}", beside.display()),
        Some("it is the half of rlx that is linked with libtorch: build both with `./rlx doctor` in the checkout".into()),
    )
}
