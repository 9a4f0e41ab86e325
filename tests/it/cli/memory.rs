//! Memory that runs out inside of RocksDB: one line and an exit code instead of a C++ exception that nobody catches.

use std::{fs, path::Path, process::Command};

use crate::support::{expect_line, finished};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/out_of_memory.cc");
/// A program that asks for memory until there is none, as RocksDB does.
const GREEDY: &str =
    "#include <vector>\nint main() { std::vector<char*> all; for (;;) all.push_back(new char[1 << 26]); }\n";
/// What the line begins with; to be found in the program, too.
const LINE: &str = "broadsheet: out of memory: lower database.memory";

fn compile(folder: &Path) -> std::path::PathBuf {
    let (source, program) = (folder.join("greedy.cc"), folder.join("greedy"));
    fs::write(&source, GREEDY).unwrap();
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(&source).arg(SOURCE);
    let output = compiler.output().expect("c++ is there; RocksDB needs it, too");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

#[test]
fn memory_that_runs_out_in_the_database_is_one_line_and_an_exit_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path());
    let output = finished(Command::new("sh").args(["-c", "ulimit -v 1000000 && exec \"$0\""]).arg(program));
    expect_line(&output, 71, &[LINE]);
}

#[test]
fn the_program_has_it_linked_in() {
    let program = fs::read(env!("CARGO_BIN_EXE_broadsheet")).unwrap();
    assert!(program.windows(LINE.len()).any(|window| window == LINE.as_bytes()));
}
