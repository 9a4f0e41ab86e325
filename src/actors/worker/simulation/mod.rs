//! The engine against its promise, under random outcomes, crashes between any two writes, and two nodes that share one store:
//! *what was accepted is in the end done or dead, never both, never neither*, and effects count exactly once.
//!
//! `PROPTEST_CASES=1000 cargo test --release simulation` tries harder.

mod approval;
mod node;
mod orderly;
mod script;

use std::time::Duration;

use proptest::prelude::*;

use self::{
    node::{Node, World},
    script::Script,
};

/// What may happen.
#[derive(Debug, Clone)]
enum Act {
    /// Somebody asks a node for so many things at once.
    Publish { node: usize, count: usize },
    /// The clock goes on: backoffs end, leases run out.
    Pass(Duration),
    /// A node will die with one of its next writes, or at once.
    Doom { node: usize, writes: u32 },
    /// A node is killed if it still lives, and another one takes its place; that one may be doomed from its start.
    Replace { node: usize, writes: Option<u32> },
    /// The clock is set back.
    Back(Duration),
    /// Runs that hang may go on, long after their leases ran out.
    Release,
    /// The machine has some time for itself.
    Rest,
    /// An operator restarts the worker.
    Restart { node: usize },
    /// A node ends in an orderly way, and another one takes its place.
    Drain { node: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let node = 0..2_usize;
    prop_oneof![
        5 => (node.clone(), 1..12_usize).prop_map(|(node, count)| Act::Publish { node, count }),
        3 => (1..200_000_u64).prop_map(|millis| Act::Pass(Duration::from_millis(millis))),
        3 => (node.clone(), 0..12_u32).prop_map(|(node, writes)| Act::Doom { node, writes }),
        3 => (node.clone(), prop::option::of(1..20_u32)).prop_map(|(node, writes)| Act::Replace { node, writes }),
        1 => (1..100_000_u64).prop_map(|millis| Act::Back(Duration::from_millis(millis))),
        1 => Just(Act::Release),
        3 => Just(Act::Rest),
        1 => node.clone().prop_map(|node| Act::Restart { node }),
        1 => node.prop_map(|node| Act::Drain { node }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_node_finishes_or_buries_everything_once(seed: u64, acts in prop::collection::vec(act(), 1..25)) {
        play(1, seed, acts);
    }

    #[test]
    fn two_nodes_on_one_store_finish_or_bury_everything_once(seed: u64, acts in prop::collection::vec(act(), 1..25)) {
        play(2, seed, acts);
    }
}

/// Plays a history, then lets healthy nodes finish, and looks.
fn play(count: usize, seed: u64, acts: Vec<Act>) {
    let runtime = crate::app::work_runtime().unwrap();
    actix::System::new().block_on(async {
        let world = World::new(&runtime, Script::new(seed), count == 1).await;
        let mut nodes = Vec::new();
        for number in 0..count {
            nodes.push(Node::start(&world, number, None).await);
        }
        for act in acts {
            match act {
                Act::Publish { node, count: events } => world.publish(&nodes[node % count], events).await,
                Act::Pass(time) => world.clock.advance(time),
                Act::Back(time) => world.back(time),
                Act::Release => world.script.release(),
                Act::Rest => tokio::time::sleep(Duration::from_millis(60)).await,
                Act::Restart { node } => nodes[node % count].restart(),
                Act::Drain { node } => {
                    let place = node % count;
                    // One that is doomed may not come to its end.
                    let _ = tokio::time::timeout(Duration::from_secs(1), nodes[place].drain()).await;
                    nodes[place].kill();
                    nodes[place] = Node::start(&world, place, None).await;
                }
                Act::Doom { node, writes } => nodes[node % count].doom(writes),
                Act::Replace { node, writes } => {
                    let place = node % count;
                    nodes[place].kill();
                    nodes[place] = Node::start(&world, place, writes).await;
                }
            }
        }
        world.script.release();
        for (place, node) in nodes.iter_mut().enumerate() {
            node.kill();
            *node = Node::start(&world, place, None).await;
        }
        world.finish(&nodes).await;
        nodes.iter().for_each(Node::kill);
    });
    runtime.shutdown_background();
}

/// Histories that once went wrong.
#[test]
fn a_node_whose_cursor_was_taken_over_goes_on_with_what_it_still_owns() {
    let publish = |node| Act::Publish { node, count: 5 };
    let late = Act::Pass(Duration::from_secs(60));
    play(
        2,
        7,
        vec![publish(0), Act::Rest, late.clone(), Act::Rest, publish(0), publish(1), late, Act::Rest, publish(0)],
    );
}

#[test]
fn a_late_job_changes_nothing() {
    assert!(Script::new(0).hangs_somewhere(), "seed 0 has a run that hangs");
    let acts = vec![
        Act::Publish { node: 0, count: 40 },
        Act::Rest,
        Act::Pass(Duration::from_secs(200)),
        Act::Rest,
        Act::Rest,
        Act::Release,
        Act::Rest,
    ];
    play(2, 0, acts);
}
