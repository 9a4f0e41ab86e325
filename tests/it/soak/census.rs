//! What a database holds once its server has ended: how many rows of which table, and how long they are. And the same database
//! compacted, which is what it would come down to if nobody wrote any more.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use broadsheet::app::work_runtime;
use rocksdb::{DB, IteratorMode, Options, ReadOptions};

use super::sample::Disk;
use crate::support::until;

/// Where the table's name begins in a key: `/*<namespace>*<database>*<table>\0<what>…`, with four bytes each.
const NAME: usize = 12;

/// The rows of one table.
#[derive(Debug, Default)]
struct Rows {
    count: u64,
    key_bytes: u64,
    value_bytes: u64,
}

/// Counts all rows, compacts, and says what was found; `posts` is how many posts there were ever.
pub(super) async fn take(data: &Path, posts: usize) -> String {
    let folder = data.join("db");
    let mut tables: Vec<(String, Rows)> = count(&folder).into_iter().collect();
    tables.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.key_bytes + rows.value_bytes));
    let mut text =
        "table              |    rows | rows per post | bytes per row | bytes per post |     MiB\n".to_owned();
    let mut whole = 0;
    for (name, rows) in &tables {
        let bytes = rows.key_bytes + rows.value_bytes;
        whole += bytes;
        let per_post = |count: u64| count as f64 / posts as f64;
        let _ = writeln!(
            text,
            "{name:18} | {:7} | {:13.2} | {:13.0} | {:14.0} | {:7.1}",
            rows.count,
            per_post(rows.count),
            bytes as f64 / rows.count as f64,
            per_post(bytes),
            bytes as f64 / 1_048_576.0
        );
    }
    compact(&folder).await;
    let disk = Disk::of(data);
    let _ = writeln!(
        text,
        "all rows: {:.1} MiB; on disk after compaction: {:.1} MiB in sorted tables, {:.1} MiB in large values ({:.0} bytes per post)",
        whole as f64 / 1_048_576.0,
        disk.tables,
        disk.blobs,
        (disk.tables + disk.blobs) * 1_048_576.0 / posts as f64
    );
    text
}

/// The rows and index entries by table; what is none of both goes by what it is not.
fn count(folder: &Path) -> BTreeMap<String, Rows> {
    let database = DB::open_for_read_only(&Options::default(), folder, false).unwrap();
    let mut reading = ReadOptions::default();
    reading.set_total_order_seek(true);
    reading.fill_cache(false);
    let mut tables = BTreeMap::<String, Rows>::new();
    for row in database.iterator_opt(IteratorMode::Start, reading) {
        let (key, value) = row.unwrap();
        let rows = tables.entry(name_of(&key)).or_default();
        rows.count += 1;
        rows.key_bytes += key.len() as u64;
        rows.value_bytes += value.len() as u64;
    }
    tables
}

fn name_of(key: &[u8]) -> String {
    let is_of_table = key.len() > NAME && key[..2] == *b"/*" && key[6] == b'*' && key[NAME - 1] == b'*';
    let end = key.iter().skip(NAME).position(|byte| *byte == 0).filter(|_| is_of_table);
    let Some((name, what)) = end.map(|end| (&key[NAME..NAME + end], key.get(NAME + end + 1))) else {
        return "(system)".to_owned();
    };
    let name = String::from_utf8_lossy(name);
    match what {
        Some(b'*') => name.into_owned(),
        Some(b'+') => format!("{name} (index)"),
        _ => "(system)".to_owned(),
    }
}

/// Has the database compact everything, with the settings that the server has.
async fn compact(folder: &Path) {
    let runtime = work_runtime().unwrap();
    let url = format!("rocksdb://{}?sync=every", folder.display());
    let compacting = runtime.spawn(async move {
        let database = surrealdb::engine::any::connect(url).await.unwrap();
        database.use_ns("broadsheet").use_db("broadsheet").await.unwrap();
        database.query("ALTER SYSTEM COMPACT").await.unwrap().check().unwrap();
    });
    compacting.await.unwrap();
    // It closes its files as a task of the runtime, and only then are those gone that compaction has replaced.
    let lock = folder.join("LOCK");
    until("the database closes", async || !is_open(&lock)).await;
    runtime.shutdown_background();
}

fn is_open(file: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|descriptor| std::fs::read_link(descriptor.ok()?.path()).ok()).any(|path| path == *file)
}
