//! Several requests at the same moment, and what can be said from their answers.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::{
    support::{Answer, Person},
    torture::{life::ask, plan::Plan, record::Record},
};

/// One of several requests.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) key: Option<String>,
}

/// A request, when it was under way, and its answer.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) asked: Asked,
    sent: Instant,
    pub(super) answered: Option<(Instant, Answer)>,
}

impl Told {
    pub(super) fn status(&self) -> Option<u16> {
        self.answered.as_ref().map(|(_, answer)| answer.status.as_u16())
    }

    /// The JSON of an answer of this status.
    pub(super) fn json(&self, status: u16) -> Option<Value> {
        self.answered.as_ref().filter(|(_, answer)| answer.status == status).map(|(_, answer)| answer.json())
    }

    fn line(&self, began: Instant) -> String {
        let Asked { method, path, body, .. } = &self.asked;
        let at = |moment: Instant| moment.duration_since(began).as_micros();
        let body = body.as_ref().map(Value::to_string).unwrap_or_default();
        let (sent, answer) = (at(self.sent), self.answered.as_ref());
        let answer = answer.map_or("no answer".to_owned(), |(came, answer)| {
            let is_json = answer.text.starts_with('{');
            let of = |name: &str| if is_json { answer.json()[name].to_string() } else { "-".to_owned() };
            format!("{} at {} µs, version {}, tags {}", answer.status, at(*came), of("version"), of("tags"))
        });
        format!("{method} {path} {body} sent at {sent} µs: {answer}")
    }
}

/// Asks for several things at the same moment.
pub(super) async fn at_once(
    person: &Person,
    asked: Vec<Asked>,
    plan: &mut Plan,
    about: &str,
    record: &Record,
) -> Vec<Told> {
    let (began, mut wait) = (Instant::now(), Duration::ZERO);
    let asking: Vec<_> = asked
        .into_iter()
        .map(|asked| {
            wait += Duration::from_micros(plan.stagger_us());
            async move {
                tokio::time::sleep(wait).await;
                let sent = Instant::now();
                let Asked { method, path, body, key } = asked.clone();
                let answer = ask(person, method, &path, body, key.as_deref()).await;
                Told { asked, sent, answered: answer.map(|answer| (Instant::now(), answer)) }
            }
        })
        .collect();
    let told = futures_util::future::join_all(asking).await;
    record.with(|inner| {
        told.iter().filter(|told| told.answered.is_some()).for_each(|_| inner.count("at once"));
        inner.tell(about, told.iter().map(|told| told.line(began)).collect());
    });
    told
}

/// Those that may have been the last to take effect: none that was answered before another was sent.
pub(super) fn last_ones(told: &[Told]) -> impl Iterator<Item = &Told> {
    let is_before = |one: &Told, other: &Told| {
        other.answered.is_some() && one.answered.as_ref().is_some_and(|(came, _)| *came < other.sent)
    };
    told.iter().filter(move |one| !told.iter().any(|other| is_before(one, other)))
}

pub(super) fn are_answered(told: &[Told]) -> bool {
    told.iter().all(|told| told.answered.is_some())
}
