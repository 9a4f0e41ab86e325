//! Starting runs and ending them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use rand::RngExt;

use super::{
    Ending, Interest, Turn, Worker,
    actor::{Phase, WorkerActor},
    breaker::Breaker,
    disposition::{Disposition, RunResult, resolve},
    run::{self, Origin, Run},
    stats::EndedRun,
    window::Finished,
};
use crate::{
    domain::{Event, EventKind, Timestamp},
    store::{Claimed, Completion, Effects, Error, Failure, NewDelivery, is_fenced_off},
};

/// How long after a completion failed it is tried again the first time; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const TRIES: u32 = 7;

/// Completes a receive, again and again while the database is busy or away: what was done would otherwise wait for its lease to run
/// out, and cost a receive. Ends within 30 s, long before the lease does.
pub(super) async fn complete_with_retry<F: Future<Output = crate::store::Result<()>>>(
    complete: impl Fn() -> F,
) -> crate::store::Result<()> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match complete().await {
            Err(Error::Conflict(_) | Error::Unavailable(_)) => {
                tokio::time::sleep(pause.mul_f64(rand::rng().random_range(0.5..1.0))).await;
                pause *= 2;
            }
            completed => return completed,
        }
    }
    complete().await
}

/// When a run began, and how long it took.
#[derive(Clone, Copy)]
struct Timing {
    began: Timestamp,
    took: Duration,
}

/// How many publications that wait in memory make room for others when the window is full.
const MADE_ROOM: usize = 256;

impl<W: Worker> WorkerActor<W> {
    /// Fills the free slots: leased deliveries and events in turn, so that neither starves the other.
    pub(super) fn start_runs(&mut self, ctx: &mut Context<Self>) {
        let is_full = self.windows.values().any(super::window::LogWindow::is_full);
        self.finish_holds(if is_full { MADE_ROOM } else { 0 });
        if !self.breaker.is_open() {
            self.make_room();
        }
        while self.phase == Phase::Running && self.slots.running < self.settings.batch && !self.slots.is_isolated {
            if !self.breaker.may_start(self.engine.clock.now()) {
                return;
            }
            if let Some(claimed) = self.next_claimed() {
                self.receive(claimed, ctx);
            } else if let Some(event) = self.ready.pop_front() {
                self.start(Origin::Fast(event), ctx);
            } else if let Some(event) = self.next_event() {
                self.take(event, ctx);
            } else {
                return;
            }
        }
    }

    /// The next event, unless a delivery waits to be alone.
    fn next_event(&mut self) -> Option<Arc<Event>> {
        if self.claimed.front().is_some_and(|claimed| claimed.run_isolated || claimed.was_lost) {
            return None;
        }
        let share = match self.worker.sharing() {
            Some(sharing) if sharing.leaves_half => self.settings.batch.div_ceil(2),
            Some(_) | None => self.settings.batch,
        };
        self.windows.values_mut().find_map(|window| window.take(&self.busy, share))
    }

    /// The turn that an event takes.
    fn turn(&self, event: &Event) -> Option<Turn> {
        self.worker.sharing().and_then(|sharing| (sharing.turn)(&event.kind))
    }

    /// Events that have waited for their turn until the window was full become rows.
    fn make_room(&mut self) {
        let crowd: Vec<Arc<Event>> = self.windows.values_mut().flat_map(super::window::LogWindow::make_room).collect();
        for event in crowd {
            let delivery = Some(self.row(&event, self.engine.clock.now()));
            self.leave(&event, Finished { delivery, ..Finished::default() });
        }
    }

    /// An event comes out of its log.
    fn take(&mut self, event: Arc<Event>, ctx: &mut Context<Self>) {
        let concerns = W::interest(&event.kind) == Interest::Handle;
        let verdict = run::verdict(&event.kind).filter(|_| self.settings.wait_for_approval);
        let needs_isolation = self.windows.get(&event.id.epoch).is_some_and(|window| window.needs_isolation(&event));
        if let Some((post, is_approved)) = verdict
            && let Some(publication) = self.holds.unpark(post)
        {
            if is_approved {
                self.ready.push_back(publication);
            } else {
                self.leave(&publication, Finished::default());
            }
        }
        let has_row = verdict.is_some_and(|(post, _)| self.holds.may_have_row(post));
        let waits_for = match event.kind {
            EventKind::PostPublished { post, .. } if self.settings.wait_for_approval => Some(post),
            _ => None,
        };
        if !concerns && !has_row {
            self.leave(&event, Finished::default());
        } else if needs_isolation {
            tracing::warn!(
                worker = W::NAME,
                delivery_id = %event.id,
                "no progress since the takeover before this one; this event will run with nothing beside it"
            );
            self.isolation.count += 1;
            self.holds.expect_rows(waits_for);
            let row = self.row(&event, self.engine.clock.now());
            let delivery = NewDelivery { run_isolated: true, wait_for: waits_for, ..row };
            self.leave(&event, Finished { delivery: Some(delivery), ..Finished::default() });
        } else if let Some(post) = waits_for {
            self.holds.park(post, event);
        } else {
            self.start(Origin::Fast(event), ctx);
        }
    }

    /// Publications that have waited in memory for long enough, and at least so many of the oldest, become rows; their
    /// post's verdict decides in which state.
    pub(super) fn finish_holds(&mut self, oldest: usize) {
        for (post, event) in self.holds.give_up(oldest) {
            let delivery = NewDelivery { wait_for: Some(post), ..self.row(&event, self.engine.clock.now()) };
            self.leave(&event, Finished { delivery: Some(delivery), ..Finished::default() });
        }
    }

    /// A leased delivery gets its slot, unless its receives are spent already.
    fn receive(&mut self, mut claimed: Claimed, ctx: &mut Context<Self>) {
        let max = self.settings.max_receives;
        self.add_lost_receive(&mut claimed);
        if claimed.receive > max {
            claimed.receive = max;
            self.clear(&claimed, true);
            self.slots.running += 1;
            self.slots.exceptional += 1;
            self.send(claimed, ctx);
        } else {
            self.slots.is_isolated = claimed.run_isolated || claimed.was_lost;
            self.start(Origin::Exception(Box::new(claimed)), ctx);
        }
    }

    fn start(&mut self, origin: Origin, ctx: &mut Context<Self>) {
        self.slots.running += 1;
        self.slots.exceptional += usize::from(matches!(origin, Origin::Exception(_)));
        self.turn(origin.event()).into_iter().for_each(|turn| self.busy.begin(turn));
        if W::interest(&origin.event().kind) == Interest::Handle {
            self.breaker.started();
        }
        let clock = Arc::clone(&self.engine.clock);
        let (began, started) = (clock.now(), Instant::now());
        let run = Run {
            worker: Arc::clone(&self.worker),
            log: self.log.clone(),
            deliveries: self.deliveries.clone(),
            clock: Arc::clone(&self.engine.clock),
            timeout: self.settings.timeout,
            cut_short: self.cut_short.clone(),
            releases: self.settings.wait_for_approval,
        };
        let running = run.run(origin.delivery(), self.runtime.clone());
        ctx.spawn(running.into_actor(self).map(move |ran, actor, ctx| {
            let timing = Timing { began, took: started.elapsed() };
            actor.ended(origin, ran, timing, ctx);
        }));
    }

    fn ended(&mut self, origin: Origin, ran: RunResult, timing: Timing, ctx: &mut Context<Self>) {
        self.turn(origin.event()).into_iter().for_each(|turn| self.busy.end(turn));
        if matches!(ran, RunResult::Panicked(_)) && matches!(self.phase, Phase::Running | Phase::Restarting) {
            self.phase = Phase::Restarting;
            self.starts_over = false;
        }
        let now = self.engine.clock.now();
        let jitter = rand::rng().random_range(0.0..1.0);
        // A run that only releases a held row says nothing about what is outside.
        let mut bystander = Breaker::default();
        let is_about_outside = W::interest(&origin.event().kind) == Interest::Handle;
        let breaker = if is_about_outside { &mut self.breaker } else { &mut bystander };
        let next = resolve(ran, origin.receive(), &self.settings, breaker, now, jitter);
        if let Disposition::Again { failure, .. } | Disposition::DeadLetter(failure) = &next {
            self.record_failure(origin.event(), failure);
        }
        if is_about_outside {
            self.count(&origin, &next, timing, now);
        }
        match origin {
            Origin::Fast(event) => {
                self.free_slot(false);
                if run::verdict(&event.kind).is_some() && self.settings.wait_for_approval {
                    // The row it released is due since some moment of the run.
                    self.due_at(timing.began);
                }
                let finished = self.finish_in_log(&event, next, now);
                self.leave(&event, finished);
                self.drive(ctx);
            }
            Origin::Exception(claimed) => self.complete(*claimed, next, ctx),
        }
    }

    fn count(&self, origin: &Origin, next: &Disposition, timing: Timing, now: Timestamp) {
        let (ending, class) = match next {
            Disposition::Finish(_) => (Ending::Done, None),
            Disposition::Later { progress: Some(_), .. } => (Ending::Continued, None),
            Disposition::Later { progress: None, .. } => (Ending::Snoozed, None),
            Disposition::Again { failure, .. } => (Ending::Failed, Some(failure.class.as_str())),
            Disposition::DeadLetter(failure) => (Ending::Dead, Some(failure.class.as_str())),
        };
        let at = origin.event().at;
        let wait = matches!(origin, Origin::Fast(_)).then(|| timing.began.since(at));
        self.status.stats.record(EndedRun { ending, class, wait, took: timing.took, age: now.since(at) });
    }

    fn finish_in_log(&self, event: &Event, next: Disposition, now: Timestamp) -> Finished {
        let row = |due: Timestamp| self.row(event, due);
        match next {
            Disposition::Finish(effects) => Finished { effects, delivery: None },
            Disposition::Later { due, progress, effects } => {
                Finished { effects, delivery: Some(NewDelivery { progress, ..row(due) }) }
            }
            Disposition::Again { due, failure } => {
                let delivery = NewDelivery { receives: 1, failures: vec![failure], ..row(due) };
                Finished { effects: Effects::none(), delivery: Some(delivery) }
            }
            // It has no row yet; its row's first claim finds the receives spent and buries it.
            Disposition::DeadLetter(failure) => {
                let receives = self.settings.max_receives;
                let delivery = NewDelivery { receives, failures: vec![failure], ..row(now) };
                Finished { effects: Effects::none(), delivery: Some(delivery) }
            }
        }
    }

    /// Ends a receive in the retry queue.
    fn complete(&mut self, mut claimed: Claimed, next: Disposition, ctx: &mut Context<Self>) {
        self.clear(&claimed, matches!(next, Disposition::Finish(_) | Disposition::DeadLetter(_)));
        let (completion, due) = match next {
            // What it did is rolled back with everything else since the last commit, so it is done again; no receive is spent.
            Disposition::Finish(_) if self.rolls_back() => {
                let due = self.engine.clock.now();
                (Completion::Later { due, progress: None, effects: Effects::none() }, Some(due))
            }
            Disposition::Finish(effects) => (Completion::Done(effects), None),
            Disposition::Later { due, progress, effects } => (Completion::Later { due, progress, effects }, Some(due)),
            Disposition::Again { due, failure } => {
                claimed.failures.push(failure);
                (Completion::Failed { due, failures: claimed.failures }, Some(due))
            }
            Disposition::DeadLetter(failure) => {
                claimed.failures.push(failure);
                return self.send(claimed, ctx);
            }
        };
        let keeping = if matches!(completion, Completion::Done(_)) { self.keep_result() } else { None };
        let (deliveries, event, token) = (self.deliveries.clone(), claimed.event.id, claimed.token);
        let completing = complete_with_retry(move || {
            let (deliveries, token, completion) = (deliveries.clone(), token.clone(), completion.clone());
            async move { deliveries.complete(event, &token, completion).await }
        });
        let ending = async move {
            if let Some(keeping) = keeping {
                keeping.await?;
            }
            Ok(completing.await)
        };
        ctx.spawn(ending.into_actor(self).map(move |ended: Result<_, String>, actor, ctx| match ended {
            Ok(completed) => actor.completed(completed, due, ctx),
            Err(error) => {
                actor.record_error("cannot commit a worker's result; starting over from its last one", &error);
                actor.free_slot(true);
                actor.start_over(ctx);
            }
        }));
    }

    /// Hands a delivery to the `DeadLetterActor`.
    fn send(&mut self, claimed: Claimed, ctx: &mut Context<Self>) {
        let moving = self.engine.dead_letter_sink.clone().send(self.status.subscription.clone(), claimed);
        ctx.spawn(moving.into_actor(self).map(|moved, actor, ctx| actor.completed(moved, None, ctx)));
    }

    fn completed(&mut self, completed: crate::store::Result<()>, due: Option<Timestamp>, ctx: &mut Context<Self>) {
        self.free_slot(true);
        match completed {
            Ok(()) => due.into_iter().for_each(|due| self.due_at(due)),
            Err(error) if is_fenced_off(&error) => {
                tracing::info!(worker = W::NAME, "a run ended after its lease had run out; its result is dropped");
            }
            Err(error) => {
                self.record_error("cannot complete a delivery; it becomes visible again at its deadline", &error);
                self.due_at(self.engine.clock.now().plus(self.settings.visibility_timeout));
            }
        }
        self.drive(ctx);
    }

    fn leave(&mut self, event: &Event, finished: Finished) {
        if let Some(window) = self.windows.get_mut(&event.id.epoch) {
            window.finish(event.id.seq, finished);
        }
    }

    fn free_slot(&mut self, was_exceptional: bool) {
        self.slots.running = self.slots.running.saturating_sub(1);
        self.slots.exceptional = self.slots.exceptional.saturating_sub(usize::from(was_exceptional));
        if self.slots.running == 0 {
            self.slots.is_isolated = false;
            if self.claimed.is_empty() {
                self.isolation.permit = None;
            }
        }
    }

    fn row(&self, event: &Event, due: Timestamp) -> NewDelivery {
        NewDelivery {
            event: event.clone(),
            due,
            wait_for: None,
            run_isolated: false,
            receives: 0,
            failures: Vec::new(),
            progress: None,
        }
    }

    fn record_failure(&self, event: &Event, failure: &Failure) {
        tracing::warn!(
            worker = W::NAME,
            delivery_id = %event.id,
            trace_id = event.trace.trace_id(),
            receive = failure.receive,
            class = failure.class,
            error = failure.message,
            "a delivery failed"
        );
        self.set_last_error(failure.message.clone());
    }
}
