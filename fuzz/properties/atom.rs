//! Atom documents.

use atom_syndication::Feed;

use super::{
    people::{ADA, ada},
    texts,
};
use crate::{
    domain::{
        Account, Bio, Body, Moderation, Name, Post, PostId, ReviewRecord, Slug, Status, Tag, Timestamp, Title, render,
    },
    http::api::atom::document::{entry, feed},
};

const URL: &str = "https://broadsheet.example";

/// A feed of arbitrary texts reads back as written, except for what XML cannot represent.
pub fn atom(data: &[u8]) {
    let [title, name, bio, tag, body] = texts(data);
    let (Ok(title), Ok(name), Ok(bio)) = (Title::parse(&title), Name::parse(&name), Bio::parse(&bio)) else { return };
    let (Ok(tag), Ok(body)) = (Tag::parse(&tag), Body::parse(&body)) else { return };
    let html = render(&body);
    let (author, post) = (Account { name, bio, ..ada() }, post(title, tag, body));
    let document = feed(&author, URL, post.updated_at, vec![entry(&post, URL.to_owned(), html.as_str())]);
    let document = document.write_to(Vec::new()).unwrap_or_else(|error| panic!("{error}"));
    let read = Feed::read_from(&document[..]).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&document));
    });
    assert_eq!(read.title.value, in_xml(author.name.as_str()));
    assert_eq!(read.subtitle.map(|text| text.value).unwrap_or_default(), in_xml(author.bio.as_str()));
    let [entry] = &read.entries[..] else { panic!("{} entries", read.entries.len()) };
    assert_eq!(entry.title.value, in_xml(post.title.as_str()));
    assert_eq!(entry.categories.iter().map(|tag| tag.term.as_str()).collect::<Vec<_>>(), [post.tags[0].as_str()]);
    let content = entry.content.as_ref().and_then(|content| content.value.as_deref());
    assert_eq!(content.unwrap_or_default(), in_xml(html.as_str()));
}

/// What a reader of XML 1.0 sees of a text: not every character can be represented, and white space at the ends may be
/// lost.
fn in_xml(text: &str) -> String {
    let is_xml =
        |c: &char| matches!(*c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(is_xml).collect()
}

fn post(title: Title, tag: Tag, body: Body) -> Post {
    let at = Timestamp::from_millis(1_700_000_000_250);
    Post {
        id: PostId::from_parts(1, 1),
        author: ADA,
        slug: Slug::from_trusted("hello".to_owned()),
        title,
        body,
        tags: vec![tag],
        status: Status::Published,
        moderation: Moderation::Approved,
        hold_until_approved: false,
        notify: true,
        is_withdrawn: false,
        version: 1,
        content_hash: String::new(),
        created_at: at,
        updated_at: at,
        published_at: Some(at),
        published_by: None,
        last_edit: None,
        review: ReviewRecord::default(),
    }
}
