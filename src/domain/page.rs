//! Pages of lists: some items, and the position after which the next page starts.

use std::fmt::Display;

use super::cursor;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The position after which the next page starts; `None` on the last page.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// A page of at most `limit` items. It is made from one more item, if there is one, which shows whether another
    /// page follows.
    #[must_use]
    pub fn take(mut items: Vec<T>, limit: usize, position: impl FnOnce(&T) -> P) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(position);
        Self { items, next }
    }

    /// The cursor that a client gets for the next page.
    #[must_use]
    pub fn next_cursor(&self) -> Option<String>
    where
        P: Display,
    {
        self.next.as_ref().map(cursor::encode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_more_than_a_page_takes_tells_that_there_is_another_page() {
        let page = |count: u64, limit| Page::take((1..=count).collect(), limit, |last| *last);
        assert_eq!(page(3, 2), Page { items: vec![1, 2], next: Some(2) });
        assert_eq!(page(2, 2), Page { items: vec![1, 2], next: None });
        assert_eq!(page(0, 2).next_cursor(), None);
        assert_eq!(page(3, 2).next_cursor(), Some(cursor::encode(&2)));
    }
}
