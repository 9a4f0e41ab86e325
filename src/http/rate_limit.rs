//! How often somebody may do something: a GCRA per key (`governor`), with the headers of the IETF draft "RateLimit header fields for
//! HTTP". Who is counted, and for what, stands in the files of the limits.

mod edits;
mod identity;

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use actix_web::http::header::{HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

pub use edits::EditLimit;
pub(super) use identity::network_of;
pub use identity::{IdentityLimit, limit_identity};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit");
/// After so many requests the keys that have their whole quota again are forgotten.
const FORGET_EVERY: u32 = 1_024;

/// A quota for each key, shared by all server threads: all of it at once, then evenly over the window.
struct Limit<K: Hash + Eq + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    window: Duration,
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    requests: AtomicU32,
}

/// Where a key stands with a limit.
struct Standing {
    name: &'static str,
    quota: NonZeroU32,
    window: Duration,
    /// How many requests are left at once.
    requests: u32,
    /// When there is one more.
    seconds: u64,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// So many requests of each key in a window.
    fn new(name: &'static str, quota: NonZeroU32, window: Duration) -> Self {
        let pace = window.checked_div(quota.get()).and_then(Quota::with_period);
        let burst = pace.unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(quota);
        let limiter = RateLimiter::keyed(burst).with_middleware();
        Self { name, quota, window, limiter, requests: AtomicU32::new(0) }
    }

    /// Counts one request, or refuses it.
    fn check(&self, key: K) -> Result<Standing, Standing> {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&key) {
            Ok(snapshot) => {
                let seconds = self.window.as_secs().div_ceil(u64::from(self.quota.get()));
                Ok(self.standing(snapshot.remaining_burst_capacity(), seconds))
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.limiter.clock().now());
                Err(self.standing(0, wait.as_secs() + 1))
            }
        }
    }

    /// How many keys are counted at present.
    fn keys(&self) -> usize {
        self.limiter.len()
    }

    fn standing(&self, requests: u32, seconds: u64) -> Standing {
        Standing { name: self.name, quota: self.quota, window: self.window, requests, seconds }
    }
}

/// The headers that tell a client where it stands.
fn headers<'a>(standings: impl IntoIterator<Item = &'a Standing>) -> Vec<(HeaderName, HeaderValue)> {
    let (mut policies, mut remaining) = (Vec::new(), Vec::new());
    for Standing { name, quota, window, requests, seconds } in standings {
        policies.push(format!(r#""{name}";q={quota};w={}"#, window.as_secs()));
        remaining.push(format!(r#""{name}";r={requests};t={seconds}"#));
    }
    let values = [(POLICY, policies), (REMAINING, remaining)];
    values.into_iter().filter_map(|(name, texts)| Some((name, HeaderValue::try_from(texts.join(", ")).ok()?))).collect()
}
