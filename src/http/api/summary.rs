//! Summaries: posts as lists show them. Their texts come along only if they are asked for, and no more of them than a page has
//! room for.

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    include::Include,
    page::{PAGE_BYTES, Slice},
    post_url::PostUrls,
    renderer::Kept,
    view::{AuthorView, StatusView, tags},
};
use crate::{
    domain::{Account, AccountId, Post},
    http::{moderation::view::ModerationView, problem::Result, state::State},
};

/// A post as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Summary)]
pub struct SummaryView {
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
    /// How the body begins, as plain text.
    #[schema(max_length = 280)]
    pub excerpt: String,
    /// How many minutes it takes to read the post.
    #[schema(minimum = 1)]
    pub reading_minutes: u32,
    /// Markdown, as it was sent; only with `include=body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body as sanitised HTML; only with `include=html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// What it is about.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub author: AuthorView,
    /// Whether it is out.
    pub status: StatusView,
    /// What the moderators say.
    pub moderation: ModerationView,
    /// 1 when created, one more with each edit, verdict or appeal.
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

/// A page of posts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostPage {
    /// The posts.
    pub items: Vec<SummaryView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// What a page shows of some posts.
#[derive(Debug)]
pub struct Shown {
    /// In the order of the posts. A post whose author's account is gone is left out.
    pub items: Vec<SummaryView>,
    /// How many of the posts, from the first, were looked at before the page was full.
    pub taken: usize,
}

/// What a summary is made of besides the post.
struct Press {
    authors: HashMap<AccountId, Arc<Account>>,
    urls: PostUrls,
    include: Include,
}

/// As many of these posts as a page has room for. What has to be rendered first is not rendered on the caller's thread.
///
/// # Errors
/// A lost store.
pub async fn summaries(state: &State, posts: &[Arc<Post>], include: Include) -> Result<Shown> {
    let mut ids: Vec<AccountId> = posts.iter().map(|post| post.author).collect();
    ids.sort_unstable();
    ids.dedup();
    let accounts = state.repositories.accounts().get_many(&ids).await?;
    let authors = accounts.into_iter().map(|account| (account.id, account)).collect();
    let press = Press { authors, urls: state.post_urls.clone(), include };
    if posts.iter().all(|post| state.renderer.kept().has(post, include.html)) {
        return Ok(press.show(state.renderer.kept(), posts));
    }
    let posts = posts.to_vec();
    state.renderer.run(move |kept| press.show(kept, &posts)).await
}

/// A page of posts.
///
/// # Errors
/// A lost store.
pub async fn post_page(state: &State, mut slice: Slice, include: Include) -> Result<PostPage> {
    let Shown { items, taken } = summaries(state, &slice.posts, include).await?;
    slice.cut(taken);
    Ok(PostPage { items, next_cursor: slice.next_cursor() })
}

impl Press {
    fn show(&self, kept: &Kept, posts: &[Arc<Post>]) -> Shown {
        let mut items: Vec<SummaryView> = Vec::with_capacity(posts.len());
        let mut bytes = 0;
        for (taken, post) in posts.iter().enumerate() {
            let Some(author) = self.authors.get(&post.author) else { continue };
            let body = self.include.body.then(|| post.body.as_str());
            let html = self.include.html.then(|| kept.html(post));
            bytes += body.map_or(0, str::len) + html.as_ref().map_or(0, |html| html.len());
            if bytes > PAGE_BYTES && !items.is_empty() {
                return Shown { items, taken };
            }
            let summary = self.summary(kept, post, author);
            items.push(SummaryView {
                body: body.map(str::to_owned),
                html: html.map(|html| html.as_ref().to_owned()),
                ..summary
            });
        }
        Shown { items, taken: posts.len() }
    }

    fn summary(&self, kept: &Kept, post: &Post, author: &Account) -> SummaryView {
        let digest = kept.digest(post);
        SummaryView {
            id: post.id.to_string(),
            slug: post.slug.as_str().to_owned(),
            url: self.urls.of(post, author),
            title: post.title.as_str().to_owned(),
            excerpt: digest.excerpt.clone(),
            reading_minutes: digest.reading_minutes,
            body: None,
            html: None,
            tags: tags(post),
            author: author.into(),
            status: post.status.into(),
            moderation: post.moderation.into(),
            version: post.version,
            created_at: post.created_at.to_string(),
            updated_at: post.updated_at.to_string(),
            published_at: post.published_at.map(|at| at.to_string()),
        }
    }
}
