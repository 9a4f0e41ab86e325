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
    /// Several changes to one post, one follow, the profile, or one slug at the same moment, over connections of their own.
    SamePost,
    SameFollow,
    SameProfile,
    SameSlug,
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
            0..28 => Step::Create,
            28..34 => Step::CreateAndPublish,
            34..45 => Step::Edit,
            45..51 => Step::Delete,
            51..60 => Step::Follow,
            60..66 => Step::Unfollow,
            66..74 => Step::SamePost,
            74..81 => Step::SameFollow,
            81..84 => Step::SameProfile,
            84..87 => Step::SameSlug,
            87..95 => Step::ReadFeed,
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

    /// How many things are done at the same moment.
    pub(super) fn several(&mut self) -> usize {
        self.0.random_range(2..=4)
    }

    /// A yes or a no.
    pub(super) fn coin(&mut self) -> bool {
        self.0.random()
    }

    /// How long after the one before the next of several is sent, in microseconds: within one commit of the database, mostly.
    pub(super) fn stagger_us(&mut self) -> u64 {
        if self.coin() { 0 } else { self.0.random_range(0..3_000) }
    }

    /// How long to do nothing, in milliseconds.
    pub(super) fn pause(&mut self) -> u64 {
        self.0.random_range(0..25)
    }
}
