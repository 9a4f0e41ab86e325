//! Leasing what is due in the retry queue. Deliveries that may have killed the process are leased one at a
//! time on the whole node, because a lease is what a death costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::sync::OwnedSemaphorePermit;

use super::{Worker, actor::WorkerActor, floor::Floor};
use crate::{
    domain::Timestamp,
    store::{Claimed, Deliveries, Found, Lease, Result},
};

/// What is known of the deliveries that are due.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Due and not leased yet.
    pub(super) found: Found,
    /// How far back a scan for more has to look.
    pub(super) floor: Floor,
    /// When it was last asked what will be due next.
    asked: Option<Instant>,
    /// When the last scan began.
    scanned: Option<Instant>,
}

/// How many deliveries a scan finds at once where no other node leases them meanwhile.
const SCAN: usize = 1_000;
/// How often a worker looks for what is due without being told, and asks what will be due next.
const ASK: Duration = Duration::from_secs(1);

/// Deliveries that may have killed the process.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    /// How many there are, as far as known.
    pub(super) count: usize,
    /// Held while one of them is leased here.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// No delivery is put off for longer than this.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// A clock that goes backwards by more than this was set.
const SLACK: Duration = Duration::from_secs(10);
/// How often and how far apart deliveries are recalled then.
const RECALLS: u32 = 8;
const RECALL_PAUSE: Duration = Duration::from_secs(5);

impl<W: Worker> WorkerActor<W> {
    /// When the clock was set back, what waits for times that it had shown is made due: a try too early costs less than days of waiting.
    pub(super) fn detect_clock_rollback(&mut self, ctx: &mut Context<Self>) {
        let now = self.engine.clock.now();
        let was_set_back = now.plus(SLACK) < self.last_seen;
        self.last_seen = now;
        if was_set_back {
            tracing::warn!(worker = W::NAME, "the clock was set back; what waited for later is tried now");
            self.recalls = RECALLS;
            self.recall(ctx);
        }
    }

    /// More than once, because what ended just before may be written just after.
    fn recall(&mut self, ctx: &mut Context<Self>) {
        if self.recalls == 0 {
            return;
        }
        let now = self.engine.clock.now();
        let (deliveries, horizon) = (self.deliveries.clone(), now.plus(self.settings.visibility_timeout));
        let recalling = async move { deliveries.recall(now, horizon).await };
        ctx.spawn(recalling.into_actor(self).map(move |recalled, actor, ctx| {
            match recalled {
                Ok(()) => {
                    actor.recalls = actor.recalls.saturating_sub(1);
                    actor.due_at(now);
                    actor.drive(ctx);
                }
                Err(error) => actor.record_error("cannot make due what waits for a clock that was ahead", &error),
            }
            ctx.run_later(RECALL_PAUSE, Self::recall);
        }));
    }

    /// The next leased delivery that may run now: at most half of the slots, and one that must run alone only when
    /// nothing else does.
    pub(super) fn next_claimed(&mut self) -> Option<Claimed> {
        let fits = self.slots.exceptional * 2 < self.settings.batch || self.slots.exceptional == self.slots.running;
        let must_be_alone = self.claimed.front()?.run_isolated || self.claimed.front()?.was_lost;
        let may_run = if must_be_alone { self.slots.running == 0 } else { fits };
        if may_run { self.claimed.pop_front() } else { None }
    }

    /// Leases due deliveries for the free slots.
    pub(super) fn claim(&mut self, ctx: &mut Context<Self>) {
        let now = self.engine.clock.now();
        let free = self.settings.batch.saturating_sub(self.slots.running + self.claimed.len());
        // Looking is the truth; what the worker is told only makes it faster.
        let is_stale = self.backlog.scanned.is_none_or(|at| at.elapsed() >= ASK);
        let is_due = !self.backlog.found.is_empty() || self.next_due.is_some_and(|due| due <= now) || is_stale;
        if self.is_claiming || !is_due || free == 0 || !self.breaker.may_start(now) || self.isolation.permit.is_some() {
            return;
        }
        self.is_claiming = true;
        let is_isolated = self.isolation.count > 0;
        let limit = if is_isolated || self.breaker.is_open() { 1 } else { free };
        let claim = self.claim_of(limit, now);
        let (deliveries, clock) = (self.deliveries.clone(), Arc::clone(&self.engine.clock));
        let visible_for = self.settings.visibility_timeout;
        let isolation_permit = is_isolated.then(|| Arc::clone(&self.engine.isolation_permit));
        let claiming = async move {
            // Before the lease, because the lease is what a death costs.
            let permit = match isolation_permit {
                Some(isolation_permit) => isolation_permit.acquire_owned().await.ok(),
                None => None,
            };
            let now = clock.now();
            let token = ulid::Ulid::generate().to_string();
            let lease = Lease { limit, now, until: now.plus(visible_for), token };
            (claim.carry_out(&deliveries, &lease).await, now, permit)
        };
        ctx.spawn(claiming.into_actor(self).map(move |(claimed, now, permit), actor, ctx| {
            actor.is_claiming = false;
            match claimed {
                Ok(claimed) => actor.has_claimed(claimed, now, permit, ctx),
                Err(error) => {
                    actor.record_error("cannot lease deliveries", &error);
                    actor.backlog = Backlog::default();
                    actor.due_at(now.plus(Duration::from_secs(1)));
                }
            }
        }));
    }

    fn claim_of(&mut self, limit: usize, now: Timestamp) -> Claim {
        let found = std::mem::take(&mut self.backlog.found);
        let mut asks = false;
        if found.is_empty() {
            self.next_due = None;
            self.backlog.scanned = Some(Instant::now());
            asks = self.backlog.asked.is_none_or(|at| at.elapsed() >= ASK);
        }
        let at_once = if self.engine.is_alone { SCAN.max(limit) } else { limit };
        Claim { floor: found.is_empty().then(|| self.backlog.floor.at(now)), found, at_once, asks }
    }

    fn has_claimed(
        &mut self,
        claim: Claimable,
        now: Timestamp,
        permit: Option<OwnedSemaphorePermit>,
        ctx: &mut Context<Self>,
    ) {
        match claim.scanned {
            Some(Scanned::Part { until }) if self.engine.is_alone => self.backlog.floor.raise(until),
            Some(Scanned::All { .. }) if self.engine.is_alone => self.backlog.floor.raise(now),
            Some(_) | None => {}
        }
        match claim.scanned {
            Some(Scanned::Part { until }) => self.note_due(until),
            Some(Scanned::All { next: Next::Known(next) }) => {
                self.backlog.asked = Some(Instant::now());
                if claim.claimed.is_empty() && next.is_none() {
                    self.isolation.count = 0;
                }
                next.into_iter().for_each(|due| self.note_due(due));
            }
            Some(Scanned::All { next: Next::NotAsked }) => self.note_due(now.plus(ASK)),
            None => {}
        }
        self.backlog.found = claim.found;
        self.isolation.permit = permit.filter(|_| !claim.claimed.is_empty());
        self.claimed.extend(claim.claimed);
        self.drive(ctx);
    }

    /// Something has become due at `due`, or will.
    pub(super) fn due_at(&mut self, due: Timestamp) {
        self.backlog.floor.lower(due);
        self.note_due(due);
    }

    /// The next scan is to be made at `due`.
    fn note_due(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |known| known.min(due)));
    }

    /// A suspect has had its run: it is none any more if it is through, or if all that spoke against it was its lost lease.
    pub(super) fn clear(&mut self, claimed: &Claimed, is_through: bool) {
        if (claimed.run_isolated && is_through) || (claimed.was_lost && !claimed.run_isolated) {
            self.isolation.count = self.isolation.count.saturating_sub(1);
        }
    }
}

/// One claim on its way.
struct Claim {
    found: Found,
    /// Where a scan begins, if nothing is left of the one before.
    floor: Option<Timestamp>,
    at_once: usize,
    /// Whether it also asks what will be due next.
    asks: bool,
}

/// What a claim came to.
struct Claimable {
    claimed: Vec<Claimed>,
    found: Found,
    scanned: Option<Scanned>,
}

/// What a scan has seen.
enum Scanned {
    /// As much as it may find at once: everything until this moment, or most of it.
    Part { until: Timestamp },
    /// Everything that was due.
    All { next: Next },
}

/// When the next delivery will be due.
enum Next {
    Known(Option<Timestamp>),
    NotAsked,
}

impl Claim {
    async fn carry_out(mut self, deliveries: &Deliveries, lease: &Lease) -> Result<Claimable> {
        let mut scanned = None;
        if let Some(floor) = self.floor {
            self.found = deliveries.find(floor, lease.now, self.at_once).await?;
            scanned = Some(match self.found.last.filter(|_| self.found.len() >= self.at_once) {
                Some(until) => Scanned::Part { until },
                None if self.asks => Scanned::All { next: Next::Known(deliveries.next_due(lease.now).await?) },
                None => Scanned::All { next: Next::NotAsked },
            });
        }
        let claimed = deliveries.lease(&mut self.found, lease).await?;
        Ok(Claimable { claimed, found: self.found, scanned })
    }
}
