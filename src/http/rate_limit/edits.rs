//! How often one account may edit what is published, because every edit is judged anew. Off when `rate_limit.enabled` is false.

use std::{num::NonZeroU32, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue};

use super::{Limit, Standing};
use crate::{
    config::RateLimitSettings,
    domain::{AccountId, PostId},
    http::problem::{Code, Problem, Result},
};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// With more keys than this new ones are not counted, so that memory stays bounded. Accounts are not made in such numbers.
const MAX_KEYS: usize = 100_000;

/// The limits on `PATCH /v1/posts/{id}`.
pub struct EditLimit(Option<Limits>);

struct Limits {
    /// By account, too: what others try does not use up an author's edits.
    post: Limit<(AccountId, PostId)>,
    account: Limit<AccountId>,
}

impl EditLimit {
    /// The limits that the settings ask for.
    #[must_use]
    pub fn new(settings: &RateLimitSettings) -> Self {
        let quota = |number| NonZeroU32::new(number).filter(|_| settings.enabled);
        let quotas = quota(settings.edits_per_post_per_hour).zip(quota(settings.edits_per_hour));
        Self(quotas.map(|(post, account)| Limits {
            post: Limit::new("edits-of-post", post, HOUR),
            account: Limit::new("edits", account, HOUR),
        }))
    }

    /// Counts one edit of a published post; answers the headers that say what is left.
    ///
    /// # Errors
    /// `rate_limited`, with the time to wait, if there were too many.
    pub fn admit(&self, account: AccountId, post: PostId) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let Some(limits) = &self.0 else { return Ok(Vec::new()) };
        let mut standings = vec![checked(&limits.post, (account, post)).map_err(|standing| refusal(&standing))?];
        standings.push(checked(&limits.account, account).map_err(|standing| refusal(&standing))?);
        Ok(super::headers(standings.iter().flatten()))
    }
}

fn checked<K: std::hash::Hash + Eq + Clone>(
    limit: &Limit<K>,
    key: K,
) -> std::result::Result<Option<Standing>, Standing> {
    if limit.keys() >= MAX_KEYS { Ok(None) } else { limit.check(key).map(Some) }
}

fn refusal(standing: &Standing) -> Problem {
    let seconds = standing.seconds;
    let detail = match standing.name {
        "edits" => format!("this account has edited published posts too often; try again in {seconds} seconds"),
        _ => format!("this post was edited too often; try again in {seconds} seconds"),
    };
    let problem = Problem::new(Code::RateLimited).detail(detail).retry_after(Duration::from_secs(seconds));
    super::headers([standing]).into_iter().fold(problem, |problem, (name, value)| problem.header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_post: u32, per_hour: u32) -> EditLimit {
        let settings = RateLimitSettings {
            edits_per_post_per_hour: per_post,
            edits_per_hour: per_hour,
            ..RateLimitSettings::default()
        };
        EditLimit::new(&settings)
    }

    #[test]
    fn what_one_account_edits_is_counted_by_post_and_in_all_and_others_are_not_kept_waiting() {
        let (ada, bob, limit) = (AccountId::generate(), AccountId::generate(), limit(2, 3));
        let (one, other) = (PostId::generate(), PostId::generate());
        for _ in 0..2 {
            limit.admit(ada, one).unwrap();
        }
        assert!(limit.admit(ada, one).unwrap_err().to_string().contains("this post"));
        limit.admit(ada, other).unwrap();
        assert!(limit.admit(ada, other).unwrap_err().to_string().contains("this account"));
        limit.admit(bob, one).unwrap();
    }

    #[test]
    fn the_defaults_let_a_live_ticker_grow_every_minute_for_hours() {
        let settings = RateLimitSettings::default();
        assert!(settings.edits_per_post_per_hour >= 60 && settings.edits_per_hour >= 10 * 60);
    }
}
