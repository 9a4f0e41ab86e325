//! From Markdown to HTML and plain text.

use super::html;
use crate::domain::{Body, excerpt, plain_text, render};

/// A body becomes HTML that cannot run anything and that a sanitiser would not change, plain text, and excerpts that fit.
pub fn markdown(data: &[u8]) {
    let Ok(Ok(body)) = std::str::from_utf8(data).map(Body::parse) else { return };
    let rendered = render(&body);
    html::check(rendered.as_str(), |_| true);
    assert_eq!(reread(rendered.as_str()), rendered.as_str(), "a browser would read something else");
    assert!(rendered.as_str().len() <= 4_000_000 + 100 * data.len(), "{} bytes", rendered.as_str().len());

    let text = plain_text(&body);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.join(" "), line, "a line is words with single spaces");
    }
    for max_chars in [0, 1, 2, 10, 200] {
        let short = excerpt(&text, max_chars);
        assert!(short.chars().count() <= max_chars && !short.contains('\n'), "{max_chars}: {short:?}");
    }
    let whole: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(excerpt(&text, usize::MAX - 2), whole.join(" "));
}

/// The result of parsing it as HTML5 and writing everything that was understood and is harmless.
fn reread(html: &str) -> String {
    let mut parser = ammonia::Builder::default();
    parser
        .add_tags(["input"])
        .add_generic_attributes(["class", "id", "rel", "type", "disabled", "checked", "start", "title"])
        .url_schemes(["http", "https", "mailto"].into())
        .link_rel(None);
    parser.clean(html).to_string()
}
