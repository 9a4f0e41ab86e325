//! Looking at dead letters: lists by index, newest first, and what they died of.

use surrealdb::types::{RecordId, SurrealValue};

use super::{DeadLetter, DeadLetterRow, dead_letter_id};
use crate::{
    domain::{Cause, CauseCursor, CauseId, DeadLetterFilter, DeadLetterId, LetterCursor, Page, Timestamp},
    store::{Result, Store, keys, query::Query},
};

/// The most rows one page looks at where an index alone does not answer: beyond them it is shorter, and its cursor goes on.
const MAX_SCANNED: usize = 1_000;

/// Reads dead letters.
#[derive(Clone)]
pub struct DeadLetterReads {
    store: Store,
}

/// Dead letters that died of the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseGroup {
    /// Of what.
    pub cause: Cause,
    /// Whose they are.
    pub worker: String,
    /// How many there are.
    pub count: u64,
    /// When the oldest of them died.
    pub first_dead_at: Timestamp,
    /// When the newest of them died.
    pub last_dead_at: Timestamp,
    /// The newest of them.
    pub example: DeadLetterId,
}

#[derive(SurrealValue)]
struct GroupRow {
    cause: Option<String>,
    n: i64,
    first: i64,
    last: i64,
}

impl GroupRow {
    fn place(&self) -> Option<CauseCursor> {
        Some(CauseCursor { rank: -self.n, cause: CauseId::from_trusted(self.cause.clone()?) })
    }
}

#[derive(SurrealValue)]
struct CountRow {
    count: i64,
}

impl DeadLetterReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// One dead letter.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>> {
        let row: Option<DeadLetterRow> = self.store.rows(records(std::slice::from_ref(id))).await?.pop();
        row.map(DeadLetterRow::into_letter).transpose()
    }

    /// Up to `limit` dead letters, newest first, after that one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&LetterCursor>,
        limit: usize,
    ) -> Result<Page<DeadLetter, LetterCursor>> {
        let mut before = after.map_or_else(|| "~".to_owned(), ToString::to_string);
        let (mut items, mut scanned) = (Vec::new(), 0);
        loop {
            let chunk = limit + 1;
            let rows = newest(&self.store, filter, &before, chunk).await?;
            let is_end = rows.len() < chunk;
            for row in rows {
                if items.len() == limit || scanned >= MAX_SCANNED {
                    return Ok(Page { items, next: Some(keys::parsed(&before)?) });
                }
                scanned += 1;
                before = row.place.clone().unwrap_or_default();
                if row.matches(filter)? {
                    items.push(row.into_letter()?);
                }
            }
            if is_end {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// What dead letters died of, the most frequent cause first, up to `limit` after that one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn causes(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&CauseCursor>,
        limit: usize,
    ) -> Result<Page<CauseGroup, CauseCursor>> {
        let text = format!(
            "SELECT cause, count() AS n, math::min(dead_at) AS first, math::max(dead_at) AS last FROM dead_letter {} GROUP BY cause",
            conditions(filter)
        );
        let rows: Vec<GroupRow> = self.store.read(bound(Query::new(text), filter)).await?.rows(0)?;
        let mut groups: Vec<(CauseCursor, GroupRow)> =
            rows.into_iter().filter_map(|row| Some((row.place()?, row))).collect();
        groups.sort_by(|(a, _), (b, _)| a.cmp(b));
        groups.retain(|(place, _)| after.is_none_or(|last| place > last));
        let groups = Page::take(groups, limit, |(place, _)| place.clone());
        Ok(Page { items: self.with_examples(groups.items, filter).await?, next: groups.next })
    }

    /// How many dead letters a filter lets through.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self, filter: &DeadLetterFilter) -> Result<u64> {
        if !filter.ids.is_empty() {
            return Ok(u64::try_from(by_ids(&self.store, filter).await?.len()).unwrap_or(u64::MAX));
        }
        let text = format!("SELECT count() FROM dead_letter {} GROUP ALL", conditions(filter));
        let row: Option<CountRow> = self.store.read(bound(Query::new(text), filter)).await?.row(0)?;
        Ok(row.and_then(|row| u64::try_from(row.count).ok()).unwrap_or(0))
    }

    async fn with_examples(
        &self,
        groups: Vec<(CauseCursor, GroupRow)>,
        filter: &DeadLetterFilter,
    ) -> Result<Vec<CauseGroup>> {
        let mut found = Vec::with_capacity(groups.len());
        for (place, group) in groups {
            let filter = DeadLetterFilter { cause: Some(place.cause), ..filter.clone() };
            // A group whose last letter has gone meanwhile is left out.
            let Some(letter) = self.list(&filter, None, 1).await?.items.pop() else { continue };
            found.push(CauseGroup {
                cause: letter.cause,
                worker: letter.id.subscription.worker().to_owned(),
                count: u64::try_from(group.n).unwrap_or(0),
                first_dead_at: Timestamp::from_millis(group.first),
                last_dead_at: Timestamp::from_millis(group.last),
                example: letter.id,
            });
        }
        Ok(found)
    }
}

/// The next rows of the narrowest index that a filter has, newest first; the rest of the filter is the caller's to apply.
async fn newest(store: &Store, filter: &DeadLetterFilter, before: &str, limit: usize) -> Result<Vec<DeadLetterRow>> {
    let text = format!(
        "SELECT * FROM dead_letter WHERE {} place < $before ORDER BY place DESC LIMIT $limit",
        narrowest(filter)
    );
    let query = bound(Query::new(text), filter).bind("before", before.to_owned());
    store.read(query.bind("limit", i64::try_from(limit).unwrap_or(i64::MAX))).await?.rows(0)
}

/// The next rows of the narrowest index that a filter has, oldest first, behind `after`; the rest of the filter is the
/// caller's to apply. With ids in the filter all of them that are left.
pub(in crate::store) async fn oldest(
    store: &Store,
    filter: &DeadLetterFilter,
    after: &str,
    limit: usize,
) -> Result<Vec<DeadLetterRow>> {
    if !filter.ids.is_empty() {
        let mut rows = by_ids(store, filter).await?;
        rows.retain(|row| row.place.as_deref().is_some_and(|place| place > after));
        rows.sort_by(|a, b| a.place.cmp(&b.place));
        rows.truncate(limit);
        return Ok(rows);
    }
    let text =
        format!("SELECT * FROM dead_letter WHERE {} place > $after ORDER BY place LIMIT $limit", narrowest(filter));
    let query = bound(Query::new(text), filter).bind("after", after.to_owned());
    store.read(query.bind("limit", i64::try_from(limit).unwrap_or(i64::MAX))).await?.rows(0)
}

async fn by_ids(store: &Store, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterRow>> {
    let rows: Vec<DeadLetterRow> = store.rows(records(&filter.ids)).await?;
    let mut matching = Vec::with_capacity(rows.len());
    for row in rows {
        if row.matches(filter)? {
            matching.push(row);
        }
    }
    Ok(matching)
}

fn records(ids: &[DeadLetterId]) -> Vec<RecordId> {
    ids.iter().map(|id| dead_letter_id(id.subscription.as_str(), id.event)).collect()
}

/// The equality that the narrowest index begins with. With one more condition the limit would not reach the scan.
fn narrowest(filter: &DeadLetterFilter) -> &'static str {
    match filter {
        DeadLetterFilter { post: Some(_), .. } => "post = $post AND",
        DeadLetterFilter { cause: Some(_), .. } => "cause = $cause AND",
        DeadLetterFilter { worker: Some(_), .. } => "worker = $worker AND",
        _ => "",
    }
}

/// Everything but ids that a filter asks for.
fn conditions(filter: &DeadLetterFilter) -> String {
    let mut conditions = Vec::new();
    conditions.extend(filter.post.map(|_| "post = $post"));
    conditions.extend(filter.cause.as_ref().map(|_| "cause = $cause"));
    conditions.extend(filter.worker.as_ref().map(|_| "worker = $worker"));
    conditions
        .extend(filter.worker.as_ref().filter(|subscription| subscription.is_local()).map(|_| "id[0] = $subscription"));
    if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) }
}

fn bound(query: Query, filter: &DeadLetterFilter) -> Query {
    query
        .bind("post", filter.post.map(|post| post.to_string()))
        .bind("cause", filter.cause.as_ref().map(ToString::to_string))
        .bind("worker", filter.worker.as_ref().map(|subscription| subscription.worker().to_owned()))
        .bind("subscription", filter.worker.as_ref().map(|subscription| subscription.as_str().to_owned()))
}
