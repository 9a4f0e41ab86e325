//! Publications that wait for their post's approval. Most verdicts come within milliseconds, so a publication first waits
//! in memory. It becomes a held row, which costs as much as ten mails, when no verdict at all has come for two seconds, when it
//! has waited for a minute, or when the worker's window is full.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::domain::{Event, PostId};

/// How long a publication waits in memory while no verdicts come, and while they do.
const SILENCE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

/// The publications that wait.
#[derive(Debug, Default)]
pub(super) struct Holds {
    parked: HashMap<PostId, Arc<Event>>,
    /// Since when they wait, oldest first; those whose verdict has come are passed over.
    order: VecDeque<(Instant, PostId)>,
    last_verdict: Option<Instant>,
    rows: HashSet<PostId>,
    /// Held rows that this process has not written itself.
    pub(super) has_older_rows: bool,
}

impl Holds {
    /// A publication waits in memory.
    pub(super) fn park(&mut self, post: PostId, event: Arc<Event>) {
        self.order.push_back((Instant::now(), post));
        self.parked.insert(post, event);
    }

    /// The verdict on a post has come: the publication that waited for it in memory, if one did.
    pub(super) fn unpark(&mut self, post: PostId) -> Option<Arc<Event>> {
        self.last_verdict = Some(Instant::now());
        self.parked.remove(&post)
    }

    /// The publications that have waited long enough in memory, and at least so many of the oldest: they become held rows.
    pub(super) fn give_up(&mut self, oldest: usize) -> Vec<(PostId, Arc<Event>)> {
        let is_silent = self.last_verdict.is_none_or(|at| at.elapsed() >= SILENCE);
        let patience = if is_silent { SILENCE } else { LONGEST };
        let mut given_up = Vec::new();
        while let Some((since, post)) = self.order.front() {
            if self.parked.contains_key(post) && given_up.len() >= oldest && since.elapsed() < patience {
                break;
            }
            given_up.extend(self.parked.remove(post).map(|event| (*post, event)));
            self.order.pop_front();
        }
        self.expect_rows(given_up.iter().map(|(post, _)| *post));
        given_up
    }

    /// These posts' publications become rows: their verdicts must look for them.
    pub(super) fn expect_rows(&mut self, posts: impl IntoIterator<Item = PostId>) {
        self.rows.extend(posts);
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
