//! What follows from how a run ended: the one place that spends receives.

use std::time::Duration;

use super::{Error, Outcome, Settings, breaker::Breaker};
use crate::{
    domain::Timestamp,
    store::{Effects, Failure},
};

/// How a run ended.
#[derive(Debug)]
pub(super) enum RunResult {
    /// The worker said how.
    Ended(Result<Outcome, Error>),
    /// It was cancelled because it took too long.
    TimedOut(Duration),
    /// It was cancelled because the node ends.
    CutShort,
    /// It panicked.
    Panicked(String),
}

/// What happens to its delivery.
#[derive(Debug)]
pub(super) enum Disposition {
    /// Finished.
    Finish(Effects),
    /// Goes on later; no receive is spent.
    Later { due: Timestamp, progress: Option<serde_json::Value>, effects: Effects },
    /// Failed; tried again.
    Again { due: Timestamp, failure: Failure },
    /// To the dead letters.
    DeadLetter(Failure),
}

/// Decides what happens to a delivery whose `receive`-th run ended like this. `jitter` lies in 0..1.
pub(super) fn resolve(
    ran: RunResult,
    receive: u32,
    settings: &Settings,
    breaker: &mut Breaker,
    now: Timestamp,
    jitter: f64,
) -> Disposition {
    let failure = |class: &str, message: String| Failure {
        receive: i64::from(receive),
        at: now.as_millis(),
        class: class.to_owned(),
        message,
    };
    let failed = |failure: Failure| {
        if receive >= settings.max_receives {
            Disposition::DeadLetter(failure)
        } else {
            Disposition::Again { due: now.plus(backoff(receive, settings, jitter)), failure }
        }
    };
    match ran {
        RunResult::Ended(Ok(Outcome::Done(effects))) => {
            breaker.answered();
            Disposition::Finish(effects)
        }
        RunResult::Ended(Ok(Outcome::Continue { progress, effects })) => {
            breaker.answered();
            Disposition::Later { due: now, progress: Some(progress), effects }
        }
        RunResult::Ended(Ok(Outcome::Snooze(pause)) | Err(Error::RateLimited(pause))) => {
            breaker.said_nothing(now);
            Disposition::Later { due: now.plus(pause), progress: None, effects: Effects::none() }
        }
        RunResult::Ended(Err(Error::Transient(message))) => {
            let is_outside_well = breaker.is_outside_well();
            if breaker.failed(now) {
                let spread = Duration::from_secs(1).mul_f64(jitter);
                let due = breaker.next_probe().unwrap_or(now).plus(spread);
                return Disposition::Later { due, progress: None, effects: Effects::none() };
            }
            if receive >= settings.max_receives && !is_outside_well {
                // Too few have failed to open the breaker, but none has worked either: an outage must not bury, also when a
                // restart has made the breaker forget.
                let due = now.plus(backoff(receive, settings, jitter));
                return Disposition::Later { due, progress: None, effects: Effects::none() };
            }
            failed(failure("transient", message))
        }
        RunResult::Ended(Err(Error::Fault(message))) => {
            breaker.answered();
            failed(failure("error", message))
        }
        RunResult::Ended(Ok(Outcome::Reject(error))) => {
            breaker.answered();
            Disposition::DeadLetter(failure("rejected", error.to_string()))
        }
        RunResult::CutShort => {
            breaker.said_nothing(now);
            Disposition::Later { due: now, progress: None, effects: Effects::none() }
        }
        RunResult::TimedOut(after) => {
            breaker.said_nothing(now);
            failed(failure("timeout", format!("no end after {} ms", after.as_millis())))
        }
        RunResult::Panicked(message) => {
            breaker.said_nothing(now);
            failed(failure("panic", message))
        }
    }
}

/// 1 s · 2ⁿ with full jitter, at most the visibility timeout.
fn backoff(receive: u32, settings: &Settings, jitter: f64) -> Duration {
    let doubled = settings.backoff.saturating_mul(1 << receive.saturating_sub(1).min(20));
    doubled.min(settings.visibility_timeout).mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            mailbox: 64,
            batch: 10,
            timeout: Duration::from_secs(30),
            visibility_timeout: Duration::from_secs(90),
            max_receives: 5,
            backoff: Duration::from_secs(1),
            wait_for_approval: false,
            is_paused: false,
            begins_at_the_beginning: false,
        }
    }

    fn after(ran: RunResult, receive: u32) -> Disposition {
        resolve(ran, receive, &settings(), &mut Breaker::default(), Timestamp::from_millis(0), 1.0)
    }

    #[test]
    fn the_fifth_failure_buries() {
        let fault = || RunResult::Ended(Err(Error::Fault("no".to_owned())));
        assert!(matches!(after(fault(), 4), Disposition::Again { .. }));
        assert!(matches!(after(fault(), 5), Disposition::DeadLetter(_)));
    }

    #[test]
    fn backoff_doubles_up_to_the_visibility_timeout() {
        let due = |receive| match after(RunResult::TimedOut(Duration::ZERO), receive) {
            Disposition::Again { due, .. } => due.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!([due(1), due(2), due(3), due(4)], [1_000, 2_000, 4_000, 8_000]);
        let settings = Settings { max_receives: 100, ..settings() };
        assert_eq!(backoff(60, &settings, 1.0), Duration::from_secs(90));
    }

    #[test]
    fn an_outage_spends_no_receives_once_the_breaker_is_open() {
        let mut breaker = Breaker::default();
        let outage = || RunResult::Ended(Err(Error::Transient("refused".to_owned())));
        let spent = (0..50)
            .filter(|_| {
                let next = resolve(outage(), 1, &settings(), &mut breaker, Timestamp::from_millis(0), 0.5);
                !matches!(next, Disposition::Later { .. })
            })
            .count();
        assert_eq!(spent, 4);
    }

    #[test]
    fn an_outage_buries_nothing_also_when_a_restart_has_made_the_breaker_forget() {
        let outage = || RunResult::Ended(Err(Error::Transient("refused".to_owned())));
        assert!(matches!(after(outage(), 5), Disposition::Later { .. }));
        let mut breaker = Breaker::default();
        breaker.answered();
        let last = resolve(outage(), 5, &settings(), &mut breaker, Timestamp::from_millis(0), 1.0);
        assert!(matches!(last, Disposition::DeadLetter(_)), "everything else works: it is this delivery");
    }

    #[test]
    fn snoozing_and_continuing_spend_no_receives() {
        assert!(matches!(after(RunResult::Ended(Ok(Outcome::Snooze(Duration::ZERO))), 5), Disposition::Later { .. }));
        let part = Outcome::Continue { progress: serde_json::json!(1), effects: Effects::none() };
        assert!(matches!(after(RunResult::Ended(Ok(part)), 5), Disposition::Later { progress: Some(_), .. }));
    }

    #[test]
    fn the_end_of_a_node_spends_no_receive() {
        assert!(matches!(after(RunResult::CutShort, 5), Disposition::Later { progress: None, .. }));
    }

    #[test]
    fn a_rejection_buries_at_once() {
        assert!(matches!(
            after(RunResult::Ended(Ok(Outcome::Reject(Error::Fault("no".to_owned())))), 1),
            Disposition::DeadLetter(_)
        ));
    }
}
