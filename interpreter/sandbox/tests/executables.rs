//! Judges that are programs of any kind: compiled ones, and scripts of interpreters other than Python.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use rlx_sandbox::{Executable, Worker};
use std::{fs, process::Command};

const C: &str = r#"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    static char line[1 << 16];
    size_t length = fread(line, 1, sizeof line - 1, stdin);
    line[length] = 0;
    if (strstr(line, "loop")) for (;;) {}
    if (strstr(line, "fork")) { printf("%d", fork() < 0 ? errno : 0); return 0; }
    if (strstr(line, "exec")) {
        char *arguments[] = {"sh", "-c", "echo out", NULL};
        execve("/bin/sh", arguments, environ);
        printf("%d", errno);
        return 0;
    }
    if (strstr(line, "again")) {
        /* The image is closed by now; another file under its number is no program of this kind. */
        char *arguments[] = {"again", NULL};
        printf("%d", execveat(250, "", arguments, environ, AT_EMPTY_PATH) < 0 ? errno : 0);
        return 0;
    }
    if (strstr(line, "socket")) { printf("%d", socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0); return 0; }
    if (strstr(line, "peek")) { printf("%d", open("/etc/passwd", O_RDONLY) < 0 ? errno : 0); return 0; }
    if (strstr(line, "hog")) { char *all = malloc((size_t)64 << 30); printf("%s", all ? "got it" : "refused"); return 0; }
    if (strstr(line, "files")) {
        for (int fd = 3; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
        return 0;
    }
    if (strstr(line, "fail")) return 3;
    printf("{\"verdict\": %s}", strstr(line, "right") ? "true" : "false");
    return 0;
}
"#;

fn compiled() -> Option<Executable> {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("judge.c"), folder.path().join("judge"));
    fs::write(&source, C).unwrap();
    let built = Command::new("cc")
        .args(["-D_GNU_SOURCE", "-O1", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no C compiler");
        return None;
    }
    Some(Executable::new(&fs::read(&program).unwrap()).unwrap())
}

fn sandbox() -> Option<rlx_sandbox::Sandbox> {
    let mut options = common::options();
    // Nothing here waits; a busy machine must not look as if something did.
    options.limits.idle_seconds = rlx_sandbox::Limits::default().idle_seconds;
    Some(common::open(options)?.sandbox)
}

fn said(worker: &mut Worker, program: &Executable, input: &str) -> Result<String, String> {
    worker.print(program, input).unwrap()
}

#[test]
fn a_compiled_program_judges_and_is_held_in() {
    let Some(program) = compiled() else { return };
    let Some(sandbox) = sandbox() else { return };
    let mut worker = sandbox.worker();
    let mut asks = |input: &str| said(&mut worker, &program, input);
    assert_eq!(asks("it is right").unwrap(), "{\"verdict\": true}");
    assert_eq!(asks("it is not").unwrap(), "{\"verdict\": false}");
    let refused = libc_error("EPERM");
    assert_eq!(asks("fork").unwrap(), refused);
    assert_eq!(asks("exec").unwrap(), refused);
    assert_eq!(asks("socket").unwrap(), refused);
    assert_ne!(asks("again").unwrap(), "0");
    assert_ne!(asks("peek").unwrap(), "0");
    assert_eq!(asks("hog").unwrap(), "refused");
    assert_eq!(asks("files").unwrap(), "");
    assert!(asks("fail").is_err());
    let slow = asks("loop").unwrap_err();
    assert!(slow.contains("CPU"), "{slow}");
    // The worker is as good as new.
    assert_eq!(asks("right").unwrap(), "{\"verdict\": true}");
}

fn libc_error(name: &str) -> String {
    match name {
        "EPERM" => "1".to_owned(),
        other => panic!("{other} has no number here"),
    }
}

#[test]
fn a_script_of_another_interpreter_judges() {
    let Some(sandbox) = sandbox() else { return };
    if !sandbox.layers().namespaces {
        eprintln!("skipped: scripts need namespaces");
        return;
    }
    let script = "#!/bin/sh\nread -r line\ncase \"$line\" in\n*right*) echo '{\"verdict\": true}' ;;\n*) echo '{\"verdict\": false}' ;;\nesac\n";
    let Ok(program) = Executable::new(script.as_bytes()) else {
        eprintln!("skipped: there is no /bin/sh");
        return;
    };
    let mut worker = sandbox.worker();
    assert_eq!(
        said(&mut worker, &program, "right\n").unwrap(),
        "{\"verdict\": true}\n"
    );
    assert_eq!(
        said(&mut worker, &program, "no\n").unwrap(),
        "{\"verdict\": false}\n"
    );
    // No other program is started from it.
    let spawning = Executable::new(b"#!/bin/sh\n/bin/ls /\necho ended $?\n").unwrap();
    let printed = said(&mut worker, &spawning, "");
    assert!(
        printed.as_ref().map_or(true, |text| !text.contains("etc")),
        "{printed:?}"
    );
}
