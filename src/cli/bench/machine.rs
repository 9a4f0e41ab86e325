//! The machine and the conditions of the measurement. Unavailable values are `unknown`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::process;

/// What the figures depend on.
pub(super) struct Machine {
    cores: usize,
    processor: String,
    memory_gib: Option<f64>,
    kernel: String,
    folder: PathBuf,
    file_system: String,
}

impl Machine {
    /// Inspects the machine, and the file system with the data.
    pub(super) fn look(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = process::kib(&read("/proc/meminfo"), "MemTotal");
        let processor = value(&read("/proc/cpuinfo"), "model name").map(str::to_owned);
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: processor.unwrap_or_else(unknown),
            memory_gib: memory.map(|kib| kib as f64 / f64::from(1 << 20)),
            kernel: if kernel.is_empty() { unknown() } else { kernel },
            folder: folder.to_owned(),
            file_system: file_system(&read("/proc/mounts"), folder).unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory_gib.map_or_else(unknown, |gib| format!("{gib:.1} GiB"));
        let plural = if self.cores == 1 { "" } else { "s" };
        writeln!(f, "broadsheet {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(
            f,
            "machine     {} core{plural}, {}, {memory} of memory, {} {}",
            self.cores,
            self.processor,
            std::env::consts::OS,
            self.kernel
        )?;
        writeln!(f, "data        RocksDB, every commit synced, in {} ({})", self.folder.display(), self.file_system)?;
        writeln!(f, "load        from this process over the loopback: it shares the cores with the server")
    }
}

/// The peak memory of this process, as text.
pub(super) fn peak_memory() -> String {
    process::peak_bytes().map_or_else(unknown, |bytes| format!("{} MiB", bytes >> 20))
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The value in the first line `key: value`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// The type of a folder's file system: that of the innermost mount point above it.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let mut parts = line.split(' ').skip(1).map(str::to_owned);
        Some((PathBuf::from(parts.next()?), parts.next()?))
    };
    let above = mounts.lines().filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_point_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\nproc /proc proc rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")).as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, Path::new("/tmpx")).as_deref(), Some("ext4"));
        assert_eq!(file_system("", Path::new("/tmp")), None);
    }
}
