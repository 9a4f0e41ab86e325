//! Posts.

use super::{AccountId, Body, EventId, Moderation, PostId, ReviewRecord, Slug, Tag, Timestamp, Title};

/// The maximum number of tags of a post.
pub const MAX_TAGS: usize = 10;

/// A post as the database stores it. Its HTML is not stored: [`super::render`] makes it from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Which post it is.
    pub id: PostId,
    /// Who wrote it.
    pub author: AccountId,
    /// Its name in links, unique per author.
    pub slug: Slug,
    /// One line of plain text.
    pub title: Title,
    /// Markdown (CommonMark with tables, footnotes, strikethrough and task lists).
    pub body: Body,
    /// Its tags, without duplicates.
    pub tags: Vec<Tag>,
    /// Draft or published.
    pub status: Status,
    /// Its moderation state.
    pub moderation: Moderation,
    /// Whether others see it only after it is approved (copied from the author's account at publication).
    pub hold_until_approved: bool,
    /// Whether followers get a mail when it is published.
    pub notify: bool,
    /// Whether one of its texts was rejected and none has been approved since. Until then only its author and
    /// moderators see it, however often it is edited. Its feed rows were removed; an approval restores them.
    pub is_withdrawn: bool,
    /// The version, used as ETag: 1 at creation, incremented by each edit, verdict or appeal.
    pub version: u64,
    /// SHA-256 of title, tags and body in hex: the text that a verdict applies to.
    pub content_hash: String,
    /// When it was created on this server.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Timestamp,
    /// When it counts as published; may be before `created_at` for imported posts. `None` for drafts.
    pub published_at: Option<Timestamp>,
    /// The event that published it; `None` for drafts.
    pub published_by: Option<EventId>,
    /// The event of the latest change of its text since publication; `None` if there was none.
    pub last_edit: Option<EventId>,
    /// Decisions of people about it.
    pub review: ReviewRecord,
}

/// Whether a post is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Only its author sees it.
    Draft,
    /// It is published, subject to moderation.
    Published,
}

impl Status {
    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
        }
    }

    /// The status with that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published].into_iter().find(|status| status.as_str() == text)
    }
}

impl Post {
    /// The event of its current text: the moderator judges the text for this event only, not for earlier ones.
    #[must_use]
    pub fn announced_by(&self) -> Option<EventId> {
        self.last_edit.or(self.published_by)
    }

    /// SHA-256 of title, tags and body, in hex: it changes exactly when the text that a moderator judges changes.
    #[must_use]
    pub fn hash_content(title: &Title, tags: &[Tag], body: &Body) -> String {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        hasher.update(title.as_str());
        for tag in tags {
            hasher.update([0]);
            hasher.update(tag.as_str());
        }
        hasher.update([0, 0]);
        hasher.update(body.as_str());
        super::hex(hasher.finalize().as_slice())
    }
}
