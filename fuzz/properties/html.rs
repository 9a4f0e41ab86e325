//! A parser that accepts only the HTML that the renderer may send: an independent check of the sanitiser, and stricter
//! than any browser. Everything unknown is refused.

use url::Url;

const TAGS: [&str; 31] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "img",
    "input",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "b",
    "tfoot",
];
const ATTRIBUTES: [(&str, &str); 15] = [
    ("a", "href"),
    ("a", "title"),
    ("a", "rel"),
    ("code", "class"),
    ("div", "class"),
    ("div", "id"),
    ("img", "src"),
    ("img", "alt"),
    ("img", "title"),
    ("input", "type"),
    ("input", "disabled"),
    ("input", "checked"),
    ("ol", "start"),
    ("sup", "class"),
    ("input", "id"),
];

/// Panics if the HTML contains anything other than text and the elements that `may_hold` allows.
pub(super) fn check(html: &str, may_hold: impl Fn(&str) -> bool) {
    let mut rest = html;
    while let Some((text, markup)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a > in the text: {text:?} of {html:?}");
        let (tag, after) = match markup.strip_prefix('/') {
            Some(closing) => closing.split_once('>').unwrap_or_else(|| panic!("an unclosed tag: {html:?}")),
            None => opening(markup, html),
        };
        assert!(TAGS.contains(&tag) && may_hold(tag), "<{tag}> in {html:?}");
        rest = after;
    }
    assert!(!rest.contains('>'), "a > in the text: {rest:?} of {html:?}");
}

/// The name of the tag that starts here, and the text after its end.
fn opening<'a>(markup: &'a str, html: &str) -> (&'a str, &'a str) {
    let end = markup.find([' ', '>']).unwrap_or_else(|| panic!("an unclosed tag: {html:?}"));
    let (tag, mut rest) = markup.split_at(end);
    while let Some(attribute) = rest.strip_prefix(' ') {
        let (name, value) = attribute.split_once("=\"").unwrap_or_else(|| panic!("an odd attribute: {html:?}"));
        let (value, after) = value.split_once('"').unwrap_or_else(|| panic!("an unclosed attribute: {html:?}"));
        assert!(ATTRIBUTES.contains(&(tag, name)), "<{tag} {name}> in {html:?}");
        assert!(!value.contains(['<', '>']), "markup in an attribute: {value:?} in {html:?}");
        if matches!(name, "href" | "src") {
            check_address(name, value);
        }
        rest = after;
    }
    (tag, rest.strip_prefix('>').unwrap_or_else(|| panic!("an odd tag: {html:?}")))
}

/// Resolves a URL as a browser does: it must lead to a web site or, in a link, to a mail address.
fn check_address(attribute: &str, value: &str) {
    let plain = value.replace("&nbsp;", "\u{a0}").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let Ok(base) = Url::parse("https://example.org/v1/posts/1") else { return };
    // A URL that no browser can resolve leads nowhere.
    let Ok(address) = base.join(&plain.replace("&amp;", "&")) else { return };
    let is_fine = matches!(address.scheme(), "http" | "https") || (attribute == "href" && address.scheme() == "mailto");
    assert!(is_fine, "an address that may run something: {value:?}");
}
