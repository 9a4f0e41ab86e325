//! Mail: what a mail consists of, and the trait for sending it. `composer` turns it into a message.

use std::fmt;

use futures_util::future::BoxFuture;
use url::Url;

use super::Error;
use crate::domain::{Email, Name};

/// One mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// The Message-ID without angle brackets; the same mail always has the same one.
    pub message_id: String,
    /// The recipient's address.
    pub to: Email,
    /// The recipient's name, if known.
    pub to_name: Option<Name>,
    /// The subject: one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML, for a mail with two alternative parts.
    pub html: Option<String>,
    /// Further headers by name and value: `List-Id`, `List-Unsubscribe`, `Reply-To`.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Mail {
    /// Shows which mail it is but not its content: it may contain a sign-up code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// Sends mail.
pub trait Mailer: Send + Sync + 'static {
    /// Sends one mail. `Ok` means that the next hop has taken responsibility for it; `Uncertain` that this is not
    /// known, because the connection broke after the mail was handed over and before the reply arrived.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether sending the same Message-ID twice leaves one copy. Then an interrupted send may simply be repeated.
    fn is_idempotent(&self) -> bool;

    /// How many mails can be in progress at once; more have to wait.
    fn at_once(&self) -> usize {
        4
    }
}

/// The host for Message-IDs and List-Ids: letters, digits, dots and hyphens of the public URL's.
#[must_use]
pub fn mail_host(public_url: &str) -> String {
    let host = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_safe_whatever_the_url() {
        for (url, expected) in
            [("http://[::1]:8080", "1"), ("nonsense", "localhost"), ("http://127.0.0.1:1", "127.0.0.1")]
        {
            assert_eq!(mail_host(url), expected);
        }
    }

    #[test]
    fn a_mail_shows_nothing_of_its_text_in_logs() {
        let mail = Mail {
            message_id: "01J.code@broadsheet.example".to_owned(),
            to: Email::parse("ana@example.org").unwrap(),
            to_name: None,
            subject: "Three words".to_owned(),
            text: "the text\n".to_owned(),
            html: None,
            headers: Vec::new(),
        };
        let shown = format!("{mail:?}");
        assert!(!shown.contains("the text") && !shown.contains("ana@"), "{shown}");
    }
}
