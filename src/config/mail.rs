//! The section `[mail]`.

use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, Secret, Span, check::Check};

/// `[mail]`: how mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// To a folder, or to an SMTP server.
    pub transport: MailTransport,
    /// The folder; empty: see [`super::Config::mail_folder`].
    pub folder: PathBuf,
    /// The SMTP server, `smtp://user:password@host:port?tls=required`.
    pub smtp_url: Secret,
    /// A file with additional trusted certificates; empty: none.
    pub smtp_ca_file: PathBuf,
    /// The sender of every mail.
    pub from: String,
    /// The DKIM domain; empty: mail is not signed.
    pub dkim_domain: String,
    /// The DKIM selector.
    pub dkim_selector: String,
    /// The private key, or
    pub dkim_key: Secret,
    /// the file that it is in.
    pub dkim_key_file: PathBuf,
    /// The maximum number of mails per second.
    pub per_second: u32,
    /// How many connections to the SMTP server are used.
    pub connections: u32,
    /// How long the server may take for each reply.
    pub timeout: Span,
}

/// The transports for mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// One `.eml` file per mail.
    #[default]
    Folder,
    /// An SMTP server.
    Smtp,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            transport: MailTransport::Folder,
            folder: PathBuf::new(),
            smtp_url: Secret::default(),
            smtp_ca_file: PathBuf::new(),
            from: "Broadsheet <broadsheet@localhost.localdomain>".to_owned(),
            dkim_domain: String::new(),
            dkim_selector: String::new(),
            dkim_key: Secret::default(),
            dkim_key_file: PathBuf::new(),
            per_second: 10,
            connections: 4,
            timeout: Span::from_secs(30),
        }
    }
}

impl MailSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let is_missing = self.transport == MailTransport::Smtp && self.smtp_url.is_empty();
        check.that(!is_missing, "mail.smtp_url", "must be set when mail.transport is smtp")?;
        let is_url = self.smtp_url.is_empty() || is_smtp_url(self.smtp_url.expose());
        let message = "must be smtp://user:password@host:port?tls=required, with tls one of required, opportunistic, \
                       none, or smtps://user:password@host:port";
        check.that(is_url, "mail.smtp_url", message)?;
        let is_mailbox = self.from.parse::<Mailbox>().is_ok();
        check.that(is_mailbox, "mail.from", "must be a sender such as Broadsheet <news@example.org>")?;
        self.check_dkim(check)?;
        check.within("mail.per_second", self.per_second, 1..=10_000)?;
        check.within("mail.connections", self.connections, 1..=100)?;
        check.within("mail.timeout", self.timeout, Span::from_millis(1)..=Span::minutes(10))
    }

    /// Domain, selector and one key are needed together. Whether the key is valid is checked when the mailer is
    /// created.
    fn check_dkim(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let has_key = !self.dkim_key.is_empty() || is_set(&self.dkim_key_file);
        if self.dkim_domain.is_empty() && self.dkim_selector.is_empty() && !has_key {
            return Ok(());
        }
        check.that(!self.dkim_domain.is_empty(), "mail.dkim_domain", "must be set when mail is to be signed")?;
        check.that(!self.dkim_selector.is_empty(), "mail.dkim_selector", "must be set when mail is to be signed")?;
        check.that(has_key, "mail.dkim_key", "must be set when mail is to be signed, or mail.dkim_key_file")?;
        let is_one = self.dkim_key.is_empty() || !is_set(&self.dkim_key_file);
        check.that(is_one, "mail.dkim_key_file", "must not be set besides mail.dkim_key")
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

fn is_smtp_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let is_tls =
            |(key, value): (&str, &str)| key == "tls" && matches!(value, "required" | "opportunistic" | "none");
        let is_fine = match url.scheme() {
            "smtp" => url.query_pairs().all(|(key, value)| is_tls((&key, &value))),
            "smtps" => url.query().is_none(),
            _ => false,
        };
        is_fine && url.host_str().is_some_and(|host| !host.is_empty())
    })
}
