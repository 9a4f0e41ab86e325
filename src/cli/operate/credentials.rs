//! The file with the session: read only by its owner, written whole or not at all. Nothing here talks to a server.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::failure::Failure;
use crate::{config::Secret, domain::Timestamp};

/// A session at a server.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    /// The server's address, without a slash at its end.
    pub(super) url: String,
    /// Goes into `Authorization`.
    pub(super) access_token: Secret,
    /// When the access token ends.
    pub(super) expires_at: Timestamp,
    /// Good for one refresh.
    pub(super) refresh_token: Secret,
}

/// The same in the file, where the tokens are to be seen.
#[derive(Serialize, Deserialize)]
struct Stored {
    url: String,
    access_token: String,
    expires_at: String,
    refresh_token: String,
}

/// Where the session is kept: `credentials.json` in the user's configuration folder.
#[derive(Debug, Clone)]
pub(super) struct CredentialsFile {
    folder: PathBuf,
}

/// While it lives, no other command refreshes the session.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file ends the lock")] File);

impl CredentialsFile {
    /// In the user's configuration folder, such as `~/.config/broadsheet`.
    ///
    /// # Errors
    /// `NoHome` if the user has none.
    pub(super) fn of_user() -> Result<Self, Failure> {
        let folders = etcetera::choose_base_strategy().map_err(|_| Failure::NoHome)?;
        Ok(Self { folder: folders.config_dir().join("broadsheet") })
    }

    /// The file's path.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("credentials.json")
    }

    /// Reads the session; `None` if nobody is signed in.
    ///
    /// # Errors
    /// `Exposed` or `NotYours` if the file is not the user's alone; `NoCredentials` if it holds something else.
    pub(super) fn load(&self) -> Result<Option<Credentials>, Failure> {
        let Some(mut file) = self.open()? else { return Ok(None) };
        // Asked of the open file: nobody can put another in its place meanwhile.
        let metadata = file.metadata().map_err(|source| self.failed(source))?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::Exposed { file: self.path(), mode });
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(Failure::NotYours(self.path()));
        }
        self.read(&mut file).map(Some)
    }

    /// Reads the session, however it is kept: to end it.
    ///
    /// # Errors
    /// `NoCredentials` if the file holds something else.
    pub(super) fn load_unchecked(&self) -> Result<Option<Credentials>, Failure> {
        self.open()?.map(|mut file| self.read(&mut file)).transpose()
    }

    /// Keeps the session in place of the one before. It is on disk when this returns.
    ///
    /// # Errors
    /// `Credentials` if it cannot be written.
    pub(super) fn save(&self, credentials: &Credentials) -> Result<(), Failure> {
        let stored = Stored {
            url: credentials.url.clone(),
            access_token: credentials.access_token.expose().to_owned(),
            expires_at: credentials.expires_at.to_string(),
            refresh_token: credentials.refresh_token.expose().to_owned(),
        };
        self.make_folder()
            .and_then(|()| write_atomically(&self.path(), &serde_json::to_vec_pretty(&stored)?))
            .map_err(|source| self.failed(source))
    }

    /// Forgets the session.
    ///
    /// # Errors
    /// `Credentials` if the file cannot be removed.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| self.failed(source)),
        }
    }

    /// Waits until no other command refreshes the session: two that did it at once would end it, as a stolen one.
    ///
    /// # Errors
    /// `Credentials` if the file system has no locks.
    pub(super) async fn lock(&self) -> Result<Lock, Failure> {
        let locked = self.make_folder().and_then(|()| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o600).open(self.folder.join("credentials.lock"))
        });
        let file = locked.map_err(|source| self.failed(source))?;
        let waited = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        waited.map_err(io::Error::other).flatten().map(Lock).map_err(|source| self.failed(source))
    }

    fn open(&self) -> Result<Option<File>, Failure> {
        match File::open(self.path()) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn read(&self, file: &mut File) -> Result<Credentials, Failure> {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|source| self.failed(source))?;
        let none = || Failure::NoCredentials(self.path());
        let stored: Stored = serde_json::from_str(&text).map_err(|_| none())?;
        Ok(Credentials {
            url: stored.url,
            access_token: stored.access_token.into(),
            expires_at: stored.expires_at.parse().map_err(|_| none())?,
            refresh_token: stored.refresh_token.into(),
        })
    }

    fn make_folder(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        if fs::metadata(&self.folder)?.mode() & 0o077 != 0 {
            fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::Credentials { file: self.path(), source }
    }
}

/// A new file of the user's alone takes the old one's place, so that no other command ever sees half of it.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(Ulid::generate().to_string());
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // What is left of it holds tokens.
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(token: &str) -> Credentials {
        let expires_at = "2026-11-23T10:00:00.000Z".parse().unwrap();
        let url = "http://127.0.0.1:8080".to_owned();
        Credentials { url, access_token: token.into(), expires_at, refresh_token: "r".into() }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_session_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = CredentialsFile { folder: home.path().join("config/broadsheet") };
        assert!(file.load().unwrap().is_none());
        file.save(&credentials("a")).unwrap();
        file.save(&credentials("b")).unwrap();
        assert_eq!(file.load().unwrap().unwrap().access_token.expose(), "b");
        assert_eq!((mode(&file.folder), mode(&file.path())), (0o700, 0o600));
        assert_eq!(fs::read_dir(&file.folder).unwrap().count(), 1, "a temporary file is left");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(file.load().unwrap().is_none());
    }

    #[test]
    fn a_session_that_others_can_read_is_not_used_but_can_be_ended() {
        let home = tempfile::tempdir().unwrap();
        let file = CredentialsFile { folder: home.path().to_owned() };
        file.save(&credentials("a")).unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(0o640)).unwrap();
        let refused = file.load().unwrap_err();
        assert!(matches!(refused, Failure::Exposed { mode: 0o640, .. }), "{refused}");
        assert!(refused.to_string().contains("mode 640"), "{refused}");
        assert!(file.load_unchecked().unwrap().is_some());
    }

    #[test]
    fn half_a_file_is_no_session() {
        let home = tempfile::tempdir().unwrap();
        let file = CredentialsFile { folder: home.path().to_owned() };
        write_atomically(&file.path(), b"{\"url\": ").unwrap();
        assert!(matches!(file.load(), Err(Failure::NoCredentials(_))));
    }

    #[test]
    fn tokens_do_not_show_themselves() {
        assert!(!format!("{:?}", credentials("hunter2")).contains("hunter2"));
    }

    #[tokio::test]
    async fn only_one_command_at_a_time_has_the_lock() {
        let home = tempfile::tempdir().unwrap();
        let file = CredentialsFile { folder: home.path().to_owned() };
        let first = file.lock().await.unwrap();
        let path = home.path().join("credentials.lock");
        assert!(File::open(&path).unwrap().try_lock().is_err());
        drop(first);
        drop(file.lock().await.unwrap());
        assert_eq!(mode(&path), 0o600);
    }
}
