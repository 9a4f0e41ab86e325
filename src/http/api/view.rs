//! Wire types that several handlers answer with: posts and authors. They are made from domain types and never parsed back.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Account, Post, PostId, Status},
    http::{
        moderation::view::{ModerationView, VerdictView},
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// Who wrote a post.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Author)]
pub struct AuthorView {
    /// The public name in links.
    #[schema(example = "ada")]
    pub handle: String,
    /// The name people read.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
}

/// Whether a post is out.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Status)]
pub enum StatusView {
    /// Only its author sees it.
    Draft,
    /// It is out, subject to moderation.
    Published,
}

/// A post.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Post)]
pub struct PostView {
    /// A ULID.
    #[schema(example = "01JD9X8Z6Q4W7E2R5T1Y3U0P8A")]
    pub id: String,
    /// The post's name in links, unique per author.
    pub slug: String,
    /// Where a person reads it.
    #[schema(format = "uri", example = "https://example.org/@ada/hello")]
    pub url: String,
    /// One line of plain text.
    pub title: String,
    /// Markdown, as it was sent.
    pub body: String,
    /// The body as sanitised HTML.
    pub html: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub author: AuthorView,
    /// Whether it is out.
    pub status: StatusView,
    /// What the moderators say.
    pub moderation: ModerationView,
    /// Why it is rejected or left to a person: for its author and moderators, when it is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictView>,
    /// 1 when created, one more with each edit, verdict or appeal; `"v<version>"` is the `ETag`.
    pub version: u64,
    /// When it was created here.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its text last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Since when it counts as published; null for drafts.
    #[schema(format = DateTime, required = true)]
    pub published_at: Option<String>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorPage {
    /// The accounts.
    pub items: Vec<AuthorView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl From<&Account> for AuthorView {
    fn from(account: &Account) -> Self {
        Self { handle: account.handle.as_str().to_owned(), name: account.name.as_str().to_owned() }
    }
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Published => Self::Published,
        }
    }
}

impl PostView {
    /// A post by its author, with its rendered body and its address.
    #[must_use]
    pub fn new(post: &Post, author: &Account, html: &str, url: String) -> Self {
        Self {
            id: post.id.to_string(),
            slug: post.slug.as_str().to_owned(),
            url,
            title: post.title.as_str().to_owned(),
            body: post.body.as_str().to_owned(),
            html: html.to_owned(),
            tags: tags(post),
            author: author.into(),
            status: post.status.into(),
            moderation: post.moderation.into(),
            verdict: None,
            version: post.version,
            created_at: post.created_at.to_string(),
            updated_at: post.updated_at.to_string(),
            published_at: post.published_at.map(|at| at.to_string()),
        }
    }
}

/// A post's tags as texts.
pub(super) fn tags(post: &Post) -> Vec<String> {
    post.tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}

/// One post with its author.
///
/// # Errors
/// `not_found` if the author's account is gone; a lost store.
pub async fn post_view(state: &State, post: &Arc<Post>) -> Result<PostView> {
    let author = state.repositories.accounts().get(post.author).await?.ok_or_else(|| post_not_found(post.id))?;
    let html = state.renderer.html(post).await?;
    Ok(PostView::new(post, &author, &html, state.post_urls.of(post, &author)))
}

/// The one answer for a post that is not there and for one the caller may not know of.
#[must_use]
pub fn post_not_found(id: PostId) -> Problem {
    Problem::new(Code::NotFound).detail(format!("there is no post {id}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{
        AccountId, Bio, Body, Email, Handle, MailPreferences, Moderation, Name, ReviewRecord, Slug, Tag, Timestamp,
        Title,
    };

    pub(crate) fn a_post() -> Post {
        let at = Timestamp::from_millis(1_700_000_000_250);
        Post {
            id: PostId::generate(),
            author: AccountId::generate(),
            slug: Slug::from_trusted("hello".into()),
            title: Title::from_trusted("Hello & welcome".into()),
            body: Body::from_trusted("**Hello**".into()),
            tags: vec![Tag::from_trusted("rust".into())],
            status: Status::Published,
            moderation: Moderation::Approved,
            hold_until_approved: false,
            notify: true,
            is_withdrawn: false,
            version: 3,
            content_hash: String::new(),
            created_at: at,
            updated_at: at,
            published_at: Some(at),
            published_by: None,
            last_edit: None,
            review: ReviewRecord::default(),
        }
    }

    pub(crate) fn an_account(id: AccountId) -> Account {
        Account {
            id,
            email: Email::from_trusted("ada@example.org".into()),
            handle: Handle::from_trusted("ada".into()),
            name: Name::from_trusted("Ada".into()),
            bio: Bio::from_trusted(String::new()),
            roles: Vec::new(),
            mail: MailPreferences::default(),
            hold_until_approved: false,
            created_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_post_on_the_wire_has_exactly_the_promised_fields() {
        let post = a_post();
        let view =
            PostView::new(&post, &an_account(post.author), "<p>Hello</p>", "https://posts.test/@ada/hello".to_owned());
        let json = serde_json::to_value(view).unwrap();
        let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut promised = [
            "id",
            "slug",
            "url",
            "title",
            "body",
            "html",
            "tags",
            "author",
            "status",
            "moderation",
            "version",
            "created_at",
            "updated_at",
            "published_at",
        ];
        promised.sort_unstable();
        let mut fields = fields;
        fields.sort_unstable();
        assert_eq!(fields, promised);
        assert_eq!(json["published_at"], "2023-11-14T22:13:20.250Z");
        assert_eq!(json["status"], "published");
        assert!(!json.to_string().contains("example.org"), "nobody's address is shown");
    }
}
