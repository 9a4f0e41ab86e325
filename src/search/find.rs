//! Searching: runs a compiled query, ranks by relevance and age, and returns hits.

use std::time::Duration;

use tantivy::{
    DocAddress, DocId, Order, Score, Searcher, SegmentReader, TantivyDocument, TantivyError,
    collector::TopDocs,
    error::DataCorruption,
    query::Query,
    schema::{Field, Value},
};

use super::{Error, Hit, Index, Page, Request, compile::compile, schema::PUBLISHED_AT, snippet::Snippets};
use crate::domain::{PostId, Timestamp};

/// The maximum number of hits that paging reaches.
const MAX_DEPTH: usize = 1_000;
/// The bonus for a post that was just published.
const NEWS_BONUS: f64 = 0.25;
/// After this time the bonus has decreased to 37 %, after twice this time to 14 %.
const NEWS_FADES: Duration = Duration::from_secs(90 * 24 * 60 * 60);

impl Index {
    /// Searches what was committed. Best first; among equals, and for queries without words, newest first.
    ///
    /// # Errors
    /// [`Error::Index`] if the index cannot be read.
    pub fn search(&self, request: &Request) -> Result<Page, Error> {
        let inner = &*self.inner;
        let limit = request.limit.min(MAX_DEPTH.saturating_sub(request.offset));
        if limit == 0 {
            return Ok(Page::default());
        }
        let Some(compiled) = compile(&request.query, &inner.fields, &inner.analyzer) else {
            return Ok(Page::default());
        };
        let searcher = inner.reader.searcher();
        let top = TopDocs::with_limit(limit + 1).and_offset(request.offset);
        let mut found = if compiled.terms.is_empty() {
            newest(&searcher, &*compiled.query, top)?
        } else {
            most_relevant(&searcher, &*compiled.query, top, request.now)?
        };
        let has_more = found.len() > limit && request.offset + limit < MAX_DEPTH;
        found.truncate(limit);
        let snippets = Snippets::new(&searcher, &inner.fields, &inner.analyzer, &compiled.terms)?;
        let mut hits = Vec::with_capacity(found.len());
        for (score, address) in found {
            hits.push(self.hit(&searcher, &snippets, score, address)?);
        }
        Ok(Page { hits, has_more })
    }

    fn hit(&self, searcher: &Searcher, snippets: &Snippets, score: Score, address: DocAddress) -> Result<Hit, Error> {
        let fields = &self.inner.fields;
        let document: TantivyDocument = searcher.doc(address)?;
        let post: PostId = stored(&document, fields.id).parse().map_err(|_| {
            TantivyError::from(DataCorruption::comment_only("a document of the search index has no post id"))
        })?;
        let snippet = snippets.snippet(stored(&document, fields.title), stored(&document, fields.opening));
        Ok(Hit { post, score, snippet })
    }
}

fn stored(document: &TantivyDocument, field: Field) -> &str {
    document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default()
}

fn newest(searcher: &Searcher, query: &dyn Query, top: TopDocs) -> tantivy::Result<Vec<(Score, DocAddress)>> {
    let found = searcher.search(query, &top.order_by_fast_field::<i64>(PUBLISHED_AT, Order::Desc))?;
    Ok(found.into_iter().map(|(_, address)| (0.0, address)).collect())
}

fn most_relevant(
    searcher: &Searcher,
    query: &dyn Query,
    top: TopDocs,
    now: Timestamp,
) -> tantivy::Result<Vec<(Score, DocAddress)>> {
    let collector = top.tweak_score(move |segment: &SegmentReader| {
        let column = segment.fast_fields().i64(PUBLISHED_AT).ok();
        move |document: DocId, score: Score| {
            let published_at = column.as_ref().and_then(|column| column.first(document)).unwrap_or_default();
            (score * freshness(Timestamp::from_millis(published_at), now), published_at)
        }
    });
    let found = searcher.search(query, &collector)?;
    Ok(found.into_iter().map(|((score, _), address)| (score, address)).collect())
}

/// The factor by which a post's age changes its score: from 1.25 for one published now down to 1.
fn freshness(published_at: Timestamp, now: Timestamp) -> Score {
    let age = now.since(published_at).as_secs_f64() / NEWS_FADES.as_secs_f64();
    (1.0 + NEWS_BONUS * (-age).exp()) as Score
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_fades_and_never_punishes() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        assert_eq!(freshness(now, now), 1.25);
        assert_eq!(freshness(now.plus(NEWS_FADES), now), 1.25);
        let quarter = freshness(now.minus(NEWS_FADES), now);
        assert!(quarter > 1.09 && quarter < 1.10, "{quarter}");
        assert_eq!(freshness(Timestamp::from_millis(0), now), 1.0);
    }
}
