//! Tickets for `/v1/admin/watch`: a browser cannot send a header with a websocket, and a token must not stand in an address,
//! where logs keep it. A ticket may: it is good for half a minute and for one use. Only hashes of tickets are kept, in memory.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::domain::{SessionId, Timestamp};

/// How long a ticket is good.
pub const LIFE: Duration = Duration::from_secs(30);
/// How many tickets may be waiting to be used.
const MOST: usize = 1_000;

/// Who may watch, and until when: what a watcher's connection keeps of the token it was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// The session of the token.
    pub session: SessionId,
    /// When the token expires.
    pub ends_at: Timestamp,
}

/// The tickets that have been given out and not been used yet.
#[derive(Clone, Default)]
pub struct WatchTickets(Arc<Mutex<HashMap<[u8; 32], Kept>>>);

struct Kept {
    pass: Pass,
    until: Timestamp,
}

impl WatchTickets {
    /// A new ticket and its end; `None` if too many wait to be used.
    #[must_use]
    pub fn issue(&self, pass: Pass, now: Timestamp) -> Option<(String, Timestamp)> {
        let mut kept = self.0.lock();
        if kept.len() >= MOST {
            kept.retain(|_, ticket| ticket.until > now);
        }
        if kept.len() >= MOST {
            return None;
        }
        let ticket = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let until = now.plus(LIFE);
        kept.insert(hash(&ticket), Kept { pass, until });
        Some((ticket, until))
    }

    /// Takes a ticket; it is gone afterwards. `None` if it is unknown, used or too old.
    #[must_use]
    pub fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Pass> {
        let kept = self.0.lock().remove(&hash(ticket))?;
        (kept.until > now).then_some(kept.pass)
    }
}

/// A ticket has 256 random bits, so that no salt and no slow hash is needed.
fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass() -> Pass {
        Pass { session: SessionId::generate(), ends_at: Timestamp::from_millis(1) }
    }

    #[test]
    fn a_ticket_is_good_once_and_for_half_a_minute() {
        let (tickets, pass, now) = (WatchTickets::default(), pass(), Timestamp::from_millis(0));
        let (ticket, until) = tickets.issue(pass, now).unwrap();
        assert_eq!(until, now.plus(LIFE));
        assert_eq!(tickets.redeem("another", now), None);
        assert_eq!(tickets.redeem(&ticket, now), Some(pass));
        assert_eq!(tickets.redeem(&ticket, now), None);
        let (late, until) = tickets.issue(pass, now).unwrap();
        assert_ne!(late, ticket);
        assert_eq!(tickets.redeem(&late, until), None);
    }

    #[test]
    fn tickets_that_nobody_uses_do_not_pile_up() {
        let (tickets, pass, now) = (WatchTickets::default(), pass(), Timestamp::from_millis(0));
        for _ in 0..MOST {
            assert!(tickets.issue(pass, now).is_some());
        }
        assert!(tickets.issue(pass, now).is_none());
        assert!(tickets.issue(pass, now.plus(LIFE)).is_some());
    }
}
