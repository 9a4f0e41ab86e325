//! Full-text search: the Tantivy index of one node, and the language its readers ask in.
//!
//! Knows `domain` only. No database, no HTTP, no clock. The index holds copies: the database stays the truth, and
//! whoever keeps the index up to date can clear it and rebuild it at any time. Everything here blocks; async callers
//! move it to a blocking thread.

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

/// How an index is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose word endings are cut off: an English name of a language in lower case, such as `english`, or `none`.
    pub language: String,
    /// How much the writer may hold before it writes a segment of its own accord: 15 MB at least, 4 GB at most (other
    /// values are moved there).
    pub writer_memory_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: "english".to_owned(), writer_memory_bytes: 50_000_000 }
    }
}

/// Where an index lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a folder, which is made if it is not there.
    Folder(PathBuf),
    /// In memory, for as long as the [`Index`].
    Memory,
}

/// A post as the index takes it in.
#[derive(Debug, Clone)]
pub struct Document {
    /// The post: there is one document per post.
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
    /// What is looked for.
    pub query: Query,
    /// The present, from which the age of posts counts.
    pub now: Timestamp,
    /// How many hits to leave out at the beginning.
    pub offset: usize,
    /// How many hits to give at most. Nothing lies beyond the first 1,000 hits.
    pub limit: usize,
}

/// One post that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The post.
    pub post: PostId,
    /// How well it fits: comparable within one search only; 0 when the query has no words.
    pub score: f32,
    /// A stretch of the body, or the title, as HTML: escaped text in which the words found stand in `<b>`.
    pub snippet: String,
}

/// A page of hits, best first; newest first when the query has no words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The hits.
    pub hits: Vec<Hit>,
    /// Whether another page follows.
    pub has_more: bool,
}

/// What can go wrong with an index.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine failed, as it does when the disk is full.
    #[error("the search index failed")]
    Index(#[from] tantivy::TantivyError),
    /// Another process, or another [`Index`] in this one, writes there.
    #[error("the search index in {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be made, read or emptied.
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
    /// An earlier write failed and took everything since the last commit with it.
    #[error("search index writes since the last commit were lost, roll back and repeat them")]
    Discarded,
    /// What was committed beside the documents is not a set of log positions.
    #[error("the log positions in the search index are unreadable")]
    Positions,
}
