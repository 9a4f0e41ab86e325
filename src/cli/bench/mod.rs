//! `broadsheet bench`: measures a real node, started in this process on RocksDB, over HTTP on the loopback interface.
//! Every figure comes from requests that anyone could send; only large audiences are written directly to the database.
//!
//! `node` starts the server, `client` and `load` send requests, `publishing`, `reading`, `fan_out` and `backlog` measure, `report`
//! prints. Nothing here passes or fails: it is a benchmark, not a test.

mod backlog;
mod client;
mod fan_out;
mod load;
mod machine;
mod node;
mod people;
mod prose;
mod publishing;
mod reading;
mod report;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use self::{machine::Machine, node::Node, people::Person, report::Table};

/// Followers of the author in most measurements: one signs up, the others are seeded.
const FOLLOWERS: usize = 10;

/// What to measure, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    /// Send a tenth of the requests: to try out the benchmark, not to get reliable figures
    #[arg(long)]
    quick: bool,
    /// Measure only how fast a backlog of 300,000 rows is drained
    #[arg(long)]
    backlog: bool,
    /// Use a temporary folder in DIR for the data instead of one in the system's temporary folder; it is removed
    /// afterwards
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Bench {
    /// Measures everything and prints one table.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let folder = Folder::make(&self.data.clone().unwrap_or_else(std::env::temp_dir))?;
        let scale = Scale { divisor: if self.quick { 10 } else { 1 } };
        let only_backlog = self.backlog;
        let table = node::with_node(&folder.0, move |node| measure(node, scale, only_backlog))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", Machine::look(&folder.0))?;
        write!(out, "{table}")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// How much of a full run is done.
#[derive(Debug, Clone, Copy)]
struct Scale {
    divisor: usize,
}

impl Scale {
    /// The number of requests in this run if a full run sends `full`.
    fn of(self, full: usize) -> usize {
        (full / self.divisor).max(1)
    }
}

/// The people in every measurement.
struct Cast {
    /// Has ten followers.
    author: Person,
    /// One of them.
    reader: Person,
}

async fn measure(node: Node, scale: Scale, only_backlog: bool) -> anyhow::Result<Table> {
    let mut table = Table::default();
    if only_backlog {
        backlog::measure(&node, scale, &mut table).await?;
        return Ok(table);
    }
    let cast = assemble(&node).await?;
    publishing::measure(&node, &cast, scale, &mut table).await?;
    reading::measure(&node, &cast, scale, &mut table).await?;
    fan_out::measure(&node, &cast, scale, &mut table).await?;
    table.figure("peak memory, server and load generator together", machine::peak_memory());
    Ok(table)
}

async fn assemble(node: &Node) -> anyhow::Result<Cast> {
    step("signing up an author and a reader");
    let author = people::sign_up(node, "author").await?;
    let reader = people::sign_up(node, "reader").await?;
    people::follow(node, &reader, &author).await?;
    node.seeding().add_followers(author.id, FOLLOWERS - 1, node.now()).await?;
    node.settle(None).await?;
    Ok(Cast { author, reader })
}

/// Prints progress to standard error; standard output is for the figures.
fn step(text: &str) {
    // Standard error may be closed, which is no reason to stop measuring.
    let _ = writeln!(io::stderr(), "bench: {text}");
}

/// A folder that exists as long as this value.
struct Folder(PathBuf);

impl Folder {
    fn make(parent: &Path) -> anyhow::Result<Self> {
        let folder = parent.join(format!("broadsheet-bench-{}", std::process::id()));
        fs::create_dir_all(parent).with_context(|| format!("cannot create the folder {}", parent.display()))?;
        fs::create_dir(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            step(&format!("cannot remove {}: {error}", self.0.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_value_and_leaves_its_parent_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("somebody's"), "file").unwrap();
        let folder = Folder::make(parent.path()).unwrap();
        let path = folder.0.clone();
        fs::write(path.join("data"), "data").unwrap();
        drop(folder);
        assert!(!path.exists() && parent.path().join("somebody's").exists());
    }

    #[test]
    fn a_quick_run_does_a_tenth_but_never_nothing() {
        let quick = Scale { divisor: 10 };
        assert_eq!((quick.of(2_000), quick.of(3)), (200, 1));
    }
}
