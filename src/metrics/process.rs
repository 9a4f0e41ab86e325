//! The process; families that the system does not provide are omitted. The names are those of Prometheus's own client
//! libraries.

use std::fmt;

use super::families::Families;
use crate::process;

/// Writes what is known about the process.
pub(super) fn encode(families: &mut Families<'_>) -> fmt::Result {
    if let Some(seconds) = process::cpu_seconds() {
        let help = "Time that all threads have spent on processors.";
        families.counter("process_cpu_seconds", help, [(Vec::new(), seconds)])?;
    }
    let gauges = [
        ("process_resident_memory_bytes", "Resident memory.", process::resident_bytes().map(|bytes| bytes as f64)),
        ("process_open_fds", "Open files and connections.", process::open_descriptors().map(|count| count as f64)),
        (
            "process_max_fds",
            "How many files and connections may be open.",
            process::descriptor_limit().map(|count| count as f64),
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            families.gauge(name, help, [(Vec::new(), value)])?;
        }
    }
    Ok(())
}
