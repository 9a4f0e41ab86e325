//! Causes and ids of dead letters.

use super::{is_one_line, texts};
use crate::domain::{Cause, CauseId, DeadLetterId, Subscription};

/// A cause is short, one line, and the same for the same message; ids of dead letters read back.
pub fn cause(data: &[u8]) {
    let [message, class, id] = texts(data);
    let cause = Cause::of("email", &class, &message);
    assert!(
        cause.text.chars().count() <= 200 && (cause.text.is_empty() || is_one_line(&cause.text)),
        "{:?}",
        cause.text
    );
    assert_eq!(cause.id.as_str().parse::<CauseId>().as_ref(), Ok(&cause.id));
    assert_eq!(Cause::of("email", &class, &message), cause);
    if let Ok(letter) = id.parse::<DeadLetterId>() {
        assert_eq!(letter.to_string(), id);
        assert!(letter.subscription.covers(&letter.subscription));
    }
    if let Ok(subscription) = id.parse::<Subscription>() {
        assert_eq!(subscription.as_str(), id);
        assert!(Subscription::from_trusted(subscription.worker().to_owned()).covers(&subscription), "{subscription}");
    }
}
