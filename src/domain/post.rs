//! Posts.

use super::{AccountId, Body, EventId, Moderation, PostId, ReviewRecord, Slug, Tag, Timestamp, Title};

/// The most tags one post can carry.
pub const MAX_TAGS: usize = 10;

/// A post as the database keeps it. Its HTML is not kept: [`super::render`] makes it from the body.
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
    /// What it is about; no tag twice.
    pub tags: Vec<Tag>,
    /// Draft or published.
    pub status: Status,
    /// What the moderator says.
    pub moderation: Moderation,
    /// Whether others see it only once it is approved (copied from the author's account when published).
    pub hold_until_approved: bool,
    /// Whether followers get a mail when it is published.
    pub notify: bool,
    /// Whether a text of it was rejected and none has been approved since. Until one is, nobody but its author and moderators
    /// sees it, however often it is edited. Its feed rows were taken back; the approval puts them there again.
    pub is_withdrawn: bool,
    /// 1 when created, one more with each edit, verdict or appeal; the ETag.
    pub version: u64,
    /// SHA-256 of title, tags and body in hex: what a verdict is about.
    pub content_hash: String,
    /// When it was created here.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Timestamp,
    /// Since when it counts as published; may lie before `created_at` for imported posts. `None` for drafts.
    pub published_at: Option<Timestamp>,
    /// The event that published it; `None` for drafts.
    pub published_by: Option<EventId>,
    /// The event that announced the latest change of its text since it was published; `None` if there was none.
    pub last_edit: Option<EventId>,
    /// What people have decided on it.
    pub review: ReviewRecord,
}

/// Whether a post is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Only its author sees it.
    Draft,
    /// It is out, subject to moderation.
    Published,
}

impl Status {
    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published].into_iter().find(|status| status.as_str() == text)
    }
}

impl Post {
    /// The event that announced its present text: moderators are asked about a text for this one, and for none before it.
    #[must_use]
    pub fn announced_by(&self) -> Option<EventId> {
        self.last_edit.or(self.published_by)
    }

    /// SHA-256 over title, tags and body, in hex: changes exactly when what a moderator judged has changed.
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
