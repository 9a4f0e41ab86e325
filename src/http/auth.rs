//! Who calls, and what the token lets them do. Authorization is a type in a handler's signature: a handler that asks
//! for `Authorized<scope::PostsWrite>` cannot run without it. What an account may do to one post is `domain`'s and the
//! publisher's.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};

use super::{
    problem::{Code, Problem, Result},
    state::State,
};
use crate::{
    domain::{AccountId, Role, Scope, Viewer},
    identity::Claims,
};

/// The account behind a valid access token, as the token describes it: who it is, in which session, and what it may do.
#[derive(Debug, Clone)]
pub struct Principal(Claims);

impl Deref for Principal {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0
    }
}

impl From<Claims> for Principal {
    fn from(claims: Claims) -> Self {
        Self(claims)
    }
}

impl Principal {
    /// As whom this account looks at posts: as a moderator only with the role and the scope.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        let has_role = self.roles.iter().any(|role| matches!(role, Role::Moderator | Role::Admin));
        if has_role && self.scopes.contains(&Scope::Moderation) {
            Viewer::Moderator(self.account)
        } else {
            Viewer::Account(self.account)
        }
    }

    pub(super) fn require(self, scope: Scope) -> Result<Self> {
        if self.scopes.contains(&scope) { Ok(self) } else { Err(Problem::missing_scope(scope)) }
    }
}

/// A scope as a type.
pub trait Needs: 'static {
    /// The scope that a token must have.
    const SCOPE: Scope;
}

/// One type per scope, for [`Authorized`].
pub mod scope {
    use super::Needs;
    use crate::domain::Scope;

    macro_rules! scopes {
        ($($name:ident),+ $(,)?) => {
            $(
                #[doc = concat!("Needs [`Scope::", stringify!($name), "`].")]
                #[derive(Debug)]
                pub struct $name;

                impl Needs for $name {
                    const SCOPE: Scope = Scope::$name;
                }
            )+
        };
    }

    scopes! { OpenId, Profile, Email, PostsRead, PostsWrite, FeedRead, FollowsWrite, Moderation, AdminRead, AdminWrite }
}

/// A caller whose token has the scope `S`. Everybody else gets 401 or 403 before the handler runs.
#[derive(Debug)]
pub struct Authorized<S> {
    principal: Principal,
    scope: PhantomData<S>,
}

impl<S> Deref for Authorized<S> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<S: Needs> FromRequest for Authorized<S> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let principal = authenticate(request).and_then(|principal| principal.require(S::SCOPE));
        ready(principal.map(|principal| Self { principal, scope: PhantomData }))
    }
}

/// A caller who may read: with a token that has `posts:read`, or anybody where `http.public_reads` is on.
#[derive(Debug)]
pub struct ReadAccess(Option<Principal>);

impl ReadAccess {
    /// As whom the caller looks at posts.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        self.0.as_ref().map_or(Viewer::Public, Principal::viewer)
    }

    /// The caller's account, if signed in.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.0.as_ref().map(|principal| principal.account)
    }

    /// The caller, if signed in.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.0.as_ref()
    }
}

impl FromRequest for ReadAccess {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_open = request.app_data::<Data<State>>().is_some_and(|state| state.config.http.public_reads);
        if is_open && !request.headers().contains_key(header::AUTHORIZATION) {
            return ready(Ok(Self(None)));
        }
        let principal = authenticate(request).and_then(|principal| principal.require(Scope::PostsRead));
        ready(principal.map(|principal| Self(Some(principal))))
    }
}

/// The account behind the token in a request's `Authorization`.
///
/// # Errors
/// 401, if there is none or it is not accepted.
pub(super) fn authenticate(request: &HttpRequest) -> Result<Principal> {
    let token = bearer(request)?;
    let Some(state) = request.app_data::<Data<State>>() else {
        return Err(Problem::internal("no state to verify a token with"));
    };
    Ok(state.tokens.verify(token, state.clock.now())?.into())
}

fn bearer(request: &HttpRequest) -> Result<&str> {
    let missing = || Problem::new(Code::Unauthorized).detail("send an access token as Authorization: Bearer <token>");
    let malformed = || Problem::new(Code::InvalidToken).detail("Authorization must be Bearer and one access token");
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().ok_or_else(missing)?;
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let token = token.trim();
    if token.is_empty() || values.next().is_some() { Err(malformed()) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::domain::{SessionId, Timestamp};

    #[test]
    fn only_one_bearer_token_is_taken() {
        let code = |request: TestRequest| {
            bearer(&request.to_http_request()).map(str::to_owned).map_err(|problem| problem.code())
        };
        let with = |value: &'static str| TestRequest::get().insert_header(("authorization", value));
        assert_eq!(code(with("Bearer a.b.c")), Ok("a.b.c".to_owned()));
        assert_eq!(code(with("bearer  a.b.c ")), Ok("a.b.c".to_owned()));
        assert_eq!(code(TestRequest::get()), Err(Code::Unauthorized));
        assert_eq!(code(with("Basic dTpw")), Err(Code::Unauthorized));
        assert_eq!(code(with("Bearer")), Err(Code::InvalidToken));
        assert_eq!(code(with("Bearer ")), Err(Code::InvalidToken));
        assert_eq!(code(with("Bearer a").append_header(("authorization", "Bearer b"))), Err(Code::InvalidToken));
    }

    #[test]
    fn a_moderator_needs_the_role_and_the_scope() {
        let account = AccountId::generate();
        let viewer = |roles: &[Role], scopes: &[Scope]| {
            let (roles, scopes) = (roles.to_vec(), scopes.to_vec());
            let (session, expires_at) = (SessionId::generate(), Timestamp::from_millis(0));
            Principal::from(Claims { account, session, handle: "ada".into(), roles, scopes, expires_at }).viewer()
        };
        assert_eq!(viewer(&[Role::Moderator], &[Scope::Moderation]), Viewer::Moderator(account));
        assert_eq!(viewer(&[Role::Moderator], &[Scope::PostsRead]), Viewer::Account(account));
        assert_eq!(viewer(&[Role::User], &[Scope::Moderation]), Viewer::Account(account));
    }
}
