//! Writes mail to a folder of `.eml` files: the default transport, for trying out the server and for tests.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::{Composer, Error, Mail, Mailer};

/// The longest file name made from a Message-ID, without `.eml`; file systems take 255 bytes.
const MAX_STEM: usize = 160;

/// Writes each mail into a file named after its Message-ID. An existing mail is left unchanged.
#[derive(Debug)]
pub struct FolderMailer {
    folder: PathBuf,
    composer: Composer,
    temporary: AtomicU64,
}

impl FolderMailer {
    /// A mailer that writes into `folder`, creating it if necessary.
    ///
    /// # Errors
    /// The file system's error if the folder cannot be created.
    pub fn new(folder: PathBuf, composer: Composer) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, composer, temporary: AtomicU64::new(0) })
    }

    /// A name for an incomplete file that no other writer uses, in this process or another.
    fn temporary_path(&self, name: &str) -> PathBuf {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!(".{name}.{}.{number}.tmp", std::process::id()))
    }
}

impl Mailer for FolderMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let bytes = self.composer.compose(mail, SystemTime::now())?.formatted();
            let name = file_name(&mail.message_id);
            let (path, temporary) = (self.folder.join(&name), self.temporary_path(&name));
            // One blocking step, which cannot be interrupted if the caller gives up.
            let writing = tokio::task::spawn_blocking(move || write_once(&path, &temporary, &bytes));
            match writing.await {
                Ok(written) => {
                    written.map_err(|error| Error::Transient(format!("the mail folder cannot be written to: {error}")))
                }
                Err(_) => Err(Error::Transient("the mail folder's writer was stopped".to_owned())),
            }
        })
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}

/// Writes the complete file or nothing, and only if it does not exist. File and name are then synced to disk, because
/// the ledger will say for ever that the mail was sent, even after a power cut.
fn write_once(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    if !path.try_exists()? {
        let written = write_private(temporary, bytes).and_then(|()| fs::rename(temporary, path));
        if written.is_err() {
            // If the leftover cannot be removed either, report the first error.
            let _ = fs::remove_file(temporary);
        }
        written?;
    }
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

/// Mail contains sign-up codes: where the system supports it, only the server's own user can read the file.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The Message-ID as a file name: unchanged if it is safe, otherwise its safe characters and a hash of the whole.
fn file_name(message_id: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let stem: String = message_id.chars().map(|c| if is_safe(c) { c } else { '_' }).take(MAX_STEM).collect();
    if stem == message_id && !stem.is_empty() && !stem.starts_with('.') {
        return format!("{stem}.eml");
    }
    let mut hash = crate::domain::hex(Sha256::digest(message_id).as_slice());
    hash.truncate(16);
    format!("{}-{hash}.eml", stem.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Email;

    fn mail(message_id: &str, text: &str) -> Mail {
        Mail {
            message_id: message_id.to_owned(),
            to: Email::parse("ana@example.org").unwrap(),
            to_name: None,
            subject: "Hello".to_owned(),
            text: text.to_owned(),
            html: None,
            headers: Vec::new(),
        }
    }

    fn mailer(folder: &Path) -> FolderMailer {
        FolderMailer::new(folder.to_owned(), Composer::new("post@broadsheet.example".parse().unwrap())).unwrap()
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn sending_a_mail_twice_leaves_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(folder.path());
        mailer.send(&mail("01A@x.example", "first")).await.unwrap();
        mailer.send(&mail("01A@x.example", "second")).await.unwrap();
        assert_eq!(files(folder.path()), ["01A@x.example.eml"]);
        let text = fs::read_to_string(folder.path().join("01A@x.example.eml")).unwrap();
        assert!(text.contains("first") && !text.contains("second"), "{text}");
    }

    #[tokio::test]
    async fn a_missing_folder_is_a_transient_error_and_heals() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("mail");
        let mailer = mailer(&folder);
        fs::remove_dir(&folder).unwrap();
        assert!(mailer.send(&mail("01A@x.example", "text")).await.unwrap_err().is_transient());
        fs::create_dir(&folder).unwrap();
        mailer.send(&mail("01A@x.example", "text")).await.unwrap();
        assert_eq!(files(&folder).len(), 1);
    }

    #[test]
    fn hostile_message_ids_make_safe_and_different_file_names() {
        let hostile = ["../../etc/passwd", "", ".", "..", "a/b", "a\\b", "a\0b", "🦀", &"x".repeat(5000)];
        let names: std::collections::BTreeSet<_> = hostile.iter().map(|id| file_name(id)).collect();
        assert_eq!(names.len(), hostile.len());
        for name in names {
            assert!(name.len() < 255 && !name.starts_with('.') && !name.contains(['/', '\\', '\0']), "{name}");
        }
        assert_eq!(file_name("01J.post-ana@x.example"), "01J.post-ana@x.example.eml");
    }
}
