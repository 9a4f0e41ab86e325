//! How much memory the embedded database gets if the setting is `auto`: a part of the memory limit of the container or
//! service.

use std::{fs, path::Path};

use crate::config::{DatabaseSettings, Memory, Size};

/// Without a limit, `auto` is the default size.
const UNLIMITED: Size = Size::mib(256);
const LEAST: u64 = 32 << 20;
const MOST: u64 = 4 << 30;

/// The database's memory in bytes.
pub(super) fn of_database(settings: &DatabaseSettings) -> u64 {
    match settings.memory {
        Memory::Size(size) => size.get(),
        Memory::Auto => limit(Path::new("/")).map_or(UNLIMITED.get(), share),
    }
}

/// A quarter: the rest is for cached posts, the search index, requests, and the system's file cache.
fn share(limit: u64) -> u64 {
    (limit / 4).clamp(LEAST, MOST)
}

/// The smallest memory limit of this process's control groups (version 1 or 2), in bytes.
fn limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let limits = groups.lines().filter_map(|line| {
        let (_, group) = line.split_once(':')?;
        let (controllers, path) = group.split_once(':')?;
        let (tree, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let tree = root.join(tree);
        // A container sees its own group as the root, whatever path the line contains.
        Path::new(path.trim_start_matches('/'))
            .ancestors()
            .filter_map(|group| bytes(&tree.join(group).join(file)))
            .min()
    });
    limits.min()
}

/// A limit; `None` if the file does not exist or contains `max`, which version 1 writes as an impossibly large number.
fn bytes(file: &Path) -> Option<u64> {
    const BEYOND: u64 = 1 << 60;
    fs::read_to_string(file).ok()?.trim().parse().ok().filter(|limit| *limit < BEYOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a root folder with these files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_container_s_limit_is_found_in_both_versions_of_control_groups() {
        let own = ("proc/self/cgroup", "0::/\n");
        let container = machine(&[own, ("sys/fs/cgroup/memory.max", "536870912\n")]);
        assert_eq!(limit(container.path()), Some(512 << 20));
        let service = machine(&[
            ("proc/self/cgroup", "0::/system.slice/broadsheet.service\n"),
            ("sys/fs/cgroup/system.slice/broadsheet.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "1073741824\n"),
        ]);
        assert_eq!(limit(service.path()), Some(1 << 30));
        let old = machine(&[
            ("proc/self/cgroup", "12:cpu:/\n5:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
        ]);
        assert_eq!(limit(old.path()), Some(256 << 20));
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let own = ("proc/self/cgroup", "0::/\n");
        assert_eq!(limit(machine(&[own, ("sys/fs/cgroup/memory.max", "max\n")]).path()), None);
        let old = ("proc/self/cgroup", "5:memory:/\n");
        let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit(machine(&[old, unlimited]).path()), None);
        assert_eq!(limit(machine(&[]).path()), None);
    }

    #[test]
    fn auto_is_a_quarter_within_bounds() {
        for (limit, expected) in [(64 << 20, 32 << 20), (512 << 20, 128 << 20), (4 << 30, 1 << 30), (64 << 30, 4 << 30)]
        {
            assert_eq!(share(limit), expected);
        }
    }
}
