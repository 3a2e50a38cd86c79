//! `Clock`: how long a program has been idle, as the kernel's scheduler counts it.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Counts the time in which processes neither run nor wait for a processor. Time on a busy machine's queue is no idleness,
/// so that load changes no verdict.
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    last: Instant,
    busy: Duration,
    idle: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Clock {
            begun: now,
            last: now,
            busy: Duration::ZERO,
            idle: Duration::ZERO,
        }
    }

    /// Looks at the processes; call it a few times a second.
    pub(crate) fn tick(&mut self, pids: &[Option<i32>]) {
        let elapsed = self.last.elapsed();
        self.last = Instant::now();
        let mut total = Duration::ZERO;
        let mut waiting = false;
        for pid in pids.iter().flatten() {
            let (busy, ready) = look(*pid);
            total += busy;
            waiting |= ready;
        }
        let worked = total.saturating_sub(self.busy);
        self.busy = self.busy.max(total);
        if !waiting {
            self.idle += elapsed.saturating_sub(worked);
        }
    }

    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    pub(crate) fn wall(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Time that the threads of a process ran or queued, and whether one of them could run now or waits for the disk.
fn look(pid: i32) -> (Duration, bool) {
    let mut busy = Duration::ZERO;
    let mut ready = false;
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return (busy, ready);
    };
    for thread in threads.flatten() {
        let folder = thread.path();
        if let Ok(text) = fs::read_to_string(folder.join("schedstat")) {
            let nanoseconds: u64 = text
                .split_whitespace()
                .take(2)
                .filter_map(|field| field.parse::<u64>().ok())
                .sum();
            busy += Duration::from_nanos(nanoseconds);
        }
        // "pid (name) state …": the name may hold anything, so the last parenthesis counts.
        if let Ok(text) = fs::read_to_string(folder.join("stat")) {
            let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            ready |= matches!(state, Some('R' | 'D'));
        }
    }
    (busy, ready)
}
