//! Reading a collection page by page. What its items are is each command's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    failure::Failure,
    server::{Server, read},
};

/// The server gives no more at a time.
const PAGE: usize = 100;

/// A collection, or the beginning of one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct List {
    /// What there is.
    pub(super) items: Vec<Value>,
    /// Where it goes on.
    pub(super) next_cursor: Option<String>,
}

impl List {
    /// Reads the first `wanted` items.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub(super) async fn fetch(
        server: &mut Server,
        path: &[&str],
        query: &[(&str, &str)],
        wanted: usize,
    ) -> Result<Self, Failure> {
        let mut list = Self::default();
        loop {
            let limit = wanted.saturating_sub(list.items.len()).clamp(1, PAGE).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if let Some(cursor) = &list.next_cursor {
                query.push(("cursor", cursor));
            }
            let page = server.get(path, &query).await?;
            let page: Self = read(server, page)?;
            let is_last = page.items.is_empty() || page.next_cursor.is_none();
            list.items.extend(page.items);
            list.next_cursor = page.next_cursor;
            if is_last || list.items.len() >= wanted {
                return Ok(list);
            }
        }
    }
}
