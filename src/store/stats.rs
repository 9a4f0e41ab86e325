//! Counters: one row per subject, metric and day, written as effects of the analytics worker and by folded views.

use std::collections::BTreeMap;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Result, Store,
    keys::{self, parts},
    query::Query,
};
use crate::domain::{AccountId, Day, PostId, Tag, Timestamp};

/// An author's numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorStats {
    /// Posts that are out.
    pub posts: u64,
    /// Words in everything published.
    pub words: u64,
    /// Present followers.
    pub followers: u64,
    /// Views of all posts.
    pub views: u64,
    /// Posts per tag, most used first.
    pub tags: Vec<(Tag, u64)>,
    /// By day, oldest first.
    pub by_day: Vec<DayStats>,
}

/// An author's numbers of one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayStats {
    /// The day.
    pub day: Day,
    /// Posts published.
    pub posts: u64,
    /// Views of all posts.
    pub views: u64,
    /// Followers won less followers lost.
    pub new_followers: i64,
}

/// Reading counters.
#[derive(Clone)]
pub struct StatReads {
    store: Store,
}

#[derive(SurrealValue)]
pub(super) struct StatRow {
    id: RecordId,
    n: i64,
}

/// The subject under which a post's counters stand.
pub(super) fn of_post(post: PostId) -> String {
    format!("post:{post}")
}

/// The subject under which an author's counters stand.
pub(super) fn of_author(author: AccountId) -> String {
    format!("author:{author}")
}

impl StatReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// A post's views by UTC day, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn views(&self, post: PostId) -> Result<Vec<(Day, u64)>> {
        let rows = self.rows(of_post(post)).await?;
        Ok(rows.into_iter().filter(|row| row.0 == "views").map(|(_, day, n)| (day, positive(n))).collect())
    }

    /// An author's numbers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn author(&self, author: AccountId) -> Result<AuthorStats> {
        let mut stats = AuthorStats::default();
        let mut tags: BTreeMap<String, i64> = BTreeMap::new();
        let mut days: BTreeMap<Day, DayStats> = BTreeMap::new();
        let (mut posts, mut followers, mut words) = (0, 0, 0);
        for (metric, day, n) in self.rows(of_author(author)).await? {
            if let Some(tag) = metric.strip_prefix("tag:") {
                *tags.entry(tag.to_owned()).or_default() += n;
                continue;
            }
            let of_day = days.entry(day.clone()).or_insert(DayStats { day, posts: 0, views: 0, new_followers: 0 });
            match metric.as_str() {
                "published" => of_day.posts += positive(n),
                "posts" => posts += n,
                "words" => words += n,
                "views" => {
                    of_day.views += positive(n);
                    stats.views += positive(n);
                }
                "followers" => {
                    of_day.new_followers += n;
                    followers += n;
                }
                _ => {}
            }
        }
        stats.posts = positive(posts);
        stats.words = positive(words);
        stats.followers = positive(followers);
        let mut tags: Vec<(Tag, u64)> =
            tags.into_iter().filter(|(_, n)| *n > 0).map(|(tag, n)| (Tag::from_trusted(tag), positive(n))).collect();
        tags.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        stats.tags = tags;
        stats.by_day = days.into_values().collect();
        Ok(stats)
    }

    async fn rows(&self, subject: String) -> Result<Vec<(String, Day, i64)>> {
        let range = keys::range("stat", parts![subject.clone(), ""], false, parts![subject, "~"]);
        let mut answers = self.store.read(Query::new("SELECT * FROM $range").bind("range", range)).await?;
        let row = |row: StatRow| {
            let mut parts = keys::Parts::of(row.id)?;
            parts.text()?;
            Ok((parts.text()?, Day::from_trusted(parts.text()?), row.n))
        };
        answers.rows::<StatRow>(0)?.into_iter().map(row).collect()
    }
}

fn positive(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Views collected in memory, to be added to the counters.
pub(super) fn count_view(batch: &mut super::batch::Batch, post: PostId, author: AccountId, at: Timestamp, n: i64) {
    let day = at.day();
    batch.count(of_post(post), "views", day.as_str(), n);
    batch.count(of_author(author), "views", day.as_str(), n);
}
