//! Parses dates as people and tools write them in front matter.

use jiff::{Timestamp as Instant, civil::DateTime, tz::Offset};

use crate::domain::Timestamp;

/// Reads RFC 3339, a date alone, and a date and time with or without seconds, offset and spaces between them. Without
/// an offset it is UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
        Some(time) => format!("{}Z", time.trim_end()),
        None => text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"),
    };
    let instant = match text.parse::<Instant>() {
        Ok(instant) => instant,
        Err(_) => Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
    };
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (text, time) in [
            ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z"),
            ("2024-05-01T10:00:00.5+02:00", "2024-05-01T08:00:00.500Z"),
            ("2024-05-01", "2024-05-01T00:00:00.000Z"),
            ("2024-05-01 10:00:00 +0200", "2024-05-01T08:00:00.000Z"),
            ("2024-05-01 10:00:00 -05:30", "2024-05-01T15:30:00.000Z"),
            ("2024-05-01 10:00", "2024-05-01T10:00:00.000Z"),
            (" 2024-05-01  10:00:00 UTC ", "2024-05-01T10:00:00.000Z"),
            ("2024-05-01T10:00:00", "2024-05-01T10:00:00.000Z"),
        ] {
            assert_eq!(parse(text).map(|time| time.to_string()).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_not_guessed() {
        for text in ["", "yesterday", "May 1, 2024", "2024-13-01", "2024-02-30", "10:00", "UTC", "01/05/2024"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
