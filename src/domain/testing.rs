//! A post for tests of the rules about posts.

use super::{AccountId, Body, Moderation, Post, PostId, ReviewRecord, Slug, Status, Timestamp, Title};

/// A post that was published just now, with the text `first`.
pub(crate) fn post() -> Post {
    let at = Timestamp::from_millis(1_700_000_000_000);
    Post {
        id: PostId::generate(),
        author: AccountId::generate(),
        slug: Slug::from_trusted("a".into()),
        title: Title::from_trusted("A".into()),
        body: Body::from_trusted("A".into()),
        tags: Vec::new(),
        status: Status::Published,
        moderation: Moderation::Pending,
        hold_until_approved: false,
        notify: true,
        is_withdrawn: false,
        version: 1,
        content_hash: "first".to_owned(),
        created_at: at,
        updated_at: at,
        published_at: Some(at),
        published_by: None,
        last_edit: None,
        review: ReviewRecord::default(),
    }
}
