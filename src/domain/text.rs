//! Validated text: each kind is a newtype that only `parse` makes from user input. Rules about single values belong
//! here; rules about combinations do not.

use std::fmt;

use super::Invalid;

/// A newtype over `String` with the parts that all kinds share; each kind has its own `parse`.
macro_rules! text_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps text that was validated before, such as a row from the database.
            #[must_use]
            pub fn from_trusted(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

mod email;
mod handle;
mod password;
mod review;
mod slug;
mod tag;

pub use self::{
    email::Email,
    handle::Handle,
    password::Password,
    review::{AppealText, Reason},
    slug::Slug,
    tag::Tag,
};

/// The text as one line: control characters and runs of white space become single spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    let pieces = text.split(|c: char| c.is_control() || c.is_whitespace());
    pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

text_newtype!(
    /// A post's title: one line of 1 to 200 characters.
    #[derive(Debug)]
    Title
);
text_newtype!(
    /// A post's text in Markdown: 1 to 100,000 characters, kept exactly as sent.
    Body
);
text_newtype!(
    /// The display name shown with a post: one line of 1 to 80 characters.
    #[derive(Debug)]
    Name
);
text_newtype!(
    /// A short biography: up to 500 characters, may have several lines.
    #[derive(Debug)]
    Bio
);

impl Title {
    /// Trims and checks a title.
    ///
    /// # Errors
    /// `empty`, `too_long` or `control_characters`, on the field `title`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        check_length("title", text, 1, 200)?;
        check_characters("title", text, &[])?;
        Ok(Self(text.to_owned()))
    }
}

impl Body {
    /// Checks a body.
    ///
    /// # Errors
    /// `empty` (also for white space only), `too_long` or `control_characters`, on the field `body`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Err(empty("body"));
        }
        check_length("body", text, 1, 100_000)?;
        if text.chars().any(|c| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(control_characters("body"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Body {
    /// Shows only the length: what people write does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

impl Name {
    /// Trims and checks a name.
    ///
    /// # Errors
    /// `empty`, `too_long` or `control_characters`, on the field `name`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        check_length("name", text, 1, 80)?;
        check_characters("name", text, &[])?;
        Ok(Self(text.to_owned()))
    }
}

impl Bio {
    /// Trims and checks a biography; line ends become `\n`.
    ///
    /// # Errors
    /// `too_long` or `control_characters`, on the field `bio`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().replace("\r\n", "\n");
        check_length("bio", &text, 0, 500)?;
        check_characters("bio", &text, &['\n'])?;
        Ok(Self(text))
    }
}

fn empty(field: &'static str) -> Invalid {
    Invalid::new(field, "empty", "must not be empty")
}

fn control_characters(field: &'static str) -> Invalid {
    Invalid::new(field, "control_characters", "must not contain control characters")
}

fn check_length(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    if length < min && length == 0 {
        return Err(empty(field));
    }
    if length < min {
        return Err(Invalid::new(field, "too_short", format!("must have at least {min} characters")));
    }
    if length > max {
        return Err(Invalid::new(field, "too_long", format!("must have at most {max} characters")));
    }
    Ok(())
}

/// Refuses control characters, including those that change the direction of the surrounding text and can disguise it.
fn check_characters(field: &'static str, text: &str, allowed: &[char]) -> Result<(), Invalid> {
    let turns_direction = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(|c| turns_direction(c) || (c.is_control() && !allowed.contains(&c))) {
        return Err(control_characters(field));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_one_trimmed_line() {
        assert_eq!(Title::parse("  Größe 🦀 ").unwrap().as_str(), "Größe 🦀");
        assert_eq!(Title::parse(" \n ").unwrap_err(), Invalid::new("title", "empty", "must not be empty"));
        assert_eq!(Title::parse(&"é".repeat(200)).unwrap().as_str().chars().count(), 200);
        assert_eq!(Title::parse(&"é".repeat(201)).unwrap_err().code, "too_long");
        for text in ["a\nb", "a\tb", "a\0b", "a\u{202e}b", "a\u{2066}b", "a\u{85}b"] {
            assert_eq!(Title::parse(text).unwrap_err().code, "control_characters", "{text:?}");
        }
    }

    #[test]
    fn bodies_are_kept_as_sent() {
        let text = "\r\n# Hello\tworld\n\n";
        assert_eq!(Body::parse(text).unwrap().as_str(), text);
        assert_eq!(Body::parse(" \n\t").unwrap_err().code, "empty");
        assert_eq!(Body::parse("a\0b").unwrap_err().code, "control_characters");
        assert_eq!(Body::parse("a\u{1b}b").unwrap_err().code, "control_characters");
        assert!(Body::parse(&"ß".repeat(100_000)).is_ok());
        assert_eq!(Body::parse(&"ß".repeat(100_001)).unwrap_err().code, "too_long");
    }

    #[test]
    fn a_body_does_not_show_itself_in_logs() {
        assert_eq!(format!("{:?}", Body::parse("secret").unwrap()), "Body(6 bytes)");
    }

    #[test]
    fn names_and_bios_have_their_limits() {
        assert_eq!(Name::parse(" Ada Lovelace ").unwrap().to_string(), "Ada Lovelace");
        assert_eq!(Name::parse(&"x".repeat(81)).unwrap_err().code, "too_long");
        assert_eq!(Name::parse("").unwrap_err().field, "name");
        assert_eq!(Bio::parse("").unwrap().as_str(), "");
        assert_eq!(Bio::parse("two\r\nlines").unwrap().as_str(), "two\nlines");
        assert_eq!(Bio::parse("a\tb").unwrap_err().code, "control_characters");
        assert_eq!(Bio::parse(&"x".repeat(501)).unwrap_err().code, "too_long");
    }
}
