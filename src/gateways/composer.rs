//! Turns a mail into an RFC 5322 message: headers, body and signature. Sending it is not done here.

use std::{fmt, time::SystemTime};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Body, Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};

use super::{Dkim, Error, Mail};
use crate::domain::one_line;

/// Headers that the composer writes itself, or that would change who gets the mail.
const RESERVED: [&str; 11] = [
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "auto-submitted",
    "dkim-signature",
];
/// Header lines up to this length are not folded, so that simple programs can find a link in them.
const UNFOLDED_BYTES: usize = 900;

/// Makes messages from one sender, signed if there is a key.
pub struct Composer {
    from: Mailbox,
    dkim: Option<Dkim>,
}

impl Composer {
    /// Makes messages from this sender.
    #[must_use]
    pub const fn new(from: Mailbox) -> Self {
        Self { from, dkim: None }
    }

    /// Signs every message.
    #[must_use]
    pub fn signed(self, dkim: Option<Dkim>) -> Self {
        Self { dkim, ..self }
    }

    /// Makes the message to be sent or written to a file: text, or text and HTML as alternatives.
    ///
    /// No field can inject a header: control characters, including line ends, become spaces.
    ///
    /// # Errors
    /// `Permanent` if a mail server would not accept the address, the Message-ID is empty, or a header name is
    /// reserved.
    pub fn compose(&self, mail: &Mail, date: SystemTime) -> Result<Message, Error> {
        let address: Address = mail
            .to
            .as_str()
            .parse()
            .map_err(|_| permanent("the recipient's address is not valid for a mail server"))?;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![address.clone()])
            .map_err(|_| permanent("the mail has no recipient"))?;
        let name = mail.to_name.as_ref().map(|name| one_line(name.as_str())).filter(|name| !name.is_empty());
        let mut builder = Message::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&mail.subject))
            .date(date)
            .message_id(Some(message_id(&mail.message_id)?))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for (name, value) in &mail.headers {
            builder = with_header(builder, name, value)?;
        }
        let mut message = with_body(builder, mail).ok_or_else(|| permanent("the mail cannot be composed"))?;
        if let Some(dkim) = &self.dkim {
            dkim.sign(&mut message);
        }
        Ok(message)
    }
}

impl fmt::Debug for Composer {
    /// Does not show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composer").field("is_signed", &self.dkim.is_some()).finish_non_exhaustive()
    }
}

/// Adds the body, with its content headers among those of the message: `lettre` would keep them inside the body, where
/// the signature does not cover them.
fn with_body(builder: MessageBuilder, mail: &Mail) -> Option<Message> {
    let builder = builder.header(MIME_VERSION_1_0);
    let text = SinglePart::plain(lines(&mail.text));
    let Some(html) = &mail.html else {
        let encoding = text.headers().get::<ContentTransferEncoding>()?;
        let builder = builder.header(text.headers().get::<ContentType>()?);
        return builder.body(Body::dangerous_pre_encoded(text.raw_body().to_owned(), encoding)).ok();
    };
    let parts = MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(lines(html)));
    let builder = builder.header(parts.headers().get::<ContentType>()?);
    let formatted = parts.formatted();
    let end_of_headers = formatted.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let body = formatted.get(end_of_headers + 4..)?.to_owned();
    builder.body(Body::dangerous_pre_encoded(body, ContentTransferEncoding::SevenBit)).ok()
}

fn with_header(builder: MessageBuilder, name: &str, value: &str) -> Result<MessageBuilder, Error> {
    let lower = name.to_ascii_lowercase();
    let is_free = !RESERVED.contains(&lower.as_str()) && !lower.starts_with("content-");
    let is_clean = name.bytes().all(|byte| byte.is_ascii_graphic());
    let header = HeaderName::new_from_ascii(name.to_owned()).ok().filter(|_| is_free && is_clean);
    let header = header.ok_or_else(|| permanent("the mail sets a reserved header"))?;
    let value = one_line(value);
    Ok(builder.raw_header(if value.is_ascii() && name.len() + value.len() < UNFOLDED_BYTES {
        HeaderValue::dangerous_new_pre_encoded(header, value.clone(), value)
    } else {
        HeaderValue::new(header, value)
    }))
}

fn message_id(id: &str) -> Result<String, Error> {
    let id: String = id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).collect();
    if id.is_empty() { Err(permanent("the mail has no message id")) } else { Ok(format!("<{id}>")) }
}

/// The text with uniform line ends and no other control characters except tabs. Servers treat a lone carriage return
/// differently: some refuse it, and one that takes it for a line end could be sent commands that way.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")
}

fn permanent(message: &str) -> Error {
    Error::Permanent(message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Email, Name};

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
        let composer = Composer::new("Broadsheet <post@broadsheet.example>".parse().unwrap());
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        String::from_utf8(composer.compose(mail, date).unwrap().formatted()).unwrap()
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
            "MIME-Version: 1.0\r\n",
            "Content-Type: multipart/alternative",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
        }
        let plain = composed(&Mail { html: None, ..mail() });
        assert!(
            plain.contains("Content-Type: text/plain; charset=utf-8\r\n") && !plain.contains("multipart"),
            "{plain}"
        );
        assert!(plain.split_once("\r\n\r\n").unwrap().1.starts_with("the text"), "{plain}");
    }

    #[test]
    fn both_parts_are_whole_and_the_last_boundary_closes_them() {
        let text = composed(&Mail { text: "Grüße\n".repeat(50), ..mail() });
        let boundary = text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(text.matches(&format!("--{boundary}\r\n")).count(), 2, "{text}");
        assert!(text.trim_end().ends_with(&format!("--{boundary}--")), "{text}");
        assert!(text.is_ascii() && text.contains("<p>the text</p>"), "{text}");
    }

    #[test]
    fn a_long_link_in_a_header_stays_on_its_line() {
        let link = format!("<https://broadsheet.example/mail/unsubscribe/{}>", "x".repeat(120));
        let headers = vec![("List-Unsubscribe".to_owned(), link.clone())];
        assert!(composed(&Mail { headers, ..mail() }).contains(&format!("\r\nList-Unsubscribe: {link}\r\n")));
    }

    #[test]
    fn no_text_can_end_a_line_in_a_way_of_its_own() {
        let odd = "one\r.\rMAIL FROM:<eve@example.org>\n\r\ntwo\r\nthree\u{0}\u{1b}\t.\n".to_owned();
        for html in [None, Some(odd.clone())] {
            let text = composed(&Mail { text: odd.clone(), html, ..mail() });
            assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0', '\u{1b}']), "{text:?}");
            assert!(text.contains("one\r\n.\r\nMAIL FROM:<eve@example.org>\r\n\r\ntwo\r\nthree\t.\r\n"), "{text:?}");
        }
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
        let composer = Composer::new("post@broadsheet.example".parse().unwrap());
        for name in ["Bcc", "to", "Content-Type", "DKIM-Signature", "X\r\nBcc", "", "Näme"] {
            let mail = Mail { headers: vec![(name.to_owned(), "eve@example.org".to_owned())], ..mail() };
            assert!(!composer.compose(&mail, SystemTime::UNIX_EPOCH).unwrap_err().is_transient(), "{name:?}");
        }
    }
}
