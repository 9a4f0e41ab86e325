//! Reading a feed straight from the lists of the followed authors: a merge over all of them, however many.
//!
//! A page costs one look at each author's list and what it answers: of each author only a few positions are read at first, and
//! more only of those whose last one is still among the newest. Once the page is full, nothing older than its last position is
//! read at all.

use std::collections::BTreeSet;

use crate::{
    domain::{AccountId, PageCursor, PostId, Timestamp},
    store::{Listing, Result, Store, follows, listings},
};

/// How many authors are asked in one question.
const AUTHORS_AT_ONCE: usize = 100;

/// The newest positions found so far, no more than a page has.
struct Newest {
    limit: usize,
    found: BTreeSet<(i64, PostId)>,
}

impl Newest {
    fn add(&mut self, place: PageCursor) {
        self.found.insert((-place.at.as_millis(), place.post));
        if self.found.len() > self.limit {
            self.found.pop_last();
        }
    }

    /// The position that a new one must stand before; none while there is room.
    fn last(&self) -> Option<PageCursor> {
        self.found.last().filter(|_| self.found.len() == self.limit).copied().map(position)
    }
}

fn position((inverted, post): (i64, PostId)) -> PageCursor {
    PageCursor { at: Timestamp::from_millis(-inverted), post }
}

/// The newest `limit` posts behind `after` of all authors whom the reader follows, and of the reader.
pub(super) async fn newest(
    store: &Store,
    reader: AccountId,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<PageCursor>> {
    let mut newest = Newest { limit, found: BTreeSet::new() };
    let mut authors = vec![reader];
    let mut followed = None;
    loop {
        let next = follows::authors(store, reader, followed, AUTHORS_AT_ONCE).await?;
        followed = next.last().copied();
        let is_end = next.len() < AUTHORS_AT_ONCE;
        authors.extend(next);
        merge(store, std::mem::take(&mut authors), after, &mut newest).await?;
        if is_end {
            return Ok(newest.found.into_iter().map(position).collect());
        }
    }
}

/// Adds what some authors have among the newest.
async fn merge(store: &Store, authors: Vec<AccountId>, after: Option<PageCursor>, newest: &mut Newest) -> Result<()> {
    let mut each = newest.limit.div_ceil(authors.len().max(1)) + 1;
    let mut lists: Vec<(Listing, Option<PageCursor>)> =
        authors.into_iter().map(|author| (Listing::Author(author), after)).collect();
    while !lists.is_empty() {
        let pages = listings::pages(store, &lists, newest.last(), each).await?;
        pages.iter().flatten().for_each(|place| newest.add(*place));
        let full = lists.into_iter().zip(pages).filter(|(_, page)| page.len() == each);
        // Whatever stands behind a position that has dropped out is older still.
        let goes_on = |last: &PageCursor| newest.found.contains(&(-last.at.as_millis(), last.post));
        let next = full.filter_map(|((listing, _), page)| Some((listing, Some(page.last().copied().filter(goes_on)?))));
        lists = next.collect();
        each = (each * 2).min(newest.limit).max(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use surrealdb::types::{Object, RecordId, Value};

    use super::*;
    use crate::store::{
        FeedReads,
        keys::{self, parts},
        query::Query,
        testing::{on_a_deep_stack, store},
    };

    fn rows(ids: impl IntoIterator<Item = RecordId>) -> Vec<Value> {
        let row = |id: RecordId| {
            let mut row = Object::default();
            row.insert("id", id);
            Value::Object(row)
        };
        ids.into_iter().map(row).collect()
    }

    async fn insert(store: &Store, table: &str, ids: Vec<RecordId>) {
        for chunk in ids.chunks(500) {
            let rows = rows(chunk.iter().cloned());
            let insert = Query::new(format!("INSERT INTO {table} $rows RETURN NONE")).bind("rows", rows);
            store.write(insert).await.unwrap();
        }
    }

    /// A reader who follows authors with so many posts each; all posts, newest first.
    async fn follow(store: &Store, reader: AccountId, posts: &[usize]) -> Vec<PageCursor> {
        let (mut followed, mut ids, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (author, count) in posts.iter().enumerate() {
            let account = AccountId::generate();
            followed.push(follows::following_id(reader, account));
            for number in 0..*count {
                // Some of them at one moment.
                let at = Timestamp::from_millis(i64::try_from(number * 997 + author % 7).unwrap());
                let place = PageCursor { at, post: PostId::generate() };
                let scope = format!("author:{account}");
                ids.push(keys::record("listing", parts![scope, keys::inverted(at), place.post]));
                all.push(place);
            }
        }
        insert(store, "following", followed).await;
        insert(store, "listing", ids).await;
        all.sort_by_key(|place| (-place.at.as_millis(), place.post));
        all
    }

    async fn read(store: &Store, reader: AccountId, limit: usize) -> Vec<PageCursor> {
        let (feeds, mut all) = (FeedReads::new(store), Vec::new());
        loop {
            let page = feeds.page(reader, all.last().copied(), limit).await.unwrap();
            let is_end = page.len() < limit;
            all.extend(page);
            if is_end {
                return all;
            }
        }
    }

    #[test]
    fn a_reader_of_1200_authors_gets_every_post_once_and_in_order() {
        on_a_deep_stack(|| async {
            let (store, reader) = (store().await, AccountId::generate());
            let all = follow(&store, reader, &[2; 1_200]).await;
            assert_eq!(read(&store, reader, 101).await, all);
        });
    }

    #[test]
    fn authors_who_write_much_and_little_are_merged_in_order() {
        on_a_deep_stack(|| async {
            let (store, reader) = (store().await, AccountId::generate());
            let all = follow(&store, reader, &[300, 0, 1, 40, 2, 0, 7]).await;
            for limit in [1, 2, 21, 100] {
                assert_eq!(read(&store, reader, limit).await, all, "limit {limit}");
            }
        });
    }
}
