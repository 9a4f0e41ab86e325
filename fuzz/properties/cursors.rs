//! Page cursors.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use super::texts;
use crate::domain::{CauseCursor, Email, HitCursor, LetterCursor, PageCursor, cursor};

/// A cursor is accepted only if it is exactly what this server made, and it belongs to one kind of list. Cursors that
/// this server makes are accepted.
pub fn cursors(data: &[u8]) {
    let [sent, place] = texts(data);
    for cursor in [sent, cursor::encode(&place)] {
        let kinds = [
            is_ours::<PageCursor>(&cursor),
            is_ours::<HitCursor>(&cursor),
            is_ours::<LetterCursor>(&cursor),
            is_ours::<CauseCursor>(&cursor),
            is_ours::<Email>(&cursor),
        ];
        assert!(kinds.into_iter().filter(|is_ours| *is_ours).count() <= 1, "{cursor} belongs to two lists: {kinds:?}");
    }
}

fn is_ours<P: Display + FromStr + PartialEq + Debug>(text: &str) -> bool {
    let Ok(place) = cursor::decode::<P>(text) else { return false };
    assert_eq!(cursor::encode(&place), text);
    assert_eq!(cursor::decode(text).as_ref(), Ok(&place));
    true
}
