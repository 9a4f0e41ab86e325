//! What the server's replies, or missing replies, mean for a mail at each stage of its transfer (RFC 5321, RFC 3463).
//! Pure. The server's own words never leave this file, because they often repeat addresses.

use std::{error::Error as _, io, time::Duration};

use lettre::transport::smtp;

use crate::gateways::Error;

/// How long to wait if the server says that we are too fast.
const SLOW_DOWN: Duration = Duration::from_secs(60);
/// Replies about our sign-in, not about the mail (RFC 4954): an operator can fix that, so no mail is given up because
/// of it.
const SIGN_IN: [u16; 4] = [530, 534, 535, 538];
/// Words that mean that the server refuses us, not the recipient.
const POLICY: [&str; 13] = [
    "spam",
    "block",
    "blacklist",
    "policy",
    "relay",
    "denied",
    "reputation",
    "rbl",
    "spf",
    "dkim",
    "dmarc",
    "banned",
    "abuse",
];

/// The stage of a mail's transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not connected, or not encrypted yet.
    Connecting,
    /// Signing in.
    SigningIn,
    /// `MAIL`.
    Sender,
    /// `RCPT`.
    Recipient,
    /// `DATA`.
    Data,
    /// The text was being sent; its last line was not.
    Text,
    /// The last line may have been received.
    Handed,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A negative reply.
    Reply {
        /// Its three digits.
        code: u16,
        /// The text after them.
        text: String,
    },
    /// No reply in time.
    Silence,
    /// The connection broke, or the reply made no sense.
    Broken,
    /// Encryption failed.
    Insecure,
    /// The server does not offer what the settings ask for.
    Lacking,
    /// The server does not support international addresses.
    International,
}

impl Cause {
    pub(super) fn of(error: &smtp::Error) -> Self {
        if let Some(code) = error.status() {
            let text = error.source().map(ToString::to_string).unwrap_or_default();
            return Self::Reply { code: code.into(), text };
        }
        match error {
            error if error.is_tls() || io_kind(error) == Some(io::ErrorKind::InvalidData) => Self::Insecure,
            error if error.is_client() => Self::Lacking,
            error if error.is_timeout() => Self::Silence,
            _ => Self::Broken,
        }
    }
}

/// The kind of the input or output error behind it. A refused certificate comes as invalid data.
fn io_kind(error: &smtp::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// What went wrong, and at which stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SmtpError {
    /// The stage.
    pub(crate) stage: Stage,
    /// The cause.
    pub(crate) why: Cause,
}

impl SmtpError {
    /// Whether the server had closed an idle connection before any part of the mail was sent.
    pub(super) fn is_stale(&self) -> bool {
        let is_gone = matches!(self.why, Cause::Broken | Cause::Silence | Cause::Reply { code: 421, .. });
        self.stage == Stage::Sender && is_gone
    }

    /// Whether the connection can be used for another mail.
    pub(super) fn leaves_the_connection(&self) -> bool {
        match &self.why {
            Cause::Reply { code, .. } => *code != 421,
            Cause::International => true,
            Cause::Silence | Cause::Broken | Cause::Insecure | Cause::Lacking => false,
        }
    }

    /// What it means for the mail.
    pub(crate) fn meaning(&self) -> Error {
        let transient = |message: &str| Error::Transient(message.to_owned());
        match &self.why {
            Cause::Reply { code, text } => self.of_reply(*code, &text.to_lowercase()),
            Cause::Silence | Cause::Broken if self.stage == Stage::Handed => {
                Error::Uncertain("the connection broke before the mail server said whether it has the mail".to_owned())
            }
            Cause::Silence => transient("the mail server did not answer in time"),
            Cause::Broken if self.stage == Stage::Connecting => {
                transient("the mail server cannot be reached, or closes connections at once")
            }
            Cause::Broken => transient("the mail server closed the connection or gave an invalid reply"),
            Cause::Insecure => transient("no secure connection to the mail server could be made"),
            Cause::Lacking => transient("the mail server lacks a sign-in or encryption that the settings ask for"),
            Cause::International => {
                Error::Permanent("the mail server does not support international addresses".to_owned())
            }
        }
    }

    fn of_reply(&self, code: u16, text: &str) -> Error {
        let enhanced = enhanced(text);
        let shown = enhanced.map_or_else(|| code.to_string(), |(a, b, c)| format!("{code} {a}.{b}.{c}"));
        if SIGN_IN.contains(&code) || (self.stage == Stage::SigningIn && code >= 500) {
            return Error::Transient(format!("the mail server does not accept our sign-in ({shown})"));
        }
        if code < 500 && is_about_speed(text) {
            return Error::RateLimited { retry_after: SLOW_DOWN };
        }
        let later = format!("the mail server asks to try again later ({shown})");
        match self.stage {
            Stage::Connecting | Stage::SigningIn => {
                Error::Transient(format!("the mail server does not accept our connection ({shown})"))
            }
            // Our own sender, the same for every mail: an operator can fix that.
            Stage::Sender if code >= 500 => {
                Error::Transient(format!("the mail server does not accept our sender ({shown})"))
            }
            Stage::Sender => Error::Transient(later),
            Stage::Recipient | Stage::Data | Stage::Text | Stage::Handed if code < 500 => {
                if is_about_the_server(code, enhanced) { Error::Transient(later) } else { Error::Deferred(later) }
            }
            Stage::Recipient if is_about_the_recipient(code, enhanced, text) => {
                Error::Undeliverable(format!("the mail server knows no such recipient ({shown})"))
            }
            Stage::Data | Stage::Text | Stage::Handed if names_the_recipient(enhanced) => {
                Error::Undeliverable(format!("the mail server knows no such recipient ({shown})"))
            }
            Stage::Recipient | Stage::Data | Stage::Text | Stage::Handed => {
                Error::Permanent(format!("the mail server refused the mail ({shown})"))
            }
        }
    }
}

type Enhanced = Option<(u16, u16, u16)>;

/// The enhanced status code at the start of a reply.
fn enhanced(text: &str) -> Enhanced {
    let mut digits = text.split_whitespace().next()?.split('.').map(|part| part.parse().ok());
    let status = (digits.next()??, digits.next()??, digits.next()??);
    (digits.next().is_none() && matches!(status.0, 4 | 5)).then_some(status)
}

/// 421, a full disk, or a status of the mail system or the network (X.3, X.4): not about a single recipient.
fn is_about_the_server(code: u16, enhanced: Enhanced) -> bool {
    match (code, enhanced) {
        (421, _) | (_, Some((_, 3, _))) | (452, None) => true,
        (_, Some((_, 4, detail))) => matches!(detail, 2 | 5),
        (_, Some(_) | None) => false,
    }
}

fn is_about_the_recipient(code: u16, enhanced: Enhanced, text: &str) -> bool {
    match enhanced {
        Some(_) => names_the_recipient(enhanced),
        None => matches!(code, 550 | 551 | 553) && !POLICY.iter().any(|word| text.contains(word)),
    }
}

/// 5.1: an invalid address (but 5.1.7 and 5.1.8 mean the sender's); 5.2.1: a disabled mailbox.
fn names_the_recipient(enhanced: Enhanced) -> bool {
    match enhanced {
        Some((5, 1, detail)) => !matches!(detail, 7 | 8),
        Some((5, 2, 1)) => true,
        Some(_) | None => false,
    }
}

fn is_about_speed(text: &str) -> bool {
    ["rate limit", "too many", "too fast", "throttl"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests;
