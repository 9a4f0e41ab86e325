//! Soak: the real binary on RocksDB under a clock_monitor mixed load, looked at every few seconds. Memory must be flat, nothing may fail, and
//! what was acknowledged must be there in the end with all its consequences.
//!
//! `make soak` runs an hour (`SOAK_MINUTES`) at 50 requests a second (`SOAK_RATE`); `make test` runs ten seconds, so that it cannot rot.
//! Only runs of 20 minutes and more say anything about memory. No latency is judged; it is reported and drawn.

mod census;
mod latency;
mod load;
mod machine;
mod oracle;
mod prose;
mod sample;
mod steps;
mod verdict;
mod verify;
mod watcher;

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join3, stream};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::{
    latency::Latencies,
    load::Run,
    oracle::Oracle,
    prose::Prose,
    sample::{Disk, Sampler},
};
use crate::support::{Person, Process, Smtpd, broadsheet};

/// Everybody writes and reads; the first one is the administrator.
const PEOPLE: [&str; 20] = [
    "ada", "grace", "hedy", "joan", "karen", "radia", "barbara", "frances", "jean", "kathleen", "marlyn", "ruth",
    "betty", "adele", "margaret", "mary", "dorothy", "annie", "sophie", "lynn",
];
/// Whom each follows in the beginning: those so many places further on.
const FOLLOWED: [usize; 6] = [1, 3, 4, 9, 12, 16];
/// How many samples and how many windows of latency a run has.
const SAMPLES: u32 = 720;
const WINDOWS: u32 = 60;

/// What is to be run.
struct Plan {
    is_long: bool,
    duration: Duration,
    /// Requests a second.
    rate: f64,
    /// Posts that are there before it begins.
    prepared: usize,
    memory_gib: u64,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let minutes: Option<f64> = number("SOAK_MINUTES");
        let is_long = minutes.is_some();
        let (seconds, rate, prepared) = minutes.map_or((10.0, 15.0, 40), |minutes| (minutes * 60.0, 50.0, 10_000));
        Self {
            is_long,
            duration: Duration::from_secs_f64(seconds),
            rate: number("SOAK_RATE").unwrap_or(rate),
            prepared: number("SOAK_PREPARED").unwrap_or(prepared),
            memory_gib: number("SOAK_MEMORY_GIB").unwrap_or(2),
            seed: number("SOAK_SEED").unwrap_or_else(rand::random),
        }
    }

    /// Where results go: below the target folder, or into a folder that goes with the test.
    fn folder(&self, temporary: &Path) -> PathBuf {
        if !self.is_long {
            return temporary.to_owned();
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn every(&self, parts: u32) -> Duration {
        (self.duration / parts).max(Duration::from_secs(1))
    }
}

#[actix_web::test]
async fn a_steady_mixed_load_fails_nowhere_and_loses_nothing() {
    let plan = Plan::from_environment();
    let temporary = tempfile::tempdir().unwrap();
    let folder = plan.folder(temporary.path());
    println!(
        "soak: {:?} at {} requests a second, SOAK_SEED={}, results in {}",
        plan.duration,
        plan.rate,
        plan.seed,
        folder.display()
    );
    let smtpd = Smtpd::start(&folder.join("mails"), &["--keep-only-codes"]);
    let process = start(&plan, &folder, &smtpd).await;
    let run = prepare(&plan, &folder, &process).await;

    let began = Instant::now();
    *run.latencies.borrow_mut() =
        Latencies::new(&folder.join("latency.csv"), began, plan.duration, plan.every(WINDOWS));
    let sampler = RefCell::new(Sampler::new(process.id(), &folder.join("data"), &folder.join("samples.csv")));
    let is_over = Cell::new(false);
    let load = async {
        load::offer(&run, plan.rate, began, plan.duration).await;
        is_over.set(true);
    };
    let sampling = Sampler::run(&sampler, &run, plan.every(SAMPLES), &is_over);
    let watching = watcher::watch(process.address, &run.room, &is_over);
    let ((), (), watched) = join3(load, sampling, watching).await;
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    run.latencies.borrow_mut().finish();

    let samples = sampler.into_inner().samples;
    let mut report = Report { path: folder.join("report.txt"), text: String::new() };
    report.add(&verdict::load(&run, &samples, &watched, minutes));
    let (memory, is_flat) = verdict::memory(&samples);
    report.add(&memory);
    let looked = verify::everything(&run, &smtpd).await;
    report.add(&format!("held against what was acknowledged: {looked}; lost 0, twice 0, dead 0\n"));
    let data = folder.join("data");
    let last = Disk::of(&data);
    assert!(process.terminate().await.0.success());
    report.add(&verdict::disk(&run, &samples[0].disk, &last));
    let posts = run.room.inner.borrow().posts.len();
    report.add(&census::take(&data, posts).await);
    draw(&folder);
    assert_eq!(*run.errors.borrow(), Vec::<String>::new());
    is_flat.unwrap();
    assert!(samples.len() >= 8, "{} samples", samples.len());
    assert_eq!(lines(&folder.join("samples.csv")), samples.len() + 1);
    assert_eq!(lines(&folder.join("latency.csv")), run.latencies.borrow().windows + 1);
    let offered = (plan.duration.as_secs_f64() * plan.rate) as u64;
    let answered = run.latencies.borrow().count();
    assert!(answered > offered / 2, "{answered} of {offered} requests were answered");
    assert!(watched.frames > 0 && run.accepted.get() > 0);
}

/// The server with the settings that it has by default, but for limits that are per address.
async fn start(plan: &Plan, folder: &Path, smtpd: &Smtpd) -> Process {
    let mut command = broadsheet(folder);
    command.arg("serve");
    let url = smtpd.url();
    for (key, value) in [
        ("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "ada@example.com"),
        ("IDENTITY__ARGON2_MEMORY_KIB", "19456"),
        ("IDENTITY__ARGON2_ITERATIONS", "2"),
        ("SEARCH__WRITER_MEMORY", "50MiB"),
        ("MAIL__TRANSPORT", "smtp"),
        ("MAIL__SMTP_URL", url.as_str()),
        ("LOG__LEVEL", "warn"),
    ] {
        command.env(format!("BROADSHEET__{key}"), value);
    }
    let command = if plan.is_long { machine::with_memory(plan.memory_gib, folder, command) } else { command };
    Process::start_command(folder, command).await
}

/// People who follow each other, and posts, so that caches are full and feeds are long from the beginning.
async fn prepare(plan: &Plan, folder: &Path, process: &Process) -> Rc<Run> {
    let mut people = Vec::new();
    for handle in PEOPLE {
        people.push(Person::sign_up(&process.client, &folder.join("mails"), handle).await);
    }
    let now = Instant::now();
    let run = Rc::new(Run {
        room: Oracle::new(people),
        prose: Prose::read(),
        random: RefCell::new(StdRng::seed_from_u64(plan.seed)),
        latencies: RefCell::new(Latencies::new(&folder.join("latency.csv"), now, plan.duration, plan.duration)),
        in_flight: Cell::default(),
        accepted: Cell::default(),
        intended: RefCell::default(),
        errors: RefCell::default(),
    });
    for reader in 0..PEOPLE.len() {
        for author in FOLLOWED.map(|places| (reader + places) % PEOPLE.len()) {
            run.room.person(reader).follow(&run.room.person(author)).await;
            run.room.set_follow((reader, author), true);
        }
    }
    let posts = stream::iter(0..plan.prepared).map(async |_| {
        let who = run.random.borrow_mut().random_range(0..PEOPLE.len());
        run.write_post(who, false, None).await.unwrap();
    });
    posts.buffer_unordered(16).collect::<()>().await;
    println!("soak: {} people and {} posts after {:?}", PEOPLE.len(), plan.prepared, now.elapsed());
    verify::quiet(&run.room.person(0)).await;
    println!("soak: all workers are through after {:?}", now.elapsed());
    run
}

/// What came of a run, printed and kept as soon as it is known.
struct Report {
    path: PathBuf,
    text: String,
}

impl Report {
    fn add(&mut self, part: &str) {
        println!("{part}");
        self.text.push_str(part);
        self.text.push('\n');
        std::fs::write(&self.path, &self.text).unwrap();
    }
}

/// Draws the plot, where there is something to draw with.
fn draw(folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/soak/plot.gnuplot");
    let drawn = Command::new("gnuplot").arg("-e").arg(format!("folder='{}'", folder.display())).arg(script).output();
    let Ok(output) = drawn else {
        println!("soak: no plot, because gnuplot is not there: apt-get install gnuplot-nox");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plot = folder.join("soak.svg");
    let drawing = std::fs::read_to_string(&plot).unwrap();
    assert!(drawing.contains("<path"), "an empty plot");
    std::fs::write(plot, without_empty_groups(drawing)).unwrap();
}

/// A quarter of what gnuplot writes are groups with nothing in them.
fn without_empty_groups(drawing: String) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in drawing.lines().filter(|line| !line.trim().is_empty()) {
        match lines.last() {
            Some(last)
                if line.trim() == "</g>"
                    && last.trim_start().starts_with("<g ")
                    && last.ends_with('>')
                    && !last.contains("</") =>
            {
                lines.pop();
            }
            _ => lines.push(line),
        }
    }
    lines.join("\n")
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
