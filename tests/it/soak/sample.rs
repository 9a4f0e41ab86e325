//! What the process takes: memory, threads, files, processor, disk by part, and how far the workers are behind.

use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::load::Run;

const HEADER: &str = "minutes,rss_mib,anon_mib,file_mib,threads,fds,cpu_percent,sst_mib,blob_mib,wal_mib,wal_archive_mib,db_other_mib,\
                      search_mib,lag,waiting,events,requests,accepted,errors,in_flight";
const MIB: f64 = (1 << 20) as f64;
/// What `/proc` counts processor time in.
const TICKS_PER_SECOND: f64 = 100.0;

/// One look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) minutes: f64,
    pub(super) memory: Memory,
    pub(super) disk: Disk,
    pub(super) threads: u64,
    pub(super) files: usize,
    pub(super) cpu_percent: f64,
    pub(super) lag: u64,
}

/// In MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) resident: f64,
    /// What the process has allocated.
    pub(super) anonymous: f64,
    /// Pages of the program and of files that it has mapped; the kernel may take them back.
    pub(super) file: f64,
}

/// In MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Disk {
    /// The database's sorted tables.
    pub(super) tables: f64,
    /// Values of 4 KiB and more, which RocksDB keeps outside of the tables.
    pub(super) blobs: f64,
    /// The write-ahead log that a restart would need.
    pub(super) log: f64,
    /// Write-ahead logs that nobody needs any more; RocksDB keeps a few.
    pub(super) archive: f64,
    pub(super) other: f64,
    pub(super) search: f64,
}

pub(super) struct Sampler {
    process: u32,
    data: PathBuf,
    began: Instant,
    csv: File,
    busy: f64,
    looked: Instant,
    pub(super) samples: Vec<Sample>,
}

impl Sampler {
    pub(super) fn new(process: u32, data: &Path, csv: &Path) -> Self {
        let mut csv = File::create(csv).unwrap();
        writeln!(csv, "{HEADER}").unwrap();
        let now = Instant::now();
        let busy = processor_seconds(process);
        Self { process, data: data.to_owned(), began: now, csv, busy, looked: now, samples: Vec::new() }
    }

    /// Looks every so often until it is told that it is over.
    pub(super) async fn run(sampler: &RefCell<Self>, run: &Rc<Run>, every: Duration, is_over: &Cell<bool>) {
        let mut next = Instant::now();
        while !is_over.get() {
            let overview = run.room.person(0).get("/v1/admin/overview").await.expect(200).json();
            sampler.borrow_mut().look(run, &overview);
            next += every;
            tokio::time::sleep_until(next.into()).await;
        }
    }

    fn look(&mut self, run: &Run, overview: &Value) {
        let (status, busy) = (status(self.process), processor_seconds(self.process));
        let elapsed = self.looked.elapsed().as_secs_f64();
        let cpu_percent = if elapsed > 0.0 { (busy - self.busy) / elapsed * 100.0 } else { 0.0 };
        (self.busy, self.looked) = (busy, Instant::now());
        let workers = overview["workers"].as_array().unwrap();
        let lag = workers.iter().map(|worker| worker["lag"].as_u64().unwrap()).sum();
        let waits = |worker: &Value| -> u64 {
            ["ready", "leased", "held"].iter().map(|state| worker["waiting"][state].as_u64().unwrap()).sum()
        };
        let events: u64 =
            overview["node"]["logs"].as_array().unwrap().iter().map(|log| log["head"].as_u64().unwrap()).sum();
        let sample = Sample {
            minutes: self.began.elapsed().as_secs_f64() / 60.0,
            memory: Memory {
                resident: field(&status, "VmRSS") / 1024.0,
                anonymous: field(&status, "RssAnon") / 1024.0,
                file: field(&status, "RssFile") / 1024.0,
            },
            disk: Disk::of(&self.data),
            threads: field(&status, "Threads") as u64,
            files: fs::read_dir(format!("/proc/{}/fd", self.process)).unwrap().count(),
            cpu_percent,
            lag,
        };
        let (Memory { resident, anonymous, file }, disk) = (sample.memory, sample.disk);
        writeln!(
            self.csv,
            "{:.3},{resident:.1},{anonymous:.1},{file:.1},{},{},{cpu_percent:.0},{:.1},{:.1},{:.1},{:.1},{:.1},{:.1},{lag},{},{events},{},{},{},{}",
            sample.minutes,
            sample.threads,
            sample.files,
            disk.tables,
            disk.blobs,
            disk.log,
            disk.archive,
            disk.other,
            disk.search,
            workers.iter().map(waits).sum::<u64>(),
            run.latencies.borrow().count(),
            run.accepted.get(),
            run.errors.borrow().len(),
            run.in_flight.get(),
        )
        .unwrap();
        self.samples.push(sample);
    }
}

impl Disk {
    /// What the parts of a data folder take.
    pub(super) fn of(data: &Path) -> Self {
        let mut disk =
            Self { search: files(&data.join("search")).iter().map(|(_, size)| size).sum(), ..Self::default() };
        for (path, size) in files(&data.join("db")) {
            let part = match path.extension().and_then(|extension| extension.to_str()) {
                Some("sst") => &mut disk.tables,
                Some("blob") => &mut disk.blobs,
                Some("log") if path.parent().is_some_and(|folder| folder.ends_with("archive")) => &mut disk.archive,
                Some("log") => &mut disk.log,
                _ => &mut disk.other,
            };
            *part += size;
        }
        disk
    }

    pub(super) fn database(&self) -> f64 {
        self.tables + self.blobs + self.log + self.archive + self.other
    }
}

/// All files below a folder with their lengths in MiB. What RocksDB reserves for a log in advance does not count. A file may go while
/// it is looked at.
fn files(folder: &Path) -> Vec<(PathBuf, f64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => all.extend(files(&entry.path())),
            Ok(metadata) => all.push((entry.path(), metadata.len() as f64 / MIB)),
            Err(_) => {}
        }
    }
    all
}

fn status(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/status")).expect("the server runs")
}

fn field(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect(name);
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn processor_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the server runs");
    let behind_name = stat.rsplit_once(')').unwrap().1;
    let ticks = |at: usize| behind_name.split_whitespace().nth(at).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
