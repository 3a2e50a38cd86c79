//! `Limits`: what one program may use.

/// Limits of one program. CPU time and idle time decide, not the clock on the wall: a busy machine changes no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Seconds of CPU time, of all threads together; for programs over standard input, a test.
    pub cpu_seconds: u64,
    /// Seconds in which the program neither runs nor waits for a processor (asleep, deadlocked).
    pub idle_seconds: u64,
    /// Seconds on the wall after which even a starved program ends.
    pub wall_seconds: u64,
    /// Bytes of address space beyond those of the bare interpreter.
    pub memory_bytes: u64,
    /// Bytes of standard output, a test.
    pub output_bytes: usize,
    /// Bytes of the working folder, and of a file in it.
    pub file_bytes: u64,
    /// Threads of a program. Processes it can start none.
    pub tasks: u64,
    pub open_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            cpu_seconds: 6,
            idle_seconds: 4,
            wall_seconds: 600,
            memory_bytes: 2 << 30,
            output_bytes: 16 << 20,
            file_bytes: 32 << 20,
            tasks: 64,
            open_files: 128,
        }
    }
}
