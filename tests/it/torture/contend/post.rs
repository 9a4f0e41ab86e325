//! One post, edited and deleted by several at once.

use reqwest::Method;
use serde_json::{Value, json};

use super::told::{Asked, Told, are_answered, at_once};
use crate::{
    support::Person,
    torture::{
        life::{ask, body, deleted, edited, one_of_mine, tags},
        plan::Plan,
        record::{Kind, Record, Who},
    },
};

/// The edits that were not answered, and whether a deletion was not.
#[derive(Debug)]
pub(in crate::torture) struct Open {
    id: String,
    edits: Vec<Value>,
    is_deletion_open: bool,
}

/// Edits one post, with text, tags or both, and deletes it now and then. The answer with the highest version is what is true.
pub(super) async fn act(person: &Person, who: Who, plan: &mut Plan, record: &Record) -> Option<Open> {
    let id = one_of_mine(who, plan, record, |post| post.kind == Kind::Fine)?;
    let (path, about) = (format!("/v1/posts/{id}"), format!("post {id}"));
    let edit = |plan: &mut Plan| {
        let mut body = body(&record.new_word(), "torture", None);
        body["tags"] = json!(record.with(|inner| inner.tags_of_life(who, |count| plan.one_of(count).unwrap())));
        let fields = body.as_object_mut().unwrap();
        match plan.one_of(3).unwrap() {
            0 => fields.retain(|name, _| name == "tags"),
            1 => fields.retain(|name, _| name != "tags"),
            _ => {}
        }
        Asked { method: Method::PATCH, path: path.clone(), body: Some(body), key: None }
    };
    let mut asked: Vec<Asked> = (0..plan.several()).map(|_| edit(plan)).collect();
    if plan.one_of(8) == Some(0) {
        let at = plan.one_of(asked.len() + 1).unwrap();
        asked.insert(at, Asked { method: Method::DELETE, path: path.clone(), body: None, key: None });
    }
    let told = at_once(person, asked, plan, &about, record).await;
    let finding = |what: &str| -> String { record.with(|inner| format!("{what}: {about}{}", inner.told(&about))) };

    let deletion = told.iter().find(|told| told.asked.method == Method::DELETE);
    let edits = || told.iter().filter(|told| told.asked.method == Method::PATCH);
    for edit in edits() {
        let is_expected =
            matches!(edit.status(), None | Some(200)) || (edit.status() == Some(404) && deletion.is_some());
        assert!(is_expected, "{}", finding("an edit was refused"));
    }
    let mut versions: Vec<Value> = edits().filter_map(|edit| edit.json(200)).collect();
    versions.sort_by_key(|post| post["version"].as_u64().unwrap());
    // An edit that changes nothing is answered with the version that is there.
    let is_other = |pair: &[Value]| ["title", "body", "tags"].iter().any(|field| pair[0][field] != pair[1][field]);
    let is_twice = versions.windows(2).any(|pair| pair[0]["version"] == pair[1]["version"] && is_other(pair));
    assert!(!is_twice, "{}", finding("two edits made one version"));
    for edit in edits() {
        let (sent, Some(shown)) = (edit.asked.body.as_ref().unwrap(), edit.json(200)) else { continue };
        let is_shown = sent.get("title").is_none_or(|title| shown["title"] == *title)
            && sent.get("tags").is_none_or(|wanted| tags(&shown) == tags(&json!({"tags": wanted})));
        assert!(is_shown, "{}", finding("an edit's answer does not show it"));
    }
    if let Some(newest) = versions.last() {
        settle(record, &id, newest, edits().filter_map(|edit| edit.asked.body.as_ref()));
    }
    match deletion.map(Told::status) {
        Some(Some(204)) => {
            deleted(record, &id);
            return if are_answered(&told) { None } else { Some(Open { id, edits: vec![], is_deletion_open: true }) };
        }
        Some(Some(other)) => panic!("{}", finding(&format!("a deletion was answered with {other}"))),
        Some(None) | None => {}
    }
    if are_answered(&told)
        && let Some(read) = ask(person, Method::GET, &path, None, None).await
    {
        let (read, newest) = (read.expect(200).json(), versions.last().unwrap());
        let is_true = read["title"] == newest["title"] && tags(&read) == tags(newest);
        assert!(is_true, "{}; true: {read}", finding("what is true is not the newest version that was told"));
        return None;
    }
    let edits = edits().filter(|edit| edit.answered.is_none()).map(|edit| edit.asked.body.clone().unwrap()).collect();
    Some(Open { id, edits, is_deletion_open: deletion.is_some() })
}

/// Writes down what a post is now; all other words that it had, or may have had, meanwhile are old.
fn settle<'a>(record: &Record, id: &str, post: &Value, edits: impl Iterator<Item = &'a Value>) {
    let word = word_of(post);
    edited(record, id, &word, post);
    let others = edits.filter(|edit| edit.get("title").is_some()).map(word_of);
    let others: Vec<String> = others.filter(|other| *other != word).collect();
    record.with(|inner| {
        let old_words = &mut inner.posts.get_mut(id).unwrap().old_words;
        old_words.extend(others);
        // An edit without an answer was taken for one that had not been carried out, until the restart showed that it had.
        old_words.retain(|old| *old != word);
    });
}

fn word_of(post: &Value) -> String {
    post["title"].as_str().unwrap().strip_prefix("About ").unwrap().to_owned()
}

impl Open {
    /// The post has a text and tags that it was told to have or asked to have, or it is gone as it was asked to be.
    pub(super) async fn resolve(self, people: &[Person], record: &Record) {
        let Self { id, edits, is_deletion_open } = self;
        let about = format!("post {id}");
        let finding = |what: &str| record.with(|inner| format!("{what}: {about}{}", inner.told(&about)));
        let known = record.with(|inner| inner.posts[&id].clone());
        let answer = people[known.author].get(&format!("/v1/posts/{id}")).await;
        if known.is_deleted || answer.status == 404 {
            assert!(answer.status == 404, "{}", finding("a deleted post is back"));
            assert!(is_deletion_open, "{}", finding("nobody deleted it, and it is gone"));
            if !known.is_deleted {
                deleted(record, &id);
            }
            return;
        }
        let post = answer.expect(200).json();
        let mut asked = edits.iter().filter_map(|edit| edit.get("title"));
        let is_text = word_of(&post) == known.word || asked.any(|title| *title == post["title"]);
        let mut asked = edits.iter().filter_map(|edit| edit.get("tags"));
        let is_tags = tags(&post) == known.tags || asked.any(|wanted| tags(&json!({"tags": wanted})) == tags(&post));
        assert!(is_text && is_tags, "{}; true: {post}", finding("neither what was told nor what was asked for"));
        settle(record, &id, &post, edits.iter());
    }
}
