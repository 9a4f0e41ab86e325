//! This process, as shown by Linux in `/proc`; on other systems nothing is known.

use std::fs;

/// The number of ticks per second in `/proc`. It is fixed in Linux's interface, whatever the kernel is built with.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory, in bytes.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS")
}

/// Peak resident memory, in bytes.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    status("VmHWM")
}

/// Processor time used by all threads: the 14th and 15th field of `stat`. The second field, the program's name in
/// parentheses, may contain anything.
#[must_use]
pub fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// Open file descriptors, including connections, without the one that is opened for counting.
#[must_use]
pub fn open_descriptors() -> Option<usize> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1))
}

/// The maximum number of open file descriptors.
#[must_use]
pub fn descriptor_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The value of the first line `key: 123 kB` in a text of the kernel, in KiB.
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
