//! How the errors of the other modules become problems. Each enum is matched without a `_` arm: a new variant does
//! not compile until somebody has sorted it in here.

use std::time::Duration;

use super::{Code, Problem};
use crate::{
    actors,
    domain::{Invalid, ReviewError},
    gateways,
    identity::{PasswordError, SignError, TokenError, TooManyCodes},
    search, store,
};

/// After how long a client may try again when this server was the one to fail.
const SOON: Duration = Duration::from_secs(1);

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::from(vec![invalid])
    }
}

impl From<Vec<Invalid>> for Problem {
    fn from(errors: Vec<Invalid>) -> Self {
        let problem = Self::new(Code::InvalidInput);
        let problem = match errors.as_slice() {
            [] => problem,
            [only] => problem.detail(only.to_string()),
            several => problem.detail(format!("{} values are wrong", several.len())),
        };
        problem.errors(errors)
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error::{
            Backup, Conflict, Corrupt, Exists, ForeignSchema, HalfRestored, Locked, NewerSchema, NoRoom, Refused,
            Unavailable,
        };
        match error {
            Unavailable(_) | NoRoom(_) | Conflict(_) => Self::new(Code::Unavailable).retry_after(SOON).cause(error),
            Exists(_)
            | Refused(_)
            | Corrupt(_)
            | NewerSchema { .. }
            | ForeignSchema { .. }
            | Locked(_)
            | HalfRestored(_)
            | Backup(_) => Self::internal(error),
        }
    }
}

impl From<actors::Error> for Problem {
    fn from(error: actors::Error) -> Self {
        use actors::Error::{
            AlreadyPublished, Busy, FollowSelf, Forbidden, IdempotencyMismatch, JobEnded, NotFound, Review, SlugTaken,
            Stale, Stopping, Unavailable,
        };
        match error {
            Busy => Self::new(Code::Busy).retry_after(SOON).cause(error),
            Unavailable(_) | Stopping => Self::new(Code::Unavailable).retry_after(SOON).cause(error),
            NotFound => Self::new(Code::NotFound),
            Forbidden => Self::new(Code::Forbidden).detail("only its author and moderators may change it"),
            Stale { current } => Self::new(Code::Stale).detail(format!("the current version is {current}")),
            SlugTaken => Self::new(Code::SlugTaken),
            AlreadyPublished => Self::new(Code::AlreadyPublished),
            IdempotencyMismatch => Self::new(Code::IdempotencyMismatch),
            JobEnded => Self::new(Code::Conflict).detail("the job has ended"),
            FollowSelf => Self::new(Code::FollowSelf),
            Review(refusal) => refusal.into(),
        }
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let code = match error {
            ReviewError::OwnPost | ReviewError::SameReviewer | ReviewError::NotTheAuthor => Code::Forbidden,
            ReviewError::NotPublished => Code::NotPublished,
            ReviewError::NotRejected => Code::NotRejected,
            ReviewError::AlreadyAppealed => Code::AlreadyAppealed,
            ReviewError::AppealTooLate => Code::AppealTooLate,
        };
        Self::new(code).detail(error.to_string())
    }
}

impl From<search::Error> for Problem {
    fn from(error: search::Error) -> Self {
        use search::Error::{Discarded, Folder, Index, Language, Locked, Positions};
        let cause = match &error {
            Index(source) => format!("{error}: {source}"),
            Folder { source, .. } => format!("{error}: {source}"),
            Locked(_) | Language(_) | Discarded | Positions => error.to_string(),
        };
        Self::new(Code::Unavailable).retry_after(SOON).cause(cause)
    }
}

impl From<gateways::Error> for Problem {
    fn from(error: gateways::Error) -> Self {
        match error {
            gateways::Error::Transient(_) | gateways::Error::Deferred(_) => {
                Self::new(Code::Unavailable).retry_after(SOON).cause(error)
            }
            gateways::Error::RateLimited { retry_after } => {
                Self::new(Code::Unavailable).retry_after(retry_after).cause(error)
            }
            gateways::Error::Permanent(_) | gateways::Error::Undeliverable(_) | gateways::Error::Uncertain(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(Code::InvalidToken).detail(error.to_string())
    }
}

impl From<TooManyCodes> for Problem {
    fn from(error: TooManyCodes) -> Self {
        Self::new(Code::RateLimited).detail(error.to_string()).retry_after(error.wait)
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        Self::internal(error)
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, http::header};

    use super::*;

    #[test]
    fn a_lost_store_is_a_reason_to_come_back() {
        let response = Problem::from(store::Error::Unavailable("gone".into())).error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let invalid = |field| Invalid::new(field, "too_long", "is too long");
        let body = Problem::from(vec![invalid("title"), invalid("body")]).body(None);
        assert_eq!((body.status, body.errors.len()), (422, 2));
        assert_eq!(Problem::from(invalid("title")).body(None).detail.as_deref(), Some("title is too long"));
    }
}
