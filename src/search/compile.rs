//! Compiles a parsed query to the engine's query, and decides how much each field counts.

use std::{collections::BTreeSet, ops::Bound};

use tantivy::{
    Score, Term,
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query as Part, RangeQuery, TermQuery},
    schema::{Field, IndexRecordOption},
    tokenizer::TextAnalyzer,
};

use super::{
    language::analyse,
    query::{Clause, Query},
    schema::Fields,
};
use crate::domain::Timestamp;

const TITLE_BOOST: Score = 3.0;
const TAGS_BOOST: Score = 2.0;
const BODY_BOOST: Score = 1.0;

/// A query ready to run.
pub(super) struct Compiled {
    /// The engine's query. Words score by BM25; filters score nothing.
    pub(super) query: Box<dyn Part>,
    /// The search terms, to be marked in snippets. Empty if there are only filters.
    pub(super) terms: BTreeSet<String>,
}

/// Compiles a query; `None` if nothing can match it.
pub(super) fn compile(query: &Query, fields: &Fields, analyzer: &TextAnalyzer) -> Option<Compiled> {
    let mut analyzer = analyzer.clone();
    let mut terms = BTreeSet::new();
    let mut parts: Vec<(Occur, Box<dyn Part>)> = Vec::new();
    for clause in &query.must {
        let part = match clause {
            Clause::Text(text) => {
                let tokens = analyse(&mut analyzer, text);
                terms.extend(tokens.iter().map(|(_, term)| term.clone()));
                anywhere(fields, &tokens)?
            }
            Clause::Tag(_) | Clause::Author(_) => unscored(filter(fields, clause)?),
        };
        parts.push((Occur::Must, part));
    }
    if query.since.is_some() || query.until.is_some() {
        parts.push((Occur::Must, unscored(published(fields, query.since, query.until)?)));
    }
    if parts.is_empty() {
        return None;
    }
    for clause in &query.must_not {
        let part = match clause {
            Clause::Text(text) => anywhere(fields, &analyse(&mut analyzer, text)),
            Clause::Tag(_) | Clause::Author(_) => filter(fields, clause),
        };
        parts.extend(part.map(|part| (Occur::MustNot, part)));
    }
    Some(Compiled { query: Box::new(BooleanQuery::new(parts)), terms })
}

/// Matches the words next to each other in title, tags or body; `None` without words.
fn anywhere(fields: &Fields, tokens: &[(usize, String)]) -> Option<Box<dyn Part>> {
    let boosts = [(fields.title, TITLE_BOOST), (fields.tags, TAGS_BOOST), (fields.body, BODY_BOOST)];
    let mut parts: Vec<Box<dyn Part>> = Vec::with_capacity(boosts.len());
    for (field, boost) in boosts {
        parts.push(Box::new(BoostQuery::new(adjacent(field, tokens)?, boost)));
    }
    Some(Box::new(BooleanQuery::union(parts)))
}

fn adjacent(field: Field, tokens: &[(usize, String)]) -> Option<Box<dyn Part>> {
    let term = |text: &str| Term::from_field_text(field, text);
    match tokens {
        [] => None,
        [(_, text)] => Some(Box::new(TermQuery::new(term(text), IndexRecordOption::WithFreqs))),
        _ => {
            let terms = tokens.iter().map(|(position, text)| (*position, term(text))).collect();
            Some(Box::new(PhraseQuery::new_with_offset(terms)))
        }
    }
}

fn filter(fields: &Fields, clause: &Clause) -> Option<Box<dyn Part>> {
    match clause {
        Clause::Text(_) => None,
        Clause::Tag(tag) => Some(exactly(fields.tag, tag)),
        Clause::Author(author) => {
            let by_id = exactly(fields.author, &author.to_uppercase());
            Some(Box::new(BooleanQuery::union(vec![exactly(fields.handle, author), by_id])))
        }
    }
}

fn exactly(field: Field, text: &str) -> Box<dyn Part> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

/// Matches `since <= t < until`; `None` if that is empty.
fn published(fields: &Fields, since: Option<Timestamp>, until: Option<Timestamp>) -> Option<Box<dyn Part>> {
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return None;
    }
    let term = |at: Timestamp| Term::from_field_i64(fields.published_at, at.as_millis());
    let lower = since.map_or(Bound::Unbounded, |at| Bound::Included(term(at)));
    let upper = until.map_or(Bound::Unbounded, |at| Bound::Excluded(term(at)));
    Some(Box::new(RangeQuery::new(lower, upper)))
}

fn unscored(part: Box<dyn Part>) -> Box<dyn Part> {
    Box::new(ConstScoreQuery::new(part, 0.0))
}
