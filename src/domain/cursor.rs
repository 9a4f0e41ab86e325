//! Page cursors: where the next page of a list starts. They are opaque to clients and checked when they come back: only
//! the exact text that this server makes for a position in that kind of list is accepted.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{CauseId, DeadLetterId, Invalid, PostId, Timestamp};

/// The text a client gets for a position in a list.
#[must_use]
pub fn encode(place: &impl Display) -> String {
    URL_SAFE_NO_PAD.encode(place.to_string())
}

/// Reads a cursor that a client sent back.
///
/// # Errors
/// `invalid_cursor` if this server did not make it for this kind of list.
pub fn decode<P: Display + FromStr>(cursor: &str) -> Result<P, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let place: Option<P> = bytes.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    // Each position has exactly one cursor: `+5` for 5, or an id in lower case, is refused.
    place.filter(|place| encode(place) == cursor).ok_or_else(invalid)
}

fn invalid() -> Invalid {
    Invalid::new("cursor", "invalid_cursor", "must be a next_cursor of this collection")
}

/// The last item of a page of posts, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// When that post was published.
    pub at: Timestamp,
    /// That post.
    pub post: PostId,
}

/// How many hits of a search precede the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HitCursor(pub usize);

/// The position of a dead letter: when it became one, then its id, as one text that sorts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterCursor {
    /// When it became a dead letter, after 1970.
    pub dead_at: Timestamp,
    /// The dead letter.
    pub id: DeadLetterId,
}

/// The last cause on a page of causes, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseCursor {
    /// Its number of dead letters, negated so that the most frequent cause sorts first.
    pub rank: i64,
    /// That cause.
    pub cause: CauseId,
}

impl Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_millis(), self.post)
    }
}

impl FromStr for PageCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (at, post) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self { at: Timestamp::from_millis(number(at)?), post: post.parse()? })
    }
}

impl Display for HitCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hit.{}", self.0)
    }
}

impl FromStr for HitCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.strip_prefix("hit.").and_then(|hits| hits.parse().ok()).map(Self).ok_or_else(invalid)
    }
}

impl Display for LetterCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015}.{}", self.dead_at.as_millis().max(0), self.id)
    }
}

impl FromStr for LetterCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (at, id) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self { dead_at: Timestamp::from_millis(number(at)?), id: id.parse()? })
    }
}

impl Display for CauseCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rank, self.cause)
    }
}

impl FromStr for CauseCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (rank, cause) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self { rank: number(rank)?, cause: cause.parse()? })
    }
}

fn number(text: &str) -> Result<i64, Invalid> {
    text.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::domain::{AccountId, AuditId, JobId};

    fn survives<P: Display + FromStr + PartialEq + Debug>(place: P) {
        assert_eq!(decode::<P>(&encode(&place)).unwrap(), place);
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        survives(PageCursor { at: Timestamp::from_millis(-5), post: PostId::generate() });
        survives(HitCursor(40));
        let id: DeadLetterId = "search@a.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17".parse().unwrap();
        survives(LetterCursor { dead_at: Timestamp::from_millis(1_700_000_000_000), id });
        survives(CauseCursor { rank: -5, cause: "0123456789ab".parse().unwrap() });
        survives(AuditId { at: Timestamp::from_millis(1_700_000_000_000), ulid: ulid::Ulid::generate() });
        survives(AccountId::generate());
        survives(JobId::generate());
    }

    #[test]
    fn hostile_cursors_are_refused() {
        for text in ["", "x", "AAAA", "MDAw", "Li4u", "🦀"] {
            assert_eq!(decode::<PageCursor>(text).unwrap_err().code, "invalid_cursor");
            assert!(decode::<HitCursor>(text).is_err() && decode::<LetterCursor>(text).is_err());
            assert!(decode::<CauseCursor>(text).is_err() && decode::<AuditId>(text).is_err());
            assert!(decode::<AccountId>(text).is_err() && decode::<JobId>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_has_one_cursor_only() {
        let post = "01JD9X8Z6Q4W7E2R5T1Y3V0P8A";
        assert!(decode::<PageCursor>(&encode(&format!("5.{post}"))).is_ok());
        let far = format!("{}.{post}", i64::MAX);
        for other in [format!("+5.{post}"), format!("05.{post}"), format!("5.{}", post.to_lowercase()), far] {
            assert_eq!(decode::<PageCursor>(&encode(&other)).unwrap_err().code, "invalid_cursor", "{other}");
        }
        assert!(decode::<HitCursor>(&encode(&"hit.+1")).is_err() && decode::<HitCursor>(&encode(&"hit.-1")).is_err());
    }
}
