//! Search queries, on a small index that does not change.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{html, is_one_line, texts};
use crate::{
    domain::{AccountId, Handle, Invalid, PostId, Tag, Timestamp, Title},
    search::{Document, Index, Location, Query, Request, Settings},
};

/// Title, author, tag and text.
const POSTS: [(&str, &str, &str, &str); 5] = [
    ("Rust in the small", "ada", "rust", "a quick fox, a lazy dog, a b c"),
    ("Über C++", "bob", "c++", "größe zählt, 1 2 3, a-b"),
    ("<b>Bold</b>", "ada", "web", "tags <script> & \"quotes\" 'n' more"),
    ("日本語", "eve", "日本", "東京 の 天気"),
    ("A", "bob", "a", "a a a a b"),
];

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let index = Index::open(Location::Memory, &Settings::default()).unwrap_or_else(|error| panic!("{error}"));
    for (number, (title, handle, tag, text)) in (1_u64..).zip(POSTS) {
        let document = Document {
            post: PostId::from_parts(number, 1),
            author: AccountId::from_parts(1, handle.len() as u128),
            author_handle: Handle::from_trusted(handle.to_owned()),
            title: Title::from_trusted(title.to_owned()),
            tags: vec![Tag::from_trusted(tag.to_owned())],
            text: text.to_owned(),
            published_at: at(number * 86_400_000),
        };
        index.refresh(document.post).put(&document, 1).unwrap_or_else(|error| panic!("{error}"));
    }
    index.commit(&BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
    index
});

/// Any text is a search or is refused in one line. A search succeeds, shows only text and `<b>`, and finds no more
/// posts with additional conditions.
pub fn search(data: &[u8]) {
    let [q, tag, author, before] = texts(data);
    let before = before.parse::<Timestamp>().ok();
    let given = |text: &'_ str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (tag, author) = (given(&tag), given(&author));
    let narrow = found(&q, tag.as_deref(), author.as_deref(), before);
    let wide = found(&q, None, None, None);
    // Without a word, the other conditions are the search.
    let has_words = q.contains(char::is_alphanumeric);
    if let (Ok(narrow), Ok(wide), true) = (narrow, wide, has_words) {
        assert!(narrow.iter().all(|post| wide.contains(post)), "{q:?} with {tag:?}, {author:?}, {before:?}");
    }
}

fn found(q: &str, tag: Option<&str>, author: Option<&str>, before: Option<Timestamp>) -> Result<Vec<PostId>, Invalid> {
    let query = Query::parse(q, tag, author, before, None).inspect_err(|invalid| {
        assert!(is_one_line(&invalid.to_string()), "{invalid}");
        let fields = ["q", "tag", "author"];
        assert!(fields.contains(&invalid.field.as_str()), "{invalid}");
    })?;
    let request = Request { query, now: at(1_700_000_000_000), offset: 0, limit: POSTS.len() };
    let page = INDEX.search(&request).unwrap_or_else(|error| panic!("{error}: {q:?}"));
    assert!(!page.has_more, "{q:?}");
    for hit in &page.hits {
        assert!(hit.score.is_finite() && hit.score >= 0.0, "{}", hit.score);
        html::check(&hit.snippet, |tag| tag == "b");
    }
    Ok(page.hits.into_iter().map(|hit| hit.post).collect())
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
