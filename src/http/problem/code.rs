//! The table of everything that can be wrong: a stable code for programs, a status, a title for people. Nothing else.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, as clients see it in `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`: ", $title)] $name,)+
        }

        impl Code {
            /// All codes, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in `code`, and the end of `type`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// The same sentence for every problem of this code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", BAD_REQUEST, "The request is malformed";
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not well-formed JSON";
    InvalidHeader = "invalid_header", BAD_REQUEST, "A header is malformed";
    Unauthorized = "unauthorized", UNAUTHORIZED, "An access token is needed";
    InvalidToken = "invalid_token", UNAUTHORIZED, "The access token is not accepted";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "The e-mail address or the password is wrong";
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "The refresh token is not accepted";
    Forbidden = "forbidden", FORBIDDEN, "This is not yours to do";
    InsufficientScope = "insufficient_scope", FORBIDDEN, "The access token lacks a scope";
    NotConfirmed = "not_confirmed", FORBIDDEN, "The e-mail address is not confirmed yet";
    NotFound = "not_found", NOT_FOUND, "There is nothing here";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not take this method";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request did not arrive in time";
    Conflict = "conflict", CONFLICT, "The request meets a state that does not allow it";
    HandleTaken = "handle_taken", CONFLICT, "The handle belongs to somebody else";
    SlugTaken = "slug_taken", CONFLICT, "Another post of this author has the slug";
    AlreadyPublished = "already_published", CONFLICT, "The post is already published";
    NotPublished = "not_published", CONFLICT, "The post is a draft";
    NotRejected = "not_rejected", CONFLICT, "The post is not rejected";
    AlreadyAppealed = "already_appealed", CONFLICT, "There was an appeal against this rejection already";
    AppealTooLate = "appeal_too_late", CONFLICT, "The time for an appeal is over";
    Stale = "stale_version", PRECONDITION_FAILED, "The resource has changed since it was read";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body's type is not understood";
    InvalidInput = "invalid_input", UNPROCESSABLE_ENTITY, "The request holds invalid values";
    WrongCode = "wrong_code", UNPROCESSABLE_ENTITY, "The code is wrong or has expired";
    FollowSelf = "follow_self", UNPROCESSABLE_ENTITY, "Nobody can follow themselves";
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    UpgradeRequired = "upgrade_required", UPGRADE_REQUIRED, "This address speaks WebSocket";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server made a mistake";
    Busy = "busy", SERVICE_UNAVAILABLE, "The server has more to do than it can take";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The server cannot do this at the moment";
    Timeout = "timeout", SERVICE_UNAVAILABLE, "The answer took too long";
}

impl Code {
    /// The code for an answer that some library made and that carries only a status.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::PRECONDITION_FAILED => Self::Stale,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Self::InvalidInput,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            other if other.is_server_error() => Self::Internal,
            _ => Self::BadRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_one_of_a_kind_and_an_error() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().is_client_error() || code.status().is_server_error()));
    }
}
