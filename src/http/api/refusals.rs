//! What the OpenAPI document says of refusals: sets of problem answers that many routes share. Documentation only.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::http::problem;

macro_rules! refusals {
    ($($name:ident { $($status:literal: $when:literal),+ $(,)? })+) => {
        $(
            #[doc = concat!($("`", $status, "`: ", $when, ".\n\n"),+)]
            #[derive(Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([$(($status.to_owned(), refusal($when))),+])
                }
            }
        )+
    };
}

// Shared by many routes: those that ask for an access token, lead to one thing, take a query or a JSON body, honour `If-Match`.
refusals! {
    Guarded {
        "401": "No access token, or one that is malformed or has expired",
        "403": "The access token lacks a scope, or the account a role",
        "503": "The server cannot do this at the moment; come back after `Retry-After` seconds",
    }
    Absent { "404": "There is no such thing, or the caller may not know of it" }
    BadQuery { "422": "A parameter is wrong; `errors` names each" }
    BadBody {
        "400": "The body is not JSON, or a header is malformed",
        "413": "The body is too large",
        "415": "The body is not `application/json`",
        "422": "A value is wrong; `errors` names each",
        "503": "The server cannot do this at the moment; come back after `Retry-After` seconds",
    }
    Preconditioned {
        "400": "The body is not JSON, or a header is malformed",
        "412": "The post has changed since it was read: its `ETag` is another one",
    }
    Limited { "429": "`rate_limited`" }
}

// Of one or two routes.
refusals! {
    SignInRefused { "401": "`invalid_credentials`", "403": "`not_confirmed`" }
    RefreshRefused { "401": "`invalid_refresh_token`" }
    HandleTaken { "409": "`handle_taken`" }
    SlugTaken { "409": "The slug is taken" }
    TooManyEdits {
        "429": "`rate_limited`: this post, or all posts of this account, were edited too often; come back after `Retry-After` seconds",
    }
    AlreadyPublished { "409": "It is published already" }
    NotPublished { "409": "The post is a draft" }
    NoAppeal { "409": "The post is not rejected, the rejection is more than 20 days old, or it was appealed against already" }
    NotOneself { "422": "Nobody can follow themselves" }
    JobEnded { "409": "It has ended already" }
    RolesConflict { "409": "An admin would lose `admin` by their own hand, or the roles were changed meanwhile" }
    NotEmbedded { "409": "The database is a SurrealDB server's, which has backups of its own" }
}

fn refusal(when: &str) -> RefOr<Response> {
    let schema = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(when).content(problem::CONTENT_TYPE, schema).build())
}
