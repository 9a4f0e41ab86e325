//! How often one client may try to sign up or in. An IPv6 client is its /64. Off when `rate_limit.enabled` is false.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};

use super::{Limit, Standing};
use crate::{
    config::Config,
    http::problem::{Code, Problem},
};

const FORWARDED_FOR: &str = "x-forwarded-for";
const MINUTE: Duration = Duration::from_secs(60);
/// With more addresses than this at a time, all of them share one quota: memory stays bounded under a flood.
const MAX_ADDRESSES: usize = 100_000;

/// The limit on `/v1/identity/*`, shared by all server threads.
pub struct IdentityLimit {
    limit: Limit<IpAddr>,
    trusted_proxies: Vec<IpAddr>,
}

impl IdentityLimit {
    /// The limit that the settings ask for; `None` if there is to be none.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let quota = NonZeroU32::new(config.rate_limit.identity_per_minute).filter(|_| config.rate_limit.enabled)?;
        let limit = Limit::new("identity", quota, MINUTE);
        Some(Self { limit, trusted_proxies: config.http.trusted_proxies.clone() })
    }

    /// Counts one request of that client.
    fn check(&self, client: IpAddr) -> Result<Standing, Standing> {
        let is_flooded = self.limit.keys() >= MAX_ADDRESSES;
        self.limit.check(if is_flooded { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { network_of(client) })
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
    let (mut response, standing) = match limit.check(client_of(&request, &limit.trusted_proxies)) {
        Ok(standing) => (next.call(request).await?.map_into_boxed_body(), standing),
        Err(standing) => {
            let seconds = standing.seconds;
            let problem = Problem::new(Code::RateLimited)
                .detail(format!("try again in {seconds} seconds"))
                .retry_after(Duration::from_secs(seconds));
            (request.error_response(problem), standing)
        }
    };
    for (name, value) in super::headers([&standing]) {
        response.headers_mut().insert(name, value);
    }
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
pub(in crate::http) fn network_of(address: IpAddr) -> IpAddr {
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
        assert!(limit.check(one).err().unwrap().seconds <= 21);
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
