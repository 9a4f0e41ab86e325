//! One slug, wanted by several posts at once.

use reqwest::Method;
use serde_json::{Value, json};

use super::told::{Asked, are_answered, at_once};
use crate::{
    support::{Person, send},
    torture::{
        life::{body, created},
        plan::Plan,
        record::{Record, Who},
    },
};

/// The creations that were not answered, with their words, and whether the slug has its owner.
#[derive(Debug)]
pub(in crate::torture) struct Open {
    who: Who,
    open: Vec<(String, Asked)>,
    is_taken: bool,
}

/// Publishes several posts with one slug: one of them gets it, and nothing is left of the others.
pub(super) async fn act(person: &Person, who: Who, plan: &mut Plan, record: &Record) -> Option<Open> {
    let slug = record.new_word();
    let about = format!("slug {slug} of {}", person.handle);
    let (words, asked): (Vec<String>, Vec<Asked>) = (0..plan.several())
        .map(|_| {
            let word = record.new_word();
            let mut body = body(&word, "torture", Some("published"));
            body["slug"] = json!(slug);
            let (path, key) = ("/v1/posts".to_owned(), Some(format!("key-{word}")));
            (word, Asked { method: Method::POST, path, body: Some(body), key })
        })
        .unzip();
    let told = at_once(person, asked, plan, &about, record).await;
    let finding = || record.with(|inner| inner.told(&about));
    assert!(told.iter().all(|told| matches!(told.status(), None | Some(201 | 409))), "refused: {about}{}", finding());
    let made = words.iter().zip(&told).filter_map(|(word, told)| Some((word, told.json(201)?)));
    let made: Vec<(&String, Value)> = made.collect();
    made.iter().for_each(|(word, post)| created(record, who, word, post));
    let has_one = made.len() == 1 || (made.is_empty() && !are_answered(&told));
    assert!(has_one, "{} posts have the {about}{}", made.len(), finding());
    let is_taken = !made.is_empty();
    let open = words.iter().cloned().zip(&told).filter(|(_, told)| told.answered.is_none());
    let open: Vec<(String, Asked)> = open.map(|(word, told)| (word, told.asked.clone())).collect();
    (!open.is_empty()).then_some(Open { who, open, is_taken })
}

impl Open {
    /// Sent again with their idempotency keys, one of them has it.
    pub(super) async fn resolve(self, people: &[Person], record: &Record) {
        let Self { who, open, mut is_taken } = self;
        for (word, asked) in open {
            let request = people[who].request(Method::POST, "/v1/posts").json(&asked.body);
            let answer = send(request.header("idempotency-key", asked.key.unwrap())).await;
            match answer.status.as_u16() {
                201 => {
                    assert!(!is_taken, "two posts have one slug: {}", answer.text);
                    is_taken = true;
                    created(record, who, &word, &answer.json());
                }
                409 => {}
                other => panic!("{other} for a post that may have been published: {}", answer.text),
            }
        }
        assert!(is_taken, "nobody has the slug, and nobody gets it");
    }
}
