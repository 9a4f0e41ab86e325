//! Counters: one row per subject, metric and day, written as effects of the analytics worker and by folded views.

use std::collections::BTreeMap;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Result, Store,
    keys::{self, parts},
    roads::Lookup,
};
use crate::domain::{AccountId, Day, PostId, Tag, Timestamp};

/// How many of an author's tags are looked at. Everything else that is read grows with days, not with what an author makes up.
const TAGS_READ: usize = 1_000;
/// What is counted of an author by day, besides tags.
const METRICS: [&str; 5] = ["followers", "posts", "published", "views", "words"];

/// What everybody may know of an author's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileStats {
    /// Published posts that everybody may see.
    pub posts: u64,
    /// Present followers.
    pub followers: u64,
}

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
    /// Whether there are tags beyond the first thousand in the order of the alphabet, which are all that are looked at.
    pub has_more_tags: bool,
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
        let [rows] = self.rows(&of_post(post), ["views"]).await?;
        Ok(rows.into_iter().map(|(day, n)| (day, positive(n))).collect())
    }

    /// What everybody may know of an author's numbers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn profile(&self, author: AccountId) -> Result<ProfileStats> {
        let [followers, hidden, posts] = self.rows(&of_author(author), ["followers", "hidden", "posts"]).await?;
        Ok(ProfileStats { posts: sum(&posts).saturating_sub(sum(&hidden)), followers: sum(&followers) })
    }

    /// An author's numbers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn author(&self, author: AccountId) -> Result<AuthorStats> {
        let [followers, posts, published, views, words] = self.rows(&of_author(author), METRICS).await?;
        let (tags, has_more_tags) = self.tags(author).await?;
        Ok(AuthorStats {
            posts: sum(&posts),
            words: sum(&words),
            followers: sum(&followers),
            views: views.iter().map(|(_, n)| positive(*n)).sum(),
            tags,
            has_more_tags,
            by_day: by_day(&[followers, posts, published, views, words]),
        })
    }

    /// Posts per tag, most used first, and whether there are more than were looked at.
    async fn tags(&self, author: AccountId) -> Result<(Vec<(Tag, u64)>, bool)> {
        let subject = of_author(author);
        // ';' comes right behind ':'.
        let range = keys::range("stat", parts![subject.clone(), "tag:"], false, parts![subject, "tag;"]);
        let mut ids = self.store.page(range, TAGS_READ + 1).await?;
        let has_more = ids.len() > TAGS_READ;
        ids.truncate(TAGS_READ);
        let rows: Vec<StatRow> = self.store.rows(ids).await?;
        let mut totals: BTreeMap<String, i64> = BTreeMap::new();
        for row in rows {
            let (metric, _, n) = row.read()?;
            *totals.entry(metric.strip_prefix("tag:").unwrap_or_default().to_owned()).or_default() += n;
        }
        let used = totals.into_iter().filter(|(_, n)| *n > 0);
        let mut tags: Vec<(Tag, u64)> = used.map(|(tag, n)| (Tag::from_trusted(tag), positive(n))).collect();
        tags.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok((tags, has_more))
    }

    /// The days of some of a subject's metrics, oldest first: of each a range of its own, so that nothing else is read.
    async fn rows<const N: usize>(&self, subject: &str, metrics: [&str; N]) -> Result<[Vec<(Day, i64)>; N]> {
        let range =
            |metric: &str| keys::range("stat", parts![subject, metric, ""], false, parts![subject, metric, "~"]);
        let mut found = self.store.look(metrics.map(|metric| Lookup::Range(range(metric))).into()).await?;
        let mut days = [const { Vec::new() }; N];
        for days in &mut days {
            for row in found.next::<StatRow>()? {
                let (_, day, n) = row.read()?;
                days.push((day, n));
            }
        }
        Ok(days)
    }
}

impl StatRow {
    /// The metric, the day and the number.
    fn read(self) -> Result<(String, Day, i64)> {
        let mut parts = keys::Parts::of(self.id)?;
        parts.text()?;
        Ok((parts.text()?, Day::from_trusted(parts.text()?), self.n))
    }
}

/// The days on which something happened, oldest first.
fn by_day([followers, posts, published, views, words]: &[Vec<(Day, i64)>; 5]) -> Vec<DayStats> {
    let mut days: BTreeMap<Day, DayStats> = BTreeMap::new();
    for (day, _) in [followers, posts, published, views, words].into_iter().flatten() {
        let none = || DayStats { day: day.clone(), posts: 0, views: 0, new_followers: 0 };
        days.entry(day.clone()).or_insert_with(none);
    }
    let mut add = |rows: &[(Day, i64)], add: fn(&mut DayStats, i64)| {
        for (day, n) in rows {
            if let Some(stats) = days.get_mut(day) {
                add(stats, *n);
            }
        }
    };
    add(published, |stats, n| stats.posts += positive(n));
    add(views, |stats, n| stats.views += positive(n));
    add(followers, |stats, n| stats.new_followers += n);
    days.into_values().collect()
}

fn sum(rows: &[(Day, i64)]) -> u64 {
    positive(rows.iter().map(|(_, n)| n).sum())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ContentChange,
        store::{
            AnalyticsAccess,
            testing::{on_a_deep_stack, store},
        },
    };

    async fn publish(store: &Store, author: AccountId, tags: &[String], at: i64) {
        let tags = tags.iter().map(|tag| Tag::from_trusted(tag.clone())).collect();
        let change = ContentChange { words: 2, tags_added: tags, ..ContentChange::default() };
        let effects = AnalyticsAccess::new(store).content(author, 1, &change, Timestamp::from_millis(at));
        store.commit(effects.0).await.unwrap();
    }

    #[test]
    fn more_than_a_thousand_tags_are_not_all_looked_at() {
        on_a_deep_stack(|| async {
            let (store, author) = (store().await, AccountId::generate());
            let tags: Vec<String> = (0..TAGS_READ).map(|number| format!("tag{number:05}")).collect();
            publish(&store, author, &tags, 0).await;
            let reads = StatReads::new(&store);
            let stats = reads.author(author).await.unwrap();
            assert_eq!((stats.tags.len(), stats.has_more_tags), (TAGS_READ, false));
            publish(&store, author, &["\u{e4}rger".to_owned()], 0).await;
            let stats = reads.author(author).await.unwrap();
            assert_eq!((stats.tags.len(), stats.has_more_tags), (TAGS_READ, true));
            assert_eq!((stats.posts, stats.words, stats.by_day.len()), (2, 4, 1));
            assert_eq!(reads.profile(author).await.unwrap(), ProfileStats { posts: 2, followers: 0 });
        });
    }

    #[test]
    fn a_tag_is_one_row_whatever_the_days_on_which_it_was_used() {
        on_a_deep_stack(|| async {
            const DAY: i64 = 86_400_000;
            let (store, author) = (store().await, AccountId::generate());
            for day in 0..20 {
                publish(&store, author, &["tea".to_owned()], day * DAY).await;
            }
            // As it was counted before tags lost their days.
            let mut before = super::super::batch::Batch::default();
            before.count(of_author(author), "tag:tea", "2020-01-01", 3);
            store.commit(before).await.unwrap();
            let stats = StatReads::new(&store).author(author).await.unwrap();
            assert_eq!(stats.tags, [(Tag::from_trusted("tea".into()), 23)]);
            assert_eq!(stats.by_day.len(), 20);
            let subject = of_author(author);
            let range = keys::range("stat", parts![subject.clone(), "tag:"], false, parts![subject, "tag;"]);
            assert_eq!(store.page(range, 10).await.unwrap().len(), 2);
        });
    }
}
