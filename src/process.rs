//! This process, as Linux tells in `/proc`; elsewhere nothing is known.

use std::fs;

/// How many ticks `/proc` counts a second in. Part of Linux's interface to programs, whatever the kernel is built with.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory, in bytes.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS")
}

/// The most resident memory that it has had, in bytes.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    status("VmHWM")
}

/// Time that all threads have spent on processors: the 14th and 15th field of `stat`, the program's name in brackets being the
/// second: it may contain anything.
#[must_use]
pub fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// Open files and connections, without the one that counting opens.
#[must_use]
pub fn open_descriptors() -> Option<usize> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1))
}

/// How many files and connections may be open.
#[must_use]
pub fn descriptor_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The value in the first line `key: 123 kB` of a text of the kernel's, in KiB.
#[must_use]
pub fn kib(text: &str, key: &str) -> Option<u64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    value.split_whitespace().next()?.parse().ok()
}

fn status(key: &str) -> Option<u64> {
    kib(&fs::read_to_string("/proc/self/status").ok()?, key)?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_the_kernels_lines() {
        assert_eq!(kib("VmPeak:\t  200 kB\nVmHWM:\t  123456 kB\n", "VmHWM"), Some(123_456));
        assert_eq!(kib("", "VmHWM"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_everything() {
        assert!(resident_bytes().unwrap() > 1_000_000);
        assert!(peak_bytes().unwrap() >= resident_bytes().unwrap() / 2);
        assert!(cpu_seconds().unwrap() >= 0.0);
        let open = open_descriptors().unwrap();
        assert!(open >= 3 && open as u64 <= descriptor_limit().unwrap());
    }
}
