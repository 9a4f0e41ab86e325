//! The real binary as a process of its own: started, asked over HTTP, ended by a signal. What it is asked is the tests'.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    Machine,
    client::{Client, Person},
    until,
};

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `broadsheet serve` on a data folder and a port of its own. Dropping it kills it.
pub(crate) struct Process {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    child: Child,
    folder: PathBuf,
    printed: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// The binary with settings that suit a test, working in `folder`; give it a subcommand.
pub(crate) fn broadsheet(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broadsheet"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BROADSHEET_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").current_dir(folder).env("BROADSHEET__DATA_DIR", folder.join("data"));
    for (key, value) in [
        ("HTTP__LISTEN", "127.0.0.1:0"),
        ("HTTP__WORKERS", "2"),
        ("RATE_LIMIT__ENABLED", "false"),
        ("IDENTITY__ARGON2_MEMORY_KIB", "64"),
        ("IDENTITY__ARGON2_ITERATIONS", "1"),
        ("MAIL__PER_SECOND", "10000"),
        ("SEARCH__WRITER_MEMORY", "15MiB"),
    ] {
        command.env(format!("BROADSHEET__{key}"), value);
    }
    command
}

/// The same command under limits that a shell sets first, such as `ulimit -S -n 256`.
pub(crate) fn under_limits(command: &Command, limits: &str, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]).arg(command.get_program()).args(arguments);
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn serve(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.arg("serve").envs(variables.iter().map(|(key, value)| (format!("BROADSHEET__{key}"), value)));
    command
}

/// Runs a command that ends by itself.
#[track_caller]
pub(crate) fn finished(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary is there");
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

impl Process {
    /// Starts a server in `folder` with further variables, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::launch(folder, variables).await.ready().await
    }

    /// The same on a machine that misbehaves on demand.
    pub(crate) async fn start_on(machine: &Machine, variables: &[(&str, &str)]) -> Self {
        Self::launch_on(machine, variables).await.ready().await
    }

    /// Starts a server that works in `folder` by its whole command, and waits until it is ready.
    pub(crate) async fn start_command(folder: &Path, command: Command) -> Self {
        Self::launch_command(folder, command).await.ready().await
    }

    /// Starts a server and waits only for the line with its address.
    pub(crate) async fn launch(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::launch_command(folder, serve(broadsheet(folder), variables)).await
    }

    /// The same on a machine that misbehaves on demand.
    pub(crate) async fn launch_on(machine: &Machine, variables: &[(&str, &str)]) -> Self {
        let mut command = broadsheet(machine.folder());
        command.envs(machine.environment());
        Self::launch_command(machine.folder(), serve(command, variables)).await
    }

    async fn ready(mut self) -> Self {
        let process = &mut self;
        until("the server is ready", async || {
            assert!(process.is_running(), "the server has ended: {}", process.log());
            process.client.request(Method::GET, "/readyz").send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        self
    }

    async fn launch_command(folder: &Path, mut command: Command) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log_path(folder)).unwrap();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("the binary is there");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (lines, output) = (Arc::clone(&printed), child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| lines.lock().push(line));
        });
        until("the server says where it listens", async || {
            assert!(child.try_wait().unwrap().is_none(), "the server has ended: {}", log_of(folder));
            !printed.lock().is_empty()
        })
        .await;
        let address = printed.lock()[0].strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { client: Client::new(address), address, child, folder: folder.to_owned(), printed, reader: Some(reader) }
    }

    /// Somebody new on this server.
    pub(crate) async fn person(&self, handle: &str) -> Person {
        Person::sign_up(&self.client, &self.mail_folder(), handle).await
    }

    /// Somebody whom an earlier life of this server knew.
    pub(crate) async fn again(&self, person: &Person) -> Person {
        let mut person = Person { client: self.client.clone(), ..person.clone() };
        person.sign_in().await;
        person
    }

    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.folder.join("data/mail")
    }

    /// Everything that all servers in this folder wrote to standard error.
    pub(crate) fn log(&self) -> String {
        log_of(&self.folder)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; answers how it ended and what it had printed.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, Vec<String>) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut ended = None;
        until("the server ends", async || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        self.reader.take().unwrap().join().unwrap();
        (ended.unwrap(), self.printed.lock().clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the end of the server's log:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

/// Fails unless the output is one line on standard error that holds these words, and the exit code is this one.
#[track_caller]
pub(crate) fn expect_line(output: &Output, code: i32, words: &[&str]) {
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{printed}{said}");
    assert_eq!((printed.lines().count(), said.lines().count()), (0, 1), "{printed}{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

/// All mails in a folder, as text.
pub(crate) fn mails_in(folder: &Path) -> Vec<String> {
    super::app::mails(folder)
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn log_of(folder: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log_path(folder)).unwrap_or_default()).into_owned()
}
