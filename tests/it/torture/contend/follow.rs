//! One follow, made and ended by several at once.

use std::collections::BTreeSet;

use reqwest::Method;

use super::told::{Asked, are_answered, at_once, last_ones};
use crate::{
    support::Person,
    torture::{
        PEOPLE,
        life::ask,
        plan::Plan,
        record::{Record, Who},
        verify::all,
    },
};

/// A follow that may be there or not.
#[derive(Debug)]
pub(in crate::torture) struct Open {
    pair: (Who, Who),
    allowed: BTreeSet<bool>,
}

/// Follows and unfollows one author.
pub(super) async fn act(person: &Person, who: Who, plan: &mut Plan, record: &Record) -> Option<Open> {
    let pair = (who, (who + 1 + plan.one_of(PEOPLE.len() - 1).unwrap()) % PEOPLE.len());
    let about = name_of(pair);
    let path = format!("/v1/authors/{}/follow", PEOPLE[pair.1]);
    let mut is_follow = plan.coin();
    let asked = (0..plan.several()).map(|_| {
        is_follow = !is_follow;
        let method = if is_follow { Method::PUT } else { Method::DELETE };
        Asked { method, path: path.clone(), body: None, key: None }
    });
    let asked = asked.collect();
    let before = record.with(|inner| {
        inner.wavering.insert(pair);
        inner.follows.contains(&pair)
    });
    let told = at_once(person, asked, plan, &about, record).await;
    let finding = || record.with(|inner| inner.told(&about));
    assert!(told.iter().all(|told| matches!(told.status(), None | Some(204))), "refused: {about}{}", finding());
    let mut allowed: BTreeSet<bool> = last_ones(&told).map(|told| told.asked.method == Method::PUT).collect();
    if told.iter().all(|told| told.answered.is_none()) {
        allowed.insert(before);
    }
    if are_answered(&told)
        && let Some(answer) = ask(person, Method::GET, "/v1/me/following?limit=100", None, None).await
    {
        let page = answer.expect(200).json();
        let is_true = page["items"].as_array().unwrap().iter().any(|author| author["handle"] == PEOPLE[pair.1]);
        assert!(allowed.contains(&is_true), "{about} is {is_true}, which nothing allows{}", finding());
        record.with(|inner| inner.set_follow(pair, is_true));
        return None;
    }
    Some(Open { pair, allowed })
}

/// What a follow is called in findings.
pub(in crate::torture) fn name_of((reader, author): (Who, Who)) -> String {
    format!("follow of {} by {}", PEOPLE[author], PEOPLE[reader])
}

impl Open {
    /// It is there or not, as some change that may have been the last one says.
    pub(super) async fn resolve(self, people: &[Person], record: &Record) {
        let Self { pair, allowed } = self;
        let follows = all(&people[pair.0], "/v1/me/following?limit=100").await;
        let is_true = follows.iter().any(|author| author["handle"] == PEOPLE[pair.1]);
        let about = name_of(pair);
        let told = record.with(|inner| inner.told(&about));
        assert!(allowed.contains(&is_true), "the {about} is {is_true}, which nothing allows{told}");
        record.with(|inner| inner.set_follow(pair, is_true));
    }
}
