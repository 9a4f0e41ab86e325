//! A worker that waits for approval, under the same deaths: what it does cannot be taken back, so it must not begin before the post is
//! approved; then it does it once, and what was rejected or deleted it leaves alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::node::{Node, World};
use crate::{
    actors::{
        Answer, Command, NewPost,
        worker::{Delivery, Error, Interest, Outcome, Worker},
    },
    clock::SharedClock,
    domain::{
        AccountId, Body, Decision, EventKind, Moderation, Post, PostId, Status, Title, TraceContext, Usage, Verdict,
        Viewer,
    },
    store::{AnalyticsAccess, EventLog, ModerationAccess, Repositories},
};

/// What may happen. Posts are counted from the first one that was acknowledged.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Publish {
        node: usize,
        count: usize,
    },
    Judge {
        node: usize,
        post: usize,
        decision: Decision,
    },
    Delete {
        node: usize,
        post: usize,
    },
    /// A node is killed, and another one takes its place.
    Replace {
        node: usize,
        writes: Option<u32>,
    },
    Pass(Duration),
    Rest,
}

fn act() -> impl Strategy<Value = Act> {
    let (node, post) = (0..2_usize, 0..20_usize);
    let decision = prop_oneof![4 => Just(Decision::Approve), 2 => Just(Decision::Reject), 1 => Just(Decision::Review)];
    let judge = (node.clone(), post.clone(), decision);
    prop_oneof![
        4 => (node.clone(), 1..6_usize).prop_map(|(node, count)| Act::Publish { node, count }),
        5 => judge.prop_map(|(node, post, decision)| Act::Judge { node, post, decision }),
        1 => (node.clone(), post).prop_map(|(node, post)| Act::Delete { node, post }),
        4 => (node, prop::option::of(1..20_u32)).prop_map(|(node, writes)| Act::Replace { node, writes }),
        1 => (1..60_000_u64).prop_map(|millis| Act::Pass(Duration::from_millis(millis))),
        3 => Just(Act::Rest),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_done_before_its_post_is_approved_and_then_it_is_done_once(acts in prop::collection::vec(act(), 1..25)) {
        play(1, acts);
    }

    #[test]
    fn the_same_holds_for_two_nodes(acts in prop::collection::vec(act(), 1..25)) {
        play(2, acts);
    }
}

/// Two deaths without progress make a publication a suspect; it was run at once then, approved or not.
#[test]
fn a_suspect_waits_for_approval_too() {
    let replace = || Act::Replace { node: 0, writes: None };
    play(1, vec![Act::Publish { node: 0, count: 3 }, replace(), Act::Rest, replace(), Act::Rest, replace()]);
}

fn play(count: usize, acts: Vec<Act>) {
    let runtime = crate::app::work_runtime().unwrap();
    actix::System::new().block_on(async {
        let world = World::of_posts(&runtime, count == 1).await;
        let mut nodes = Vec::new();
        for number in 0..count {
            nodes.push(Node::start(&world, number, None).await);
        }
        for act in acts {
            match act {
                Act::Publish { node, count: posts } => publish(&world, &nodes[node % count], posts).await,
                Act::Judge { node, post, decision } => resolve(&world, &nodes[node % count], post, decision).await,
                Act::Delete { node, post } => delete(&world, &nodes[node % count], post).await,
                Act::Pass(time) => world.clock.advance(time),
                Act::Rest => tokio::time::sleep(Duration::from_millis(60)).await,
                Act::Replace { node, writes } => {
                    let place = node % count;
                    nodes[place].kill();
                    nodes[place] = Node::start(&world, place, writes).await;
                }
            }
        }
        for (place, node) in nodes.iter_mut().enumerate() {
            node.kill();
            *node = Node::start(&world, place, None).await;
        }
        world.finish_posts(&nodes).await;
        nodes.iter().for_each(Node::kill);
    });
    runtime.shutdown_background();
}

async fn publish(world: &World, node: &Node, count: usize) {
    for _ in 0..count {
        let new = NewPost {
            title: Title::parse("A title").unwrap(),
            body: Body::parse("A body.").unwrap(),
            tags: Vec::new(),
            status: Status::Published,
            slug: None,
            published_at: None,
            notify: true,
        };
        let create = Command::Create { author: world.author, post: new, idempotency: None };
        if let Some(Answer::Post(post)) = node.submit(create).await {
            world.posts.acknowledged.lock().push(post);
        }
    }
}

async fn resolve(world: &World, node: &Node, place: usize, decision: Decision) {
    let Some(post) = world.posts.acknowledged(place) else { return };
    let verdict = Verdict {
        decision,
        categories: Vec::new(),
        reason: String::new(),
        model: "model/1".to_owned(),
        prompt: None,
        usage: Usage::default(),
    };
    node.submit(Command::Judge { post: post.id, content_hash: post.content_hash.clone(), verdict }).await;
}

async fn delete(world: &World, node: &Node, place: usize) {
    let Some(post) = world.posts.acknowledged(place) else { return };
    node.submit(Command::Delete { post: post.id, by: Viewer::Account(world.author), if_version: None }).await;
}

/// The posts of a world, and where the work on each is counted.
#[derive(Default)]
pub(super) struct Posts {
    acknowledged: Mutex<Vec<Arc<Post>>>,
    /// An account whose followers are the times that the work on a post was done.
    tallies: Mutex<HashMap<PostId, AccountId>>,
}

impl Posts {
    fn acknowledged(&self, place: usize) -> Option<Arc<Post>> {
        self.acknowledged.lock().get(place).cloned()
    }

    fn tally(&self, post: PostId) -> AccountId {
        *self.tallies.lock().entry(post).or_insert_with(AccountId::generate)
    }
}

/// What the logs say became of a post.
#[derive(Debug, Clone, Copy, Default)]
struct Story {
    is_approved: bool,
    is_over: bool,
}

impl World {
    /// Lets everything settle, and holds the result against the promise.
    async fn finish_posts(&self, nodes: &[Node]) {
        self.settle(nodes, |state| state == "dead" || state == "held").await;
        let stories = self.stories().await;
        let waiting = stories.values().filter(|story| !story.is_approved && !story.is_over).count();
        let lost: Vec<PostId> = {
            let acknowledged = self.posts.acknowledged.lock();
            acknowledged.iter().map(|post| post.id).filter(|post| !stories.contains_key(post)).collect()
        };
        assert!(lost.is_empty(), "accepted and not in the log: {lost:?}");
        let rows = |state: &'static str| async move {
            self.store_exceptions().await.iter().filter(|found| **found == state).count()
        };
        assert_eq!(rows("held").await, waiting, "what nobody has judged waits, and nothing else: {stories:?}");
        let dead = rows("dead").await;
        let mut undone = 0;
        for (post, story) in &stories {
            let done = Repositories::new(&self.store).stats().author(self.posts.tally(*post)).await.unwrap().followers;
            assert!(done <= u64::from(story.is_approved), "{post}, {story:?}: done {done} times");
            undone += usize::from(story.is_approved && !story.is_over && done == 0);
        }
        // A receive that dies with its process is spent, so anything may run out of them.
        assert!(undone <= dead, "{undone} approved and not done, {dead} dead");
    }

    async fn stories(&self) -> BTreeMap<PostId, Story> {
        let log = EventLog::new(&self.store, "model", "judge");
        let mut stories: BTreeMap<PostId, Story> = BTreeMap::new();
        for epoch in log.epochs().await.unwrap() {
            for event in log.read(epoch, 1, 10_000).await.unwrap() {
                let Some(post) = event.kind.post() else { continue };
                let story = stories.entry(post).or_default();
                match event.kind {
                    EventKind::PostApproved { .. } => story.is_approved = true,
                    EventKind::PostRejected { .. } | EventKind::PostDeleted { .. } => story.is_over = true,
                    _ => {}
                }
            }
        }
        stories
    }
}

impl Node {
    async fn submit(&self, command: Command) -> Option<Answer> {
        let (publisher, _) = self.alive.as_ref()?;
        publisher.submit(command, TraceContext::new(1, 1, 1)).await.ok()
    }
}

/// The worker under test.
pub(super) struct Waiting {
    pub(super) posts: Arc<Posts>,
    pub(super) analytics: AnalyticsAccess,
    pub(super) moderation: ModerationAccess,
    pub(super) clock: SharedClock,
}

impl Worker for Waiting {
    const NAME: &'static str = "model";
    const WAITS_FOR_APPROVAL: bool = true;

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let Some(id) = delivery.event.kind.post() else { return Ok(Outcome::done()) };
        // What was rejected or deleted before it was held is run, and sees that itself, as every worker does that acts late.
        match self.moderation.post(id, delivery.event.id).await? {
            Some(post) if post.moderation != Moderation::Rejected => {
                Ok(Outcome::Done(self.analytics.followers(self.posts.tally(id), 1, self.clock.now())))
            }
            Some(_) | None => Ok(Outcome::done()),
        }
    }
}
