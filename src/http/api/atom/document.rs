//! The Atom document (RFC 4287): an author and posts as a feed. What stands in a feed is decided elsewhere.

use atom_syndication::{Category, Content, Entry, Feed, FixedDateTime, Link, Person, Text};

use crate::domain::{Account, Post, Timestamp};

/// An author's feed.
pub(crate) fn feed(author: &Account, public_url: &str, updated: Timestamp, entries: Vec<Entry>) -> Feed {
    let profile = format!("{public_url}/v1/authors/{}", author.handle);
    Feed {
        id: format!("urn:ulid:{}", author.id),
        title: Text::plain(xml_text(author.name.as_str())),
        subtitle: Some(xml_text(author.bio.as_str())).filter(|bio| !bio.is_empty()).map(Text::plain),
        updated: date(updated),
        authors: vec![Person { name: xml_text(author.name.as_str()), uri: Some(profile.clone()), ..Person::default() }],
        links: vec![
            link("self", format!("{profile}/atom.xml"), "application/atom+xml"),
            link("alternate", profile, "application/json"),
        ],
        entries,
        ..Feed::default()
    }
}

/// One post in it; `url` is where a person reads it, `html` its body, rendered.
pub(crate) fn entry(post: &Post, url: String, html: &str) -> Entry {
    Entry {
        id: format!("urn:ulid:{}", post.id),
        title: Text::plain(xml_text(post.title.as_str())),
        updated: date(post.updated_at),
        published: post.published_at.map(date),
        categories: post
            .tags
            .iter()
            .map(|tag| Category { term: xml_text(tag.as_str()), ..Category::default() })
            .collect(),
        links: vec![link("alternate", url, "text/html")],
        content: Some(Content {
            content_type: Some("html".to_owned()),
            value: Some(xml_text(html)),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

fn link(rel: &str, href: String, mime_type: &str) -> Link {
    Link { rel: rel.to_owned(), href, mime_type: Some(mime_type.to_owned()), ..Link::default() }
}

/// Leaves out what XML 1.0 cannot hold even when escaped; Markdown's numeric entities can make such characters.
fn xml_text(text: &str) -> String {
    let is_xml = |c: &char| matches!(*c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(is_xml).collect()
}

/// Always parses: both sides are RFC 3339.
fn date(at: Timestamp) -> FixedDateTime {
    at.to_string().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Title, http::api::view::tests};

    #[test]
    fn a_feed_reads_back_with_its_ids_dates_and_html() {
        let post = Post { title: Title::from_trusted("a < b\u{1}".into()), ..tests::a_post() };
        let author = tests::an_account(post.author);
        let entries = vec![entry(&post, "https://example.org/@ada/hello".to_owned(), "<p>1 &lt; 2</p>")];
        let document = feed(&author, "https://example.org", post.updated_at, entries).write_to(Vec::new()).unwrap();
        let feed = Feed::read_from(&document[..]).unwrap();
        assert_eq!(feed.id, format!("urn:ulid:{}", author.id));
        assert_eq!(feed.entries[0].title.value, "a < b");
        assert_eq!(feed.entries[0].content.as_ref().unwrap().value.as_deref(), Some("<p>1 &lt; 2</p>"));
        assert_eq!(feed.entries[0].published.unwrap().timestamp_millis(), 1_700_000_000_250);
        assert_eq!(feed.entries[0].links[0].href, "https://example.org/@ada/hello");
        assert!(!String::from_utf8(document).unwrap().contains("ada@"), "nobody's address is shown");
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(xml_text("a\u{0}\u{8}\u{b}\u{1f}\u{fffe}\u{ffff}\tb\n🦀"), "a\tb\n🦀");
    }
}
