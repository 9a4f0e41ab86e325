//! Nodes that live on one store and die between two writes, and the world that looks at what they left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Arbiter;
use tokio::runtime::Runtime;

use super::{
    approval::{Posts, Waiting},
    script::{Fate, Script, Scripted},
};
use crate::{
    actors::{
        Command, DeadLetterActor, PublishActor, Publisher, PublisherParts, PublisherSettings,
        worker::{Control, Engine, LogEnds, Running, Settings, State, Subscribers},
    },
    clock::{Clock, ManualClock, SharedClock},
    domain::{AccountId, EventId, EventKind, TraceContext},
    store::{Database, EventLog, Repositories, Store, fail_point::FailPoint},
};

/// How long everything may take once nobody dies any more.
const PATIENCE: Duration = Duration::from_secs(15);
const LEASE: Duration = Duration::from_secs(15);

/// What all nodes share.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    pub(super) script: Arc<Script>,
    pub(super) posts: Arc<Posts>,
    pub(super) author: AccountId,
    /// Whether the worker works on posts, and waits for their approval.
    has_posts: bool,
    is_alone: bool,
    /// After so many receives a delivery is dead.
    max_receives: u32,
    runtime: tokio::runtime::Handle,
    accepted: parking_lot::Mutex<BTreeSet<AccountId>>,
}

/// One process.
pub(super) struct Node {
    pub(super) fail_point: Arc<FailPoint>,
    /// Nothing when it died while it started.
    pub(super) alive: Option<(Publisher, Running)>,
    arbiters: Vec<Arbiter>,
}

impl World {
    pub(super) async fn new(runtime: &Runtime, script: Script, is_alone: bool) -> Self {
        Self::of(runtime, script, false, is_alone).await
    }

    /// A world where one spent receive is one dead letter.
    pub(super) async fn of_single_receives(runtime: &Runtime, script: Script, is_alone: bool) -> Self {
        Self { max_receives: 1, ..Self::of(runtime, script, false, is_alone).await }
    }

    /// A world where people publish posts.
    pub(super) async fn of_posts(runtime: &Runtime, is_alone: bool) -> Self {
        Self::of(runtime, Script::new(0), true, is_alone).await
    }

    async fn of(runtime: &Runtime, script: Script, has_posts: bool, is_alone: bool) -> Self {
        let database = Database {
            url: "mem://".to_owned(),
            username: String::new(),
            password: String::new(),
            namespace: "model".to_owned(),
            name: "model".to_owned(),
            cache: 0,
            memory: 64 << 20,
            records: true,
        };
        let store = Store::open(&database, runtime.handle().clone()).await.unwrap();
        let clock = Arc::new(ManualClock::at_system_time());
        let seeding = Repositories::new(&store).seeding();
        let nobody = AccountId::generate();
        seeding.add_followers(nobody, 1, clock.now()).await.unwrap();
        let author = seeding.last_follower(nobody).await.unwrap().unwrap();
        Self {
            store,
            clock,
            script: Arc::new(script),
            posts: Arc::default(),
            author,
            has_posts,
            is_alone,
            max_receives: 5,
            runtime: runtime.handle().clone(),
            accepted: parking_lot::Mutex::default(),
        }
    }

    /// Sets the clock back.
    pub(super) fn back(&self, time: Duration) {
        self.clock.set(self.clock.now().minus(time));
    }

    /// Somebody follows, `count` times, all at once; what is acknowledged is remembered.
    pub(super) async fn publish(&self, node: &Node, count: usize) {
        let Some((publisher, _)) = &node.alive else { return };
        let submissions = (0..count).map(|_| async {
            let reader = self.script.next_reader();
            let follow = Command::Follow { reader, author: self.author };
            if publisher.submit(follow, TraceContext::new(1, 1, 1)).await.is_ok() {
                self.accepted.lock().insert(reader);
            }
        });
        futures_util::future::join_all(submissions).await;
    }

    /// Lets time pass until everything is settled; rows in some states may stay.
    pub(super) async fn settle(&self, nodes: &[Node], may_stay: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while let Some(left) = self.left(&may_stay).await {
            let states: Vec<_> = nodes.iter().filter_map(|node| node.alive.as_ref()).collect();
            for (_, running) in &states {
                if running.status.snapshot().state == State::Degraded {
                    running.control(Control::Restart);
                }
            }
            let shown: Vec<_> = states.iter().map(|(_, running)| running.status.snapshot()).collect();
            assert!(Instant::now() < until, "neither done nor dead: {left}\n{shown:#?}");
            // Where a lost lease would be a dead letter the clock goes more slowly than a busy machine.
            self.clock.advance(Duration::from_secs(if self.max_receives == 1 { 2 } else { 20 }));
            self.script.release();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Lets everything settle, and holds the result against the promise.
    pub(super) async fn finish(&self, nodes: &[Node]) {
        self.settle(nodes, |state| state == "dead").await;
        let mut events = BTreeMap::new();
        let log = EventLog::new(&self.store, "model", "judge");
        for epoch in log.epochs().await.unwrap() {
            for event in log.read(epoch, 1, 10_000).await.unwrap() {
                let EventKind::AuthorFollowed { reader, .. } = event.kind else { continue };
                assert!(events.insert(reader, event.id).is_none(), "one command, two events");
            }
        }
        let lost: Vec<_> = self.accepted.lock().iter().filter(|reader| !events.contains_key(reader)).copied().collect();
        assert!(lost.is_empty(), "accepted and not in the log: {lost:?}");
        let dead = self.dead().await;
        let stats = Repositories::new(&self.store).stats();
        for (reader, id) in &events {
            let counted = stats.author(*reader).await.unwrap();
            let (fate, is_dead) = (self.script.fate_of(*reader), dead.contains(id));
            let steps = if fate == Fate::GoesOnTwice { 2 } else { 0 };
            let told = format!("{id}, {fate:?}, dead: {is_dead}, {counted:?}, runs: {}", self.script.runs_of(*reader));
            match fate {
                Fate::FailsAlways | Fate::Rejected => assert!(is_dead && counted.followers == 0, "not dead: {told}"),
                // A receive that dies with its process is spent, so anything may run out of them.
                _ if is_dead => assert!(counted.followers == 0 && counted.posts <= steps, "done and dead: {told}"),
                _ => assert!(counted.followers == 1 && counted.posts == steps, "not done exactly once: {told}"),
            }
        }
    }

    /// What is not settled yet.
    async fn left(&self, may_stay: impl Fn(&str) -> bool) -> Option<String> {
        let log = EventLog::new(&self.store, "model", "judge");
        for epoch in log.epochs().await.unwrap() {
            let (head, settled) = (log.head(epoch).await.unwrap(), log.settled(epoch).await.unwrap());
            if settled != Some(head) {
                return Some(format!("cursor on {epoch}: {settled:?} of {head}"));
            }
        }
        // After the cursors: what passed them without being finished has a row by now.
        let waiting: Vec<String> = self.store_exceptions().await.into_iter().filter(|state| !may_stay(state)).collect();
        if !waiting.is_empty() {
            return Some(format!("{} rows wait: {waiting:?}", waiting.len()));
        }
        None
    }

    pub(super) async fn dead(&self) -> BTreeSet<EventId> {
        crate::store::DeadLetters::new(&self.store).ids().await.unwrap().into_iter().collect()
    }

    pub(super) async fn store_exceptions(&self) -> Vec<String> {
        let exceptions = Repositories::new(&self.store).exceptions().list(10_000).await.unwrap();
        exceptions.into_iter().map(|exception| exception.state).collect()
    }
}

impl Node {
    /// A process on the world's store; with `fail_point` it dies with that write.
    pub(super) async fn start(world: &World, number: usize, fail_point: Option<u32>) -> Self {
        let fail_point = Arc::new(fail_point.map_or_else(FailPoint::endless, FailPoint::new));
        let store = world.store.with_fail_point(Arc::clone(&fail_point));
        let mut node = Self { fail_point, alive: None, arbiters: (0..3).map(|_| Arbiter::new()).collect() };
        let repositories = Repositories::new(&store);
        let clock: SharedClock = world.clock.clone();
        let [for_dead, for_publisher, for_worker] = [0, 1, 2].map(|index: usize| node.arbiters[index].handle());
        let dead_letter_sink = DeadLetterActor::start(repositories.dead_letters(), Arc::clone(&clock), &for_dead);
        let (log_ends, subscribers) = (Arc::new(LogEnds::default()), Arc::new(Subscribers::default()));
        let name = format!("node-{number}-{}", ulid::Ulid::generate());
        let settings = PublisherSettings {
            queue: 64,
            group: 8,
            node: name.clone(),
            workers: vec!["model".to_owned()],
            lease: LEASE,
        };
        let parts = PublisherParts {
            publishing: repositories.publishing(),
            clock: Arc::clone(&clock),
            runtime: world.runtime.clone(),
            log_ends: Arc::clone(&log_ends),
            subscribers: Arc::clone(&subscribers),
        };
        let Ok(publisher) = PublishActor::start(settings, parts, &for_publisher).await else { return node };
        let engine = Engine {
            store: store.clone(),
            clock: Arc::clone(&clock),
            log_ends,
            dead_letter_sink,
            node: name,
            lease: LEASE,
            is_alone: world.is_alone,
            isolation_permit: Arc::new(tokio::sync::Semaphore::new(1)),
            paused: BTreeMap::new(),
        };
        let (analytics, settings) = (repositories.analytics(), settings_of_the_worker(world));
        let running = if world.has_posts {
            let (posts, moderation) = (Arc::clone(&world.posts), repositories.moderation());
            engine.start(Waiting { posts, analytics, moderation, clock }, settings, &for_worker)
        } else {
            engine.start(Scripted { script: Arc::clone(&world.script), analytics, clock }, settings, &for_worker)
        };
        subscribers.add(running.mailbox.clone());
        node.alive = Some((publisher, running));
        node
    }

    /// It dies with the `writes`-th write from now on; with none, at once.
    pub(super) fn doom(&self, writes: u32) {
        self.fail_point.set(writes);
    }

    /// An operator restarts its worker.
    pub(super) fn restart(&self) {
        if let Some((_, running)) = &self.alive {
            running.control(Control::Restart);
        }
    }

    /// How often its worker has restarted.
    pub(super) fn restarts(&self) -> u32 {
        self.alive.as_ref().map_or(0, |(_, running)| running.status.snapshot().restarts)
    }

    /// It ends in an orderly way; what hangs is cut short.
    pub(super) async fn drain(&self) {
        if let Some((publisher, running)) = &self.alive {
            running.drain(Instant::now() + Duration::from_millis(30)).await;
            publisher.finish().await;
        }
    }

    /// `kill -9`: from now on nothing it does reaches the store.
    pub(super) fn kill(&self) {
        self.fail_point.kill();
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}

fn settings_of_the_worker(world: &World) -> Settings {
    Settings {
        mailbox: 8,
        batch: 4,
        timeout: Duration::from_secs(600),
        visibility_timeout: Duration::from_secs(90),
        max_receives: world.max_receives,
        backoff: Duration::from_secs(1),
        wait_for_approval: world.has_posts,
        is_paused: false,
        begins_at_the_beginning: true,
    }
}
