//! What one person does next, as their own seeded choice. Knows nothing of the server.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::record::{POISON, VILE};

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    /// A draft, published in a second request.
    CreateAndPublish,
    Edit,
    Delete,
    Follow,
    Unfollow,
    ReadFeed,
    Search,
}

/// A sequence of choices.
pub(super) struct Plan(StdRng);

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(super) fn next(&mut self) -> Step {
        match self.0.random_range(0..100) {
            0..35 => Step::Create,
            35..42 => Step::CreateAndPublish,
            42..57 => Step::Edit,
            57..64 => Step::Delete,
            64..76 => Step::Follow,
            76..84 => Step::Unfollow,
            84..94 => Step::ReadFeed,
            _ => Step::Search,
        }
    }

    /// One of `count` things; `None` if there are none.
    pub(super) fn one_of(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.0.random_range(0..count))
    }

    /// What the next post is about.
    pub(super) fn subject(&mut self) -> &'static str {
        match self.0.random_range(0..100) {
            0..4 => POISON,
            4..10 => VILE,
            _ => "torture",
        }
    }

    /// How long to do nothing, in milliseconds.
    pub(super) fn pause(&mut self) -> u64 {
        self.0.random_range(0..25)
    }
}
