//! Mail: what one consists of, who can send it, and how it becomes an RFC 5322 message. Not how it travels.

use std::{fmt, time::SystemTime};

use futures_util::future::BoxFuture;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

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
    /// Sends one mail. `Ok` means that the next hop has taken responsibility for it.
    ///
    /// A connection that breaks after the text was handed over and before the reply came is `Transient` too, as SMTP
    /// asks senders to try again then (RFC 5321, 4.5.4.1); the Message-ID lets receivers drop the second copy.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether sending the same Message-ID twice leaves one copy: an interrupted send may then simply be repeated.
    fn is_idempotent(&self) -> bool;
}

/// Headers that [`compose`] makes itself, or that would change who gets the mail.
const RESERVED: [&str; 10] =
    ["from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "auto-submitted"];

/// Makes the message that goes over the wire or into a file: text, or text and HTML as alternatives.
///
/// No field can smuggle in a header: control characters, line ends among them, become spaces.
///
/// # Errors
/// `Permanent` if the address is none that a mail server takes, the Message-ID is empty, or a header name is not free.
pub fn compose(mail: &Mail, from: &Mailbox, date: SystemTime) -> Result<Message, Error> {
    let address: Address =
        mail.to.as_str().parse().map_err(|_| permanent("the recipient's address is none that a mail server takes"))?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![address.clone()])
        .map_err(|_| permanent("the mail has no recipient"))?;
    let name = mail.to_name.as_ref().map(|name| one_line(name.as_str())).filter(|name| !name.is_empty());
    let mut builder = Message::builder()
        .envelope(envelope)
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(one_line(&mail.subject))
        .date(date)
        .message_id(Some(message_id(&mail.message_id)?))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for (name, value) in &mail.headers {
        builder = with_header(builder, name, value)?;
    }
    let text = mail.text.clone();
    match &mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
        None => builder.singlepart(SinglePart::plain(text)),
    }
    .map_err(|_| permanent("the mail cannot be put together"))
}

fn with_header(builder: MessageBuilder, name: &str, value: &str) -> Result<MessageBuilder, Error> {
    let lower = name.to_ascii_lowercase();
    let is_free = !RESERVED.contains(&lower.as_str()) && !lower.starts_with("content-");
    let is_clean = name.bytes().all(|byte| byte.is_ascii_graphic());
    let header = HeaderName::new_from_ascii(name.to_owned()).ok().filter(|_| is_free && is_clean);
    let header = header.ok_or_else(|| permanent("the mail sets a header that it must not set"))?;
    Ok(builder.raw_header(HeaderValue::new(header, one_line(value))))
}

fn message_id(id: &str) -> Result<String, Error> {
    let id: String = id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).collect();
    if id.is_empty() { Err(permanent("the mail has no message id")) } else { Ok(format!("<{id}>")) }
}

/// The text as one line: control characters and runs of white space become single spaces.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|piece| !piece.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn permanent(message: &str) -> Error {
    Error::Permanent(message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn mail() -> Mail {
        Mail {
            message_id: "01J.code@broadsheet.example".to_owned(),
            to: Email::parse("ana@example.org").unwrap(),
            to_name: Some(Name::parse("Ana Müller").unwrap()),
            subject: "Three words".to_owned(),
            text: "the text\n".to_owned(),
            html: Some("<p>the text</p>".to_owned()),
            headers: vec![("List-Id".to_owned(), "<posts.broadsheet.example>".to_owned())],
        }
    }

    fn composed(mail: &Mail) -> String {
        let from: Mailbox = "Broadsheet <post@broadsheet.example>".parse().unwrap();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        String::from_utf8(compose(mail, &from, date).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_mail_has_the_headers_that_receivers_look_at() {
        let text = composed(&mail());
        for line in [
            "Message-ID: <01J.code@broadsheet.example>\r\n",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "List-Id: <posts.broadsheet.example>\r\n",
            "Subject: Three words\r\n",
            "multipart/alternative",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(!composed(&Mail { html: None, ..mail() }).contains("multipart"));
    }

    #[test]
    fn no_field_can_smuggle_in_a_header() {
        let hostile = "x\r\nBcc: eve@example.org\n\nbody";
        let text = composed(&Mail {
            message_id: format!("{hostile}>"),
            subject: hostile.to_owned(),
            headers: vec![("List-Id".to_owned(), hostile.to_owned())],
            ..mail()
        });
        assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
        let from: Mailbox = "post@broadsheet.example".parse().unwrap();
        for name in ["Bcc", "to", "Content-Type", "X\r\nBcc", "", "Näme"] {
            let mail = Mail { headers: vec![(name.to_owned(), "eve@example.org".to_owned())], ..mail() };
            assert!(!compose(&mail, &from, SystemTime::UNIX_EPOCH).unwrap_err().is_transient(), "{name:?}");
        }
    }

    #[test]
    fn a_mail_shows_nothing_of_its_text_in_logs() {
        let shown = format!("{:?}", mail());
        assert!(!shown.contains("the text") && !shown.contains("ana@"), "{shown}");
    }
}
