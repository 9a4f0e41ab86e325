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

            /// The same phrase for every problem of this code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", BAD_REQUEST, "Bad request";
    MalformedJson = "malformed_json", BAD_REQUEST, "Malformed JSON";
    InvalidHeader = "invalid_header", BAD_REQUEST, "Invalid header";
    Unauthorized = "unauthorized", UNAUTHORIZED, "Unauthorized";
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid access token";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Invalid credentials";
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token";
    Forbidden = "forbidden", FORBIDDEN, "Forbidden";
    InsufficientScope = "insufficient_scope", FORBIDDEN, "Insufficient scope";
    NotConfirmed = "not_confirmed", FORBIDDEN, "E-mail address not confirmed";
    NotFound = "not_found", NOT_FOUND, "Not found";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    Conflict = "conflict", CONFLICT, "Conflict";
    HandleTaken = "handle_taken", CONFLICT, "Handle already taken";
    SlugTaken = "slug_taken", CONFLICT, "Slug already taken";
    AlreadyPublished = "already_published", CONFLICT, "Post already published";
    NotPublished = "not_published", CONFLICT, "Post not published";
    NotRejected = "not_rejected", CONFLICT, "Post not rejected";
    AlreadyAppealed = "already_appealed", CONFLICT, "Rejection already appealed";
    AppealTooLate = "appeal_too_late", CONFLICT, "Appeal period over";
    Stale = "stale_version", PRECONDITION_FAILED, "Precondition failed";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "Content too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    InvalidInput = "invalid_input", UNPROCESSABLE_ENTITY, "Invalid input";
    WrongCode = "wrong_code", UNPROCESSABLE_ENTITY, "Wrong or expired code";
    FollowSelf = "follow_self", UNPROCESSABLE_ENTITY, "Cannot follow yourself";
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY, "Idempotency key already used";
    UpgradeRequired = "upgrade_required", UPGRADE_REQUIRED, "Upgrade required";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal server error";
    Busy = "busy", SERVICE_UNAVAILABLE, "Server overloaded";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    Timeout = "timeout", SERVICE_UNAVAILABLE, "Response timeout";
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
