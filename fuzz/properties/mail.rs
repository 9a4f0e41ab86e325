//! Mails as they are sent.

use std::{collections::BTreeMap, time::SystemTime};

use super::texts;
use crate::{
    domain::{Email, Name},
    gateways::{Composer, Mail},
};

const OURS: [&str; 9] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

/// A composed mail goes to its recipient only and has the right headers, each once, on lines that servers accept.
pub fn mail(data: &[u8]) {
    let [to, name, id, subject, header, value, text, html] = texts(data);
    let Ok(to) = Email::parse(&to) else { return };
    // The server puts nothing longer into a header: names have 80 characters, titles 200.
    let short = |text: String, max_chars| text.chars().take(max_chars).collect::<String>();
    let (header, value) = (short(header, 40), short(value, 300));
    let mail = Mail {
        message_id: short(id, 200),
        to,
        to_name: Some(Name::from_trusted(short(name, 80))),
        subject: short(subject, 300),
        text,
        html: Some(html).filter(|html| !html.is_empty()),
        headers: Some((header, value)).filter(|(name, _)| !name.is_empty()).into_iter().collect(),
    };
    let Ok(sender) = "Broadsheet <post@broadsheet.example>".parse() else { return };
    let Ok(message) = Composer::new(sender).compose(&mail, SystemTime::UNIX_EPOCH) else { return };
    let recipients: Vec<String> = message.envelope().to().iter().map(ToString::to_string).collect();
    assert_eq!(recipients, [mail.to.as_str()]);
    check(&message.formatted(), &mail);
}

fn check(message: &[u8], mail: &Mail) {
    let text = String::from_utf8_lossy(message);
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare line end, or a zero: {text:?}");
    let Some((headers, _)) = text.split_once("\r\n\r\n") else { panic!("no body: {text:?}") };
    assert!(headers.is_ascii() || !mail.to.as_str().is_ascii(), "headers that are not ASCII: {headers:?}");
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for line in headers.split("\r\n") {
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        if line.starts_with([' ', '\t']) {
            assert!(!line.trim().is_empty(), "an empty continuation: {headers:?}");
            continue;
        }
        let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
        *count.entry(name.to_ascii_lowercase()).or_default() += 1;
    }
    for (name, times) in count {
        let is_added = mail.headers.iter().any(|(added, _)| added.eq_ignore_ascii_case(&name));
        assert!(times == 1 && (is_added || OURS.contains(&name.as_str())), "{name}, {times} times: {headers:?}");
    }
}
