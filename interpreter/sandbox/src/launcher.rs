//! The launcher: a process of its own that shuts itself in and then becomes the interpreter.
//!
//! It is this very binary, started again with [`LAUNCHER_ARGUMENT`]: a process with one thread, so that nothing has to be
//! done between a fork and an exec. What it gives up (the view of the file system, the network, other processes) the
//! interpreter and all that is forked from it never have.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::{
        resource::{Resource, setrlimit},
        statvfs::{FsFlags, statvfs},
    },
    unistd::{chdir, getgid, getuid, pivot_root},
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// The first argument that makes the binary a launcher.
pub const LAUNCHER_ARGUMENT: &str = "__sandbox";

/// Stack of the first thread, and the default of the others: enough for deep recursion.
const STACK_BYTES: u64 = 64 << 20;
/// The working folder in the new root.
pub(crate) const WORK: &str = "/work";

/// What the launcher does before it becomes the interpreter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Folders and files that may be read; all else is out of sight.
    pub(crate) readable: Vec<PathBuf>,
    /// An empty folder on which the new root is mounted; None: no namespaces.
    pub(crate) root: Option<PathBuf>,
    pub(crate) landlock: bool,
    /// Size of the working folder.
    pub(crate) work_bytes: u64,
}

/// Runs the launcher when the command line asks for it: to be called first thing in `main`.
pub fn launch_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != LAUNCHER_ARGUMENT {
        return None;
    }
    let text = arguments.next()?;
    let why = match serde_json::from_str::<Launch>(&text.to_string_lossy()) {
        Ok(launch) => match become_interpreter(&launch) {
            Ok(never) => match never {},
            Err(why) => why,
        },
        Err(error) => error.to_string(),
    };
    eprintln!("{why}");
    Some(ExitCode::from(71))
}

fn become_interpreter(launch: &Launch) -> Result<std::convert::Infallible, String> {
    let said = |doing: &str| {
        let doing = doing.to_owned();
        move |error: nix::errno::Errno| format!("{doing}: {error}")
    };
    setrlimit(Resource::RLIMIT_STACK, STACK_BYTES, STACK_BYTES).map_err(said("stack limit"))?;
    if let Some(root) = &launch.root {
        enter_namespaces()?;
        build_root(root, launch)?;
    }
    if launch.landlock {
        restrict(launch)?;
    }
    let error = Command::new(&launch.program)
        .args(&launch.arguments)
        .env_clear()
        .envs([
            ("PYTHONHASHSEED", "0"),
            ("PYTHONUTF8", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("OPENBLAS_NUM_THREADS", "1"),
            ("OMP_NUM_THREADS", "1"),
            ("MKL_NUM_THREADS", "1"),
            ("HOME", WORK),
            ("TMPDIR", WORK),
            ("TZ", "UTC"),
        ])
        .exec();
    Err(format!("{}: {error}", launch.program.display()))
}

/// Namespaces of its own for mounts, processes, network, IPC and host name; of users too where that is needed for them.
fn enter_namespaces() -> Result<(), String> {
    let rest = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let (user, group) = (getuid(), getgid());
    if user.is_root() && unshare(rest).is_ok() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|e| format!("user namespace: {e}"))?;
    let write = |file: &str, text: String| fs::write(file, text).map_err(|e| format!("{file}: {e}"));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    unshare(rest).map_err(|e| format!("namespaces: {e}"))
}

/// A root that holds what the interpreter reads, read-only, and an empty working folder of limited size.
fn build_root(root: &Path, launch: &Launch) -> Result<(), String> {
    let none = None::<&str>;
    let fault = |what: &str, path: &Path| {
        let text = format!("{what} {}", path.display());
        move |error: nix::errno::Errno| format!("{text}: {error}")
    };
    let io = |path: &Path| {
        let text = path.display().to_string();
        move |error: std::io::Error| format!("{text}: {error}")
    };
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(fault("private", Path::new("/")))?;
    // The sources are held open: the new root may hide them where it is mounted.
    let mut sources = Vec::new();
    for path in &launch.readable {
        let file = fs::File::open(path).map_err(io(path))?;
        sources.push((path, file));
    }
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        root,
        Some("tmpfs"),
        plain,
        Some("size=1m,mode=755"),
    )
    .map_err(fault("mount", root))?;
    for (path, source) in &sources {
        let Ok(relative) = path.strip_prefix("/") else {
            return Err(format!("{}: not an absolute path", path.display()));
        };
        let target = root.join(relative);
        if target.symlink_metadata().is_ok() {
            continue; // lies in a folder that is there already
        }
        let folder = source.metadata().map_err(io(path))?.is_dir();
        make_open(
            if folder {
                &target
            } else {
                target.parent().unwrap_or(root)
            },
            root,
        )
        .map_err(io(&target))?;
        if !folder {
            fs::File::create(&target).map_err(io(&target))?;
        }
        let held = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(source));
        mount(
            Some(held.as_str()),
            &target,
            none,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            none,
        )
        .map_err(fault("bind", path))?;
        // Flags that the original mount has cannot be taken away in a user namespace.
        let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
        let original = statvfs(&target).map_err(fault("look at", path))?.flags();
        for (has, keep) in [
            (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
            (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
            (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
            (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
            (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
        ] {
            if original.contains(has) {
                flags |= keep;
            }
        }
        if !path.starts_with("/dev") {
            mount(none, &target, none, flags, none).map_err(fault("read-only", path))?;
        }
    }
    let work = root.join(WORK.trim_start_matches('/'));
    fs::create_dir_all(&work).map_err(io(&work))?;
    let size = format!("size={},nr_inodes=4096,mode=1777", launch.work_bytes);
    mount(
        Some("tmpfs"),
        &work,
        Some("tmpfs"),
        plain | MsFlags::MS_NOEXEC,
        Some(size.as_str()),
    )
    .map_err(fault("mount", &work))?;
    // The usual place of temporary files is the working folder.
    let usual = root.join("tmp");
    if usual.symlink_metadata().is_err() {
        std::os::unix::fs::symlink(WORK, &usual).map_err(io(&usual))?;
    }
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | plain;
    mount(none, root, none, sealed, Some("size=1m,mode=755")).map_err(fault("seal", root))?;
    chdir(root).map_err(fault("enter", root))?;
    pivot_root(".", ".").map_err(fault("pivot", root))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(fault("let go of", Path::new("/")))?;
    chdir("/").map_err(fault("enter", Path::new("/")))
}

/// Makes a folder and its parents below `root`: they can be passed, not listed.
fn make_open(path: &Path, root: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)?;
    for folder in path.ancestors().take_while(|folder| *folder != root) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o111)).ok();
    }
    Ok(())
}

/// Landlock: reading what is listed, writing in the working folder of a new root, nothing else.
fn restrict(launch: &Launch) -> Result<(), String> {
    let fault = |error: &dyn std::fmt::Display| format!("Landlock: {error}");
    let newest = ABI::V6;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(newest)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(newest)))
        .and_then(|ruleset| ruleset.create())
        .map_err(|e| fault(&e))?;
    let mut allowed: Vec<(&Path, BitFlags<AccessFs>)> = launch
        .readable
        .iter()
        .map(|path| {
            let access = if path.starts_with("/dev") {
                AccessFs::ReadFile | AccessFs::WriteFile
            } else if path.is_dir() {
                AccessFs::from_read(newest)
            } else {
                AccessFs::ReadFile | AccessFs::Execute
            };
            (path.as_path(), access)
        })
        .collect();
    if launch.root.is_some() {
        allowed.push((Path::new(WORK), AccessFs::from_all(newest)));
    }
    for (path, access) in allowed {
        // What is not here needs no rule.
        if let Ok(fd) = PathFd::new(path) {
            ruleset = ruleset
                .add_rule(PathBeneath::new(fd, access))
                .map_err(|e| fault(&e))?;
        }
    }
    let status = ruleset.restrict_self().map_err(|e| fault(&e))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock is not enforced".to_owned());
    }
    Ok(())
}
