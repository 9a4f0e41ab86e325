//! Several changes to one thing at the same moment, over connections of their own: what their answers allow to be true afterwards, and
//! whether it is. What was not answered is settled after the restart.

mod follow;
mod post;
mod profile;
mod slug;
mod told;

pub(super) use self::follow::name_of as follow_of;
use super::{
    plan::{Plan, Step},
    record::{Record, Who},
};
use crate::support::Person;

/// Something that was changed when the server went away.
#[derive(Debug)]
pub(super) enum Open {
    Post(post::Open),
    Follow(follow::Open),
    Profile(profile::Open),
    Slug(slug::Open),
}

/// Does several things to one; what is left is the end of the server.
pub(super) async fn act(person: &Person, who: Who, step: Step, plan: &mut Plan, record: &Record) -> Option<Open> {
    match step {
        Step::SamePost => post::act(person, who, plan, record).await.map(Open::Post),
        Step::SameFollow => follow::act(person, who, plan, record).await.map(Open::Follow),
        Step::SameProfile => profile::act(person, who, plan, record).await.map(Open::Profile),
        _ => slug::act(person, who, plan, record).await.map(Open::Slug),
    }
}

impl Open {
    /// Finds out what became of it: whatever is true now must be something that was asked for, or what was told before.
    pub(super) async fn resolve(self, people: &[Person], record: &Record) {
        match self {
            Self::Post(open) => open.resolve(people, record).await,
            Self::Follow(open) => open.resolve(people, record).await,
            Self::Profile(open) => open.resolve(people, record).await,
            Self::Slug(open) => open.resolve(people, record).await,
        }
    }
}
