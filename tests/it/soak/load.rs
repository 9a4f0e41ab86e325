//! The load: so many requests a second, whatever becomes of them. A request's time counts from when it was due, so that it includes
//! the time it waited because the server was slow.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use rand::{RngExt, rngs::StdRng};
use tokio::task::JoinSet;

use super::{latency::Latencies, oracle::Oracle, prose::Prose};

/// A token that is older than this is refreshed out of turn.
const OLD: Duration = Duration::from_secs(600);
/// So many errors are enough.
const MOST_ERRORS: usize = 50;

/// What people ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Publish,
    Edit,
    Delete,
    /// Following or the end of it.
    Follow,
    Read,
    /// The first page of the feed.
    Feed,
    /// A later page of it.
    Deeper,
    Search,
    List,
    Author,
    Atom,
    Stats,
    Receipt,
    SignIn,
    Refresh,
    Admin,
}

impl Kind {
    pub(super) const ALL: [Self; 16] = [
        Self::Publish,
        Self::Edit,
        Self::Delete,
        Self::Follow,
        Self::Read,
        Self::Feed,
        Self::Deeper,
        Self::Search,
        Self::List,
        Self::Author,
        Self::Atom,
        Self::Stats,
        Self::Receipt,
        Self::SignIn,
        Self::Refresh,
        Self::Admin,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Follow => "follow",
            Self::Read => "read",
            Self::Feed => "feed",
            Self::Deeper => "feed_deeper",
            Self::Search => "search",
            Self::List => "list",
            Self::Author => "author",
            Self::Atom => "atom",
            Self::Stats => "stats",
            Self::Receipt => "receipt",
            Self::SignIn => "sign_in",
            Self::Refresh => "refresh",
            Self::Admin => "admin",
        }
    }

    /// How many of a thousand requests are of this kind.
    fn share(self) -> u32 {
        match self {
            Self::Read => 230,
            Self::Feed => 150,
            Self::Deeper | Self::Search => 120,
            Self::Publish => 80,
            Self::List => 60,
            Self::Stats => 40,
            Self::Edit | Self::Author | Self::Atom | Self::Admin => 30,
            Self::Delete | Self::Follow | Self::Receipt => 20,
            Self::Refresh => 14,
            Self::SignIn => 6,
        }
    }

    fn choose(random: &mut StdRng) -> Self {
        let total = Self::ALL.into_iter().map(Self::share).sum();
        let mut left = random.random_range(0..total);
        for kind in Self::ALL {
            match left.checked_sub(kind.share()) {
                Some(rest) => left = rest,
                None => return kind,
            }
        }
        unreachable!("the shares add up to the total")
    }
}

/// What the steps share.
pub(super) struct Run {
    pub(super) room: Oracle,
    pub(super) prose: Prose,
    pub(super) random: RefCell<StdRng>,
    pub(super) latencies: RefCell<Latencies>,
    pub(super) in_flight: Cell<usize>,
    /// Requests that change something, and were acknowledged.
    pub(super) accepted: Cell<u64>,
    /// What could be expected to go wrong: a post that somebody reads while somebody else deletes it.
    pub(super) intended: RefCell<BTreeMap<&'static str, u64>>,
    pub(super) errors: RefCell<Vec<String>>,
}

/// Offers the load until its time is over, and waits for what is under way.
pub(super) async fn offer(run: &Rc<Run>, rate: f64, began: Instant, duration: Duration) {
    let mut tasks = JoinSet::new();
    for number in 0.. {
        let due = began + Duration::from_secs_f64(f64::from(number) / rate);
        if due >= began + duration {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        while let Some(ended) = tasks.try_join_next() {
            ended.unwrap();
        }
        let run = Rc::clone(run);
        tasks.spawn_local(async move {
            run.in_flight.set(run.in_flight.get() + 1);
            run.one(due).await;
            run.in_flight.set(run.in_flight.get() - 1);
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

impl Run {
    async fn one(&self, due: Instant) {
        let is_old = self.room.oldest_token().is_some_and(|(_, at)| at.elapsed() > OLD);
        let kind = if is_old { Kind::Refresh } else { Kind::choose(&mut self.random.borrow_mut()) };
        if let Err(error) = self.act(kind, due).await {
            let mut errors = self.errors.borrow_mut();
            let error = format!("{} after {:?}: {error}", kind.name(), due.elapsed());
            println!("{error}");
            errors.push(error);
            assert!(errors.len() < MOST_ERRORS, "too many errors: {errors:#?}");
        }
    }

    pub(super) fn intend(&self, what: &'static str) {
        *self.intended.borrow_mut().entry(what).or_default() += 1;
    }
}
