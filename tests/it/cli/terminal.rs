//! An operator's terminal: the binary with a home folder of its own.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{broadsheet, finished};

/// A home folder to sign in from.
pub(crate) struct Terminal {
    home: TempDir,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// A command in this terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = broadsheet(self.home.path());
        command.env("HOME", self.home.path()).env_remove("XDG_CONFIG_HOME").args(arguments);
        command
    }

    /// Runs a command on a thread of its own, so that the test's own server is not held up.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        run(self.command(arguments)).await
    }

    /// The same with an access token in the variable.
    pub(crate) async fn run_with_token(&self, token: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.env("BROADSHEET_TOKEN", token);
        run(command).await
    }

    /// Signs in with a password on standard input.
    pub(crate) async fn log_in(&self, url: &str, email: &str, password: &str) -> Output {
        let mut command = self.command(&["login", "--url", url, "--email", email]);
        let password = format!("{password}\n");
        tokio::task::spawn_blocking(move || {
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        })
        .await
        .unwrap()
    }

    /// The file with the session.
    pub(crate) fn session_file(&self) -> PathBuf {
        self.home.path().join(".config/broadsheet/credentials.json")
    }

    /// What is in it.
    pub(crate) fn session(&self) -> Value {
        serde_json::from_slice(&fs::read(self.session_file()).unwrap()).unwrap()
    }

    /// Puts a session into it.
    pub(crate) fn keep_session(&self, session: &Value) {
        use std::os::unix::fs::PermissionsExt;
        fs::create_dir_all(self.session_file().parent().unwrap()).unwrap();
        fs::write(self.session_file(), session.to_string()).unwrap();
        fs::set_permissions(self.session_file(), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap()
}

/// Fails unless the exit code is this one; answers what was printed.
#[track_caller]
pub(crate) fn printed(output: &Output, code: i32) -> String {
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{printed}{said}");
    printed.into_owned()
}
