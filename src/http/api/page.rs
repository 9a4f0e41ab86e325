//! Pages of posts: positions are read in chunks, their posts fetched at once, and those the viewer may not see are left out,
//! so that a page is full whenever there is enough to show. Where positions come from is the caller's matter.

use std::sync::Arc;

use crate::domain::{Invalid, PageCursor, Post, PostId, cursor};

/// The most positions one request looks at. Beyond them the page is shorter, even empty, and its cursor goes on from there.
pub const MAX_SCANNED: usize = 1_000;
/// After a first chunk that yielded too little: what hides posts once hides many of them.
const LATER_CHUNK: usize = 100;

/// The posts of one page, and where the next one begins.
#[derive(Debug)]
pub struct Slice {
    /// What may be shown, in the order of the source.
    pub posts: Vec<Arc<Post>>,
    /// The last position that was looked at; `None` at the end of the source.
    pub next: Option<PageCursor>,
}

impl Slice {
    /// The cursor a client gets.
    #[must_use]
    pub fn next_cursor(&self) -> Option<String> {
        self.next.as_ref().map(cursor::encode)
    }
}

/// Reads a client's cursor.
///
/// # Errors
/// `invalid_cursor` if this server did not make it.
pub fn start(cursor: Option<&str>) -> Result<Option<PageCursor>, Invalid> {
    cursor.map(cursor::decode).transpose()
}

/// Collects up to `limit` posts that `keep` lets through. `positions` answers with fewer than it was asked for only at its end;
/// `posts` answers in the order of the ids and leaves out what is gone.
///
/// The cursor is that of the last position looked at, not shown: nothing is repeated and nothing skipped.
///
/// # Errors
/// Those of the two sources.
pub async fn collect<E>(
    after: Option<PageCursor>,
    limit: usize,
    positions: impl AsyncFn(Option<PageCursor>, usize) -> Result<Vec<PageCursor>, E>,
    posts: impl AsyncFn(&[PostId]) -> Result<Vec<Arc<Post>>, E>,
    keep: impl Fn(&Post) -> bool,
) -> Result<Slice, E> {
    let mut found = Vec::with_capacity(limit);
    let mut last = after;
    let mut scanned = 0;
    // One more than needed tells whether anything follows a full page.
    let mut chunk = limit + 1;
    while scanned < MAX_SCANNED {
        let asked = chunk.min(MAX_SCANNED - scanned);
        let places = positions(last, asked).await?;
        let is_end = places.len() < asked;
        let ids: Vec<PostId> = places.iter().map(|place| place.post).collect();
        let mut hydrated = posts(&ids).await?.into_iter().peekable();
        for place in places {
            if found.len() == limit {
                return Ok(Slice { posts: found, next: last });
            }
            last = Some(place);
            scanned += 1;
            found.extend(hydrated.next_if(|post| post.id == place.post).filter(|post| keep(post)));
        }
        if is_end {
            return Ok(Slice { posts: found, next: None });
        }
        chunk = chunk.max(LATER_CHUNK);
    }
    Ok(Slice { posts: found, next: last })
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible};

    use super::*;
    use crate::{domain::Timestamp, http::api::view::tests::a_post};

    /// Posts at 1, 2, 3 … in the order of the list; the version tells them apart.
    fn source(count: usize) -> Vec<(PageCursor, Arc<Post>)> {
        (1..=count)
            .map(|number| {
                let post = Post { version: number as u64, ..a_post() };
                (PageCursor { at: Timestamp::from_millis(number as i64), post: post.id }, Arc::new(post))
            })
            .collect()
    }

    async fn page(
        all: &[(PageCursor, Arc<Post>)],
        after: Option<PageCursor>,
        limit: usize,
        keep: impl Fn(&Post) -> bool,
    ) -> Slice {
        let scanned = Cell::new(0);
        let positions = async |after: Option<PageCursor>, limit: usize| {
            let places = all.iter().map(|(place, _)| *place);
            let places: Vec<_> =
                places.filter(|place| after.is_none_or(|after| place.at > after.at)).take(limit).collect();
            scanned.set(scanned.get() + places.len());
            assert!(scanned.get() <= MAX_SCANNED);
            Ok::<_, Infallible>(places)
        };
        let posts = async |ids: &[PostId]| {
            Ok(ids
                .iter()
                .filter_map(|id| all.iter().find(|(place, _)| place.post == *id))
                .map(|(_, post)| Arc::clone(post))
                .collect())
        };
        let Ok(slice) = collect(after, limit, positions, posts, keep).await;
        slice
    }

    fn versions(slice: &Slice) -> Vec<u64> {
        slice.posts.iter().map(|post| post.version).collect()
    }

    #[tokio::test]
    async fn following_the_cursor_shows_everything_once() {
        let all = source(95);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let slice = page(&all, after, 10, |post| post.version % 3 == 0).await;
            seen.extend(versions(&slice));
            after = slice.next;
            if after.is_none() {
                break;
            }
            assert_eq!(slice.posts.len(), 10, "only the last page is short");
        }
        assert_eq!(seen, (1..=95).filter(|number| number % 3 == 0).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_page_that_ends_exactly_at_the_end_has_no_cursor() {
        let all = source(20);
        assert_eq!(page(&all, None, 20, |_| true).await.next, None);
        assert_eq!(page(&all, None, 19, |_| true).await.next, Some(all[18].0));
        assert_eq!(page(&[], None, 20, |_| true).await.next, None);
    }

    #[tokio::test]
    async fn a_request_looks_at_a_bounded_number_of_positions() {
        let all = source(MAX_SCANNED + 5);
        let slice = page(&all, None, 20, |post| post.version as usize > MAX_SCANNED).await;
        assert!(slice.posts.is_empty());
        assert_eq!(slice.next, Some(all[MAX_SCANNED - 1].0));
        let rest = page(&all, slice.next, 20, |post| post.version as usize > MAX_SCANNED).await;
        assert_eq!((rest.posts.len(), rest.next), (5, None));
    }
}
