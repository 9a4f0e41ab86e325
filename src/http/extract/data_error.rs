//! Turns what serde says about a value of the wrong shape into a finding that names the field and does not repeat the
//! value.

use serde_path_to_error::{Path, Segment};

use crate::domain::Invalid;

/// The longest message that is passed on.
const MAX_MESSAGE: usize = 200;

/// What serde said about a value, as a finding. `whole` is the field's name when no part of the value is to blame.
pub(super) fn to_invalid<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>, whole: &str) -> Invalid {
    finding(&dotted(error.path()), &error.inner().to_string(), whole)
}

fn finding(path: &str, message: &str, whole: &str) -> Invalid {
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    if let Some(name) = quoted(message, "missing field `") {
        return Invalid::new(join(path, name), "missing_field", "is required");
    }
    if let Some(name) = quoted(message, "unknown field `") {
        return Invalid::new(join(path, name), "unknown_field", "is not a field of this request");
    }
    if let Some(name) = quoted(message, "duplicate field `") {
        return Invalid::new(join(path, name), "duplicate_field", "must be given once");
    }
    let field = if path.is_empty() { whole } else { path };
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let message = match expected.filter(|expected| expected.len() <= MAX_MESSAGE) {
        // serde names the Rust type; a client knows no structs
        Some(expected) if expected.starts_with("struct ") => "must be an object".to_owned(),
        Some(expected) => format!("must be {expected}"),
        None => message.chars().take(MAX_MESSAGE).collect(),
    };
    Invalid::new(field, "wrong_type", message)
}

fn quoted<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split_once('`').map(|(name, _)| name)
}

/// `tags.3`: the way the other findings write a nested field.
fn dotted(path: &Path) -> String {
    let parts = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.chars().take(MAX_MESSAGE).collect()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The field `name` in `path`; serde's path ends with it already when a key itself was refused.
fn join(path: &str, name: &str) -> String {
    let name: String = name.chars().take(MAX_MESSAGE).collect();
    if path.is_empty() || path == name {
        name
    } else if path.ends_with(&format!(".{name}")) {
        path.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_words_become_findings_that_name_the_field() {
        let cases = [
            ("", "missing field `title` at line 1 column 2", "title is required"),
            ("mail", "missing field `to`", "mail.to is required"),
            (
                "titel",
                "unknown field `titel`, expected `title` or `body` at line 1 column 9",
                "titel is not a field of this request",
            ),
            ("tags.3", "invalid type: integer `3`, expected a string at line 2 column 1", "tags.3 must be a string"),
            ("status", "unknown variant `x`, expected `draft` or `published`", "status must be `draft` or `published`"),
            ("", "invalid type: null, expected struct Post", "body must be an object"),
        ];
        for (path, message, sentence) in cases {
            assert_eq!(finding(path, message, "body").to_string(), sentence);
        }
    }

    #[test]
    fn a_long_value_is_not_repeated() {
        let message = format!("invalid type: string \"{}\", expected u32", "x".repeat(100_000));
        assert_eq!(finding("limit", &message, "query").message, "must be u32");
        assert!(finding("limit", &"é".repeat(100_000), "query").message.chars().count() <= MAX_MESSAGE);
    }
}
