//! The `rlx` binary: everything that needs no tensor; hands over to `rlx-compute` for what does.

use std::process::ExitCode;

fn main() -> ExitCode {
    rlx_cli::main(None)
}
