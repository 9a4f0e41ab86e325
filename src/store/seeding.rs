//! Rows in bulk, for benchmarks and for nobody else: audiences that would take hours to sign up one by one. Whatever is
//! measured goes through the same doors as everybody's requests.

use std::time::Duration;

use futures_util::future::try_join3;
use surrealdb::types::{Object, SurrealValue, Value};

use super::{
    EventLog, NewDelivery, Result, Store,
    accounts::{self, AccountRow},
    batch::Batch,
    events::LoggedEvent,
    follows, keys,
};
use crate::domain::{
    AccountId, ContentChange, Email, Epoch, Event, EventId, EventKind, PostId, Role, Timestamp, TraceContext,
};

/// Rows per transaction; larger ones are slower.
const CHUNK: usize = 1_000;

/// The benchmark's access.
#[derive(Clone)]
pub struct Seeding {
    store: Store,
}

impl Seeding {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Gives an author so many new followers: confirmed accounts that want no mail, and that nobody can sign in to, because
    /// they have neither a password nor an address that leads to them. The event log says nothing about them.
    ///
    /// # Errors
    /// When the database does not answer; the followers written until then stay.
    pub async fn add_followers(&self, author: AccountId, count: usize, now: Timestamp) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let readers: Vec<_> = (0..left.min(CHUNK))
                .map(|_| AccountId::generate())
                .map(|id| (id, account_row(id, None, now)))
                .collect();
            left -= readers.len();
            self.insert(author, readers).await?;
        }
        Ok(())
    }

    /// Gives an author new followers who want mail at these addresses; otherwise they are like those of
    /// [`Seeding::add_followers`].
    ///
    /// # Errors
    /// When the database does not answer; the followers written until then stay.
    pub async fn add_mailed_followers(&self, author: AccountId, emails: &[Email], now: Timestamp) -> Result<()> {
        for chunk in emails.chunks(CHUNK) {
            let person = |email: &Email| {
                let id = AccountId::generate();
                (id, account_row(id, Some(email), now))
            };
            self.insert(author, chunk.iter().map(person).collect()).await?;
        }
        Ok(())
    }

    /// Gives a worker's retry queue so many deliveries of posts that are not there, a millisecond apart from `first` on.
    ///
    /// # Errors
    /// When the database does not answer; the deliveries written until then stay.
    pub async fn add_deliveries(&self, worker: &str, count: usize, first: Timestamp) -> Result<()> {
        let epoch = Epoch::generate();
        let log = EventLog::new(&self.store, worker, "nobody");
        for from in (0..count).step_by(CHUNK) {
            let row = |n: usize| delivery(epoch, n, first);
            log.enqueue((from..count.min(from + CHUNK)).map(row).collect()).await?;
        }
        Ok(())
    }

    /// Adds sessions that expired a millisecond apart from `first` on.
    ///
    /// # Errors
    /// When the database does not answer; the sessions written until then stay.
    pub async fn add_sessions(&self, count: usize, first: Timestamp) -> Result<()> {
        for from in (0..count).step_by(CHUNK) {
            let mut batch = Batch::default();
            for n in from..count.min(from + CHUNK) {
                let mut row = Object::default();
                row.insert("id", keys::named("session", ulid::Ulid::generate().to_string()));
                row.insert("expires_at", after(first, n).as_millis());
                batch.put("session", Value::Object(row));
            }
            self.store.commit(batch).await?;
        }
        Ok(())
    }

    /// Adds a log of events that happened a millisecond apart from `first` on.
    ///
    /// # Errors
    /// When the database does not answer; the events written until then stay.
    pub async fn add_events(&self, count: usize, first: Timestamp) -> Result<Epoch> {
        let epoch = Epoch::generate();
        for from in (0..count).step_by(CHUNK) {
            let mut batch = Batch::default();
            for n in from..count.min(from + CHUNK) {
                batch.put("event", LoggedEvent::from(&event(epoch, n, first)).into_value());
            }
            self.store.commit(batch).await?;
        }
        Ok(epoch)
    }

    /// The follower whom a fan-out reaches last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_follower(&self, author: AccountId) -> Result<Option<AccountId>> {
        let mut last = None;
        loop {
            let page = follows::audience(&self.store, author, last, CHUNK).await?;
            last = page.last().copied().or(last);
            if page.len() < CHUNK {
                return Ok(last);
            }
        }
    }

    async fn insert(&self, author: AccountId, readers: Vec<(AccountId, Value)>) -> Result<()> {
        let (mut people, mut following, mut followers) = (Batch::default(), Batch::default(), Batch::default());
        for (reader, row) in readers {
            people.put("account", row);
            following.put_key("following", follows::following_id(reader, author));
            followers.put_key("follower", follows::follower_id(author, reader));
        }
        let write = |batch: Batch| self.store.commit(batch);
        try_join3(write(people), write(following), write(followers)).await.map(drop)
    }
}

/// So many milliseconds later.
fn after(first: Timestamp, n: usize) -> Timestamp {
    first.plus(Duration::from_millis(u64::try_from(n).unwrap_or(u64::MAX)))
}

/// The `n`-th event of a log, about a post that is not there.
fn event(epoch: Epoch, n: usize, first: Timestamp) -> Event {
    let (post, author, at) = (PostId::generate(), AccountId::generate(), after(first, n));
    let kind =
        EventKind::PostPublished { post, author, published_at: at, notify: true, change: ContentChange::default() };
    let seq = u64::try_from(n).unwrap_or(u64::MAX) + 1;
    Event { id: EventId { epoch, seq }, kind, at, trace: TraceContext::new(1, 1, 0) }
}

/// The `n`-th delivery of a backlog.
fn delivery(epoch: Epoch, n: usize, first: Timestamp) -> NewDelivery {
    let due = after(first, n);
    let event = event(epoch, n, first);
    NewDelivery { event, due, wait_for: None, run_isolated: false, receives: 0, failures: Vec::new(), progress: None }
}

/// Without an address it gets one that leads nowhere, and wants no mail.
pub(super) fn account_row(id: AccountId, email: Option<&Email>, now: Timestamp) -> Value {
    let mut row = AccountRow {
        id: accounts::id(id),
        email: email.map_or_else(|| format!("{id}@reader.invalid").to_lowercase(), |email| email.as_str().to_owned()),
        handle: format!("reader-{id}").to_lowercase(),
        name: "A reader".to_owned(),
        bio: String::new(),
        roles: vec![Role::User.as_str().to_owned()],
        mail_new_posts: email.is_some(),
        hold: false,
        created_at: now.as_millis(),
    }
    .into_value();
    if let Value::Object(row) = &mut row {
        row.insert("confirmed", true);
        row.insert("password", "");
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_reader_is_confirmed_wants_no_mail_and_has_no_password() {
        let Value::Object(row) = account_row(AccountId::generate(), None, Timestamp::from_millis(0)) else { panic!() };
        assert_eq!(row.get("confirmed"), Some(&Value::Bool(true)));
        assert_eq!(row.get("mail_new_posts"), Some(&Value::Bool(false)));
        assert_eq!(row.get("password"), Some(&Value::String(String::new())));
    }
}
