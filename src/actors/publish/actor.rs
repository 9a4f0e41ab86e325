//! The `PublishActor`: a group-commit writer, and the handle that commands reach it by.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::prelude::*;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot},
};

use super::{
    command::{Answer, Command},
    decide::Group,
    stats::{CommandCounts, Counts},
};
use crate::{
    actors::{
        Error,
        worker::{LogEnds, Subscribers},
    },
    backoff::Backoff,
    clock::SharedClock,
    domain::{Epoch, Event, TraceContext},
    store::{self, Publishing, Wanted, wrote_nothing},
};

/// How often a group is decided anew because somebody else was faster.
const ATTEMPTS: usize = 3;
/// How long the publisher waits before it opens a new log after a failure; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the publisher is told when it is made.
#[derive(Debug, Clone)]
pub struct PublisherSettings {
    /// How many commands may wait.
    pub queue: usize,
    /// How many commands go into one transaction.
    pub group: usize,
    /// Who owns the cursors of this node's logs.
    pub node: String,
    /// The names of all workers that get a cursor on a new log.
    pub workers: Vec<String>,
    /// How long a cursor's lease lasts.
    pub lease: Duration,
}

/// What the publisher works with.
pub struct PublisherParts {
    /// Its access to the database.
    pub publishing: Publishing,
    /// The time.
    pub clock: SharedClock,
    /// The work runtime.
    pub runtime: Handle,
    /// Where it says how far its logs reach.
    pub log_ends: Arc<LogEnds>,
    /// Who hears of its events.
    pub subscribers: Arc<Subscribers>,
}

/// The handle on the publisher: bounded, cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    address: Addr<PublishActor>,
    permits: Arc<Semaphore>,
    capacity: usize,
    counts: Arc<Counts>,
}

impl Publisher {
    /// How many commands wait or are being carried out.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.capacity.saturating_sub(self.permits.available_permits())
    }

    /// How many commands may wait at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Has a command carried out, and waits until it is committed.
    ///
    /// # Errors
    /// Why it was not carried out; after [`Error::Unavailable`] it may have been.
    pub async fn submit(&self, command: Command, trace: TraceContext) -> Result<Answer, Error> {
        let name = command.name();
        let answer = self.carry_out(command, trace).await;
        self.counts.add(name, &answer);
        answer
    }

    async fn carry_out(&self, command: Command, trace: TraceContext) -> Result<Answer, Error> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => Error::Busy,
            TryAcquireError::Closed => Error::Stopping,
        })?;
        let (reply, answer) = oneshot::channel();
        let submission = Submission { command, trace, reply, _permit: permit };
        self.address.try_send(submission).map_err(|refused| match refused {
            SendError::Full(_) => Error::Busy,
            SendError::Closed(_) => Error::Stopping,
        })?;
        answer.await.map_err(|_| Error::Unavailable("the publisher was restarted".to_owned()))?
    }

    /// Takes no more commands; ends when those that wait are carried out.
    pub async fn finish(&self) {
        self.permits.close();
        let _ = self.address.send(Finish).await;
    }

    /// How many commands wait or are being committed, and how many may.
    #[must_use]
    pub fn queue(&self) -> (usize, usize) {
        (self.capacity.saturating_sub(self.permits.available_permits()), self.capacity)
    }

    /// How many commands there were since the process began, by name and outcome.
    #[must_use]
    pub fn commands(&self) -> CommandCounts {
        self.counts.all()
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Submission {
    command: Command,
    trace: TraceContext,
    reply: oneshot::Sender<Result<Answer, Error>>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Finish;

/// The one writer of this node's event log. While one group is being committed, the next one gathers.
pub struct PublishActor {
    settings: PublisherSettings,
    parts: PublisherParts,
    waiting: VecDeque<Submission>,
    log: Log,
    backoff: Backoff,
    finished: Vec<oneshot::Sender<()>>,
}

/// The log this publisher writes.
enum Log {
    /// None yet: a new one is being opened.
    Opening,
    /// Ready for the next group.
    Idle { epoch: Epoch, next_seq: u64 },
    /// A group is being committed.
    Committing,
}

impl PublishActor {
    /// Opens the first log, and starts the publisher on an arbiter of its own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(
        settings: PublisherSettings,
        parts: PublisherParts,
        arbiter: &ArbiterHandle,
    ) -> store::Result<Publisher> {
        let (now, lease) = (parts.clock.now(), settings.lease);
        let epoch = parts.publishing.open_epoch(&settings.node, &settings.workers, now, lease).await?;
        let capacity = settings.queue;
        let permits = Arc::new(Semaphore::new(capacity));
        let address = Supervisor::start_in_arbiter(arbiter, move |_| Self {
            settings,
            parts,
            waiting: VecDeque::new(),
            log: Log::Idle { epoch, next_seq: 1 },
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            finished: Vec::new(),
        });
        Ok(Publisher { address, permits, capacity, counts: Arc::default() })
    }

    fn open_log(&mut self, ctx: &mut Context<Self>) {
        let (publishing, settings, now) =
            (self.parts.publishing.clone(), self.settings.clone(), self.parts.clock.now());
        let opening =
            async move { publishing.open_epoch(&settings.node, &settings.workers, now, settings.lease).await };
        ctx.spawn(opening.into_actor(self).map(move |opened, actor, ctx| match opened {
            Ok(epoch) => {
                tracing::info!(%epoch, "opened a new event log");
                actor.parts.log_ends.open(epoch);
                actor.backoff.reset();
                actor.log = Log::Idle { epoch, next_seq: 1 };
                actor.commit_next(ctx);
            }
            Err(error) => {
                tracing::error!(%error, "cannot open a new event log; trying again");
                actor.refuse_waiting(&error);
                ctx.run_later(actor.backoff.pause(), Self::open_log);
            }
        }));
    }

    fn commit_next(&mut self, ctx: &mut Context<Self>) {
        self.end_if_idle();
        let Log::Idle { epoch, next_seq } = self.log else { return };
        let count = self.waiting.len().min(self.settings.group);
        if count == 0 {
            return;
        }
        let mut commands = Vec::with_capacity(count);
        let mut replies = Vec::with_capacity(count);
        for submission in self.waiting.drain(..count) {
            commands.push((submission.command, submission.trace));
            replies.push((submission.reply, submission._permit));
        }
        self.log = Log::Committing;
        let (publishing, clock) = (self.parts.publishing.clone(), Arc::clone(&self.parts.clock));
        // A task of its own: a restart of this actor must not cut a group in half.
        let job = self.parts.runtime.spawn(async move { commit(&publishing, &clock, epoch, next_seq, commands).await });
        ctx.spawn(job.into_actor(self).map(move |result, actor, ctx| {
            let outcome = result.unwrap_or_else(|panic| Committed::unknown(count, panic.to_string()));
            for (answer, (reply, _permit)) in outcome.answers.into_iter().zip(replies) {
                let _ = reply.send(answer);
            }
            let next_seq = next_seq + u64::try_from(outcome.events.len()).unwrap_or(0);
            actor.parts.log_ends.advance(epoch, next_seq - 1);
            actor.parts.subscribers.offer(&outcome.events);
            if outcome.is_ambiguous {
                tracing::error!(%epoch, "a commit's outcome is unknown; going on with a new event log");
                ctx.stop();
                return;
            }
            actor.log = Log::Idle { epoch, next_seq };
            actor.commit_next(ctx);
        }));
    }

    /// The database is gone: nobody should wait for it.
    fn refuse_waiting(&mut self, error: &store::Error) {
        for submission in self.waiting.drain(..) {
            let _ = submission.reply.send(Err(Error::Unavailable(error.to_string())));
        }
        self.end_if_idle();
    }

    /// Whoever waits for the end is told once nothing waits and nothing is being committed.
    fn end_if_idle(&mut self) {
        if self.waiting.is_empty() && !matches!(self.log, Log::Committing) {
            for done in self.finished.drain(..) {
                let _ = done.send(());
            }
        }
    }
}

impl Actor for PublishActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The bound is the permits; the mailbox only has to be large enough never to be the smaller one.
        ctx.set_mailbox_capacity(self.settings.queue);
        match self.log {
            Log::Idle { epoch, .. } => self.parts.log_ends.open(epoch),
            Log::Opening | Log::Committing => self.open_log(ctx),
        }
    }
}

impl Supervised for PublishActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.log = Log::Opening;
    }
}

impl Handler<Submission> for PublishActor {
    type Result = ();

    fn handle(&mut self, submission: Submission, ctx: &mut Self::Context) {
        self.waiting.push_back(submission);
        self.commit_next(ctx);
    }
}

impl Handler<Finish> for PublishActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Finish, _: &mut Self::Context) -> Self::Result {
        let (done, finished) = oneshot::channel();
        self.finished.push(done);
        self.end_if_idle();
        Box::pin(async move {
            let _ = finished.await;
        })
    }
}

/// Why a group was not committed, and whether it may have been all the same.
#[derive(Debug)]
pub(super) struct Failed {
    reason: String,
    is_ambiguous: bool,
}

/// What became of a group.
pub(super) struct Committed {
    pub(super) answers: Vec<Result<Answer, Error>>,
    pub(super) events: Vec<Arc<Event>>,
    /// Whether something may have been written all the same.
    is_ambiguous: bool,
}

impl Committed {
    fn unknown(count: usize, reason: String) -> Self {
        let refused = || Err(Error::Unavailable(reason.clone()));
        Self { answers: std::iter::repeat_with(refused).take(count).collect(), events: Vec::new(), is_ambiguous: true }
    }
}

/// Commits a group; when it cannot be committed as a whole, each command by itself.
async fn commit(
    publishing: &Publishing,
    clock: &SharedClock,
    epoch: Epoch,
    next_seq: u64,
    commands: Vec<(Command, TraceContext)>,
) -> Committed {
    let count = commands.len();
    match attempt(publishing, clock, epoch, next_seq, &commands).await {
        Ok(committed) => return committed,
        Err(failed) if failed.is_ambiguous => return Committed::unknown(count, failed.reason),
        Err(_) => {}
    }
    let mut whole = Committed { answers: Vec::with_capacity(count), events: Vec::new(), is_ambiguous: false };
    for command in commands {
        let seq = next_seq + u64::try_from(whole.events.len()).unwrap_or(0);
        match attempt(publishing, clock, epoch, seq, &[command]).await {
            Ok(single) => {
                whole.answers.extend(single.answers);
                whole.events.extend(single.events);
            }
            Err(failed) if !failed.is_ambiguous => whole.answers.push(Err(Error::Unavailable(failed.reason))),
            Err(failed) => {
                let rest = Committed::unknown(count - whole.answers.len(), failed.reason);
                whole.answers.extend(rest.answers);
                whole.is_ambiguous = true;
                break;
            }
        }
    }
    whole
}

/// Knows, decides and commits; again when somebody else was faster.
pub(super) async fn attempt(
    publishing: &Publishing,
    clock: &SharedClock,
    epoch: Epoch,
    next_seq: u64,
    commands: &[(Command, TraceContext)],
) -> Result<Committed, Failed> {
    let failed = |error: store::Error, is_ambiguous| Failed { reason: error.to_string(), is_ambiguous };
    let mut tries = 0;
    loop {
        tries += 1;
        let mut wanted = Wanted::default();
        commands.iter().for_each(|(command, _)| command.want(&mut wanted));
        // Reading writes nothing, so a failure here is not ambiguous.
        let known = publishing.know(wanted).await.map_err(|error| failed(error, false))?;
        let mut group = Group::new(known, clock.now(), epoch, next_seq);
        let answers = commands.iter().map(|(command, trace)| group.decide(command.clone(), *trace)).collect();
        let events = group.events.into_iter().map(Arc::new).collect();
        match publishing.commit(group.writes).await {
            Ok(()) => return Ok(Committed { answers, events, is_ambiguous: false }),
            Err(error) if wrote_nothing(&error) && tries < ATTEMPTS => {}
            Err(error) => {
                let is_ambiguous = !wrote_nothing(&error);
                return Err(failed(error, is_ambiguous));
            }
        }
    }
}
