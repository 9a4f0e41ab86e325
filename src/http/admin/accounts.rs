//! `/v1/admin/accounts/{handle}`: who may do what.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actor;
use crate::{
    domain::{Account, Audit, Invalid, Problems, Role},
    http::{
        api::{
            authors::author_named,
            refusals::{Absent, BadBody, Guarded, RolesConflict},
        },
        auth::{Authorized, Principal, scope},
        extract::{Json, Path},
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// An account as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountRoles)]
pub struct AccountView {
    /// A ULID.
    pub id: String,
    /// The public name in links.
    pub handle: String,
    /// The name people read.
    pub name: String,
    /// What the account may do: `user`, `moderator`, `operator`, `admin`.
    pub roles: Vec<String>,
    /// When the account was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// What an account is to be allowed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoles {
    /// All roles: `moderator`, `operator`, `admin`; everybody is a `user`, whether it is listed or not.
    #[schema(example = json!(["user", "moderator"]))]
    pub roles: Vec<String>,
}

#[derive(Serialize)]
struct Change<'a> {
    old: &'a [String],
    new: &'a [String],
}

/// Read an account's roles.
#[utoipa::path(
    get,
    path = "/v1/admin/accounts/{handle}",
    tag = "admin",
    params(("handle" = String, Path, description = "The account's handle")),
    responses((status = 200, description = "The account", body = AccountView), Guarded, Absent),
    security(("bearer" = ["admin:read"]))
)]
pub async fn get_account(
    _: Authorized<scope::AdminRead>,
    Path(handle): Path<String>,
    state: web::Data<State>,
) -> Result<web::Json<AccountView>> {
    let account = author_named(&state, &handle).await?;
    Ok(web::Json(AccountView::from(&*account)))
}

/// Give an account its roles.
///
/// For admins, who cannot take `admin` from themselves. New tokens carry the change; an access token made before keeps the old
/// roles until it expires, which takes at most a quarter of an hour.
#[utoipa::path(
    put,
    path = "/v1/admin/accounts/{handle}/roles",
    tag = "admin",
    params(("handle" = String, Path, description = "The account's handle")),
    request_body = SetRoles,
    responses(
        (status = 200, description = "The account as it is now", body = AccountView),
        RolesConflict,
        Guarded,
        Absent,
        BadBody
    ),
    security(("bearer" = ["admin:write"]))
)]
pub async fn set_roles(
    principal: Authorized<scope::AdminWrite>,
    Path(handle): Path<String>,
    state: web::Data<State>,
    Json(body): Json<SetRoles>,
) -> Result<web::Json<AccountView>> {
    require_admin(&state, &principal).await?;
    let roles = body.validate()?;
    let account = author_named(&state, &handle).await?;
    if account.id == principal.account && !roles.contains(&Role::Admin) {
        let why = "an admin cannot take the role admin from themselves; another admin can";
        return Err(Problem::new(Code::Conflict).detail(why));
    }
    if account.roles != roles {
        let (at, by, target) = (state.clock.now(), actor(&principal), account.handle.as_str().to_owned());
        let change = Change { old: &words(&account.roles), new: &words(&roles) };
        let detail = serde_json::to_value(change).map_err(Problem::internal)?;
        let audit = Audit { at, by, act: "roles.set".to_owned(), target, detail };
        if !state.repositories.accounts().set_roles(&account, &roles, &audit).await? {
            return Err(Problem::new(Code::Conflict).detail("the roles were changed meanwhile; read them again"));
        }
    }
    Ok(web::Json(AccountView { roles: words(&roles), ..AccountView::from(&*account) }))
}

/// The token must say so, and the account must still be one: whoever was an admin a minute ago gives no roles.
pub(super) async fn require_admin(state: &State, principal: &Principal) -> Result<()> {
    let account = state.repositories.accounts().get(principal.account).await?;
    let is_admin = |roles: &[Role]| roles.contains(&Role::Admin);
    if is_admin(&principal.roles) && account.is_some_and(|account| is_admin(&account.roles)) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden).detail("the account lacks the role admin"))
}

fn words(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

impl SetRoles {
    /// The roles, each once, in one order.
    fn validate(self) -> std::result::Result<Vec<Role>, Vec<Invalid>> {
        let mut problems = Problems::default();
        let mut wanted = vec![Role::User];
        for (number, word) in self.roles.iter().enumerate() {
            let unknown = || {
                let message = "must be user, moderator, operator or admin";
                Invalid::new(format!("roles.{number}"), "unknown_value", message)
            };
            wanted.extend(problems.note(Role::parse(word).ok_or_else(unknown)));
        }
        problems.finish()?;
        Ok(Role::ALL.into_iter().filter(|role| wanted.contains(role)).collect())
    }
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            handle: account.handle.as_str().to_owned(),
            name: account.name.as_str().to_owned(),
            roles: words(&account.roles),
            created_at: account.created_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_a_user_and_every_unknown_role_is_named() {
        let validate =
            |roles: &[&str]| SetRoles { roles: roles.iter().map(|role| (*role).to_owned()).collect() }.validate();
        assert_eq!(validate(&[]).unwrap(), [Role::User]);
        assert_eq!(validate(&["admin", "moderator", "admin"]).unwrap(), [Role::User, Role::Moderator, Role::Admin]);
        let fields = |roles| validate(roles).unwrap_err().into_iter().map(|invalid| invalid.field).collect::<Vec<_>>();
        assert_eq!(fields(&["root", "user", "Admin"]), ["roles.0", "roles.2"]);
    }
}
