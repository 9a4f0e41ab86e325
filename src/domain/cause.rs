//! The cause of a dead letter, which groups dead letters. One outage makes many deliveries fail, each with its own ids
//! and numbers in the message; with those replaced by placeholders, the messages are equal.

use std::{fmt, net::IpAddr, net::SocketAddr, str::FromStr};

use sha2::{Digest, Sha256};

use super::{Invalid, hex};

/// The maximum length of a cause's text, and how much of a message is examined.
const MAX_TEXT: usize = 200;
const MAX_READ: usize = 2_000;
/// The number of digits in an id.
const DIGITS: usize = 12;
/// A run of letters and digits with at least this length and one digit is taken for an id: a ULID, a message id.
const ID_LENGTH: usize = 20;
/// This many hexadecimal digits or more are taken for a hash.
const HASH_LENGTH: usize = 8;

/// Why deliveries of one worker became dead letters, without the parts that differ between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The id; dead letters with the same cause share it.
    pub id: CauseId,
    /// The class of the last failure: `error`, `transient`, `timeout`, `panic`, `lost` or `rejected`.
    pub class: String,
    /// The last failure's message with placeholders, at most 200 characters.
    pub text: String,
}

/// A cause's id: twelve hexadecimal digits, the same on every node and after every restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseId(String);

impl Cause {
    /// The cause of a dead letter of `worker` whose last failure had this class and message.
    #[must_use]
    pub fn of(worker: &str, class: &str, message: &str) -> Self {
        let text = normalise(message);
        let digest = hex(Sha256::digest(format!("{worker}\0{class}\0{text}")).as_slice());
        let id = CauseId(digest.chars().take(DIGITS).collect());
        Self { id, class: class.to_owned(), text }
    }
}

impl CauseId {
    /// An id that comes from the database.
    #[must_use]
    pub fn from_trusted(id: String) -> Self {
        Self(id)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CauseId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_id = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let wrong =
            || Invalid::new("cause", "invalid_id", "must be 12 hexadecimal digits, as shown in the list of causes");
        is_id.then(|| Self(text.to_owned())).ok_or_else(wrong)
    }
}

/// A message with placeholders for ids, hashes, numbers, quoted texts, addresses, times and durations.
fn normalise(message: &str) -> String {
    let read: String = message.chars().take(MAX_READ).collect();
    let mut normal = String::with_capacity(MAX_TEXT);
    let mut rest = read.as_str();
    while let Some(first) = rest.chars().next() {
        if normal.chars().count() >= MAX_TEXT {
            break;
        }
        let (taken, tail) = rest.split_at(word_length(rest));
        if !taken.is_empty() {
            push_word(&mut normal, taken);
            rest = tail;
        } else if let Some(tail) = after_quoted(rest, first, &normal) {
            normal.push_str("<text>");
            rest = tail;
        } else {
            let is_blank = first.is_whitespace() || first.is_control();
            if !is_blank {
                normal.push(first);
            } else if !normal.ends_with(' ') {
                normal.push(' ');
            }
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
    }
    normal.trim().chars().take(MAX_TEXT).collect()
}

/// How many bytes at the start form one unit: a word with its hyphens and dots, or a whole link.
fn word_length(text: &str) -> usize {
    let is_word = |letter: char| letter.is_alphanumeric() || "-_.:@+/".contains(letter);
    let length = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    let (word, _) = text.split_at(length);
    if !word.contains("://") {
        return length;
    }
    text.find(|letter: char| letter.is_whitespace() || "\"'`<>()[]{},;".contains(letter)).unwrap_or(text.len())
}

/// What follows the quoted text at the start of `text`. An apostrophe within a word is not a quotation mark.
fn after_quoted<'a>(text: &'a str, quote: char, before: &str) -> Option<&'a str> {
    if !matches!(quote, '"' | '\'' | '`') || before.ends_with(char::is_alphanumeric) {
        return None;
    }
    text.strip_prefix(quote)?.split_once(quote).map(|(_, tail)| tail)
}

fn push_word(normal: &mut String, word: &str) {
    let core = word.trim_end_matches(['.', ':', '-', '/']);
    let (_, end) = word.split_at(core.len());
    if is_unit(core) && normal.ends_with("<number> ") {
        normal.truncate(normal.len() - "<number> ".len());
        normal.push_str("<duration>");
    } else if let Some(placeholder) = whole(core) {
        normal.push_str(placeholder);
    } else {
        push_parts(normal, core);
    }
    normal.push_str(end);
}

/// The placeholder for a word that is recognised as a whole.
fn whole(word: &str) -> Option<&'static str> {
    let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
    let is_address = word.split_once('@').is_some_and(|(before, behind)| !before.is_empty() && !behind.is_empty());
    if word.contains("://") {
        Some("<url>")
    } else if is_address {
        Some("<address>")
    } else if !has_digit {
        None
    } else if word.parse::<IpAddr>().is_ok() || word.parse::<SocketAddr>().is_ok() {
        Some("<ip>")
    } else if is_uuid(word) {
        Some("<id>")
    } else if word.parse::<jiff::Timestamp>().is_ok() {
        Some("<time>")
    } else if is_number(word) {
        Some("<number>")
    } else if is_duration(word) {
        Some("<duration>")
    } else {
        None
    }
}

/// Replaces the parts of a word between hyphens, dots and slashes one by one.
fn push_parts(normal: &mut String, word: &str) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(length);
        if part.is_empty() {
            normal.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
            continue;
        }
        normal.push_str(placeholder_of(part).unwrap_or(part));
        rest = tail;
    }
}

fn placeholder_of(part: &str) -> Option<&'static str> {
    let has_digit = part.contains(|letter: char| letter.is_ascii_digit());
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_hash = has_digit && part.len() >= HASH_LENGTH && is_hex(part);
    if is_number(part) {
        Some("<number>")
    } else if is_hash || part.strip_prefix("0x").is_some_and(is_hex) {
        Some("<hash>")
    } else if has_digit && part.len() >= ID_LENGTH {
        Some("<id>")
    } else if is_duration(part) {
        Some("<duration>")
    } else {
        None
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['-', '+']);
    digits.starts_with(|letter: char| letter.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

/// `30s`, `1.5ms`, `1m30s`.
fn is_duration(word: &str) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        if number.len() == rest.len() {
            return false;
        }
        let unit = number.find(|letter: char| letter.is_ascii_digit()).unwrap_or(number.len());
        let (unit, tail) = number.split_at(unit);
        if !is_unit(unit) {
            return false;
        }
        rest = tail;
    }
    !word.is_empty()
}

fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 19] = [
        "ns", "us", "µs", "ms", "s", "m", "h", "d", "sec", "secs", "second", "seconds", "min", "minute", "minutes",
        "hour", "hours", "day", "days",
    ];
    UNITS.contains(&word)
}

fn is_uuid(word: &str) -> bool {
    let is_group =
        |group: &str, length: usize| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups: Vec<&str> = word.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, length)| is_group(group, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_deliveries_becomes_a_placeholder() {
        for (message, normal) in [
            ("no end after 500 ms", "no end after <duration>"),
            ("no end after 1.5s, gave up", "no end after <duration>, gave up"),
            ("post 01JD9X8Z6Q4W7E2R5T1Y3V0P8A is gone", "post <id> is gone"),
            ("event 01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17: no post", "event <id>.<number>: no post"),
            ("request 123e4567-e89b-12d3-a456-426614174000.", "request <id>."),
            ("blob deadbeef01 not found", "blob <hash> not found"),
            ("pointer 0xff01", "pointer <hash>"),
            ("cannot read \"a b\" or 'c' or `d`", "cannot read <text> or <text> or <text>"),
            ("it doesn't work", "it doesn't work"),
            (
                "<ada@example.org>: user unknown (550 5.1.1)",
                "<<address>>: user unknown (<number> <number>.<number>.<number>)",
            ),
            ("connect to 127.0.0.1:2525 refused", "connect to <ip> refused"),
            ("connect to [::1]:25 refused", "connect to [<ip>]:<number> refused"),
            ("GET https://example.org/a?b=1 gave 503", "GET <url> gave <number>"),
            ("at 2026-11-23T10:00:00.250Z", "at <time>"),
            ("thread-7 of sha256 and utf8", "thread-<number> of sha256 and utf8"),
            ("  two\n\tlines  ", "two lines"),
            ("", ""),
        ] {
            assert_eq!(normalise(message), normal, "{message}");
        }
    }

    #[test]
    fn one_outage_is_one_cause_and_two_are_two() {
        let of = |worker: &str, class: &str, message: &str| Cause::of(worker, class, message).id;
        let outage = of("email", "transient", "connect to 10.0.0.1:25 refused after 30 ms");
        assert_eq!(outage, of("email", "transient", "connect to 10.0.0.7:25 refused after 4 ms"));
        assert_ne!(outage, of("search", "transient", "connect to 10.0.0.1:25 refused after 30 ms"));
        assert_ne!(outage, of("email", "error", "connect to 10.0.0.1:25 refused after 30 ms"));
        assert_ne!(outage, of("email", "transient", "the server hung up"));
        assert_eq!(outage.as_str().parse::<CauseId>().unwrap(), outage);
    }

    #[test]
    fn a_text_is_bounded_whatever_the_message() {
        for message in ["é".repeat(10_000), "'".repeat(9_999), "1 ".repeat(5_000), "\u{0}\u{202e}x".repeat(3_000)] {
            assert!(normalise(&message).chars().count() <= MAX_TEXT);
        }
    }

    #[test]
    fn only_ids_of_causes_are_ids_of_causes() {
        for text in ["", "0123456789a", "0123456789abc", "0123456789AB", "0123456789ag", "ééé456"] {
            assert_eq!(text.parse::<CauseId>().unwrap_err().code, "invalid_id", "{text}");
        }
    }
}
