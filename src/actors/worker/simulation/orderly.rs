//! Orderly ends: a node that drains, a worker that an operator restarts, one that restarts after a panic. Every lease is given back and no
//! receive is spent, so with one receive for each delivery nothing dies that has not panicked itself.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{
    node::{Node, World},
    script::{Fate, Script},
};

/// What may happen.
#[derive(Debug, Clone)]
enum Act {
    Publish { node: usize, count: usize },
    Pass(Duration),
    Rest,
    Restart { node: usize },
    Drain { node: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let node = 0..2_usize;
    prop_oneof![
        4 => (node.clone(), 1..12_usize).prop_map(|(node, count)| Act::Publish { node, count }),
        // All of them together are less than a lease.
        4 => (1..4_u64).prop_map(|seconds| Act::Pass(Duration::from_secs(seconds))),
        2 => Just(Act::Rest),
        2 => node.clone().prop_map(|node| Act::Restart { node }),
        2 => node.prop_map(|node| Act::Drain { node }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn orderly_ends_spend_no_receive(seed: u64, acts in prop::collection::vec(act(), 1..20)) {
        play(1, seed, acts);
    }

    #[test]
    fn the_same_holds_for_two_nodes(seed: u64, acts in prop::collection::vec(act(), 1..20)) {
        play(2, seed, acts);
    }
}

fn play(count: usize, seed: u64, acts: Vec<Act>) {
    in_a_world(Script::calm(seed), count == 1, async |world| {
        let mut nodes = Vec::new();
        for number in 0..count {
            nodes.push(Node::start(world, number, None).await);
        }
        for act in acts {
            match act {
                Act::Publish { node, count: events } => world.publish(&nodes[node % count], events).await,
                Act::Pass(time) => world.clock.advance(time),
                Act::Rest => tokio::time::sleep(Duration::from_millis(60)).await,
                Act::Restart { node } => nodes[node % count].restart(),
                Act::Drain { node } => {
                    let place = node % count;
                    nodes[place] = replaced(world, &nodes[place], place, count == 1).await;
                }
            }
        }
        for (place, node) in nodes.iter_mut().enumerate() {
            *node = replaced(world, node, place, count == 1).await;
        }
        world.finish(&nodes).await;
        let dead = world.dead().await.len();
        assert!(dead <= world.script.panics(), "{dead} dead, {} have panicked", world.script.panics());
        nodes.iter().for_each(Node::kill);
    });
}

/// Ends a node in an orderly way, looks at what it leaves, and starts another in its place.
async fn replaced(world: &World, node: &Node, place: usize, is_alone: bool) -> Node {
    node.drain().await;
    node.kill();
    if is_alone {
        let states = world.store_exceptions().await;
        assert!(states.iter().all(|state| state != "leased"), "{states:?}");
    }
    Node::start(world, place, None).await
}

/// A snoozed delivery is due and its claim is committed, but the worker has not heard of it when something is to end it: that waits,
/// and gives the lease back.
fn ends_with_a_claim_pending(end: impl AsyncFn(&Node)) {
    let script = (0..).map(Script::calm).find(|script| script.first_fate() == Fate::SnoozesOnce).unwrap();
    in_a_world(script, true, async |world| {
        let node = Node::start(world, 0, None).await;
        world.publish(&node, 1).await;
        until("the delivery waits", async || world.store_exceptions().await == ["ready"]).await;
        node.fail_point.hold_answers(true);
        world.clock.advance(Duration::from_secs(10));
        until("it is leased", async || world.store_exceptions().await == ["leased"]).await;
        let mut ending = std::pin::pin!(end(&node));
        let is_early = tokio::time::timeout(Duration::from_millis(100), ending.as_mut()).await.is_ok();
        assert!(!is_early, "it has ended while a lease was on its way");
        node.fail_point.hold_answers(false);
        ending.await;
        let next = replaced(world, &node, 0, true).await;
        world.finish(std::slice::from_ref(&next)).await;
        assert!(world.dead().await.is_empty());
        next.kill();
    });
}

#[test]
fn a_claim_pending_when_the_node_drains_is_given_back() {
    ends_with_a_claim_pending(Node::drain);
}

#[test]
fn a_claim_pending_when_an_operator_restarts_the_worker_is_given_back() {
    ends_with_a_claim_pending(async |node| {
        node.restart();
        until("it has restarted", async || node.restarts() == 1).await;
    });
}

fn in_a_world(script: Script, is_alone: bool, act: impl AsyncFnOnce(&World)) {
    let runtime = crate::app::work_runtime().unwrap();
    actix::System::new().block_on(async {
        act(&World::of_single_receives(&runtime, script, is_alone).await).await;
    });
    runtime.shutdown_background();
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(15);
    while !is_so().await {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
