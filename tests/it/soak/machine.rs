//! The size of the machine as the server sees it. RocksDB sizes its buffers by the memory of the machine: on a large one they do not
//! fill within an hour, and memory that still fills cannot be told from memory that leaks.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Shows another `/proc/meminfo` to the program behind it, in a mount namespace of its own.
const SMALL: &str = r#"mount --bind "$0" /proc/meminfo && exec "$@""#;

/// The command on a machine with so much memory; the command as it is if this system does not let us, with a word about it.
pub(super) fn with_memory(gib: u64, folder: &Path, command: Command) -> Command {
    let file = folder.join("meminfo");
    let kib = gib << 20;
    let fields = ["MemTotal", "MemFree", "MemAvailable"].map(|name| format!("{name}: {kib} kB\n"));
    let none =
        ["Buffers", "Cached", "SReclaimable", "Shmem", "SwapTotal", "SwapFree"].map(|name| format!("{name}: 0 kB\n"));
    std::fs::write(&file, fields.concat() + &none.concat()).unwrap();
    let within = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", SMALL]).arg(&file);
        command
    };
    let tried = within().arg("true").stdin(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        println!(
            "soak: no mount namespaces here; RocksDB sizes its buffers by this machine's memory, so they may grow all the time"
        );
        return command;
    }
    let mut small = within();
    small.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => small.env(name, value),
            None => small.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        small.current_dir(folder);
    }
    small
}
