//! `/v1/me`: the caller's own account and numbers.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{Account, Bio, Invalid, Name, Problems, Scope},
    http::{
        api::{
            conditional,
            refusals::{BadBody, Guarded},
        },
        auth::{Authorized, Principal, scope},
        extract::Json,
        problem::{Code, Problem, Result},
        state::State,
    },
    store::{AuthorStats, ProfileChanges},
};

/// The caller's own account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeView {
    /// A ULID.
    pub id: String,
    /// The public name in links.
    pub handle: String,
    /// The name people read.
    pub name: String,
    /// A few words about the person.
    pub bio: String,
    /// Where mail goes; only with the scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Email)]
    pub email: Option<String>,
    /// What the account may do beyond its own things.
    pub roles: Vec<String>,
    /// Which mail the person wants.
    pub mail: MailView,
    /// Whether the author's posts stay hidden from others until they are approved.
    pub hold_until_approved: bool,
    /// When the account was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Which mail a person wants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailPreferences)]
pub struct MailView {
    /// A mail for each new post of a followed author.
    pub new_posts: bool,
}

/// What is to change; a field that is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChanges)]
pub struct UpdateMe {
    /// The name people read, 1-80 characters.
    #[schema(min_length = 1, max_length = 80)]
    pub name: Option<String>,
    /// A few words about the person, at most 500 characters.
    #[schema(max_length = 500)]
    pub bio: Option<String>,
    /// Which mail the person wants.
    pub mail: Option<UpdateMail>,
    /// Whether the author's posts stay hidden from others until they are approved; for posts published from now on.
    pub hold_until_approved: Option<bool>,
}

/// Mail preferences that are to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailChanges)]
pub struct UpdateMail {
    /// A mail for each new post of a followed author.
    pub new_posts: Option<bool>,
}

/// The caller's numbers. They follow what happens by some seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorStats)]
pub struct MyStats {
    /// Posts that are out.
    pub posts: u64,
    /// Words in everything published.
    pub words: u64,
    /// Present followers.
    pub followers: u64,
    /// Views of all posts, the author's own left out.
    pub views: u64,
    /// Posts per tag, most used first.
    pub tags: Vec<TagStats>,
    /// Whether there are tags beyond the first thousand in the order of the alphabet, which are all that are looked at.
    pub has_more_tags: bool,
    /// Days on which something happened, oldest first.
    pub by_day: Vec<DayNumbers>,
}

/// How much a tag is used.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagStats {
    /// The tag.
    pub tag: String,
    /// Posts that carry it.
    pub posts: u64,
}

/// One UTC day's numbers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DayStats)]
pub struct DayNumbers {
    /// The day.
    #[schema(format = Date, example = "2026-11-23")]
    pub day: String,
    /// Posts published.
    pub posts: u64,
    /// Views of all posts.
    pub views: u64,
    /// Followers won less followers lost.
    pub new_followers: i64,
}

/// Read the caller's account.
#[utoipa::path(
    get,
    path = "/v1/me",
    tag = "me",
    params(("If-None-Match" = Option<String>, Header, description = "An `ETag`: answers 304 while it is current")),
    responses(
        (status = 200, description = "The account", body = MeView),
        (status = 304, description = "The caller's copy is current"),
        Guarded
    ),
    security(("bearer" = ["profile"]))
)]
pub async fn get_me(
    request: HttpRequest,
    principal: Authorized<scope::Profile>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let account = present(state.repositories.accounts().get(principal.account).await?)?;
    conditional::json(&request, &MeView::new(&account, &principal))
}

/// Change the caller's account.
///
/// Needs the scope `posts:write`: what others read of the author changes with it.
#[utoipa::path(
    patch,
    path = "/v1/me",
    tag = "me",
    request_body = UpdateMe,
    responses((status = 200, description = "The account as it is now", body = MeView), Guarded, BadBody),
    security(("bearer" = ["posts:write"]))
)]
pub async fn update_me(
    principal: Authorized<scope::PostsWrite>,
    state: web::Data<State>,
    Json(body): Json<UpdateMe>,
) -> Result<web::Json<MeView>> {
    let changes = body.validate()?;
    let account = present(state.repositories.accounts().update_profile(principal.account, changes).await?)?;
    Ok(web::Json(MeView::new(&account, &principal)))
}

/// Read the caller's own numbers.
#[utoipa::path(
    get,
    path = "/v1/me/stats",
    tag = "me",
    responses((status = 200, description = "Totals, tags and days", body = MyStats), Guarded),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_my_stats(
    principal: Authorized<scope::PostsRead>,
    state: web::Data<State>,
) -> Result<web::Json<MyStats>> {
    Ok(web::Json(state.repositories.stats().author(principal.account).await?.into()))
}

fn present(account: Option<Arc<Account>>) -> Result<Arc<Account>> {
    account.ok_or_else(|| Problem::new(Code::NotFound).detail("the account is gone"))
}

impl UpdateMe {
    fn validate(self) -> std::result::Result<ProfileChanges, Vec<Invalid>> {
        let mail_new_posts = self.mail.and_then(|mail| mail.new_posts);
        if self.name.is_none() && self.bio.is_none() && mail_new_posts.is_none() && self.hold_until_approved.is_none() {
            let message = "must name at least one of name, bio, mail.new_posts and hold_until_approved";
            return Err(vec![Invalid::new("", "empty", message)]);
        }
        let mut problems = Problems::default();
        let name = self.name.and_then(|name| problems.note(Name::parse(&name)));
        let bio = self.bio.and_then(|bio| problems.note(Bio::parse(&bio)));
        problems.finish()?;
        Ok(ProfileChanges { name, bio, mail_new_posts, hold_until_approved: self.hold_until_approved })
    }
}

impl MeView {
    fn new(account: &Account, principal: &Principal) -> Self {
        let may_read_email = principal.scopes.contains(&Scope::Email);
        Self {
            id: account.id.to_string(),
            handle: account.handle.as_str().to_owned(),
            name: account.name.as_str().to_owned(),
            bio: account.bio.as_str().to_owned(),
            email: may_read_email.then(|| account.email.as_str().to_owned()),
            roles: account.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            mail: MailView { new_posts: account.mail.new_posts },
            hold_until_approved: account.hold_until_approved,
            created_at: account.created_at.to_string(),
        }
    }
}

impl From<AuthorStats> for MyStats {
    fn from(stats: AuthorStats) -> Self {
        let tags = stats.tags.into_iter().map(|(tag, posts)| TagStats { tag: tag.as_str().to_owned(), posts });
        let by_day = stats.by_day.into_iter().map(|day| DayNumbers {
            day: day.day.as_str().to_owned(),
            posts: day.posts,
            views: day.views,
            new_followers: day.new_followers,
        });
        Self {
            posts: stats.posts,
            words: stats.words,
            followers: stats.followers,
            views: stats.views,
            tags: tags.collect(),
            has_more_tags: stats.has_more_tags,
            by_day: by_day.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AccountId, SessionId, Timestamp},
        http::api::view::tests::an_account,
        identity::Claims,
    };

    fn validate(json: serde_json::Value) -> std::result::Result<ProfileChanges, Vec<Invalid>> {
        serde_json::from_value::<UpdateMe>(json).unwrap().validate()
    }

    #[test]
    fn one_preference_can_change_alone() {
        let changes = validate(serde_json::json!({"mail": {"new_posts": false}})).unwrap();
        assert_eq!(changes, ProfileChanges { mail_new_posts: Some(false), ..ProfileChanges::default() });
    }

    #[test]
    fn a_change_of_nothing_is_refused() {
        for json in [serde_json::json!({}), serde_json::json!({"mail": {}})] {
            assert_eq!(validate(json).unwrap_err()[0].code, "empty");
        }
    }

    #[test]
    fn the_address_needs_its_scope() {
        let account = an_account(AccountId::generate());
        let principal = |scopes: &[Scope]| {
            Principal::from(Claims {
                account: account.id,
                session: SessionId::generate(),
                handle: "ada".into(),
                roles: Vec::new(),
                scopes: scopes.to_vec(),
                expires_at: Timestamp::from_millis(0),
            })
        };
        assert!(MeView::new(&account, &principal(&[Scope::Email])).email.is_some());
        assert!(MeView::new(&account, &principal(&[Scope::Profile])).email.is_none());
    }
}
