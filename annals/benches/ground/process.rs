//! What Linux says this process has used: memory, processor time, bytes written.

use std::time::Duration;

/// What was used up to a moment; the difference of two is what lay between.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    cpu: Duration,
    written: u64,
}

impl Used {
    /// Up to now. Zeroes where there is no /proc.
    pub(crate) fn now() -> Self {
        // Clock ticks of 10 ms: Linux has no other since long.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Self { cpu: Duration::from_millis(ticks * 10), written: field("/proc/self/io", "wchar:") }
    }

    /// Processor time and bytes written since then, for each of `count`: microseconds and kilobytes.
    pub(crate) fn per(self, count: u64) -> (f64, f64) {
        let now = Self::now();
        let count = count as f64;
        ((now.cpu - self.cpu).as_secs_f64() * 1e6 / count, (now.written - self.written) as f64 / 1024.0 / count)
    }
}

/// Resident memory in megabytes.
pub(crate) fn resident_megabytes() -> u64 {
    field("/proc/self/status", "VmRSS:") / 1024
}

fn field(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
