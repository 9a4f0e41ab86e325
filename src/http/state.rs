//! Everything a handler may use. Made once by `app`, shared by all server threads; holds repositories and handles, no
//! logic.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{
    api::{PostUrls, Renderer},
    rate_limit::EditLimit,
    watch_tickets::WatchTickets,
};
use crate::{
    actors::{Health, Monitor, Operations, Publisher, Receipts, Redrives, ViewCounter},
    clock::SharedClock,
    config::Config,
    domain::MailLinkKey,
    gateways::Mailer,
    identity::{Codes, Passwords, Tokens},
    metrics::Metrics,
    search,
    store::Repositories,
};

/// What handlers are handed as `web::Data<State>`.
pub struct State {
    /// What is in the database.
    pub repositories: Repositories,
    /// The key of the links in mails.
    pub mail_links: MailLinkKey,
    /// What is measured about requests.
    pub metrics: Metrics,
    /// Takes every command that has consequences.
    pub publisher: Publisher,
    /// How far a post's deliveries are.
    pub receipts: Receipts,
    /// Whether this node can do its work.
    pub health: Health,
    /// What operators do to this node's workers.
    pub operations: Operations,
    /// What this node is doing.
    pub monitor: Monitor,
    /// Passes for those who cannot send a token with a websocket.
    pub watch_tickets: WatchTickets,
    /// Redrives and discards.
    pub redrives: Redrives,
    /// Counts views of posts in memory.
    pub views: ViewCounter,
    /// Full-text search.
    pub search: search::Index,
    /// Sends codes.
    pub mailer: Arc<dyn Mailer>,
    /// Makes codes.
    pub codes: Codes,
    /// How often posts may be edited.
    pub edits: EditLimit,
    /// Makes and checks tokens.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Renders posts.
    pub renderer: Renderer,
    /// Where people read posts.
    pub post_urls: PostUrls,
    /// The time.
    pub clock: SharedClock,
    /// The settings.
    pub config: Arc<Config>,
    /// How links to this server begin; no slash at the end.
    pub public_url: String,
    /// The work runtime: what takes long or outlives a request is spawned here.
    pub jobs: tokio::runtime::Handle,
    /// What goes on after its answer, such as a mail with a code: a node that drains waits for it.
    pub background_tasks: TaskTracker,
}
