//! What the OpenAPI document says of refusals: sets of problem answers that many routes share. Documentation only.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::http::problem;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $when:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
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

refusals! {
    /// Every route that asks for an access token.
    Guarded {
        "401": "No access token, or one that is malformed or has expired",
        "403": "The access token lacks a scope, or the account a role",
        "503": "The server cannot do this at the moment; come back after `Retry-After` seconds",
    }
    /// Routes to one thing.
    Absent {
        "404": "There is no such thing, or the caller may not know of it",
    }
    /// Routes with a query.
    BadQuery {
        "422": "A parameter is wrong; `errors` names each",
    }
    /// Routes with a JSON body.
    BadBody {
        "400": "The body is not JSON, or a header is malformed",
        "413": "The body is too large",
        "415": "The body is not `application/json`",
        "422": "A value is wrong; `errors` names each",
        "503": "The server cannot do this at the moment; come back after `Retry-After` seconds",
    }
    /// Routes that honour `If-Match`.
    Preconditioned {
        "400": "The body is not JSON, or a header is malformed",
        "412": "The post has changed since it was read: its `ETag` is another one",
    }
}

fn refusal(when: &str) -> RefOr<Response> {
    let schema = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(when).content(problem::CONTENT_TYPE, schema).build())
}
