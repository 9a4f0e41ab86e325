//! The one supervised actor that runs every worker. It holds windows, slots and state; it runs no query and no run itself.
//!
//! `loading` reads the cursors, `runs` starts and ends runs, `settling` commits what is finished; all of them end in
//! [`WorkerActor::drive`], which looks what can go on now.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Checkpoint, Engine, LastError, Settings, State, Status, Worker,
    breaker::Breaker,
    claiming::{Backlog, Isolation},
    engine::Drain,
    hold::Holds,
    mailbox::Offer,
    settling::Settling,
    turns::Busy,
    window::{self, Intake, LogWindow},
};
use crate::{
    domain::{Epoch, Event, Timestamp},
    store::{Claimed, Deliveries, EventLog},
};

/// How often an actor with something to wait for looks again, and one without.
const BUSY_TICK: Duration = Duration::from_millis(25);
const IDLE_TICK: Duration = Duration::from_millis(250);
/// How often nodes that share a database look for each other's work.
const POLL: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(1) };
/// More restarts than this within a minute park the worker.
const RESTARTS: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);
const RESTART_PAUSE: Duration = Duration::from_millis(50);
/// How long a worker waits before it begins again from its last commit.
const OUTAGE_PAUSE: Duration = Duration::from_secs(1);

/// What an actor is allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Reading its cursors.
    Starting,
    /// Everything.
    Running,
    /// A run panicked: finish and settle what runs, then restart.
    Restarting,
    /// The node shuts down: finish and settle what runs.
    Draining,
    /// Nothing any more.
    Parked,
}

/// The runs that run.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) running: usize,
    pub(super) exceptional: usize,
    pub(super) is_isolated: bool,
}

/// The one supervised actor that runs a worker.
pub struct WorkerActor<W: Worker> {
    pub(super) worker: Arc<W>,
    pub(super) checkpoint: Option<Arc<dyn Checkpoint>>,
    pub(super) log: EventLog,
    pub(super) deliveries: Deliveries,
    pub(super) runtime: Handle,
    pub(super) engine: Engine,
    pub(super) settings: Settings,
    pub(super) status: Arc<Status>,
    pub(super) phase: Phase,
    pub(super) windows: BTreeMap<Epoch, LogWindow>,
    pub(super) holds: Holds,
    /// Publications whose approval came while they waited in memory.
    pub(super) ready: VecDeque<Arc<Event>>,
    /// Leased deliveries that wait for a slot.
    pub(super) claimed: VecDeque<Claimed>,
    /// Transactions that give leases back.
    pub(super) returns: usize,
    /// Cuts runs short when the node ends.
    pub(super) cut_short: CancellationToken,
    pub(super) breaker: Breaker,
    pub(super) slots: Slots,
    pub(super) busy: Busy,
    pub(super) isolation: Isolation,
    pub(super) is_claiming: bool,
    pub(super) next_due: Option<Timestamp>,
    pub(super) backlog: Backlog,
    /// What the clock showed when it was last looked at.
    pub(super) last_seen: Timestamp,
    /// How often deliveries are still to be recalled since it was set back.
    pub(super) recalls: u32,
    pub(super) settling: Settling,
    /// Whether it restarts because a commit failed: an outage, which never parks it.
    pub(super) starts_over: bool,
    restarts: VecDeque<Instant>,
    drained: Option<oneshot::Sender<()>>,
    tick: Option<SpawnHandle>,
    last_poll: Instant,
}

impl<W: Worker> WorkerActor<W> {
    /// A worker that has not begun yet.
    pub(super) fn new(
        worker: W,
        subscription: String,
        settings: Settings,
        engine: Engine,
        status: Arc<Status>,
    ) -> Self {
        Self {
            checkpoint: worker.checkpoint(),
            worker: Arc::new(worker),
            log: EventLog::new(&engine.store, &subscription, &engine.node),
            deliveries: Deliveries::new(&engine.store, &subscription),
            runtime: engine.store.runtime().clone(),
            engine,
            settings,
            status,
            phase: Phase::Starting,
            windows: BTreeMap::new(),
            holds: Holds::default(),
            ready: VecDeque::new(),
            claimed: VecDeque::new(),
            returns: 0,
            cut_short: CancellationToken::new(),
            breaker: Breaker::default(),
            slots: Slots::default(),
            busy: Busy::default(),
            isolation: Isolation::default(),
            is_claiming: false,
            next_due: None,
            backlog: Backlog::default(),
            last_seen: Timestamp::default(),
            recalls: 0,
            settling: Settling::default(),
            starts_over: false,
            restarts: VecDeque::new(),
            drained: None,
            tick: None,
            last_poll: Instant::now(),
        }
    }

    /// Looks what can go on now: takes, reads, claims, settles, restarts or ends, and sets the next tick.
    pub(super) fn drive(&mut self, ctx: &mut Context<Self>) {
        match self.phase {
            Phase::Starting | Phase::Parked => return self.show(),
            Phase::Running if !self.settings.is_paused => {
                self.detect_clock_rollback(ctx);
                self.refresh_log_ends();
                self.start_runs(ctx);
                self.claim(ctx);
                self.read_logs(ctx);
            }
            Phase::Running => {
                self.refresh_log_ends();
                self.return_claimed(ctx);
            }
            Phase::Restarting | Phase::Draining => {
                self.finish_holds(usize::MAX);
                self.return_claimed(ctx);
            }
        }
        self.settle(ctx);
        if self.is_finished() {
            match self.phase {
                Phase::Restarting => return ctx.stop(),
                Phase::Draining => return self.end(),
                Phase::Starting | Phase::Running | Phase::Parked => {}
            }
        }
        self.show();
        self.set_tick(ctx);
    }

    /// Whether nothing runs, nothing is leased or about to be, and everything that is finished is committed.
    fn is_finished(&self) -> bool {
        self.slots.running == 0
            && !self.is_claiming
            && self.claimed.is_empty()
            && self.returns == 0
            && !self.settling.is_busy()
            && !self.windows.values().any(LogWindow::has_prefix)
    }

    /// The windows of this process's own logs reach as far as its publisher has written.
    fn refresh_log_ends(&mut self) {
        for (epoch, head) in self.engine.log_ends.all() {
            let intake = self.intake();
            self.windows.entry(epoch).or_insert_with(|| LogWindow::new(epoch, 0, false, intake)).reaches(head);
        }
    }

    /// How this worker takes events in.
    pub(super) fn intake(&self) -> Intake {
        let sharing = self.worker.sharing();
        let waits = self.settings.wait_for_approval || sharing.is_some();
        Intake { window: if waits { window::WAITING_WINDOW } else { window::WINDOW }, sharing }
    }

    /// The log that still grows here, if any.
    pub(super) fn own_epoch(&self) -> Option<Epoch> {
        self.engine.log_ends.all().keys().next_back().copied()
    }

    fn read_logs(&mut self, ctx: &mut Context<Self>) {
        let is_poll = !self.engine.is_alone && self.last_poll.elapsed() >= POLL;
        if is_poll {
            self.last_poll = Instant::now();
            self.next_due.get_or_insert(self.engine.clock.now());
            self.look_for_logs(ctx);
        }
        let own = self.own_epoch();
        let is_alone = self.engine.is_alone;
        let reads: Vec<(Epoch, u64, u64)> = self
            .windows
            .values_mut()
            .filter_map(|window| {
                let may_reach_further = Some(window.epoch) != own && (is_alone || is_poll);
                let (from, to) = window.wants_read(may_reach_further)?;
                Some((window.epoch, from, to))
            })
            .collect();
        for (epoch, from, to) in reads {
            let log = self.log.clone();
            let read = async move { log.read(epoch, from, to).await };
            ctx.spawn(read.into_actor(self).map(move |read, actor, ctx| actor.has_read(epoch, read, ctx)));
        }
    }

    fn has_read(&mut self, epoch: Epoch, read: crate::store::Result<Vec<Event>>, ctx: &mut Context<Self>) {
        let is_own = self.own_epoch() == Some(epoch);
        let is_alone = self.engine.is_alone;
        let Some(window) = self.windows.get_mut(&epoch) else { return };
        window.is_reading = false;
        match read {
            Ok(events) => {
                window.is_drained = is_alone && !is_own && events.is_empty();
                window.offer(events.into_iter().map(Arc::new).collect(), None);
                self.drive(ctx);
            }
            Err(error) => self.record_error("cannot read the event log", &error),
        }
    }

    /// Something inside the engine failed; the next tick tries again.
    pub(super) fn record_error(&self, what: &str, error: &impl std::fmt::Display) {
        tracing::warn!(worker = W::NAME, %error, "{what}");
        self.set_last_error(error.to_string());
    }

    /// Remembers the last thing that went wrong, for operators.
    pub(super) fn set_last_error(&self, message: String) {
        let at = self.engine.clock.now();
        self.status.update(|shown| shown.last_error = Some(LastError { at, message }));
    }

    fn end(&mut self) {
        self.phase = Phase::Parked;
        self.status.update(|shown| {
            (shown.state, shown.running, shown.leased) = (State::Stopped, 0, 0);
        });
        if let Some(drained) = self.drained.take() {
            let _ = drained.send(());
        }
    }

    fn show(&self) {
        let now = self.engine.clock.now();
        let state = match self.phase {
            Phase::Starting => State::Starting,
            Phase::Parked if self.exceeded_restart_budget() => State::Degraded,
            Phase::Parked | Phase::Draining => State::Stopped,
            Phase::Running | Phase::Restarting if self.settings.is_paused => State::Paused,
            Phase::Running | Phase::Restarting if self.breaker.is_open() => State::BreakerOpen,
            Phase::Running | Phase::Restarting => State::Running,
        };
        let own = self.own_epoch();
        let is_read = |window: &LogWindow| {
            window.is_idle() && (Some(window.epoch) == own || window.is_drained || !self.engine.is_alone)
        };
        let is_idle = self.phase == Phase::Running
            && self.slots.running == 0
            && self.claimed.is_empty()
            && self.ready.is_empty()
            && self.holds.is_empty()
            && !self.is_claiming
            && self.backlog.found.is_empty()
            && self.returns == 0
            && !self.settling.is_busy()
            && self.next_due.is_none_or(|due| due > now)
            && self.windows.values().all(is_read);
        self.status.update(|shown| {
            shown.state = state;
            shown.running = self.slots.running;
            shown.leased = self.slots.exceptional + self.claimed.len();
            shown.is_idle = is_idle;
            shown.lag = self.windows.values().map(LogWindow::lag).sum();
            shown.settled = self.windows.values().map(|window| (window.epoch, window.settled())).collect();
        });
    }

    fn set_tick(&mut self, ctx: &mut Context<Self>) {
        if let Some(tick) = self.tick.take() {
            ctx.cancel_future(tick);
        }
        let waits = !self.holds.is_empty()
            || self.next_due.is_some()
            || self.breaker.is_open()
            || self.phase != Phase::Running
            || self.windows.values().any(LogWindow::has_prefix);
        let pause = if waits { BUSY_TICK } else { IDLE_TICK };
        self.tick = Some(ctx.run_later(pause, |actor, ctx| {
            actor.tick = None;
            actor.drive(ctx);
        }));
    }

    /// An operator wants it to begin anew: the restarts so far no longer count.
    pub(super) fn reset_restart_budget(&mut self) {
        self.restarts.clear();
    }

    fn exceeded_restart_budget(&self) -> bool {
        self.restarts.iter().filter(|at| at.elapsed() < RESTART_WINDOW).count() > RESTARTS
    }
}

impl<W: Worker> Actor for WorkerActor<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The bound is the permits; the mailbox only has to be large enough never to be the smaller one.
        ctx.set_mailbox_capacity(self.settings.mailbox + 16);
        if self.exceeded_restart_budget() {
            tracing::error!(
                worker = W::NAME,
                "restarted too often within a minute; parked until an operator restarts it, its backlog is kept"
            );
            self.phase = Phase::Parked;
            return self.show();
        }
        let restarts = u32::try_from(self.restarts.len()).unwrap_or(u32::MAX);
        let pause = match std::mem::take(&mut self.starts_over) {
            true => OUTAGE_PAUSE,
            false if restarts == 0 => Duration::ZERO,
            false => RESTART_PAUSE * (1 << restarts.min(6)),
        };
        ctx.run_later(pause, Self::load);
    }
}

impl<W: Worker> Supervised for WorkerActor<W> {
    /// The same value goes on, so it is made new here.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.phase = Phase::Starting;
        self.forget();
        if self.starts_over {
            return;
        }
        self.restarts.push_back(Instant::now());
        self.restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
        self.status.update(|shown| shown.restarts += 1);
        tracing::warn!(worker = W::NAME, "restarting a worker");
    }
}

impl<W: Worker> WorkerActor<W> {
    /// Forgets everything that the database knows better.
    pub(super) fn forget(&mut self) {
        self.windows.clear();
        self.holds = Holds::default();
        self.ready.clear();
        self.claimed.clear();
        self.returns = 0;
        self.slots = Slots::default();
        self.busy = Busy::default();
        self.isolation = Isolation::default();
        self.breaker = Breaker::default();
        self.is_claiming = false;
        self.next_due = None;
        self.backlog = Backlog::default();
        self.settling = Settling::default();
        self.tick = None;
    }
}

impl<W: Worker> Handler<Offer> for WorkerActor<W> {
    type Result = ();

    fn handle(&mut self, offer: Offer, ctx: &mut Self::Context) {
        if self.phase != Phase::Running {
            return;
        }
        let Some(epoch) = offer.events.first().map(|event| event.id.epoch) else { return };
        let intake = self.intake();
        let window = self.windows.entry(epoch).or_insert_with(|| LogWindow::new(epoch, 0, false, intake));
        window.offer(offer.events, Some(&offer.permit));
        self.drive(ctx);
    }
}

impl<W: Worker> Handler<Drain> for WorkerActor<W> {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Self::Context) {
        if matches!(self.phase, Phase::Starting | Phase::Parked) {
            self.phase = Phase::Parked;
            let _ = drain.done.send(());
            return;
        }
        self.phase = Phase::Draining;
        self.drained = Some(drain.done);
        let patience = drain.patience.saturating_duration_since(Instant::now());
        ctx.run_later(patience, |actor, _| actor.cut_short.cancel());
        self.drive(ctx);
    }
}
