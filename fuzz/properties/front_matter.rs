//! Markdown files with front matter.

use super::is_one_line;
use crate::domain::{Document, FrontMatterError};

/// A file is a document, or is refused in one line; a document that is written again reads the same.
pub fn front_matter(data: &[u8]) {
    let (stem, bytes) = match data.iter().position(|byte| *byte == 0xff) {
        Some(end) => (String::from_utf8_lossy(&data[..end]), &data[end + 1..]),
        None => ("2024-05-01-a-post".into(), data),
    };
    match Document::parse(&stem, bytes) {
        Ok(document) => check(&document),
        Err(FrontMatterError::NotUtf8 { offset }) => assert!(std::str::from_utf8(&bytes[..offset]).is_ok()),
        Err(error) => assert!(is_one_line(&error.to_string()), "{:?}", error.to_string()),
    }
}

fn check(document: &Document) {
    assert!(!document.title.trim().is_empty() && !document.body.trim().is_empty(), "{document:?}");
    for (place, tag) in document.tags.iter().enumerate() {
        assert!(!tag.is_empty() && tag.trim() == tag, "{tag:?}");
        assert!(
            !document.tags[..place].iter().any(|other| other.to_lowercase() == tag.to_lowercase()),
            "{tag:?} twice"
        );
    }
    let mut matter = toml::Table::new();
    matter.insert("title".to_owned(), document.title.clone().into());
    matter.insert("tags".to_owned(), document.tags.clone().into());
    matter.insert("draft".to_owned(), document.draft.into());
    if let Some(date) = document.date {
        matter.insert("date".to_owned(), date.to_string().into());
    }
    if let Some(slug) = &document.slug {
        matter.insert("slug".to_owned(), slug.clone().into());
    }
    let written = format!("+++\n{matter}+++\n{}", document.body);
    // A lone carriage return before a line end would look like another Windows line end.
    let same = |text: &str| text.replace('\r', "");
    let read = Document::parse("", written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(
        (&read.title, &read.tags, read.date, read.draft),
        (&document.title, &document.tags, document.date, document.draft)
    );
    assert_eq!((read.slug.as_ref(), same(&read.body)), (document.slug.as_ref(), same(&document.body)));
}
