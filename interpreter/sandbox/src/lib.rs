//! Where programs that nobody trusts are run: the judge of code, and judges that are programs themselves.
//!
//! In the story text → Ast → Study → Plan → rows → tables, figures, verdicts this crate turns a response row that holds a
//! program into a verdict row. `rlx_judge` says which program a response holds and whether an output is right; here are
//! the processes.
//!
//! A worker has two warm interpreters. The candidate's runs programs: each in a fork of its own that has limited itself and
//! given up its user, its system calls and its sight of files and network before it reads the program. The driver's runs
//! tests, in forks likewise; the functions that the tests call are stand-ins that send the arguments to the candidate's
//! process and get plain data back. So no expected value is ever in a process that a program could look into, no
//! comparison runs where a program could have changed it, and a program passes when the *driver* says, over a socket of
//! its own, that every test ran and held.

mod channel;
mod clock;
mod error;
mod executable;
mod filters;
mod launcher;
mod limits;
mod python;
mod sandbox;
mod worker;
mod zygote;

pub use error::SandboxError;
pub use executable::{Executable, ExecutableError};
pub use launcher::{LAUNCHER_ARGUMENT, launch_if_asked};
pub use limits::Limits;
pub use sandbox::{Layers, Sandbox, SandboxOptions};
pub use worker::Worker;
