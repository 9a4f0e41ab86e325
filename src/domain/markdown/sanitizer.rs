//! The second protection: reduces HTML to the elements, attributes and URLs that Markdown can produce.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use ammonia::Builder;

/// Built once, because it is constant and expensive to build.
static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(builder);

/// HTML without anything that could run code, restyle the page or load forbidden resources.
pub(super) fn sanitize(html: &str) -> String {
    SANITIZER.clean(html).to_string()
}

fn builder() -> Builder<'static> {
    let tags = "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr img input li ol p pre strong sup \
                table tbody td th thead tr ul";
    let attributes = HashMap::from([
        ("a", HashSet::from(["href", "title"])),
        ("code", HashSet::from(["class"])),
        ("div", HashSet::from(["id"])),
        ("img", HashSet::from(["src", "alt", "title"])),
        ("input", HashSet::from(["type", "disabled", "checked"])),
        ("ol", HashSet::from(["start"])),
    ]);
    let classes = HashMap::from([
        ("div", HashSet::from(["footnote-definition"])),
        ("sup", HashSet::from(["footnote-definition-label", "footnote-reference"])),
    ]);
    let mut builder = Builder::default();
    builder
        .tags(tags.split(' ').collect())
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .allowed_classes(classes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow noopener noreferrer ugc"))
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .attribute_filter(filter_attribute);
    builder
}

/// Of the classes of code only the language is kept; the source of an image cannot be a mail address.
fn filter_attribute<'u>(element: &str, attribute: &str, value: &'u str) -> Option<Cow<'u, str>> {
    match (element, attribute) {
        ("code", "class") => language_class(value).map(Cow::Owned),
        ("img", "src") if value.trim_start().to_ascii_lowercase().starts_with("mailto:") => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

fn language_class(class: &str) -> Option<String> {
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '#' | '.' | '-');
    let language: String = class.strip_prefix("language-")?.chars().take_while(is_allowed).collect();
    (!language.is_empty()).then(|| format!("language-{language}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_html_is_reduced_even_without_the_first_wall() {
        assert_eq!(sanitize("<script>alert(1)</script><p onclick=\"x()\" style=\"color:red\">hi</p>"), "<p>hi</p>");
        assert_eq!(sanitize("<iframe src=\"https://example.org\"></iframe>"), "");
        assert_eq!(sanitize("<img src=\"data:image/png;base64,AA\" onerror=\"x()\" alt=\"a\">"), "<img alt=\"a\">");
        assert_eq!(sanitize("<img src=\"mailto:a@example.org\">"), "<img>");
        assert!(sanitize("<input type=\"text\" name=\"password\">").contains("type=\"checkbox\""));
    }

    #[test]
    fn only_the_language_stays_of_the_classes_of_code() {
        assert_eq!(sanitize("<code class=\"language-rust,no_run\">x</code>"), "<code class=\"language-rust\">x</code>");
        assert_eq!(sanitize("<code class=\"admin-button\">x</code>"), "<code>x</code>");
    }
}
