//! Pages of posts: positions are read in chunks, their posts fetched at once, and those the viewer may not see are left out,
//! so that a page is full whenever there is enough to show. Where positions come from is the caller's matter.

use std::sync::Arc;

use super::include::Include;
use crate::domain::{PageCursor, Post, PostId, cursor};

/// The most positions one request looks at. Beyond them the page is shorter, even empty, and its cursor goes on from there.
pub const MAX_SCANNED: usize = 1_000;
/// After a first chunk that yielded too little: what hides posts once hides many of them.
const LATER_CHUNK: usize = 100;
/// The most text of posts, Markdown and HTML, that a page answers. The post that goes beyond it begins the next page, unless it
/// would be the only one of this.
pub const PAGE_BYTES: usize = 1024 * 1024;
/// How many posts are read at a time where their texts are answered, so that hardly more is in memory than the page has room for.
const WHOLE_CHUNK: usize = 20;

/// How much a page has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// So many posts.
    Summaries(usize),
    /// So many posts with their texts, and no more than [`PAGE_BYTES`] of these.
    Whole(usize),
}

impl Room {
    /// For so many posts, and what is asked for of each.
    #[must_use]
    pub const fn new(posts: usize, include: Include) -> Self {
        if include.has_text() { Self::Whole(posts) } else { Self::Summaries(posts) }
    }

    const fn posts(self) -> usize {
        match self {
            Self::Summaries(posts) | Self::Whole(posts) => posts,
        }
    }

    const fn has_bytes(self, bytes: usize) -> bool {
        match self {
            Self::Summaries(_) => true,
            Self::Whole(_) => bytes <= PAGE_BYTES,
        }
    }

    /// How many positions are looked at next. One more than needed tells whether anything follows a full page.
    fn chunk(self, is_first: bool) -> usize {
        match self {
            Self::Summaries(posts) if is_first => posts + 1,
            Self::Summaries(posts) => (posts + 1).max(LATER_CHUNK),
            Self::Whole(posts) => (posts + 1).min(WHOLE_CHUNK),
        }
    }
}

/// The posts of one page, and where the next one begins.
#[derive(Debug)]
pub struct Slice {
    /// What may be shown, in the order of the source.
    pub posts: Vec<Arc<Post>>,
    /// Where each of them stands in the source.
    places: Vec<PageCursor>,
    /// The last position that was looked at; `None` at the end of the source.
    pub next: Option<PageCursor>,
}

impl Slice {
    /// Ends the page behind its first `taken` posts.
    pub fn cut(&mut self, taken: usize) {
        if let Some(last) =
            taken.checked_sub(1).and_then(|last| self.places.get(last)).filter(|_| taken < self.posts.len())
        {
            self.next = Some(*last);
            self.posts.truncate(taken);
            self.places.truncate(taken);
        }
    }

    /// The cursor a client gets.
    #[must_use]
    pub fn next_cursor(&self) -> Option<String> {
        self.next.as_ref().map(cursor::encode)
    }
}

/// Collects posts that `keep` lets through, as many as there is room for. `positions` answers with fewer than it was asked for
/// only at its end; `posts` answers in the order of the ids and leaves out what is gone.
///
/// The cursor is that of the last position looked at, not shown: nothing is repeated and nothing skipped.
///
/// # Errors
/// Those of the two sources.
pub async fn collect<E>(
    after: Option<PageCursor>,
    room: Room,
    positions: impl AsyncFn(Option<PageCursor>, usize) -> Result<Vec<PageCursor>, E>,
    posts: impl AsyncFn(&[PostId]) -> Result<Vec<Arc<Post>>, E>,
    keep: impl Fn(&Post) -> bool,
) -> Result<Slice, E> {
    let mut slice = Slice { posts: Vec::with_capacity(room.posts()), places: Vec::new(), next: after };
    let (mut scanned, mut bytes) = (0, 0);
    while scanned < MAX_SCANNED {
        let asked = room.chunk(scanned == 0).min(MAX_SCANNED - scanned);
        let places = positions(slice.next, asked).await?;
        let is_end = places.len() < asked;
        let ids: Vec<PostId> = places.iter().map(|place| place.post).collect();
        let mut hydrated = posts(&ids).await?.into_iter().peekable();
        for place in places {
            if slice.posts.len() == room.posts() || !room.has_bytes(bytes) {
                return Ok(slice);
            }
            slice.next = Some(place);
            scanned += 1;
            if let Some(post) = hydrated.next_if(|post| post.id == place.post).filter(|post| keep(post)) {
                bytes += post.body.as_str().len();
                slice.posts.push(post);
                slice.places.push(place);
            }
        }
        if is_end {
            slice.next = None;
            return Ok(slice);
        }
    }
    Ok(slice)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible};

    use super::*;
    use crate::{
        domain::{Body, Timestamp},
        http::api::view::tests::a_post,
    };

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
        page_in(Room::Summaries(limit), all, after, keep).await
    }

    async fn page_in(
        room: Room,
        all: &[(PageCursor, Arc<Post>)],
        after: Option<PageCursor>,
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
        let Ok(slice) = collect(after, room, positions, posts, keep).await;
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

    #[tokio::test]
    async fn a_page_of_whole_posts_reads_hardly_more_text_than_it_has_room_for() {
        let mut all = source(100);
        for (_, post) in &mut all {
            let body = Body::from_trusted("x".repeat(PAGE_BYTES / 3));
            *post = Arc::new(Post { body, ..Post::clone(post) });
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let mut slice = page_in(Room::Whole(100), &all, after, |_| true).await;
            assert!(slice.posts.len() <= 4, "one beyond what there is room for");
            slice.cut(3);
            seen.extend(versions(&slice));
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(
            seen,
            (1..=100).collect::<Vec<_>>(),
            "following the cursor of a page that was cut shows everything once"
        );
        let texts = page_in(Room::Summaries(100), &all, None, |_| true).await;
        assert_eq!(texts.posts.len(), 100, "summaries have no texts");
    }
}
