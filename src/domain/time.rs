//! Points in time, as stored in the database and sent on the wire. The clock itself is in `crate::clock`.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{Timestamp as Instant, tz::TimeZone};

use super::Invalid;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z. On the wire it is RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970; values beyond the years 1 to 9999 are clamped.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        const YEAR_1: i64 = -62_135_596_800_000;
        const YEAR_10000: i64 = 253_402_207_200_000;
        Self(millis.clamp(YEAR_1, YEAR_10000 - 1))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(duration)))
    }

    /// The time `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(millis(duration)))
    }

    /// The time since `earlier`; zero if that is in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The UTC day of this time.
    #[must_use]
    pub fn day(self) -> Day {
        Day(self.instant().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string())
    }

    fn instant(self) -> Instant {
        Instant::from_millisecond(self.0).unwrap_or(Instant::UNIX_EPOCH)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.instant().strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    /// Accepts RFC 3339 with any offset: `2026-11-23T10:00:00Z`, `2026-11-23T10:00:00.250+01:00`. `out_of_range` before
    /// the year 1, which the parser accepts but RFC 3339 cannot express.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let instant: Instant = text.parse().map_err(|_| {
            Invalid::new("time", "invalid_time", "must be an RFC 3339 time, such as 2026-11-23T10:00:00Z")
        })?;
        let time = Self::from_millis(instant.as_millisecond());
        if time.0 != instant.as_millisecond() {
            return Err(Invalid::new("time", "out_of_range", "must not be before the year 1"));
        }
        Ok(time)
    }
}

/// A UTC day, `2026-11-23`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(String);

impl Day {
    /// A day that comes from the database.
    #[must_use]
    pub fn from_trusted(day: String) -> Self {
        Self(day)
    }

    /// The day as text, `2026-11-23`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_wire_to_the_millisecond() {
        let time: Timestamp = "2026-11-23T10:00:00.250+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-23T09:00:00.250Z");
        assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        assert_eq!(time.day().as_str(), "2026-11-23");
    }

    #[test]
    fn years_that_rfc_3339_cannot_write_are_refused() {
        assert_eq!("0001-01-01T00:00:00Z".parse::<Timestamp>().unwrap().to_string(), "0001-01-01T00:00:00.000Z");
        for text in ["0000-12-31T23:59:59Z", "-000001-01-01T00:00:00Z", "-009999-01-02T01:59:59Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap_err().code, "out_of_range", "{text}");
        }
    }
}
