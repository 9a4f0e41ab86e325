//! The fields of the index, and how a post becomes a document.

use tantivy::{
    TantivyDocument, Term,
    schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions},
};

use super::{Document, snippet};
use crate::domain::PostId;

/// The name of the field with the time of publication, in milliseconds since 1970.
pub(super) const PUBLISHED_AT: &str = "published_at";

/// The fields. `id`, `author`, `handle` and `tag` are matched as a whole; `title`, `tags` and `body` word by word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) id: Field,
    pub(super) author: Field,
    pub(super) handle: Field,
    pub(super) tag: Field,
    pub(super) title: Field,
    pub(super) tags: Field,
    pub(super) body: Field,
    /// The start of the body, stored for snippets and not searched.
    pub(super) opening: Field,
    /// Only a column, for ranges and for ordering by time, so that there is no term per millisecond.
    pub(super) published_at: Field,
}

/// The schema, with the named tokenizer for words.
pub(super) fn build(tokenizer: &str) -> (Schema, Fields) {
    let exact = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic),
    );
    let words = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let mut builder = Schema::builder();
    let fields = Fields {
        id: builder.add_text_field("id", exact.clone().set_stored()),
        author: builder.add_text_field("author", exact.clone()),
        handle: builder.add_text_field("handle", exact.clone()),
        tag: builder.add_text_field("tag", exact),
        title: builder.add_text_field("title", words.clone().set_stored()),
        tags: builder.add_text_field("tags", words.clone()),
        body: builder.add_text_field("body", words),
        opening: builder.add_text_field("opening", TextOptions::default().set_stored()),
        published_at: builder.add_i64_field(PUBLISHED_AT, NumericOptions::default().set_fast()),
    };
    (builder.build(), fields)
}

impl Fields {
    /// The term that identifies this post's document.
    pub(super) fn key(&self, post: PostId) -> Term {
        Term::from_field_text(self.id, &post.to_string())
    }

    /// The post as a document.
    pub(super) fn document(&self, document: &Document) -> TantivyDocument {
        let mut fields = TantivyDocument::default();
        fields.add_text(self.id, document.post.to_string());
        fields.add_text(self.author, document.author.to_string());
        fields.add_text(self.handle, document.author_handle.as_str());
        for tag in &document.tags {
            fields.add_text(self.tag, tag.as_str());
            fields.add_text(self.tags, tag.as_str());
        }
        fields.add_text(self.title, document.title.as_str());
        fields.add_text(self.body, &document.text);
        fields.add_text(self.opening, snippet::opening(&document.text));
        fields.add_i64(self.published_at, document.published_at.as_millis());
        fields
    }
}
