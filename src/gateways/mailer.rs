//! Mail: what one consists of, and who can send it. How it becomes a message is `composer`'s; how it travels is not here.

use std::fmt;

use futures_util::future::BoxFuture;

use super::Error;
use crate::domain::{Email, Name};

/// One mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// The Message-ID without its angle brackets; the same mail always has the same one.
    pub message_id: String,
    /// Where it goes.
    pub to: Email,
    /// Whom it goes to, if the name is known.
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
    /// Shows which mail it is and nothing of what is in it: it may hold a sign-up code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// Sends mail.
pub trait Mailer: Send + Sync + 'static {
    /// Sends one mail. `Ok` means that the next hop has taken responsibility for it, `Uncertain` that nobody knows: the
    /// connection broke after the mail was handed over and before the reply came.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether sending the same Message-ID twice leaves one copy: an interrupted send may then simply be repeated.
    fn is_idempotent(&self) -> bool;

    /// How many mails it can have under way at once; more wait.
    fn at_once(&self) -> usize {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
