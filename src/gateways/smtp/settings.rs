//! What an operator sets about SMTP, and whether it makes sense. Secrets go in and never come out.

use std::{fmt, num::NonZeroU32, time::Duration};

use lettre::{AsyncSmtpTransport, Tokio1Executor, transport::smtp::AsyncSmtpTransportBuilder};
use tokio::sync::Semaphore;
use url::Url;

/// How to reach the mail server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtp://user:password@host:port?tls=required`, or `smtps://…`. `tls` is `required`, `opportunistic` or `none`;
    /// without it `smtp://` is plain text. The port is 25 for plain text, 587 with `tls`, 465 for `smtps://`.
    pub url: String,
    /// How many connections may be open at once.
    pub connections: u32,
    /// How many mails may go out per second.
    pub per_second: u32,
    /// How long to wait for a connection and for each answer of the server.
    pub timeout: Duration,
}

/// A setting that makes no sense: its key, and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct SettingsError {
    /// The key in the configuration.
    pub key: &'static str,
    /// What is wrong with its value; never the value itself.
    pub problem: &'static str,
}

impl SmtpSettings {
    /// The usual settings for a server: 4 connections, 10 mails a second, 10 s for each answer.
    #[must_use]
    pub const fn new(url: String) -> Self {
        Self { url, connections: 4, per_second: 10, timeout: Duration::from_secs(10) }
    }

    pub(super) fn connections(&self) -> Result<usize, SettingsError> {
        usize::try_from(self.connections)
            .ok()
            .filter(|connections| (1..=Semaphore::MAX_PERMITS).contains(connections))
            .ok_or(SettingsError { key: "mail.connections", problem: "must be at least 1" })
    }

    pub(super) fn per_second(&self) -> Result<NonZeroU32, SettingsError> {
        NonZeroU32::new(self.per_second).ok_or(SettingsError { key: "mail.per_second", problem: "must be at least 1" })
    }

    pub(super) fn transport(&self) -> Result<AsyncSmtpTransportBuilder, SettingsError> {
        let wrong = |problem| SettingsError { key: "mail.smtp_url", problem };
        let mut url = Url::parse(&self.url)
            .map_err(|_| wrong("must be a URL, such as smtp://user:password@mail.example.com:587?tls=required"))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("must name a host"));
        }
        if !url.username().is_empty() && url.password().is_none() {
            return Err(wrong("names a user without a password"));
        }
        let tls = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        match (url.scheme(), tls.as_deref()) {
            ("smtp", None | Some("required" | "opportunistic")) | ("smtps", None) => {}
            ("smtp", Some("none")) => url.set_query(None),
            ("smtp", Some(_)) => return Err(wrong("must have tls=required, tls=opportunistic or tls=none")),
            ("smtps", Some(_)) => return Err(wrong("is always encrypted with smtps:// and takes no tls")),
            _ => return Err(wrong("must begin with smtp:// or smtps://")),
        }
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
            .map_err(|_| wrong("holds a host, user or password that cannot be used"))
    }
}

impl fmt::Debug for SmtpSettings {
    /// Without the URL: it holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("connections", &self.connections)
            .field("per_second", &self.per_second)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_urls_are_taken() {
        for url in [
            "smtp://localhost",
            "smtp://127.0.0.1:1025",
            "smtp://mail.example.com?tls=none",
            "smtp://user:p%40ss@mail.example.com:587?tls=required",
            "smtp://mail.example.com?tls=opportunistic",
            "smtps://user:password@mail.example.com",
        ] {
            assert!(SmtpSettings::new(url.to_owned()).transport().is_ok(), "{url}");
        }
    }

    #[test]
    fn wrong_settings_name_their_key_and_keep_the_secret() {
        for url in [
            "",
            "mail.example.com",
            "http://u:s3cret@mail.example.com",
            "smtp://u:s3cret@mail.example.com?tls=s3cret",
            "smtps://u:s3cret@mail.example.com?tls=none",
            "smtp://s3cret@mail.example.com",
        ] {
            let settings = SmtpSettings::new(url.to_owned());
            let error = settings.transport().unwrap_err().to_string();
            assert!(error.starts_with("mail.smtp_url ") && !error.contains("s3cret"), "{error}");
            assert!(!format!("{settings:?}").contains("s3cret"));
        }
        let zero = SmtpSettings { connections: 0, per_second: 0, ..SmtpSettings::new("smtp://x".to_owned()) };
        assert_eq!(zero.connections().unwrap_err().key, "mail.connections");
        assert_eq!(zero.per_second().unwrap_err().key, "mail.per_second");
    }
}
