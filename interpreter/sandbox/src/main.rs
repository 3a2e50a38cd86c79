//! The launcher alone: what `rlx` becomes when it starts a sandbox, for the tests of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    rlx_sandbox::launch_if_asked().unwrap_or_else(|| {
        eprintln!("rlx-sandbox is started by rlx and does nothing by itself");
        ExitCode::from(2)
    })
}
