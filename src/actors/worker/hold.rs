//! Publications that wait for their post's approval. Most verdicts come within milliseconds, so a publication first waits
//! in memory; only when it has waited for two seconds does it become a held row, which costs as much as ten mails.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::domain::{Event, PostId};

/// How long a publication waits in memory.
const GRACE: Duration = Duration::from_secs(2);

/// The publications that wait.
#[derive(Debug, Default)]
pub(super) struct Holds {
    parked: HashMap<PostId, (Arc<Event>, Instant)>,
    rows: HashSet<PostId>,
    /// Held rows that this process has not written itself.
    pub(super) has_older_rows: bool,
}

impl Holds {
    /// A publication waits in memory.
    pub(super) fn park(&mut self, post: PostId, event: Arc<Event>) {
        self.parked.insert(post, (event, Instant::now() + GRACE));
    }

    /// The verdict on a post has come: the publication that waited for it in memory, if one did.
    pub(super) fn unpark(&mut self, post: PostId) -> Option<Arc<Event>> {
        self.parked.remove(&post).map(|(event, _)| event)
    }

    /// The publications that have waited long enough in memory (all of them if `everything`): they become held rows.
    pub(super) fn give_up(&mut self, everything: bool) -> Vec<(PostId, Arc<Event>)> {
        let now = Instant::now();
        let expired: Vec<PostId> =
            self.parked.iter().filter(|(_, (_, until))| everything || *until <= now).map(|(post, _)| *post).collect();
        let given_up: Vec<_> = expired.into_iter().filter_map(|post| Some((post, self.unpark(post)?))).collect();
        self.rows.extend(given_up.iter().map(|(post, _)| *post));
        given_up
    }

    /// Whether there may be a held row of this post; asking forgets it.
    pub(super) fn may_have_row(&mut self, post: PostId) -> bool {
        self.rows.remove(&post) || self.has_older_rows
    }

    /// Whether nothing waits in memory.
    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }
}
