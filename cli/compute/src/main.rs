//! rlx-compute: the command line of rlx, linked with libtorch.
//!
//! `rlx` itself starts without libtorch and is therefore quick; when a command has tensor work to do it hands its
//! command line over to this binary, which lies beside it.

mod backend;
mod distil;
mod failure;
mod model;
mod spec;
mod train;

use std::process::ExitCode;

fn main() -> ExitCode {
    rlx_cli::main(Some(&backend::open))
}
