//! The address at which a person reads a post: `web.post_url`, filled in.

use crate::domain::{Account, Post};

/// Makes posts' addresses. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostUrls(std::sync::Arc<str>);

impl PostUrls {
    /// From a template with `{handle}`, `{slug}` and `{id}`; see `Config::post_url`.
    #[must_use]
    pub fn new(template: &str) -> Self {
        Self(template.into())
    }

    /// The address of a post by this author. What is filled in needs no escaping: ids, handles and slugs are ASCII letters,
    /// digits, `-` and `_`.
    #[must_use]
    pub fn of(&self, post: &Post, author: &Account) -> String {
        self.0
            .replace("{handle}", author.handle.as_str())
            .replace("{slug}", post.slug.as_str())
            .replace("{id}", &post.id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api::view::tests::{a_post, an_account};

    #[test]
    fn a_template_is_filled_in() {
        let post = a_post();
        let author = an_account(post.author);
        let url = |template: &str| PostUrls::new(template).of(&post, &author);
        assert_eq!(url("https://example.org/@{handle}/{slug}"), "https://example.org/@ada/hello");
        assert_eq!(url("https://{handle}.example.org/?p={id}"), format!("https://ada.example.org/?p={}", post.id));
    }
}
