//! Full-text search: the Tantivy index of one node, and its query language.
//!
//! Depends on `domain` only: no database, no HTTP, no clock. The index contains copies; the database is the source of
//! truth, and the index can be cleared and rebuilt at any time. Everything here blocks; async callers use a blocking
//! thread.

mod compile;
mod find;
mod folder;
mod index;
mod language;
mod lexer;
mod positions;
mod query;
mod refresh;
mod schema;
mod snippet;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

use crate::domain::{AccountId, Handle, PostId, Tag, Timestamp, Title};

pub use index::Index;
pub use query::Query;
pub use refresh::Refresh;

/// Settings of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The language for stemming, by its English name in lower case, such as `english`; or `none`.
    pub language: String,
    /// How much the writer may hold before it writes a segment by itself: at least 15 MB, at most 4 GB (other values
    /// are clamped).
    pub writer_memory_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: "english".to_owned(), writer_memory_bytes: 50_000_000 }
    }
}

/// Where an index is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a folder, which is created if it does not exist.
    Folder(PathBuf),
    /// In memory, as long as the [`Index`] exists.
    Memory,
}

/// A post to be indexed.
#[derive(Debug, Clone)]
pub struct Document {
    /// The post's id; there is one document per post.
    pub post: PostId,
    /// Who wrote it.
    pub author: AccountId,
    /// The author's handle.
    pub author_handle: Handle,
    /// The post's title.
    pub title: Title,
    /// The post's tags.
    pub tags: Vec<Tag>,
    /// The body as plain text.
    pub text: String,
    /// When it was published.
    pub published_at: Timestamp,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Request {
    /// The query.
    pub query: Query,
    /// The current time, for the age of posts.
    pub now: Timestamp,
    /// How many hits to skip.
    pub offset: usize,
    /// The maximum number of hits. No hits beyond the first 1,000 are returned.
    pub limit: usize,
}

/// A post that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The post.
    pub post: PostId,
    /// The relevance, comparable within one search only; 0 if the query has no words.
    pub score: f32,
    /// A part of the body, or the title, as HTML: escaped text with the words found in `<b>`.
    pub snippet: String,
}

/// A page of hits, best first; newest first if the query has no words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The hits.
    pub hits: Vec<Hit>,
    /// Whether another page follows.
    pub has_more: bool,
}

/// Errors of an index.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine failed, for example because the disk is full.
    #[error("the search index failed")]
    Index(#[from] tantivy::TantivyError),
    /// Another process, or another [`Index`] in this one, uses the folder.
    #[error("the search index in {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be created, read or emptied.
    #[error("the search index folder {} cannot be used", .folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The language in the settings has no stemmer.
    #[error("unknown search language {0:?}, known are none, {known}", known = language::known())]
    Language(String),
    /// An earlier write failed, and everything since the last commit was lost.
    #[error("the writes to the search index since the last commit were lost; roll back and repeat them")]
    Discarded,
    /// The payload of the commit is not a set of log positions.
    #[error("the log positions in the search index are unreadable")]
    Positions,
}
