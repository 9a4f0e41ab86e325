//! The `HousekeepingActor`: looks after the database, folds views, trims feeds and removes what has passed its retention,
//! a little at a time.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::sync::Mutex;

use super::{ViewCounter, steady::Steady};
use crate::{
    clock::SharedClock,
    domain::AccountId,
    store::{self, AnalyticsAccess, DeadLetterReads, HousekeepingAccess},
};

/// How often views are folded, and how often one round of cleaning is made.
const FOLD: Duration = Duration::from_secs(2);
const CLEAN: Duration = Duration::from_secs(30);
/// How many rows or accounts one round looks at.
const ROUND: usize = 500;
/// How often operators are warned of dead letters that will go, and how long before.
const WARN: Duration = Duration::from_secs(24 * 60 * 60);
const AHEAD: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// What the housekeeper works on.
#[derive(Clone)]
pub struct Housekeeping {
    /// Deletes.
    pub access: HousekeepingAccess,
    /// Counts dead letters.
    pub letters: DeadLetterReads,
    /// Counters.
    pub analytics: AnalyticsAccess,
    /// Views to be folded.
    pub views: ViewCounter,
    /// One folding at a time: whoever waits for it knows that no views are on their way.
    pub folding: Arc<Mutex<()>>,
    /// The time.
    pub clock: SharedClock,
    /// How many rows a feed keeps.
    pub feed_length: usize,
    /// How long settled events are kept.
    pub events: Duration,
    /// How long dead letters are kept, from the day they died.
    pub dead_letters: Duration,
}

impl Housekeeping {
    /// Adds the views collected since the last time to the counters.
    pub async fn fold_views(&self) {
        let _alone = self.folding.lock().await;
        let views = self.views.take();
        if views.is_empty() {
            return;
        }
        if let Err(error) = self.analytics.fold_views(&views, self.clock.now()).await {
            tracing::warn!(%error, "cannot fold views; they are kept and tried again");
            self.views.put_back(views);
        }
    }

    /// Makes one round: removes what has expired, and trims the next feeds behind `after`. Answers where the next round
    /// begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clean(&self, after: Option<AccountId>) -> store::Result<Option<AccountId>> {
        self.forget_the_old().await?;
        self.trim(after).await
    }

    async fn forget_the_old(&self) -> store::Result<()> {
        let now = self.clock.now();
        self.access.forget_expired(now, self.dead_letters, ROUND).await?;
        let epochs = self.access.epochs().await?;
        let before = now.minus(self.events);
        for epoch in &epochs {
            self.access.forget_events(*epoch, before, ROUND).await?;
        }
        for epoch in epochs.iter().rev().skip(1) {
            self.access.forget_log(*epoch, before).await?;
        }
        Ok(())
    }

    async fn trim(&self, after: Option<AccountId>) -> store::Result<Option<AccountId>> {
        let readers = self.access.accounts(after, ROUND).await?;
        for reader in &readers {
            self.access.trim_feed(*reader, self.feed_length).await?;
        }
        Ok(readers.last().copied().filter(|_| readers.len() == ROUND))
    }

    /// How many dead letters of which worker will pass their retention within two days.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expiring(&self) -> store::Result<BTreeMap<String, u64>> {
        let horizon = self.clock.now().plus(AHEAD).minus(self.dead_letters);
        self.letters.by_worker(horizon).await
    }

    async fn warn_of_expiry(&self) {
        match self.expiring().await {
            Ok(expiring) => {
                for (worker, count) in expiring {
                    tracing::warn!(
                        worker,
                        count,
                        "dead letters will be deleted within two days; redrive or discard them \
                         (POST /v1/admin/dead-letters/redrive), or raise dead_letters.retention"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "cannot count the dead letters that will be deleted soon"),
        }
    }
}

/// The actor that does it on timers.
pub struct HousekeepingActor {
    housekeeping: Housekeeping,
    steady: Steady,
    next_reader: Option<AccountId>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Finish;

/// The handle on the `HousekeepingActor`.
#[derive(Clone)]
pub struct Housekeeper(Addr<HousekeepingActor>);

impl Housekeeper {
    /// Folds what views there are; the last thing before the node ends.
    pub async fn finish(&self) {
        let _ = self.0.send(Finish).await;
    }
}

impl HousekeepingActor {
    /// Starts the actor on an arbiter.
    #[must_use]
    pub fn start(housekeeping: Housekeeping, arbiter: &ArbiterHandle) -> Housekeeper {
        let steady = Steady::new(Instant::now(), housekeeping.clock.now());
        Housekeeper(Supervisor::start_in_arbiter(arbiter, move |_| Self { housekeeping, steady, next_reader: None }))
    }

    fn fold(&mut self, ctx: &mut Context<Self>) {
        let housekeeping = self.housekeeping.clone();
        let folding = async move {
            if let Err(error) = housekeeping.access.heal().await {
                tracing::warn!(%error, "the database does not work; trying again");
            }
            housekeeping.fold_views().await;
        };
        ctx.spawn(folding.into_actor(self).map(|(), _, ctx| {
            ctx.run_later(FOLD, Self::fold);
        }));
    }

    fn clean(&mut self, ctx: &mut Context<Self>) {
        let (housekeeping, after) = (self.housekeeping.clone(), self.next_reader);
        let is_believed = self.steady.look(Instant::now(), housekeeping.clock.now());
        let cleaning =
            async move { if is_believed { housekeeping.clean(after).await } else { housekeeping.trim(after).await } };
        ctx.spawn(cleaning.into_actor(self).map(|cleaned, actor, ctx| {
            match cleaned {
                Ok(next) => actor.next_reader = next,
                Err(error) => tracing::warn!(%error, "a round of cleaning failed; the next one tries again"),
            }
            ctx.run_later(CLEAN, Self::clean);
        }));
    }

    fn warn(&mut self, ctx: &mut Context<Self>) {
        let housekeeping = self.housekeeping.clone();
        let warning = async move { housekeeping.warn_of_expiry().await };
        ctx.spawn(warning.into_actor(self).map(|(), _, ctx| {
            ctx.run_later(WARN, Self::warn);
        }));
    }
}

impl Actor for HousekeepingActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_later(FOLD, Self::fold);
        ctx.run_later(CLEAN, Self::clean);
        ctx.run_later(CLEAN, Self::warn);
    }
}

impl Supervised for HousekeepingActor {}

impl Handler<Finish> for HousekeepingActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Finish, _: &mut Self::Context) -> Self::Result {
        let housekeeping = self.housekeeping.clone();
        Box::pin(async move { housekeeping.fold_views().await })
    }
}
