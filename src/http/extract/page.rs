//! `cursor` and `limit`: which part of a collection is asked for.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};
use utoipa::IntoParams;

use crate::domain::{Invalid, cursor};

/// The length of a page when nothing is asked for.
pub const DEFAULT_LIMIT: u32 = 20;
/// The longest page.
pub const MAX_LIMIT: u32 = 100;

/// Which page of a collection.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The `next_cursor` of the page before; without it the collection begins.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
}

impl PageParams {
    /// The position after which the page begins; `None` at the beginning of the collection.
    ///
    /// # Errors
    /// `invalid_cursor` if this server did not make the cursor for such a position.
    pub fn after<P: Display + FromStr>(&self) -> Result<Option<P>, Invalid> {
        self.cursor.as_deref().map(cursor::decode).transpose()
    }

    /// How many items at most.
    ///
    /// # Errors
    /// `out_of_range` if it is not between 1 and 100.
    pub fn limit(&self) -> Result<usize, Invalid> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
            _ => Err(Invalid::new("limit", "out_of_range", "must be between 1 and 100")),
        }
    }
}

/// Reads a number from its text, so that a query which flattens [`PageParams`] into itself can be read, too.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| D::Error::custom("must be a whole number between 1 and 100"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_items() {
        let limit = |limit| PageParams { cursor: None, limit }.limit().ok();
        assert_eq!(limit(None), Some(20));
        assert_eq!((limit(Some(1)), limit(Some(100))), (Some(1), Some(100)));
        assert_eq!((limit(Some(0)), limit(Some(101)), limit(Some(u32::MAX))), (None, None, None));
    }
}
