//! Handing out the narrow repositories: the one place that has the whole store and gives parts of it away.

use super::{
    AccountAccess, AnalyticsAccess, AuditTrail, BacklogReads, Backups, Controls, DeadLetterReads, DeadLetters,
    ExceptionReads, FeedAccess, FeedReads, FollowReads, HousekeepingAccess, IdentityAccess, Jobs, MailAccess, Mailings,
    ModerationAccess, PostReads, Publishing, ReceiptReads, ReviewReads, SearchAccess, Seeding, StatReads, Store,
    Suppressions,
};

/// All repositories of one open database; posts and accounts share their caches.
#[derive(Clone)]
pub struct Repositories {
    store: Store,
    posts: PostReads,
    accounts: AccountAccess,
}

macro_rules! repositories {
    ($($(#[$doc:meta])* $name:ident: $access:ident($($part:ident),*)),+ $(,)?) => {
        impl Repositories {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> $access {
                $access::new($(&self.$part),*)
            })+
        }
    };
}

repositories! {
    /// For the publisher.
    publishing: Publishing(store, posts, accounts),
    /// For the `DeadLetterActor`.
    dead_letters: DeadLetters(store),
    /// For operators: what went to the dead letters.
    dead_letter_reads: DeadLetterReads(store),
    /// For the `RedriveActor`.
    jobs: Jobs(store),
    /// For the `HousekeepingActor`.
    housekeeping: HousekeepingAccess(store),
    /// For receipts.
    receipts: ReceiptReads(store),
    /// For the `MonitorActor` and the `HousekeepingActor`: how much waits and how much has died.
    backlog: BacklogReads(store),
    /// For moderators: what waits for them, and why.
    reviews: ReviewReads(store),
    /// For operators: what did not go through.
    exceptions: ExceptionReads(store),
    /// For everybody who acts or looks at what operators did.
    audit: AuditTrail(store),
    /// For `broadsheet backup`.
    backups: Backups(store),
    /// For pausing workers.
    controls: Controls(store),
    /// For the feed worker.
    feed: FeedAccess(store, posts),
    /// For the e-mail worker.
    mail: MailAccess(store, posts, accounts),
    /// For the routes about mailings.
    mailings: Mailings(store),
    /// For addresses that refuse all mail.
    suppressions: Suppressions(store),
    /// For the moderation worker.
    moderation: ModerationAccess(posts),
    /// For the search worker.
    search: SearchAccess(store, posts, accounts),
    /// For the analytics worker.
    analytics: AnalyticsAccess(store),
    /// For `broadsheet bench`: large audiences without large sign-ups.
    seeding: Seeding(store),
    /// For the feed route.
    feeds: FeedReads(store),
    /// For the follow routes.
    follows: FollowReads(store),
    /// For the statistics routes.
    stats: StatReads(store),
    /// For the identity routes.
    identity: IdentityAccess(store, accounts),
}

impl Repositories {
    /// The repositories of a store.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), posts: PostReads::new(store), accounts: AccountAccess::new(store) }
    }

    /// For everybody who reads posts.
    #[must_use]
    pub fn posts(&self) -> PostReads {
        self.posts.clone()
    }

    /// For everybody who reads accounts.
    #[must_use]
    pub fn accounts(&self) -> AccountAccess {
        self.accounts.clone()
    }
}
