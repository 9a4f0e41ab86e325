//! Compiles the only C++ file and links it into the program: the handler for when RocksDB runs out of memory.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let source = "src/out_of_memory.cc";
    let mut cargo = io::stdout();
    writeln!(cargo, "cargo::rerun-if-changed={source}")?;
    for object in cc::Build::new().cpp(true).std("c++17").file(source).compile_intermediates() {
        writeln!(cargo, "cargo::rustc-link-arg-bins={}", object.display())?;
    }
    Ok(())
}
