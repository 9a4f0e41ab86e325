//! Search queries: parsed here from text and parameters into clauses; `compile` turns them into the engine's query.

use super::lexer::{Key, Lexer, Piece};
use crate::domain::{Invalid, Tag, Timestamp};

/// The maximum length of a search text, in characters.
const MAX_CHARS: usize = 500;
/// The maximum number of words and pairs in a query.
const MAX_TERMS: usize = 32;
/// The maximum length of the `author` parameter, in characters: a handle has at most 30, an account's id 26.
const MAX_AUTHOR_CHARS: usize = 30;

/// A query: every clause of `must` matches, none of `must_not` does, and the post was published in `since <= t <
/// until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(super) must: Vec<Clause>,
    pub(super) must_not: Vec<Clause>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clause {
    /// These words, next to each other, in title, tags or body.
    Text(String),
    /// Exactly this tag.
    Tag(String),
    /// This handle or account id.
    Author(String),
}

impl Query {
    /// Parses a search: `q` supports `word`, `"a phrase"`, `-word`, `-"a phrase"`, `tag:x`, `-tag:x`, `author:x`,
    /// `before:2026-01-31`, `after:2026-01-01` and RFC 3339 times; everything has to match. `after` includes the given
    /// time (the start of a day), `before` does not. The other arguments mean the same as their keys in `q`; empty ones
    /// are ignored.
    ///
    /// # Errors
    /// `too_long`, `too_many_terms`, `invalid_time`, `empty` or `only_excluded` for `q`; errors about `tag` or
    /// `author`.
    pub fn parse(
        q: &str,
        tag: Option<&str>,
        author: Option<&str>,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) -> Result<Self, Invalid> {
        if q.chars().count() > MAX_CHARS {
            return Err(Invalid::new("q", "too_long", format!("must have at most {MAX_CHARS} characters")));
        }
        let mut query = Self { must: Vec::new(), must_not: Vec::new(), since: after, until: before };
        for piece in Lexer::new(q) {
            query.add(piece)?;
        }
        if let Some(tag) = given(tag) {
            query.must.push(Clause::Tag(Tag::parse(tag)?.as_str().to_owned()));
        }
        if let Some(author) = given(author) {
            if author.chars().count() > MAX_AUTHOR_CHARS {
                return Err(Invalid::new("author", "too_long", "must be a handle or an account's id"));
            }
            query.must.push(Clause::Author(author.to_lowercase()));
        }
        query.check(q)?;
        Ok(query)
    }

    fn add(&mut self, piece: Piece<'_>) -> Result<(), Invalid> {
        let text = piece.text;
        if !text.contains(char::is_alphanumeric) {
            return Ok(());
        }
        let clause = match (piece.key, piece.is_excluded) {
            (Some(Key::Before), false) | (Some(Key::After), true) => {
                let until = moment(text)?;
                self.until = Some(self.until.map_or(until, |other| other.min(until)));
                return Ok(());
            }
            (Some(Key::After), false) | (Some(Key::Before), true) => {
                let since = moment(text)?;
                self.since = Some(self.since.map_or(since, |other| other.max(since)));
                return Ok(());
            }
            (Some(Key::Tag), _) => {
                Clause::Tag(Tag::parse(text).map_or_else(|_| text.to_lowercase(), |tag| tag.as_str().to_owned()))
            }
            (Some(Key::Author), _) => Clause::Author(text.to_lowercase()),
            (None, _) => Clause::Text(text.to_owned()),
        };
        let clauses = if piece.is_excluded { &mut self.must_not } else { &mut self.must };
        clauses.push(clause);
        Ok(())
    }

    fn check(&self, q: &str) -> Result<(), Invalid> {
        if self.terms() > MAX_TERMS {
            return Err(Invalid::new("q", "too_many_terms", format!("must have at most {MAX_TERMS} words")));
        }
        if !self.must.is_empty() || self.since.is_some() || self.until.is_some() {
            return Ok(());
        }
        if !self.must_not.is_empty() {
            return Err(Invalid::new("q", "only_excluded", "must not contain exclusions only"));
        }
        if q.trim().is_empty() {
            let message = "must not be empty unless tag, author, before or after is given";
            return Err(Invalid::new("q", "empty", message));
        }
        Ok(())
    }

    fn terms(&self) -> usize {
        let clauses = self.must.iter().chain(&self.must_not);
        clauses
            .map(|clause| match clause {
                Clause::Text(text) => {
                    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count()
                }
                Clause::Tag(_) | Clause::Author(_) => 1,
            })
            .sum()
    }
}

fn given(parameter: Option<&str>) -> Option<&str> {
    parameter.map(str::trim).filter(|text| !text.is_empty())
}

fn moment(text: &str) -> Result<Timestamp, Invalid> {
    let is_day = text.len() == "2026-01-31".len();
    let parsed: Result<Timestamp, Invalid> = if is_day { format!("{text}T00:00:00Z").parse() } else { text.parse() };
    let message = "must have a day such as 2026-01-31 or an RFC 3339 time after before: and after:";
    parsed.map_err(|_| Invalid::new("q", "invalid_time", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(q: &str) -> Result<Query, Invalid> {
        Query::parse(q, None, None, None, None)
    }

    fn text(text: &str) -> Clause {
        Clause::Text(text.to_owned())
    }

    #[test]
    fn words_phrases_and_filters_become_clauses() {
        let query = parse(r#"rust "two words" -old tag:Web author:Ada -tag:x"#).unwrap();
        let filters = [Clause::Tag("web".to_owned()), Clause::Author("ada".to_owned())];
        assert_eq!(query.must, [vec![text("rust"), text("two words")], filters.to_vec()].concat());
        assert_eq!(query.must_not, [text("old"), Clause::Tag("x".to_owned())]);
    }

    #[test]
    fn the_narrowest_dates_win_and_excluding_turns_them_round() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let query = parse("after:2026-01-01 -before:2026-02-01 before:2026-03-01T00:00:00+01:00").unwrap();
        assert_eq!(query.since, Some(at("2026-02-01T00:00:00Z")));
        assert_eq!(query.until, Some(at("2026-02-28T23:00:00Z")));
        assert_eq!(parse("before:noon").unwrap_err().code, "invalid_time");
    }

    #[test]
    fn what_cannot_be_searched_is_refused_with_a_reason() {
        let code = |q: &str| parse(q).unwrap_err().code;
        assert_eq!(code(" "), "empty");
        assert_eq!(code("-word -tag:x"), "only_excluded");
        assert_eq!(code(&"a ".repeat(33)), "too_many_terms");
        assert_eq!(code(&"a".repeat(501)), "too_long");
        assert_eq!(Query::parse("", None, Some(&"x".repeat(31)), None, None).unwrap_err().field, "author");
    }

    #[test]
    fn filters_alone_are_enough_and_punctuation_is_no_error() {
        assert!(Query::parse("", Some("rust"), None, None, None).is_ok());
        assert!(Query::parse("-word", None, Some("ada"), None, None).is_ok());
        assert!(Query::parse("", None, None, None, Some(Timestamp::from_millis(0))).is_ok());
        for q in ["!!!", "\"", "-", "()[]{}*?~^\\/", "tag:", "tag:\"", "a:b:c", "🦀"] {
            assert!(parse(q).is_ok(), "{q}");
        }
    }
}
