//! The sandbox of a user without rights: where the suite runs as the superuser, this test gives them up first.
#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use common::{Bench, open, options};
use rlx_judge::Outcome::{self, *};
use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

/// A user that owns nothing.
const USER: u32 = 65_534;
/// Where the launcher lies that the user can start.
const LAUNCHER: &str = "RLX_TEST_LAUNCHER";
const NAME: &str = "an_ordinary_user_has_a_sandbox_too";
const TESTS: &str = "assert add(2, 3) == 5";

fn expect(sandbox: &Bench, body: &str, accepted: Outcome) {
    let program = format!("import os, socket\ndef add(a, b):\n    {body}\n    return a + b\n");
    let verdict = sandbox.judge(&program, TESTS);
    assert_eq!(verdict.outcome, accepted, "{body}: {}", verdict.reason);
}

fn as_this_user() {
    for (without_namespaces, without_landlock) in [(false, false), (true, false), (false, true)] {
        let mut options = rlx_sandbox::SandboxOptions {
            without_namespaces,
            without_landlock,
            ..options()
        };
        if let Some(launcher) = std::env::var_os(LAUNCHER) {
            options.launcher = PathBuf::from(launcher);
        }
        let Some(sandbox) = open(options) else { continue };
        println!("held in by {}", sandbox.sandbox.layers().describe());
        expect(&sandbox, "pass", Pass);
        for body in [
            "open('/etc/passwd').read()",
            "os.listdir('/proc')",
            "os.fork()",
            "os.kill(os.getppid(), 9)",
            "os.setuid(0)",
            "socket.create_connection(('127.0.0.1', 9), timeout=2)",
            "open('../escaped.txt', 'w').write('x')",
        ] {
            expect(&sandbox, body, Forbidden);
        }
        expect(&sandbox, "return 6", Fail);
    }
}

/// A copy that the user can read and start, whatever the rights of the folders that it was built in.
fn copy(from: &Path, folder: &Path) -> PathBuf {
    let to = folder.join(from.file_name().unwrap());
    fs::copy(from, &to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
    to
}

#[test]
fn an_ordinary_user_has_a_sandbox_too() {
    if !nix::unistd::geteuid().is_root() {
        return as_this_user();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let launcher = copy(Path::new(env!("CARGO_BIN_EXE_rlx-sandbox")), folder.path());
    let test = copy(&std::env::current_exe().unwrap(), folder.path());
    let output = Command::new(test)
        .args(["--exact", NAME, "--nocapture"])
        .env(LAUNCHER, launcher)
        .current_dir(folder.path())
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the user ran nothing: {said}");
    print!("{said}");
}
