//! The process, as shown by Linux in `/proc`; on other systems these families are omitted. The names are those of
//! Prometheus's own client libraries.

use std::{fmt, fs};

use super::families::Families;

/// The number of ticks per second in `/proc`. It is fixed in Linux's interface, whatever the kernel is built with.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes what is known about the process.
pub(super) fn encode(families: &mut Families<'_>) -> fmt::Result {
    if let Some(seconds) = cpu_seconds() {
        let help = "Processor time used by all threads.";
        families.counter("process_cpu_seconds", help, [(Vec::new(), seconds)])?;
    }
    if let Some(bytes) = resident_bytes() {
        families.gauge("process_resident_memory_bytes", "Resident memory.", [(Vec::new(), bytes)])?;
    }
    if let Some(count) = open_descriptors() {
        let help = "Open file descriptors, including connections.";
        families.gauge("process_open_fds", help, [(Vec::new(), count)])?;
    }
    if let Some(count) = descriptor_limit() {
        let help = "The maximum number of open file descriptors.";
        families.gauge("process_max_fds", help, [(Vec::new(), count)])?;
    }
    Ok(())
}

/// The 14th and 15th field of `stat`. The second field, the program's name in parentheses, may contain anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0)
}

/// Without the one that is opened for counting.
fn open_descriptors() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

fn descriptor_limit() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_everything() {
        assert!(resident_bytes().unwrap() > 1_000_000.0);
        assert!(cpu_seconds().unwrap() >= 0.0);
        let open = open_descriptors().unwrap();
        assert!(open >= 3.0 && open <= descriptor_limit().unwrap());
    }
}
