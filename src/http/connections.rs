//! How many connections there may be: in all, and from one client address. Whoever comes when all are taken, or has too many already,
//! is hung up on at once; everybody else goes on.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::rate_limit::network_of;
use crate::config::{Count, HttpSettings};

/// With "auto" one address may have this part of what is free. The more there are who take that much, the less each of them
/// gets, and something is always left for those who come later.
const PART: usize = 8;
/// With "auto" one address may have so many as long as there is any: a browser opens six.
const ALWAYS: usize = 8;
/// How often the log says that somebody is turned away.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The connections of one server, counted by all of its threads.
pub(super) struct Connections {
    most: usize,
    per_address: Count,
    trusted_proxies: Vec<IpAddr>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    turned_away: u64,
    told_at: Option<Instant>,
}

/// One connection's place, until it is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    /// Up to `most` connections, shared out as the settings say.
    pub(super) fn new(most: usize, settings: &HttpSettings) -> Arc<Self> {
        Arc::new(Self {
            most,
            per_address: settings.connections_per_address,
            trusted_proxies: settings.trusted_proxies.clone(),
            open: Mutex::default(),
        })
    }

    /// A place for a connection from there, if there is one.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let address = network_of(peer);
        let mut open = self.open.lock();
        let free = self.most.saturating_sub(open.total);
        let has = open.by_address.get(&address).copied().unwrap_or(0);
        let may_have = match self.per_address {
            _ if self.trusted_proxies.contains(&peer) => usize::MAX,
            Count::Exactly(number) => number,
            Count::Auto => (free / PART).max(ALWAYS),
        };
        if free == 0 || has >= may_have {
            open.turn_away(self.most, free);
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, has + 1);
        Some(Place { connections: Arc::clone(self), address })
    }
}

impl Open {
    /// Counts somebody who is hung up on, and says so now and then.
    fn turn_away(&mut self, most: usize, free: usize) {
        self.turned_away += 1;
        if self.told_at.is_some_and(|told_at| told_at.elapsed() < TELL_EVERY) {
            return;
        }
        let why = if free == 0 { "all are taken" } else { "one address has as many as it may" };
        tracing::warn!(
            turned_away = self.turned_away,
            addresses = self.by_address.len(),
            "connections are closed at once: {why} ({} of {most} are open); see http.max_connections and http.connections_per_address",
            self.total
        );
        (self.turned_away, self.told_at) = (0, Some(Instant::now()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        let left = open.by_address.get(&self.address).map_or(0, |count| count - 1);
        if left == 0 {
            open.by_address.remove(&self.address);
        } else {
            open.by_address.insert(self.address, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connections(most: usize, per_address: Count) -> Arc<Connections> {
        let settings = HttpSettings {
            connections_per_address: per_address,
            trusted_proxies: vec!["10.0.0.1".parse().unwrap()],
            ..HttpSettings::default()
        };
        Connections::new(most, &settings)
    }

    /// As many as this address gets.
    fn take(connections: &Arc<Connections>, address: &str) -> Vec<Place> {
        std::iter::from_fn(|| connections.admit(address.parse().unwrap())).collect()
    }

    #[test]
    fn one_address_gets_a_part_and_those_that_come_later_something_of_the_rest() {
        let connections = connections(900, Count::Auto);
        let first = take(&connections, "192.0.2.1");
        assert_eq!(first.len(), 100);
        let others: Vec<usize> = (2..12)
            .map(|last| {
                let places = take(&connections, &format!("192.0.2.{last}"));
                let count = places.len();
                std::mem::forget(places);
                count
            })
            .collect();
        assert!(others.iter().all(|count| *count >= ALWAYS), "{others:?}");
        drop(first);
        assert!(!take(&connections, "192.0.2.1").is_empty(), "what was given back can be had again");
    }

    #[test]
    fn a_trusted_proxy_gets_all_and_nobody_more_than_all() {
        let connections = connections(100, Count::Exactly(3));
        assert_eq!(take(&connections, "192.0.2.1").len(), 3);
        assert_eq!(take(&connections, "10.0.0.1").len(), 100);
        let _all = take(&connections, "10.0.0.1");
        assert!(connections.admit("192.0.2.2".parse().unwrap()).is_none());
    }

    #[test]
    fn an_ipv6_subscriber_is_one_address_and_an_ipv4_one_however_it_is_written() {
        let connections = connections(100, Count::Exactly(1));
        let _one = connections.admit("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(connections.admit("2001:db8:1:2::9".parse().unwrap()).is_none());
        assert!(connections.admit("2001:db8:1:3::1".parse().unwrap()).is_some());
        let _other = connections.admit("192.0.2.1".parse().unwrap()).unwrap();
        assert!(connections.admit("::ffff:192.0.2.1".parse().unwrap()).is_none());
    }

    proptest! {
        /// Whoever comes and goes: what is counted is what is open, and nothing is left of those who are gone.
        #[test]
        fn nothing_is_counted_but_what_is_open(steps in proptest::collection::vec((0_u8..6, any::<bool>()), 0..200)) {
            let connections = connections(40, Count::Auto);
            let mut places: Vec<Place> = Vec::new();
            for (address, comes) in steps {
                if comes {
                    places.extend(connections.admit(IpAddr::from([192, 0, 2, address])));
                } else if !places.is_empty() {
                    places.swap_remove(usize::from(address) % places.len());
                }
                let open = connections.open.lock();
                prop_assert_eq!(open.total, places.len());
                prop_assert_eq!(open.by_address.values().sum::<usize>(), places.len());
                prop_assert!(open.total <= 40 && open.by_address.values().all(|count| *count > 0));
            }
            places.clear();
            prop_assert!(connections.open.lock().by_address.is_empty());
        }
    }
}
