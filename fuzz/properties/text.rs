//! Validated text.

use std::fmt::Debug;

use super::texts;
use crate::domain::{Bio, Email, Handle, Invalid, Name, PostId, Slug, Tag, Timestamp, Title};

/// An accepted value is accepted again unchanged; a refusal is one line.
pub fn text(data: &[u8]) {
    let [text] = texts(data);
    if let Some(title) = stable(&text, 200, Title::parse, Title::as_str) {
        let slug = Slug::from_title(&title, PostId::from_parts(0, 7));
        assert_eq!(Slug::parse(slug.as_str()).as_ref(), Ok(&slug));
    }
    stable(&text, 80, Name::parse, Name::as_str);
    stable(&text, 500, Bio::parse, Bio::as_str);
    stable(&text, 40, Tag::parse, Tag::as_str);
    stable(&text, 100, Slug::parse, Slug::as_str);
    stable(&text, 30, Handle::parse, Handle::as_str);
    if let Some(email) = stable(&text, 254, Email::parse, Email::as_str) {
        assert!(email.as_str().ends_with(email.domain()) && email.domain().contains('.'), "{:?}", email.as_str());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse::<Timestamp>().as_ref(), Ok(&time), "{time}");
        assert_eq!(Timestamp::from_millis(time.as_millis()), time, "{time}");
    }
}

fn stable<T: PartialEq + Debug>(
    text: &str,
    max_chars: usize,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    shown: impl Fn(&T) -> &str,
) -> Option<T> {
    match parse(text) {
        Ok(value) => {
            assert!(shown(&value).chars().count() <= max_chars && shown(&value).trim() == shown(&value), "{value:?}");
            assert_eq!(parse(shown(&value)).as_ref(), Ok(&value), "{:?}", shown(&value));
            Some(value)
        }
        Err(invalid) => {
            assert!(super::is_one_line(&invalid.to_string()), "{invalid}");
            None
        }
    }
}
