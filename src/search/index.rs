//! The index of one node: one writer protected by a lock, and one reader shared by all searches. Searching itself is in
//! `find`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use tantivy::{
    IndexReader, IndexWriter, ReloadPolicy,
    indexer::{IndexWriterOptions, LogMergePolicy},
    query::AllQuery,
    tokenizer::TextAnalyzer,
};

use super::{
    Document, Error, Location, Settings, folder,
    language::Language,
    positions,
    refresh::Refreshed,
    schema::{self, Fields},
};
use crate::domain::{Epoch, PostId};

/// The engine refuses writers with less.
const MIN_WRITER_BYTES: usize = 15_000_000;
/// The engine refuses writers with 4 GiB or more.
const MAX_WRITER_BYTES: usize = 4_000_000_000;

/// The full-text index of one node. Cheap to clone: all clones are the same index.
///
/// Writes become visible and durable with [`Index::commit`]. If a write fails (for example because the disk is full),
/// everything since the last commit is lost, and every further write fails with [`Error::Discarded`] until
/// [`Index::rollback`]. So positions are never committed without their documents. Searches continue meanwhile.
#[derive(Clone)]
pub struct Index {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) fields: Fields,
    pub(super) analyzer: TextAnalyzer,
    pub(super) reader: IndexReader,
    pub(super) refreshed: Refreshed,
    index: tantivy::Index,
    folder: Option<PathBuf>,
    writer_memory_bytes: usize,
    writing: Mutex<Writing>,
}

struct Writing {
    /// `None` after a failed write.
    writer: Option<IndexWriter>,
    /// Whether documents have changed since the reader was last reloaded.
    has_changes: bool,
}

impl Index {
    /// Opens or creates the index. If it is damaged, or was created by another version or for another language, it is
    /// emptied first and [`Index::positions`] is `None`; the caller then rebuilds it from the database.
    ///
    /// # Errors
    /// [`Error::Locked`] if the folder is in use; [`Error::Language`]; [`Error::Folder`] or [`Error::Index`] if it
    /// cannot be read or written.
    pub fn open(location: Location, settings: &Settings) -> Result<Self, Error> {
        let language = Language::parse(&settings.language)?;
        let (schema, fields) = schema::build(&language.tokenizer());
        let (index, folder) = match location {
            Location::Folder(folder) => (folder::open(&folder, &schema)?, Some(folder)),
            Location::Memory => (tantivy::Index::builder().schema(schema).create_in_ram()?, None),
        };
        let analyzer = language.analyzer();
        index.tokenizers().register(&language.tokenizer(), analyzer.clone());
        let writer_memory_bytes = settings.writer_memory_bytes.clamp(MIN_WRITER_BYTES, MAX_WRITER_BYTES);
        let writer = write_to(&index, writer_memory_bytes, folder.as_deref())?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writing = Mutex::new(Writing { writer: Some(writer), has_changes: false });
        let refreshed = Refreshed::default();
        let inner = Inner { fields, analyzer, reader, refreshed, index, folder, writer_memory_bytes, writing };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The log positions of the last commit: every event up to them is in the index. `None` if there was no commit yet,
    /// and the index has to be built.
    ///
    /// # Errors
    /// [`Error::Index`] if they cannot be read, [`Error::Positions`] if they are invalid.
    pub fn positions(&self) -> Result<Option<BTreeMap<Epoch, u64>>, Error> {
        let payload = self.inner.index.load_metas()?.payload;
        payload.as_deref().map(positions::decode).transpose()
    }

    /// Adds a post's document, replacing an existing one. Only for [`super::Refresh`], which knows the newest version.
    pub(super) fn put(&self, document: &Document) -> Result<(), Error> {
        let fields = &self.inner.fields;
        self.write(|writer| {
            writer.delete_term(fields.key(document.post));
            writer.add_document(fields.document(document)).map(|_| ())
        })
    }

    /// Removes a post's document, if there is one. Only for [`super::Refresh`].
    pub(super) fn delete(&self, post: PostId) -> Result<(), Error> {
        self.write(|writer| {
            writer.delete_term(self.inner.fields.key(post));
            Ok(())
        })
    }

    /// Removes all documents, including uncommitted ones. The positions stay until the next commit.
    ///
    /// # Errors
    /// [`Error::Index`], and [`Error::Discarded`] from then on.
    pub fn clear(&self) -> Result<(), Error> {
        // Not `delete_all_documents`: it resets the operation counter, and pending deletes would then affect documents
        // added later.
        self.write(|writer| writer.delete_query(Box::new(AllQuery)).map(|_| ()))
    }

    /// Commits the documents and the positions together, and makes them visible to searches.
    ///
    /// Cost: each commit with documents creates a segment (about ten small files, each synced to disk) and opens it for
    /// reading. This takes a few milliseconds on an SSD, some tens on slower disks; other writes wait meanwhile,
    /// searches do not. At ten commits a second small segments would pile up, so a background thread merges eight
    /// segments of a size: segments under 1,000 documents count as one size. A document is rewritten about five times
    /// until it is in a segment of 10,000, and 20,000 documents are in at most about twenty segments. A commit of
    /// positions alone writes one file and opens nothing. Fewer and larger commits are cheaper per document: ten a
    /// second are fine, one per document is not.
    ///
    /// # Errors
    /// [`Error::Index`], and [`Error::Discarded`] from then on, unless the commit succeeded and only the reader failed.
    pub fn commit(&self, positions: &BTreeMap<Epoch, u64>) -> Result<(), Error> {
        let payload = positions::encode(positions);
        let mut writing = self.inner.writing.lock();
        writing.attempt(|writer| {
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&payload);
            commit.commit().map(|_| ())
        })?;
        if writing.has_changes {
            self.inner.reader.reload()?;
            writing.has_changes = false;
        }
        Ok(())
    }

    /// Discards all writes since the last commit, and makes writing possible again after a failure. The caller
    /// continues from [`Index::positions`].
    ///
    /// # Errors
    /// [`Error::Index`] if the cause of the failure persists, [`Error::Locked`] if another process now uses the folder.
    pub fn rollback(&self) -> Result<(), Error> {
        let inner = &self.inner;
        let mut writing = inner.writing.lock();
        writing.writer = None; // releases the folder's lock, which the new writer needs
        writing.writer = Some(write_to(&inner.index, inner.writer_memory_bytes, inner.folder.as_deref())?);
        inner.reader.reload()?;
        writing.has_changes = false;
        Ok(())
    }

    /// The number of documents that searches see.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.reader.searcher().num_docs()
    }

    /// Whether searches see no documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn write(&self, operation: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), Error> {
        let mut writing = self.inner.writing.lock();
        writing.attempt(operation)?;
        writing.has_changes = true;
        Ok(())
    }
}

impl Writing {
    fn attempt(&mut self, operation: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), Error> {
        let writer = self.writer.as_mut().ok_or(Error::Discarded)?;
        let result = operation(writer);
        if result.is_err() {
            self.writer = None;
        }
        result.map_err(Error::from)
    }
}

fn write_to(index: &tantivy::Index, memory_bytes: usize, folder: Option<&Path>) -> Result<IndexWriter, Error> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(memory_bytes)
        .build();
    let writer: IndexWriter = index.writer_with_options(options).map_err(|error| folder::refused(error, folder))?;
    // First remove what a crash or a failed commit left behind: the next commit may use the same file names.
    writer.garbage_collect_files().wait()?;
    let mut merging = LogMergePolicy::default();
    merging.set_min_layer_size(1_000);
    merging.set_del_docs_ratio_before_merge(0.3);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}
