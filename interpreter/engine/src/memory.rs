//! How much memory there is.

/// Share of the free memory that the KV cache takes, and its bounds.
const CACHE_SHARE: f64 = 0.5;
const LEAST_CACHE: u64 = 64 << 20;
const MOST_CACHE: u64 = 64 << 30;
/// The cache where the system does not say what is free.
const BLIND_CACHE: u64 = 1 << 30;

/// What the KV cache may take of the memory that the system calls available and the control group leaves.
pub(crate) fn free_for_cache() -> usize {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = available(&read("/proc/meminfo"));
    let group = left(
        &read("/sys/fs/cgroup/memory.max"),
        &read("/sys/fs/cgroup/memory.current"),
    );
    let free = match (system, group) {
        (Some(system), Some(group)) => Some(system.min(group)),
        (system, group) => system.or(group),
    };
    let share = free.map_or(BLIND_CACHE, |bytes| (bytes as f64 * CACHE_SHARE) as u64);
    usize::try_from(share.clamp(LEAST_CACHE, MOST_CACHE)).unwrap_or(usize::MAX)
}

/// Bytes that /proc/meminfo calls available.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// Bytes that a control group's limit leaves; `None` where it has none (`max`).
fn left(limit: &str, used: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = used.trim().parse().ok()?;
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        let text = "MemTotal:  24 kB\nMemFree: 1 kB\nMemAvailable:   16777216 kB\n";
        assert_eq!(available(text), Some(16 << 30));
        assert_eq!(available("MemAvailable: much"), None);
        assert_eq!(left("1000\n", "400\n"), Some(600));
        assert_eq!(left("1000\n", "1400\n"), Some(0));
        assert_eq!(left("max\n", "400\n"), None);
        assert_eq!(left("", ""), None);
    }
}
