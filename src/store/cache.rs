//! The one cache of rows, with two doors and no others: [`Cache::read`] and [`Cache::write`]. Nobody can put a row in by hand.
//!
//! What it promises, and `tests.rs` tries in every order of steps: while nobody writes a row, the cache holds it as the database does
//! or not at all; while somebody does, it does not hold it. So whoever has been answered reads what the answer said, or something newer.
//!
//! A reader takes a *ticket* before it asks the database; the row is kept only if no writer was there between the ticket and the row. A
//! writer *brackets* its write: it takes the row out before and lets rows in again after. It leaves the row as it has written it
//! only if nobody else wrote meanwhile: of two writers none knows whose write came last. Tickets and brackets are counted per
//! stripe of keys, so a stranger's write can make a row go, but never come.
//!
//! Posts and accounts are kept here. Nothing else that can change is kept anywhere: sessions and suppressed addresses are read where
//! they count, pauses are read again every second. What is kept elsewhere cannot change: the server's keys, tokens whose signature was
//! checked, the HTML of one version of a post.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hash, RandomState},
    sync::Arc,
};

use parking_lot::Mutex;
use quick_cache::{Weighter, sync};
use tokio::runtime::Handle;

use super::{Error, Result};

/// How many stripes the keys are spread over.
const STRIPES: usize = 1024;

/// Rows by key, kept in this process as long as it is the database's only writer.
pub(super) struct Cache<K, V> {
    kept: Option<Arc<Kept<K, V>>>,
}

/// What a write leaves behind.
pub(super) struct Written<K, V, T> {
    /// What the writer is answered.
    pub(super) answer: T,
    /// The rows as this write has left them, as far as they are known.
    pub(super) rows: Vec<(K, V)>,
}

impl<K, V, T> Written<K, V, T> {
    /// An answer that says nothing about the rows: the next reader asks the database.
    pub(super) const fn unseen(answer: T) -> Self {
        Self { answer, rows: Vec::new() }
    }
}

impl<K: Key, V: Row> Cache<K, V> {
    /// A cache of rows that may weigh so much together, about `rows` of them; without room for any it keeps nothing.
    pub(super) fn new(rows: usize, weight: u64, weigh: fn(&V) -> u64) -> Self {
        Self { kept: (rows > 0).then(|| Arc::new(Kept::new(rows, weight, weigh, STRIPES))) }
    }

    /// The rows of these keys that there are: from here, and those that are missing by `load`, which is asked for them once.
    pub(super) async fn read<F>(&self, keys: &[K], load: impl FnOnce(Vec<K>) -> F) -> Result<HashMap<K, V>>
    where
        F: Future<Output = Result<Vec<(K, V)>>>,
    {
        let kept = self.kept.as_deref();
        let known = |key: &K| Some((*key, kept?.rows.get(key)?));
        let mut found: HashMap<K, V> = keys.iter().filter_map(known).collect();
        let missing: Vec<K> = keys.iter().copied().filter(|key| !found.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let tickets: HashMap<K, Ticket> =
            kept.map(|kept| missing.iter().map(|key| (*key, kept.ticket(key))).collect()).unwrap_or_default();
        for (key, row) in load(missing).await? {
            if let (Some(kept), Some(ticket)) = (kept, tickets.get(&key)) {
                kept.fill(*ticket, key, &row);
            }
            found.insert(key, row);
        }
        Ok(found)
    }

    /// Runs a write of these keys to its end on the work runtime, also when the caller goes away: a bracket that closed before its
    /// write would let in what was true before it.
    ///
    /// # Errors
    /// What the write answers, or [`Error::Unavailable`] if it panicked.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        runtime: &Handle,
        keys: impl IntoIterator<Item = K>,
        write: impl Future<Output = Result<Written<K, V, T>>> + Send + 'static,
    ) -> Result<T> {
        let bracket = self.kept.as_ref().map(|kept| Kept::bracket(kept, keys));
        let writing = runtime.spawn(async move {
            // Here, and not in what ends it: it closes in every case, also when the write panics.
            let mut bracket = bracket;
            let Written { answer, rows } = write.await?;
            if let Some(bracket) = &mut bracket {
                bracket.leave(rows);
            }
            Ok(answer)
        });
        writing.await.map_err(|error| Error::Unavailable(error.to_string()))?
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { kept: self.kept.clone() }
    }
}

/// What a row can be found by.
pub(super) trait Key: Copy + Eq + Hash + Send + Sync + 'static {}
impl<K: Copy + Eq + Hash + Send + Sync + 'static> Key for K {}

/// What can be kept.
pub(super) trait Row: Clone + Send + Sync + 'static {}
impl<V: Clone + Send + Sync + 'static> Row for V {}

struct Kept<K, V> {
    rows: sync::Cache<K, V, Weigh<V>>,
    stripes: Vec<Mutex<Stripe>>,
    hasher: RandomState,
}

/// Who writes the keys of one stripe. Its lock is held while a row comes or goes, so that none slips in behind a check.
#[derive(Debug, Default)]
struct Stripe {
    /// Counts how often a writer came or left.
    generation: u64,
    /// How many are there.
    writers: u32,
}

/// When a reader began.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    generation: u64,
}

#[derive(Clone)]
struct Weigh<V>(fn(&V) -> u64);

impl<K, V: Clone> Weighter<K, V> for Weigh<V> {
    fn weight(&self, _: &K, row: &V) -> u64 {
        (self.0)(row)
    }
}

impl<K: Key, V: Row> Kept<K, V> {
    fn new(rows: usize, weight: u64, weigh: fn(&V) -> u64, stripes: usize) -> Self {
        Self {
            rows: sync::Cache::with_weighter(rows, weight, Weigh(weigh)),
            stripes: std::iter::repeat_with(Mutex::default).take(stripes.max(1)).collect(),
            hasher: RandomState::new(),
        }
    }

    fn stripe(&self, key: &K) -> usize {
        usize::try_from(self.hasher.hash_one(key) >> 1).unwrap_or(0) % self.stripes.len()
    }

    /// Runs something under the lock of a stripe.
    fn with<T>(&self, stripe: usize, change: impl FnOnce(&mut Stripe) -> T) -> Option<T> {
        Some(change(&mut self.stripes.get(stripe)?.lock()))
    }

    fn ticket(&self, key: &K) -> Ticket {
        Ticket { generation: self.with(self.stripe(key), |stripe| stripe.generation).unwrap_or_default() }
    }

    /// Keeps a row that a reader has loaded, unless a writer is there or was there since the reader's ticket.
    fn fill(&self, ticket: Ticket, key: K, row: &V) {
        self.with(self.stripe(&key), |stripe| {
            if stripe.writers == 0 && stripe.generation == ticket.generation {
                self.rows.insert(key, row.clone());
            }
        });
    }

    fn bracket(kept: &Arc<Self>, keys: impl IntoIterator<Item = K>) -> Bracket<K, V> {
        let mut begun = BTreeMap::new();
        for key in keys {
            let stripe = kept.stripe(&key);
            kept.with(stripe, |writing| {
                // Several keys of one write may be in one stripe: it is one writer all the same.
                begun.entry(stripe).or_insert_with(|| {
                    writing.writers += 1;
                    writing.generation += 1;
                    Ticket { generation: writing.generation }
                });
                kept.rows.remove(&key);
            });
        }
        Bracket { kept: Arc::clone(kept), begun, rows: HashMap::new() }
    }
}

/// A write under way; it ends when this is dropped.
struct Bracket<K: Key, V: Row> {
    kept: Arc<Kept<K, V>>,
    /// The stripes of its keys, and when it came to each.
    begun: BTreeMap<usize, Ticket>,
    /// What it leaves in each.
    rows: HashMap<usize, Vec<(K, V)>>,
}

impl<K: Key, V: Row> Bracket<K, V> {
    /// The write has succeeded, and these are its rows.
    fn leave(&mut self, rows: Vec<(K, V)>) {
        for (key, row) in rows {
            self.rows.entry(self.kept.stripe(&key)).or_default().push((key, row));
        }
    }
}

impl<K: Key, V: Row> Drop for Bracket<K, V> {
    fn drop(&mut self) {
        for (stripe, begun) in std::mem::take(&mut self.begun) {
            let rows = self.rows.remove(&stripe).unwrap_or_default();
            self.kept.with(stripe, |writing| {
                let was_alone = writing.writers == 1 && writing.generation == begun.generation;
                writing.writers = writing.writers.saturating_sub(1);
                writing.generation += 1;
                for (key, row) in rows.into_iter().filter(|_| was_alone) {
                    self.kept.rows.insert(key, row);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
