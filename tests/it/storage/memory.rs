//! `database.memory` reaches RocksDB: nothing else does, neither variables nor the database's address.

use super::{database, printed, run};
use crate::support::{Process, broadsheet, expect_line, finished};

/// What RocksDB itself says it was opened with.
fn options(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(database(folder)).unwrap().map(|entry| entry.unwrap().path());
    let is_options = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("OPTIONS-");
    std::fs::read_to_string(entries.filter(is_options).max().unwrap()).unwrap()
}

#[actix_web::test]
async fn one_key_sizes_write_buffers_and_history_and_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mebibytes = |number: u64| (number << 20).to_string();
    for (memory, buffer) in [("64MiB", 8), ("1 GiB", 128)] {
        let process = Process::start(folder.path(), &[("DATABASE__MEMORY", memory), ("LOG__LEVEL", "info")]).await;
        let options = options(folder.path());
        for (name, value) in [
            ("write_buffer_size", mebibytes(buffer)),
            ("max_write_buffer_number", "4".to_owned()),
            ("max_write_buffer_size_to_maintain", mebibytes(4 * buffer)),
        ] {
            assert!(options.contains(&format!("  {name}={value}\n")), "{memory}: no {name}={value} in {options}");
        }
        let said = format!("of which at most 4 x {buffer} MiB for write buffers and their history");
        assert_eq!(process.log().matches(&said).count(), 1, "{}", process.log());
        assert!(process.terminate().await.0.success());
    }
}

#[actix_web::test]
async fn memory_is_a_size_or_auto() {
    let folder = tempfile::tempdir().unwrap();
    let check = |memory: &str| {
        let mut command = broadsheet(folder.path());
        command.arg("check-config").env("BROADSHEET__DATABASE__MEMORY", memory);
        finished(&mut command)
    };
    for memory in ["auto", "32MiB", "536870912"] {
        printed(&check(memory), 0);
    }
    for memory in ["much", "31MiB", "-1", "50%"] {
        expect_line(&check(memory), 78, &["database.memory"]);
    }
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[database]\nmemory = 268435456\n").unwrap();
    printed(&run(folder.path(), &["check-config", "--config", "config.toml"]).await, 0);
}
