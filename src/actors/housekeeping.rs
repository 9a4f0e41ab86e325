//! The `HousekeepingActor`: looks after the database, folds views, trims feeds and removes what has passed its retention,
//! a little at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::sync::Mutex;

use super::{ViewCounter, clock_monitor::ClockMonitor, worker::Status};
use crate::{
    clock::SharedClock,
    domain::{AccountId, Epoch, Timestamp},
    store::{self, AnalyticsAccess, BacklogReads, HousekeepingAccess, Pass, Place, Position, settled_by_all},
};

/// How often views are folded, and how often one round of cleaning is made.
const FOLD: Duration = Duration::from_secs(2);
const CLEAN: Duration = Duration::from_secs(30);
/// How many rows or accounts one round looks at.
const ROUND: usize = 500;
/// How often in a round that many expired rows of one kind are removed, at most: what expires faster than 1,600 rows a second waits.
const STEPS: usize = 100;
/// How often operators are warned of dead letters that will be deleted, and how long before.
const WARN: Duration = Duration::from_secs(24 * 60 * 60);
const EXPIRING: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How long a node that has gone silent keeps events which its own search index has not seen.
const LOCAL_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a round of cleaning begins; by default at the beginning of everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Round {
    reader: Option<AccountId>,
    mailing: Place,
    verdict: Place,
}

/// What the housekeeper works on.
#[derive(Clone)]
pub struct Housekeeping {
    /// Deletes.
    pub access: HousekeepingAccess,
    /// Counts dead letters.
    pub backlog: BacklogReads,
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
    /// How long mail ledgers, and verdicts on texts that are no more, are kept.
    pub records: Duration,
    /// The workers of this node whose results are its own.
    pub local: Vec<Arc<Status>>,
    /// This node's name.
    pub node: String,
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

    /// Makes one round: removes what has expired, and looks at the next few feeds and records. Answers where the next round begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clean(&self, round: Round) -> store::Result<Round> {
        self.prune().await?;
        let (now, before) = (self.clock.now(), self.clock.now().minus(self.records));
        Ok(Round {
            mailing: self.access.delete_old_mailings(round.mailing, now, before, ROUND).await?,
            verdict: self.access.delete_old_verdicts(round.verdict, before, ROUND).await?,
            reader: self.trim(round.reader).await?,
        })
    }

    async fn prune(&self) -> store::Result<()> {
        let now = self.clock.now();
        self.access.delete_old_sign_ups(now, ROUND).await?;
        let mut pass = Pass::default();
        for _ in 0..STEPS {
            if self.access.delete_expired(&mut pass, now, self.dead_letters, ROUND).await? < ROUND {
                break;
            }
        }
        let (before, positions) = (now.minus(self.events), self.note_positions().await?);
        let local: BTreeSet<&str> = self
            .local
            .iter()
            .map(|worker| worker.name)
            .chain(positions.iter().filter_map(|position| Some(position.subscription.split_once('@')?.0)))
            .collect();
        let epochs = self.access.epochs().await?;
        for epoch in &epochs {
            let settled = settled_by_all(&positions, *epoch, &local, self.access.is_shared(), now);
            let Some(settled) = settled else { continue };
            let mut next = Some(0);
            for _ in 0..STEPS {
                let Some(from) = next else { break };
                next = self.access.delete_events(*epoch, from, settled, before, ROUND).await?;
            }
            if epochs.last() != Some(epoch) {
                self.access.delete_log(*epoch, settled, before).await?;
            }
        }
        // Nodes that are gone for so long that events may have gone which they have not seen: they build their index anew.
        let gone: BTreeSet<&str> = positions
            .iter()
            .filter(|position| position.subscription.contains('@') && position.lease_until.plus(self.events) < now)
            .map(|position| position.subscription.as_str())
            .collect();
        for subscription in gone {
            tracing::info!(subscription, "a node is gone for good; its cursors and deliveries are removed");
            self.access.delete_subscription(subscription).await?;
        }
        Ok(())
    }

    /// Writes down how far this node's own results (its search index) reach; answers all cursors.
    async fn note_positions(&self) -> store::Result<Vec<Position>> {
        let mut positions = self.access.positions().await?;
        let epochs: BTreeSet<Epoch> = self.access.epochs().await?.into_iter().collect();
        for worker in &self.local {
            let mut reached = worker.snapshot().settled;
            reached.retain(|epoch, _| epochs.contains(epoch));
            let time = (self.clock.now(), LOCAL_LEASE);
            self.access.note_positions(&worker.subscription, &self.node, &reached, &mut positions, time).await?;
        }
        Ok(positions)
    }

    /// A round that removes nothing by its age.
    async fn only_trim(&self, round: Round) -> store::Result<Round> {
        self.note_positions().await?;
        Ok(Round { reader: self.trim(round.reader).await?, ..round })
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
        self.backlog.expiring(expiry_horizon(self.clock.now(), self.dead_letters)).await
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

/// Dead letters that died before this time will be deleted soon enough for a warning: within two days.
pub(super) fn expiry_horizon(now: Timestamp, retention: Duration) -> Timestamp {
    now.plus(EXPIRING).minus(retention)
}

/// The actor that does it on timers.
pub struct HousekeepingActor {
    housekeeping: Housekeeping,
    clock_monitor: ClockMonitor,
    round: Round,
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
        let clock_monitor = ClockMonitor::new(Instant::now(), housekeeping.clock.now());
        Housekeeper(Supervisor::start_in_arbiter(arbiter, move |_| Self {
            housekeeping,
            clock_monitor,
            round: Round::default(),
        }))
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
        let (housekeeping, round) = (self.housekeeping.clone(), self.round.clone());
        let is_believed = self.clock_monitor.look(Instant::now(), housekeeping.clock.now());
        let cleaning = async move {
            if is_believed { housekeeping.clean(round).await } else { housekeeping.only_trim(round).await }
        };
        ctx.spawn(cleaning.into_actor(self).map(|cleaned, actor, ctx| {
            match cleaned {
                Ok(next) => actor.round = next,
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
