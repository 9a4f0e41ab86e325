//! `broadsheet import DIR`: publishes a folder of Markdown files on a running server, through the public API. Running
//! it again imports only what is missing, because a file's slug is always the same.
//!
//! Here are the options and the order of the steps. `files.rs` finds and reads files, `post.rs` makes a request from a
//! file, `upload.rs` and `answer.rs` talk to the server, `report.rs` talks to the user. Nothing here opens the database
//! or writes into the folder.

mod answer;
mod files;
mod post;
mod report;
mod stop;
mod upload;

use std::{io::Write, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use tokio::task::JoinSet;

use self::{files::Found, post::Posts, report::Report, stop::Stop, upload::Uploader};
use crate::{
    clock::{Clock, SystemClock},
    config::Secret,
};

/// More at a time would gain nothing: the server commits 64 commands together.
const MAX_PARALLEL: usize = 64;

/// The arguments of `broadsheet import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Folder with Markdown files (*.md, *.markdown); subfolders are searched as well
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Address of the server
    #[arg(long, env = "BROADSHEET_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Access token of the author; prefer the variable or --token-file, which keep it out of the process list
    #[arg(long, env = "BROADSHEET_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// File with the access token; `-` means standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Send followers a mail about each post
    #[arg(long)]
    notify: bool,
    /// Read and check the files without sending anything
    #[arg(long)]
    dry_run: bool,
    /// How many files to send at the same time
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel: usize,
}

/// The result for a file.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Published,
    Draft,
    AlreadyThere,
    /// Why it was not imported, in words its owner can act on.
    NotTaken(String),
}

/// Files being sent: the name of each, and its result.
type Uploads = JoinSet<(String, Result<Outcome, Stop>)>;

impl Import {
    /// Imports the folder. Exit code 0: every file was imported, now or earlier; 1: some were not; 2: the token, the
    /// address or the folder is wrong, and the import ended early.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let mut report = Report::new(self.dry_run);
        let ended = self.import(&mut report).await;
        report.finish()?;
        match ended {
            Ok(()) if report.is_clean() => Ok(ExitCode::SUCCESS),
            Ok(()) => Ok(ExitCode::FAILURE),
            Err(stop) => {
                writeln!(std::io::stderr(), "broadsheet: {stop}")?;
                Ok(ExitCode::from(2))
            }
        }
    }

    async fn import(&self, report: &mut Report) -> Result<(), Stop> {
        let found = files::find(&self.dir)?;
        let uploader =
            if self.dry_run { None } else { Some(Arc::new(Uploader::new(&self.url, self.access_token()?)?)) };
        report.start(&found);
        let mut uploads = Uploads::new();
        let ended = self.send_all(found, uploader, &mut uploads, report).await;
        // After a stop some files may still be in progress; their results count.
        while let Some(joined) = uploads.join_next().await {
            if let Ok((name, Ok(outcome))) = joined {
                report.add(&name, outcome);
            }
        }
        ended
    }

    async fn send_all(
        &self,
        found: Found,
        uploader: Option<Arc<Uploader>>,
        uploads: &mut Uploads,
        report: &mut Report,
    ) -> Result<(), Stop> {
        let parallel = self.parallel.clamp(1, MAX_PARALLEL);
        let mut posts = Posts::new(self.notify, SystemClock.now());
        for file in found.files {
            let post = file.read().await.and_then(|bytes| posts.make(&file, &bytes));
            match (post, &uploader) {
                (Err(reason), _) => report.add(&file.name, Outcome::NotTaken(reason)),
                (Ok(post), None) => report.add(&file.name, post.rehearse()),
                (Ok(post), Some(uploader)) => {
                    if uploads.len() >= parallel {
                        take_one(uploads, report).await?;
                    }
                    let uploader = Arc::clone(uploader);
                    uploads.spawn(async move {
                        let outcome = uploader.send(&post).await;
                        (file.name, outcome)
                    });
                }
            }
        }
        while take_one(uploads, report).await? {}
        Ok(())
    }

    fn access_token(&self) -> Result<Secret, Stop> {
        let text = match (&self.token_file, &self.token) {
            (Some(file), _) if file.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())
                .map_err(|source| Stop::TokenFile { file: file.clone(), source })?,
            (Some(file), _) => {
                std::fs::read_to_string(file).map_err(|source| Stop::TokenFile { file: file.clone(), source })?
            }
            (None, Some(token)) => token.expose().to_owned(),
            (None, None) => return Err(Stop::NoToken),
        };
        match text.trim() {
            "" => Err(Stop::NoToken),
            token if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Secret::new(token)),
            _ => Err(Stop::MalformedToken),
        }
    }
}

/// Waits until a file in progress is done; returns false if no file is in progress.
async fn take_one(uploads: &mut Uploads, report: &mut Report) -> Result<bool, Stop> {
    let Some(joined) = uploads.join_next().await else { return Ok(false) };
    let (name, outcome) = joined?;
    report.add(&name, outcome?);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        import: Import,
    }

    fn token_of(arguments: &[&str]) -> Result<Secret, Stop> {
        let line = ["import", "posts"].iter().chain(arguments);
        Line::try_parse_from(line).unwrap().import.access_token()
    }

    #[test]
    fn a_token_is_one_line_of_visible_characters() {
        assert_eq!(token_of(&["--token", " abc.def\n"]).unwrap().expose(), "abc.def");
        assert!(matches!(token_of(&["--token", " "]), Err(Stop::NoToken)));
        assert!(matches!(token_of(&["--token", "a\nb"]), Err(Stop::MalformedToken)));
    }

    #[test]
    fn a_token_file_goes_before_a_token() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-file\n").unwrap();
        let token = token_of(&["--token", "other", "--token-file", file.path().to_str().unwrap()]);
        assert_eq!(token.unwrap().expose(), "from-file");
        assert!(matches!(token_of(&["--token-file", "/nowhere/at/all"]), Err(Stop::TokenFile { .. })));
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let line = Line::try_parse_from(["import", "posts", "--token", "hunter2"]).unwrap();
        assert!(!format!("{line:?}").contains("hunter2"));
    }
}
