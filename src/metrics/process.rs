//! The process, as Linux tells in `/proc`; elsewhere these families are left out. The names are those that Prometheus's own
//! client libraries use.

use std::{fmt, fs};

use super::families::Families;

/// How many ticks `/proc` counts a second in. Part of Linux's interface to programs, whatever the kernel is built with.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes what is known of the process.
pub(super) fn encode(families: &mut Families<'_>) -> fmt::Result {
    if let Some(seconds) = cpu_seconds() {
        let help = "Time that all threads have spent on processors.";
        families.counter("process_cpu_seconds", help, [(Vec::new(), seconds)])?;
    }
    if let Some(bytes) = resident_bytes() {
        families.gauge("process_resident_memory_bytes", "Memory that is really in use.", [(Vec::new(), bytes)])?;
    }
    if let Some(count) = open_descriptors() {
        let help = "Open files and connections.";
        families.gauge("process_open_fds", help, [(Vec::new(), count)])?;
    }
    if let Some(count) = descriptor_limit() {
        let help = "How many files and connections may be open.";
        families.gauge("process_max_fds", help, [(Vec::new(), count)])?;
    }
    Ok(())
}

/// The 14th and 15th field of `stat`, the program's name in brackets being the second: it may contain anything.
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

/// Without the one that counting opens.
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
