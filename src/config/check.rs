//! Helpers with which each section checks its values. The rules themselves are next to the keys.

use std::{fmt::Display, ops::RangeInclusive};

use url::Url;

use super::{ConfigError, Origins};

/// Turns broken rules into errors that say where the value came from.
pub(super) struct Check<'a> {
    origins: &'a Origins,
}

impl<'a> Check<'a> {
    pub(super) const fn new(origins: &'a Origins) -> Self {
        Self { origins }
    }

    /// Whether the operator set this key, as opposed to its default.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.origins.is_set(key)
    }

    /// Fails for `key` unless `is_fine`.
    pub(super) fn that(&self, is_fine: bool, key: &str, message: &str) -> Result<(), ConfigError> {
        if is_fine { Ok(()) } else { Err(self.origins.blame(key, message)) }
    }

    /// Fails for `key` unless its value is in `range`.
    pub(super) fn within<T: PartialOrd + Display>(
        &self,
        key: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> Result<(), ConfigError> {
        let message = format!("must be between {} and {}", range.start(), range.end());
        self.that(range.contains(&value), key, &message)
    }

    /// Fails for `key` unless it is empty or the URL of a web site.
    pub(super) fn web_url(&self, key: &str, value: &str) -> Result<(), ConfigError> {
        let is_fine = value.is_empty() || is_web_url(value);
        self.that(is_fine, key, "must be an address such as https://example.org, without ? and #")
    }
}

/// Whether the text is an http or https URL with a host and without credentials, query and fragment.
fn is_web_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
