//! `include=`: what a list answers beyond summaries.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{domain::Invalid, http::extract::PageParams};

/// What of each post a list answers beside its summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// The Markdown.
    pub body: bool,
    /// The rendered body.
    pub html: bool,
}

impl Include {
    /// Reads a list such as `body,html`.
    ///
    /// # Errors
    /// `unknown_value` for anything else, on the field `include`.
    pub fn parse(text: Option<&str>) -> Result<Self, Invalid> {
        let mut include = Self::default();
        for part in text.into_iter().flat_map(|text| text.split(',')) {
            match part.trim() {
                "body" => include.body = true,
                "html" => include.html = true,
                _ => return Err(Invalid::new("include", "unknown_value", "must be body, html or body,html")),
            }
        }
        Ok(include)
    }

    /// Whether posts' texts are asked for.
    #[must_use]
    pub const fn has_text(self) -> bool {
        self.body || self.html
    }
}

/// Which page of a collection of posts, and how much of each.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PostsParams {
    /// The `next_cursor` of the page before; without it the collection begins.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `body`, `html` or `body,html`: whole posts instead of summaries. Such a page ends early when it has a mebibyte of text.
    #[param(example = "body,html")]
    pub include: Option<String>,
}

impl PostsParams {
    /// The page, and what is asked for of each post.
    ///
    /// # Errors
    /// `unknown_value` on the field `include`.
    pub fn read(self) -> Result<(PageParams, Include), Invalid> {
        let include = Include::parse(self.include.as_deref())?;
        Ok((PageParams { cursor: self.cursor, limit: self.limit }, include))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_is_a_list_of_known_words() {
        let parse = |text| Include::parse(Some(text)).map(|include| (include.body, include.html));
        assert_eq!(Include::parse(None).unwrap(), Include::default());
        assert_eq!(parse("body").unwrap(), (true, false));
        assert_eq!(parse("html, body").unwrap(), (true, true));
        for text in ["", "body,", "title", "BODY"] {
            assert_eq!(parse(text).unwrap_err().field, "include", "{text}");
        }
    }
}
