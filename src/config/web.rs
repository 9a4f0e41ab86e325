//! The section `[web]`.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, check::Check};

const KEY: &str = "web.post_url";

/// `[web]`: where people read posts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// The URL where people read a post, with `{handle}`, `{slug}` and `{id}`; empty: see [`super::Config::post_url`].
    pub post_url: String,
}

impl WebSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        if self.post_url.is_empty() {
            return Ok(());
        }
        let filled =
            ["{handle}", "{slug}", "{id}"].iter().fold(self.post_url.clone(), |url, part| url.replace(part, "x"));
        let is_web_url = Url::parse(&filled).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let is_fine = is_web_url && !filled.contains(['{', '}']);
        check.that(
            is_fine,
            KEY,
            "must be an address such as https://example.org/{handle}/{slug}, with {handle}, {slug} and {id} only",
        )?;
        let has = |part: &str| self.post_url.contains(part);
        let is_unique = has("{id}") || (has("{handle}") && has("{slug}"));
        check.that(is_unique, KEY, "must contain {id}, or {handle} and {slug}: otherwise posts would share a URL")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;

    #[test]
    fn a_template_leads_to_one_post_on_a_web_site() {
        let is_fine =
            |url: &str| WebSettings { post_url: url.to_owned() }.check(&Check::new(&Origins::default())).is_ok();
        for url in [
            "",
            "https://example.org/@{handle}/{slug}",
            "http://{handle}.example.org/{slug}",
            "https://example.org/?p={id}#top",
        ] {
            assert!(is_fine(url), "{url}");
        }
        for url in [
            "/@{handle}/{slug}",
            "ftp://example.org/{id}",
            "https://me:secret@example.org/{id}",
            "https://example.org/{slug}",
            "https://example.org/{handle}",
            "https://example.org/",
            "https://example.org/{id}/{title}",
            "https://example.org/{id",
        ] {
            assert!(!is_fine(url), "{url}");
        }
    }
}
