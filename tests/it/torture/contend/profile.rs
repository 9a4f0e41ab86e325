//! One profile, changed by several at once.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::told::{Asked, Told, are_answered, at_once, last_ones};
use crate::{
    support::Person,
    torture::{
        PEOPLE,
        life::ask,
        plan::Plan,
        record::{Record, Who},
    },
};

/// What somebody may say of themselves.
#[derive(Debug)]
pub(in crate::torture) struct Open {
    who: Who,
    allowed: BTreeSet<String>,
}

/// Says several things about oneself.
pub(super) async fn act(person: &Person, who: Who, plan: &mut Plan, record: &Record) -> Option<Open> {
    let about = format!("profile of {}", person.handle);
    let asked = (0..plan.several()).map(|_| {
        let body = Some(json!({"bio": record.new_word()}));
        Asked { method: Method::PATCH, path: "/v1/me".to_owned(), body, key: None }
    });
    let asked = asked.collect();
    let told = at_once(person, asked, plan, &about, record).await;
    let finding = || record.with(|inner| inner.told(&about));
    assert!(told.iter().all(|told| matches!(told.status(), None | Some(200))), "refused: {about}{}", finding());
    let bio = |told: &Told| told.asked.body.as_ref().unwrap()["bio"].as_str().unwrap().to_owned();
    let mut allowed: BTreeSet<String> = last_ones(&told).map(bio).collect();
    if told.iter().all(|told| told.answered.is_none()) {
        allowed.insert(record.with(|inner| inner.bios.get(&who).cloned()).unwrap_or_default());
    }
    if are_answered(&told)
        && let Some(answer) = ask(person, Method::GET, "/v1/me", None, None).await
    {
        let shown = answer.expect(200).json()["bio"].as_str().unwrap().to_owned();
        assert!(allowed.contains(&shown), "the {about} says {shown}, which nothing allows{}", finding());
        record.with(|inner| inner.bios.insert(who, shown));
        return None;
    }
    Some(Open { who, allowed })
}

impl Open {
    /// The profile says what some change says that may have been the last one.
    pub(super) async fn resolve(self, people: &[Person], record: &Record) {
        let Self { who, allowed } = self;
        let shown = people[who].get("/v1/me").await.expect(200).json()["bio"].as_str().unwrap().to_owned();
        let told = record.with(|inner| inner.told(&format!("profile of {}", PEOPLE[who])));
        assert!(allowed.contains(&shown), "the profile says {shown}, which nothing allows{told}");
        record.with(|inner| inner.bios.insert(who, shown));
    }
}
