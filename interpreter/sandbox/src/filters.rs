//! The seccomp filters of a program: the system calls that an interpreter needs to compute, and no others.
//!
//! A list of what is allowed: everything else is refused with EPERM, which Python raises as `PermissionError`. So no
//! process is started, no program replaced, no socket opened but a pair within the process, nothing mounted or traced, and
//! signals reach the process itself only.

use crate::SandboxError;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

/// Stands where a process's own number belongs; the fork puts its own there.
pub(crate) const PID_PLACEHOLDER: u32 = 0x7e57_1d5b;

/// Number under which a program's image lies open for the one call that becomes it; it closes with that call.
pub(crate) const IMAGE: u32 = 250;

/// Calls without conditions, of every architecture.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_chdir,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchdir,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getitimer,
    libc::SYS_getpeername,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrlimit,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_linkat,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mlock,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_msync,
    libc::SYS_munlock,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_sendfile,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setitimer,
    libc::SYS_setrlimit,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_sysinfo,
    libc::SYS_timer_create,
    libc::SYS_timer_delete,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_gettime,
    libc::SYS_timer_settime,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    libc::SYS_truncate,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Older forms of calls above, which x86-64 still has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_alarm,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_creat,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_getpgrp,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pause,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
    libc::SYS_utime,
    libc::SYS_utimes,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[libc::c_long] = &[];

/// `ioctl` requests of plain files and terminals: is it a terminal, its size, bytes that wait, close on exec, no delay.
const REQUESTS: [u64; 6] = [0x5401, 0x5413, 0x541b, 0x5450, 0x5451, 0x5421];

/// The filters, as bytes of `struct sock_filter`, in the order in which they are to be installed. With `becoming` a
/// process may become the program whose image lies open at [`IMAGE`], and no other.
pub(crate) fn filters(becoming: bool) -> Result<Vec<Vec<u8>>, SandboxError> {
    let unsupported = |what: String| SandboxError::Unsupported { what };
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| unsupported(format!("seccomp filters for {}", std::env::consts::ARCH)))?;
    let wrong = |error: seccompiler::BackendError| unsupported(format!("seccomp filters ({error})"));
    let equals = |argument: u8, value: u64| -> Result<SeccompRule, SandboxError> {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(wrong)
    };
    let own = u64::from(PID_PLACEHOLDER);
    let thread = u64::try_from(libc::CLONE_THREAD).unwrap_or(0);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED
        .iter()
        .chain(ALLOWED_HERE)
        .chain(&[libc::SYS_clone3]) // the other filter answers it
        .map(|call| (*call, Vec::new()))
        .collect();
    let mut conditional = |call: libc::c_long, when: Vec<SeccompRule>| rules.insert(call, when);
    // Threads of this process, no others.
    let threads = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), thread)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(wrong)?;
    conditional(libc::SYS_clone, vec![threads]);
    for call in [
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
    ] {
        conditional(call, vec![equals(0, own)?]);
    }
    conditional(libc::SYS_prlimit64, vec![equals(0, 0)?, equals(0, own)?]);
    conditional(libc::SYS_socketpair, vec![equals(0, libc::AF_UNIX as u64)?]);
    conditional(
        libc::SYS_prctl,
        [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA]
            .iter()
            .map(|option| equals(0, *option as u64))
            .collect::<Result<_, _>>()?,
    );
    conditional(
        libc::SYS_ioctl,
        REQUESTS
            .iter()
            .map(|request| equals(1, *request))
            .collect::<Result<_, _>>()?,
    );
    if becoming {
        let condition = |argument: u8, value: u64| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).map_err(wrong)
        };
        let image = SeccompRule::new(vec![
            condition(0, u64::from(IMAGE))?,
            condition(4, libc::AT_EMPTY_PATH as u64)?,
        ])
        .map_err(wrong)?;
        rules.insert(libc::SYS_execveat, vec![image]);
    }
    let allow = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        arch,
    )
    .map_err(wrong)?;
    // Its flags lie in memory, where a filter cannot see them: the C library then takes `clone`.
    let older = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        arch,
    )
    .map_err(wrong)?;
    [older, allow]
        .into_iter()
        .map(|filter| Ok(bytes(&BpfProgram::try_from(filter).map_err(wrong)?)))
        .collect()
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    program
        .iter()
        .flat_map(|line| {
            let [a, b] = line.code.to_ne_bytes();
            let [c, d, e, f] = line.k.to_ne_bytes();
            [a, b, line.jt, line.jf, c, d, e, f]
        })
        .collect()
}
