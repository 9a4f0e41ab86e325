//! The SMTP settings and their validation. Secrets are read and never shown.

use std::{fmt, num::NonZeroU32, time::Duration};

use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, TlsParameters},
    extension::ClientId,
};
use tokio::sync::Semaphore;
use url::{Host, Url};

/// How to reach the mail server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtp://user:password@host:port?tls=required`, or `smtps://…`. `tls` is `required`, `opportunistic` or `none`;
    /// without it `smtp://` is plain text. The port is 25 for plain text, 587 with `tls`, 465 for `smtps://`.
    pub url: String,
    /// Additional trusted certificates, in PEM, for a server with a private certificate authority.
    pub ca: Option<Vec<u8>>,
    /// The maximum number of open connections.
    pub connections: u32,
    /// The maximum number of mails per second.
    pub per_second: u32,
    /// How long to wait for a connection and for each reply of the server.
    pub timeout: Duration,
}

/// An invalid setting: its key, and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct SettingsError {
    /// The key in the configuration.
    pub key: &'static str,
    /// What is wrong with its value; never the value itself.
    pub problem: &'static str,
}

/// How a connection is encrypted. Certificates are always verified.
pub(super) enum Encryption {
    /// Not encrypted.
    None,
    /// By STARTTLS, if the server offers it.
    Opportunistic(TlsParameters),
    /// By STARTTLS; without it, nothing is sent.
    Required(TlsParameters),
    /// From the first byte.
    Wrapper(TlsParameters),
}

/// The parsed settings.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
    pub(super) hello: ClientId,
    pub(super) timeout: Duration,
}

impl SmtpSettings {
    /// The default settings for a server: 4 connections, 10 mails per second, 10 s for each reply.
    #[must_use]
    pub const fn new(url: String) -> Self {
        Self { url, ca: None, connections: 4, per_second: 10, timeout: Duration::from_secs(10) }
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

    pub(super) fn server(&self) -> Result<Server, SettingsError> {
        let wrong = |problem| SettingsError { key: "mail.smtp_url", problem };
        let url = Url::parse(&self.url)
            .map_err(|_| wrong("must be a URL, such as smtp://user:password@mail.example.com:587?tls=required"))?;
        let host = match url.host() {
            // Without the brackets it has in a URL. In URLs with other schemes than http, `url` treats an IPv4 address
            // as a name, which connects just as well.
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("must name a host"))?.to_owned(),
        };
        let tls = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        let (encryption, port) = match (url.scheme(), tls.as_deref()) {
            ("smtp", None | Some("none")) => (Encryption::None, 25),
            ("smtp", Some("opportunistic")) => (Encryption::Opportunistic(self.parameters(&host)?), 587),
            ("smtp", Some("required")) => (Encryption::Required(self.parameters(&host)?), 587),
            ("smtp", Some(_)) => return Err(wrong("must have tls=required, tls=opportunistic or tls=none")),
            ("smtps", None) => (Encryption::Wrapper(self.parameters(&host)?), 465),
            ("smtps", Some(_)) => return Err(wrong("is always encrypted with smtps:// and must not have tls")),
            _ => return Err(wrong("must begin with smtp:// or smtps://")),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (_, None) => return Err(wrong("names a user without a password")),
            (user, Some(password)) => Some(Credentials::new(decoded(user), decoded(password))),
        };
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        let port = url.port().unwrap_or(port);
        Ok(Server { host, port, encryption, credentials, hello, timeout: self.timeout })
    }

    fn parameters(&self, host: &str) -> Result<TlsParameters, SettingsError> {
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(pem) = &self.ca {
            let wrong = SettingsError { key: "mail.smtp_ca_file", problem: "must hold certificates in PEM" };
            let is_empty = !pem.windows(27).any(|bytes| bytes == b"-----BEGIN CERTIFICATE-----");
            let certificate = Certificate::from_pem(pem).ok().filter(|_| !is_empty).ok_or(wrong)?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build_rustls().map_err(|_| SettingsError {
            key: if self.ca.is_some() { "mail.smtp_ca_file" } else { "mail.smtp_url" },
            problem: "cannot be used for encryption",
        })
    }
}

/// A part of a URL with its percent encoding removed.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl fmt::Debug for SmtpSettings {
    /// Does not show the URL: it contains the password.
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
        for (url, host, port) in [
            ("smtp://localhost", "localhost", 25),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025),
            ("smtp://[::1]:1025", "::1", 1025),
            ("smtp://mail.example.com?tls=none", "mail.example.com", 25),
            ("smtp://user:p%40ss@mail.example.com:2525?tls=required", "mail.example.com", 2525),
            ("smtp://mail.example.com?tls=opportunistic", "mail.example.com", 587),
            ("smtps://user:password@mail.example.com", "mail.example.com", 465),
        ] {
            let server = SmtpSettings::new(url.to_owned()).server().unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port), "{url}");
        }
    }

    #[test]
    fn a_password_may_hold_anything() {
        assert_eq!(decoded("p%40ss+w&rd=%25%C3%BC"), "p@ss+w&rd=%ü");
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
            let error = settings.server().err().unwrap().to_string();
            assert!(error.starts_with("mail.smtp_url ") && !error.contains("s3cret"), "{error}");
            assert!(!format!("{settings:?}").contains("s3cret"));
        }
        let zero = SmtpSettings { connections: 0, per_second: 0, ..SmtpSettings::new("smtp://x".to_owned()) };
        assert_eq!(zero.connections().unwrap_err().key, "mail.connections");
        assert_eq!(zero.per_second().unwrap_err().key, "mail.per_second");
        let ca = Some(b"no certificate".to_vec());
        let private = SmtpSettings { ca, ..SmtpSettings::new("smtps://mail.example.com".to_owned()) };
        assert_eq!(private.server().err().unwrap().key, "mail.smtp_ca_file");
    }
}
