//! How often one client may try to sign up or in: a GCRA per address (`governor`), with the headers of the IETF draft
//! "RateLimit header fields for HTTP". An IPv6 client is its /64. Off when `rate_limit.enabled` is false.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use super::problem::{Code, Problem};
use crate::config::Config;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit");
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The window that the configured number counts in.
const WINDOW_SECONDS: u32 = 60;
/// After so many requests the addresses that have their whole quota again are forgotten.
const FORGET_EVERY: u32 = 1_024;
/// With more addresses than this at a time, all of them share one quota: memory stays bounded under a flood.
const MAX_ADDRESSES: usize = 100_000;

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

/// The limit on `/v1/identity/*`, shared by all server threads.
pub struct IdentityLimit {
    limiter: Limiter,
    quota: NonZeroU32,
    trusted_proxies: Vec<IpAddr>,
    requests: AtomicU32,
}

/// What a client has left.
struct Left {
    requests: u32,
    seconds: u64,
}

impl IdentityLimit {
    /// The limit that the settings ask for; `None` if there is to be none.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let quota = NonZeroU32::new(config.rate_limit.identity_per_minute).filter(|_| config.rate_limit.enabled)?;
        Some(Self {
            limiter: RateLimiter::keyed(Quota::per_minute(quota)).with_middleware(),
            quota,
            trusted_proxies: config.http.trusted_proxies.clone(),
            requests: AtomicU32::new(0),
        })
    }

    /// Counts one request of that client.
    fn check(&self, client: IpAddr) -> Result<Left, Duration> {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
        }
        let is_flooded = self.limiter.len() >= MAX_ADDRESSES;
        let key = if is_flooded { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { network_of(client) };
        match self.limiter.check_key(&key) {
            Ok(snapshot) => {
                let seconds = u64::from(WINDOW_SECONDS.div_ceil(self.quota.get()));
                Ok(Left { requests: snapshot.remaining_burst_capacity(), seconds })
            }
            Err(not_until) => Err(not_until.wait_time_from(self.limiter.clock().now())),
        }
    }

    fn describe(&self, headers: &mut HeaderMap, left: &Left) {
        let policy = format!(r#""identity";q={};w={WINDOW_SECONDS}"#, self.quota);
        let remaining = format!(r#""identity";r={};t={}"#, left.requests, left.seconds);
        for (name, text) in [(POLICY, policy), (REMAINING, remaining)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Lets a request of the identity routes through, or answers 429.
///
/// # Errors
/// Those of the inner service.
pub async fn limit_identity(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limit = request.app_data::<Data<Option<IdentityLimit>>>().cloned();
    let Some(limit) = limit.as_ref().and_then(|limit| limit.get_ref().as_ref()) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (mut response, left) = match limit.check(client_of(&request, &limit.trusted_proxies)) {
        Ok(left) => (next.call(request).await?.map_into_boxed_body(), left),
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            let problem = Problem::new(Code::RateLimited)
                .detail(format!("try again in {seconds} seconds"))
                .retry_after(Duration::from_secs(seconds));
            (request.error_response(problem), Left { requests: 0, seconds })
        }
    };
    limit.describe(response.headers_mut(), &left);
    Ok(response)
}

/// The client's address: the peer's, or what the nearest trusted proxies say of it.
fn client_of(request: &ServiceRequest, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let values = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        match hop.parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

/// What one subscriber usually has: an IPv4 address, or an IPv6 /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn limit(per_minute: u32) -> IdentityLimit {
        let mut config = Config::default();
        config.rate_limit.identity_per_minute = per_minute;
        IdentityLimit::new(&config).unwrap()
    }

    #[test]
    fn each_address_has_its_own_quota() {
        let limit = limit(3);
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!((0..3).map(|_| limit.check(one).ok().unwrap().requests).collect::<Vec<_>>(), [2, 1, 0]);
        assert!(limit.check(one).err().unwrap() <= Duration::from_secs(20));
        assert!(limit.check(other).is_ok());
    }

    #[test]
    fn one_ipv6_subscriber_has_one_quota() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let client = |peer: &str, trusted: &[IpAddr]| {
            let request = TestRequest::get().peer_addr(format!("{peer}:1").parse().unwrap());
            let request = request.insert_header(("x-forwarded-for", "203.0.113.9, 198.51.100.7")).to_srv_request();
            client_of(&request, trusted).to_string()
        };
        let proxy: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &[proxy]), "198.51.100.7");
        assert_eq!(client("192.0.2.1", &[proxy, "198.51.100.7".parse().unwrap()]), "203.0.113.9");
        assert_eq!(client("192.0.2.5", &[proxy]), "192.0.2.5");
    }
}
