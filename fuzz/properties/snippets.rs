//! Indexing posts with any text, and what searches show of them.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use super::{html, texts};
use crate::{
    domain::{AccountId, Body, Handle, PostId, Timestamp, Title, plain_text},
    search::{Document, Index, Location, Query, Request, Settings},
};

static INDEX: LazyLock<Mutex<Index>> = LazyLock::new(|| {
    Mutex::new(Index::open(Location::Memory, &Settings::default()).unwrap_or_else(|error| panic!("{error}")))
});

/// A post with any text can be indexed, is found by its author, and is shown as text and `<b>` for any search.
pub fn snippets(data: &[u8]) {
    let [q, title, body] = texts(data);
    let (Ok(title), Ok(body)) = (Title::parse(&title), Body::parse(&body)) else { return };
    let post = PostId::from_parts(1, 1);
    let document = Document {
        post,
        author: AccountId::from_parts(1, 1),
        author_handle: Handle::from_trusted("ada".to_owned()),
        title,
        tags: Vec::new(),
        text: plain_text(&body),
        published_at: Timestamp::default(),
    };
    let index = INDEX.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    index
        .refresh(document.post)
        .put(&document, 1)
        .and_then(|()| index.commit(&BTreeMap::new()))
        .unwrap_or_else(|error| panic!("{error}"));
    for q in ["author:ada", &q] {
        let Ok(query) = Query::parse(q, None, None, None, None) else { continue };
        let request = Request { query, now: Timestamp::default(), offset: 0, limit: 2 };
        let page = index.search(&request).unwrap_or_else(|error| panic!("{error}"));
        assert!(page.hits.iter().all(|hit| hit.post == post) && page.hits.len() <= 1, "{:?}", page.hits);
        assert!(q != "author:ada" || page.hits.len() == 1, "the post is not found");
        for hit in page.hits {
            html::check(&hit.snippet, |tag| tag == "b");
        }
    }
}
