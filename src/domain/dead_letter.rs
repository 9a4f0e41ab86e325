//! Identifying and selecting dead letters.

use std::{fmt, str::FromStr};

use super::{CauseId, EventId, Invalid, PostId};

/// The maximum length of a subscription's name.
const MAX_LANE: usize = 80;

/// Whose deliveries they are: a worker's name, or `search@<node>` for a worker whose result is local to a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subscription(String);

impl Subscription {
    /// A subscription whose name comes from the database or the engine.
    #[must_use]
    pub fn from_trusted(subscription: String) -> Self {
        Self(subscription)
    }

    /// The subscription as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The worker's name, without the node.
    #[must_use]
    pub fn worker(&self) -> &str {
        self.0.split('@').next().unwrap_or(&self.0)
    }

    /// Whether it belongs to a single node.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.contains('@')
    }

    /// Whether `other` is this subscription, or the subscription of this worker on some node.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (!self.is_local() && self.0 == other.worker())
    }
}

impl FromStr for Subscription {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@');
        let is_lane = (1..=MAX_LANE).contains(&text.len()) && text.bytes().all(is_name) && !text.starts_with('@');
        let wrong = || Invalid::new("worker", "invalid_name", "must be a worker's name, such as email");
        is_lane.then(|| Self(text.to_owned())).ok_or_else(wrong)
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One dead letter: which event, in which subscription. `email.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17` as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeadLetterId {
    /// Whose delivery it was.
    pub subscription: Subscription,
    /// The event that could not be processed.
    pub event: EventId,
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.subscription, self.event)
    }
}

impl FromStr for DeadLetterId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parse = || {
            let mut parts = text.splitn(3, '.');
            let subscription = parts.next()?.parse().ok()?;
            let epoch = parts.next()?.parse().ok()?;
            let seq = parts.next()?.parse().ok()?;
            Some(Self { subscription, event: EventId { epoch, seq } })
        };
        // Each dead letter has exactly one id: `+17` or lower case is refused.
        parse().filter(|id| id.to_string() == text).ok_or_else(|| {
            Invalid::new("id", "invalid_id", "must be a dead letter's id, such as email.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17")
        })
    }
}

/// Selects dead letters: those that match every field that is set; all of them if none is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only these; empty: any.
    pub ids: Vec<DeadLetterId>,
    /// Only this worker's, on all nodes, or only this subscription's.
    pub worker: Option<Subscription>,
    /// Only those with this cause.
    pub cause: Option<CauseId>,
    /// Only those about this post.
    pub post: Option<PostId>,
}

impl DeadLetterFilter {
    /// Whether it selects all dead letters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for text in
            ["email.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17", "search@01JD9X8Z6Q4W7E2R5T1Y3V0P8A.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.1"]
        {
            assert_eq!(text.parse::<DeadLetterId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let epoch = "01JD9X8Z6Q4W7E2R5T1Y3V0P8A";
        for text in [
            String::new(),
            "email".to_owned(),
            format!("email.{epoch}"),
            format!("email.{epoch}.x"),
            format!("email.{epoch}.+1"),
            format!("email.{epoch}.01"),
            format!("email.{}.1", epoch.to_lowercase()),
            format!(".{epoch}.1"),
            format!("e/mail.{epoch}.1"),
            format!("{}.{epoch}.1", "e".repeat(81)),
        ] {
            assert_eq!(text.parse::<DeadLetterId>().unwrap_err().code, "invalid_id", "{text}");
        }
    }

    #[test]
    fn a_workers_name_covers_its_lanes_on_all_nodes() {
        let subscription = |text: &str| text.parse::<Subscription>().unwrap();
        assert!(
            subscription("search").covers(&subscription("search@A"))
                && subscription("search").covers(&subscription("search"))
        );
        assert!(
            !subscription("search@B").covers(&subscription("search@A"))
                && !subscription("sea").covers(&subscription("search"))
        );
    }
}
