//! Mails: how many were handed over, how many failed and why, and how long it took. A decorator, so that mailers need
//! no metrics.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::call::{BOUNDS, Call, FAILURES, failure};
use crate::gateways::{Error, Mail, Mailer};

const SENT: &str = "sent";

/// The instruments of the mail gateway.
#[derive(Debug, Clone)]
pub struct MailMetrics {
    sent: Family<Ended, Counter>,
    duration: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

struct Metered {
    mailer: Arc<dyn Mailer>,
    metrics: MailMetrics,
}

impl Default for MailMetrics {
    /// All outcomes exist from the start, so that the first failure is visible as a change.
    fn default() -> Self {
        let sent = Family::<Ended, Counter>::default();
        for outcome in [SENT].into_iter().chain(FAILURES) {
            drop(sent.get_or_create(&Ended { outcome }));
        }
        Self { sent, duration: Histogram::new(BOUNDS) }
    }
}

impl MailMetrics {
    /// Wraps a mailer with metrics.
    #[must_use]
    pub fn meter(&self, mailer: Arc<dyn Mailer>) -> Arc<dyn Mailer> {
        Arc::new(Metered { mailer, metrics: self.clone() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Mails handed to the mailer, by outcome; only `sent` mails have left this server";
        registry.register("broadsheet_mail_sent", help, self.sent.clone());
        let help = "How long handing over one mail took, including the wait for the configured rate";
        registry.register("broadsheet_mail_send_duration_seconds", help, self.duration.clone());
    }

    fn record(&self, outcome: &'static str, took: Duration) {
        self.sent.get_or_create(&Ended { outcome }).inc();
        self.duration.observe(took.as_secs_f64());
    }
}

impl Mailer for Metered {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = Call::begin(|outcome, took| self.metrics.record(outcome, took));
            let sent = self.mailer.send(mail).await;
            call.end(sent.as_ref().map_or_else(failure, |()| SENT));
            sent
        })
    }

    fn is_idempotent(&self) -> bool {
        self.mailer.is_idempotent()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::domain::Email;

    /// Answers as told, or never.
    struct Told(Option<Result<(), Error>>);

    impl Mailer for Told {
        fn send<'a>(&'a self, _: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
            match self.0.clone() {
                Some(answer) => Box::pin(std::future::ready(answer)),
                None => Box::pin(std::future::pending()),
            }
        }

        fn is_idempotent(&self) -> bool {
            true
        }
    }

    #[test]
    fn every_mail_is_counted_once_also_one_that_nobody_waits_for() {
        let metrics = MailMetrics::default();
        let mail = Mail {
            message_id: "1@example.org".to_owned(),
            to: Email::parse("ana@example.org").unwrap(),
            to_name: None,
            subject: String::new(),
            text: String::new(),
            html: None,
            headers: Vec::new(),
        };
        let answers = [
            ("sent", Some(Ok(()))),
            ("transient", Some(Err(Error::Transient(String::new())))),
            ("rate_limited", Some(Err(Error::RateLimited { retry_after: Duration::ZERO }))),
            ("deferred", Some(Err(Error::Deferred(String::new())))),
            ("permanent", Some(Err(Error::Permanent(String::new())))),
            ("undeliverable", Some(Err(Error::Undeliverable(String::new())))),
            ("uncertain", Some(Err(Error::Uncertain(String::new())))),
            ("cancelled", None),
        ];
        let counted = || {
            let mut registry = Registry::default();
            metrics.register(&mut registry);
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text.lines().filter(|line| line.starts_with("broadsheet_mail_sent_total{")).count()
        };
        let count = answers.len();
        assert_eq!(counted(), count, "an outcome is missing at the beginning");
        for (outcome, answer) in answers {
            let mailer = metrics.meter(Arc::new(Told(answer.clone())));
            assert!(mailer.is_idempotent());
            assert_eq!(mailer.send(&mail).now_or_never(), answer);
            assert_eq!(metrics.sent.get_or_create(&Ended { outcome }).get(), 1, "{outcome}");
        }
        assert_eq!(counted(), count, "an outcome of its own came up");
    }
}
