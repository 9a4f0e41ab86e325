//! A machine that misbehaves on demand under the real binary: a disk that is slow or fails, a clock that jumps, a power cut. The
//! library that does it is `faults.c`, compiled once per run; what it cannot do is said there.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, UNIX_EPOCH},
};

use rand::{Rng, RngExt};

/// The layout of the control file: pairs of a wait and an error, the clock, the counter, and a text.
const CLOCK: u64 = 64;
const DISTURBED: u64 = 72;
const ONLY: u64 = 80;
const LENGTH: u64 = 144;

/// What can go wrong with one kind of call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// It takes so much longer.
    Slow(Duration),
    /// It fails, as a broken disk does.
    Fails,
    /// It fails, as a full disk does.
    Full,
}

/// Calls that can be disturbed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Calls {
    Sync = 0,
    Write = 16,
    Read = 32,
    Create = 48,
}

/// The machine under the servers of one folder. What it does changes while they run.
pub(crate) struct Machine {
    folder: PathBuf,
    home: tempfile::TempDir,
    control: File,
}

impl Machine {
    /// A sound machine. Its disk has what is in `folder` now; the server's data go below it.
    pub(crate) fn new(folder: &Path) -> Self {
        let home = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
        fs::create_dir(home.path().join("kept")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        let control = OpenOptions::new().create_new(true).write(true).read(true).open(home.path().join("control"));
        let machine = Self { folder: folder.to_owned(), home, control: control.unwrap() };
        machine.control.set_len(LENGTH).unwrap();
        machine.everything_is_durable();
        machine
    }

    /// The folder that the servers work in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a process needs in its environment to run on this machine.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            ("LD_PRELOAD", library().into()),
            ("FAULTS_HOME", self.home.path().into()),
            ("FAULTS_FOLDER", self.data().into()),
        ]
    }

    /// Disturbs one kind of call from now on; `None` ends it.
    pub(crate) fn disturb(&self, calls: Calls, trouble: impl Into<Option<Trouble>>) {
        let (wait, error) = match trouble.into() {
            None => (0, 0),
            Some(Trouble::Slow(wait)) => (wait.as_millis() as i64, 0),
            Some(Trouble::Fails) => (0, rustix::io::Errno::IO.raw_os_error()),
            Some(Trouble::Full) => (0, rustix::io::Errno::NOSPC.raw_os_error()),
        };
        self.set(calls as u64, wait);
        self.set(calls as u64 + 8, error.into());
    }

    /// Only files with this in their paths suffer, such as `/db/`.
    pub(crate) fn only(&self, part: &str) {
        let mut text = [0; (LENGTH - ONLY) as usize];
        text[..part.len()].copy_from_slice(part.as_bytes());
        self.control.write_all_at(&text, ONLY).unwrap();
    }

    /// Sets the clock so far ahead of the real one, or behind it. Times since the start of the machine do not jump.
    pub(crate) fn set_clock(&self, ahead_s: i64) {
        self.set(CLOCK, ahead_s * 1_000);
    }

    /// How many calls were disturbed so far.
    pub(crate) fn disturbed(&self) -> u64 {
        let mut count = [0; 8];
        self.control.read_exact_at(&mut count, DISTURBED).unwrap();
        u64::from_ne_bytes(count)
    }

    /// Takes away what was not on disk, when the server is dead: names that came into a folder after its last sync, renames
    /// likewise, and what was written behind the end that a file had at its last sync. Of the latter a part may stay, as on a real
    /// disk. Folders count as durable.
    pub(crate) fn cut_power(&self, random: &mut impl Rng) {
        let durable = Durable::read(&fs::read_to_string(self.journal()).unwrap());
        durable.undo_renames();
        walk(&self.data(), &mut |path, meta| {
            let folder = fs::metadata(path.parent().unwrap()).unwrap();
            let is_named = durable.folders.get(&folder.ino()).is_some_and(|(_, at)| birth(meta) <= *at);
            if !is_named {
                return fs::remove_file(path).unwrap();
            }
            let kept = durable.files.get(&(meta.ino(), birth(meta))).copied().unwrap_or(0);
            if kept < meta.len() {
                let torn = if random.random() { 0 } else { random.random_range(0..=meta.len() - kept) };
                OpenOptions::new().write(true).open(path).unwrap().set_len(kept + torn).unwrap();
            }
        });
        self.everything_is_durable();
    }

    /// What is in the folder now is what the disk has.
    fn everything_is_durable(&self) {
        let mut lines = Vec::new();
        let at = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let mut folders = vec![self.data()];
        walk(&self.data(), &mut |path, meta| {
            lines.push(format!("file {} {} {}\n", meta.ino(), birth(meta), meta.len()));
            folders.push(path.parent().unwrap().to_owned());
        });
        lines.extend(folders.iter().map(|folder| format!("folder {} {at}\n", fs::metadata(folder).unwrap().ino())));
        fs::write(self.journal(), lines.concat()).unwrap();
    }

    fn set(&self, at: u64, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn journal(&self) -> PathBuf {
        self.home.path().join("journal")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data").canonicalize().unwrap()
    }
}

/// What the journal says of the disk.
#[derive(Default)]
struct Durable {
    /// The length of a file, known by its inode and birth.
    files: HashMap<(u64, i128), u64>,
    /// The line and the time of a folder's last sync.
    folders: HashMap<u64, (usize, i128)>,
    renames: Vec<Rename>,
}

struct Rename {
    line: usize,
    inode: u64,
    from: PathBuf,
    to: PathBuf,
    /// Where a copy of what was replaced is; nothing if there was nothing.
    kept: Option<PathBuf>,
}

impl Durable {
    fn read(journal: &str) -> Self {
        let mut durable = Self::default();
        for (number, line) in journal.lines().enumerate() {
            let (kind, rest) = line.split_once(' ').unwrap();
            let words: Vec<&str> = rest.split(if kind == "rename" { '\t' } else { ' ' }).collect();
            let inode = words[0].parse().unwrap();
            match kind {
                "file" => {
                    durable.files.insert((inode, words[1].parse().unwrap()), words[2].parse().unwrap());
                }
                "folder" => {
                    // A sync that began earlier may end, and be noted, later.
                    let at: i128 = words[1].parse().unwrap();
                    let before = durable.folders.get(&inode).map_or(at, |(_, before)| *before);
                    durable.folders.insert(inode, (number, at.max(before)));
                }
                _ => {
                    let kept = Some(words[3]).filter(|kept| *kept != "-").map(PathBuf::from);
                    let (from, to) = (words[1].into(), words[2].into());
                    durable.renames.push(Rename { line: number, inode, from, to, kept });
                }
            }
        }
        durable
    }

    fn undo_renames(&self) {
        for rename in self.renames.iter().rev() {
            let folder = fs::metadata(rename.to.parent().unwrap()).unwrap().ino();
            let is_durable = self.folders.get(&folder).is_some_and(|(line, _)| *line > rename.line);
            let is_there = fs::metadata(&rename.to).is_ok_and(|meta| meta.ino() == rename.inode);
            if !is_durable && is_there {
                fs::rename(&rename.to, &rename.from).unwrap();
                if let Some(kept) = &rename.kept {
                    fs::rename(kept, &rename.to).unwrap();
                }
            }
        }
    }
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path, &Metadata)) {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    for entry in entries {
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            walk(&entry.path(), visit);
        } else if meta.is_file() {
            visit(&entry.path(), &meta);
        }
    }
}

/// When a file was made, in nanoseconds since 1970.
fn birth(meta: &Metadata) -> i128 {
    let born = meta.created().expect("a file system that knows births");
    born.duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128
}

/// The library, compiled once per run of the tests.
fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let compile = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (library, new) = (folder.join("faults.so"), folder.join(format!("faults.{}.so", std::process::id())));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/faults.c");
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fvisibility=hidden", "-shared", "-fPIC", "-o"]);
        let output =
            cc.arg(&new).arg(source).args(["-ldl", "-pthread"]).output().expect("cc is there; RocksDB needs it, too");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(&new, &library).unwrap();
        library
    };
    LIBRARY.get_or_init(compile).clone()
}
