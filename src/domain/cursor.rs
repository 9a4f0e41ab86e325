//! Page cursors: where the next page of a list begins. Opaque to clients, checked when they come back.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Invalid, PostId, Timestamp};

/// The last item of a page of posts, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// When that post was published.
    pub at: Timestamp,
    /// That post.
    pub post: PostId,
}

impl PageCursor {
    /// The text a client gets.
    #[must_use]
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.at.as_millis(), self.post))
    }

    /// Reads a cursor that a client sent back.
    ///
    /// # Errors
    /// `invalid_cursor` if this server did not make it.
    pub fn decode(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("cursor", "invalid_cursor", "must be a next_cursor of an earlier page");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let text = String::from_utf8(bytes).map_err(|_| invalid())?;
        let (at, post) = text.split_once('.').ok_or_else(invalid)?;
        let at = at.parse().map_err(|_| invalid())?;
        Ok(Self { at: Timestamp::from_millis(at), post: post.parse().map_err(|_| invalid())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip() {
        let cursor = PageCursor { at: Timestamp::from_millis(-5), post: PostId::generate() };
        assert_eq!(PageCursor::decode(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn hostile_cursors_are_refused() {
        for text in ["", "x", "AAAA", "Li4u", "🦀"] {
            assert_eq!(PageCursor::decode(text).unwrap_err().code, "invalid_cursor");
        }
    }
}
