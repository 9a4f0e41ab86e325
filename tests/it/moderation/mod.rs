//! What people decide about posts, and how it goes together with what models say. Here: what these tests share.

mod appeals;
mod decisions;
mod evasion;
mod flood;
mod model;
mod permissions;
mod pins;
mod queue;

use std::time::Duration;

use broadsheet::{
    actors::workers::{self, Registry},
    clock::Clock,
    domain::{Account, Role},
    identity::Tokens,
};
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestApp, api::path};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server that reads every post from its row, so that no cache hides what a row has lost.
async fn spawn() -> TestApp {
    spawn_with(workers::standard()).await
}

async fn spawn_with(registry: Registry) -> TestApp {
    TestApp::spawn_with(|config| config.database.post_cache = 0, registry).await
}

/// Somebody who has the role moderator.
async fn moderator(app: &TestApp, handle: &str) -> Person {
    let mut person = app.person(handle).await;
    promote(app, &mut person).await;
    person
}

/// Gives somebody the token that a moderator gets.
async fn promote(app: &TestApp, person: &mut Person) {
    let seed = app.app.repositories.identity().signing_key([0; 32]).await.unwrap();
    let tokens = Tokens::new(seed, "http://issuer.test".to_owned(), Duration::from_secs(900));
    let now = app.clock.now();
    let claims = tokens.verify(&person.token, now).unwrap();
    let account = app.app.repositories.accounts().get(claims.account).await.unwrap().unwrap();
    let account = Account { roles: vec![Role::User, Role::Moderator], ..Account::clone(&account) };
    person.token = tokens.issue(&account, claims.session, now).unwrap().access_token;
}

async fn decide(moderator: &Person, post: &Value, verdict: &str, reason: &str) -> Answer {
    let path = format!("/v1/moderation/posts/{}/decision", post["id"].as_str().unwrap());
    moderator.post(&path, &json!({"verdict": verdict, "reason": reason})).await
}

async fn appeal(author: &Person, post: &Value, text: &str) -> Answer {
    author.post(&format!("{}/appeal", path(post)), &json!({"text": text})).await
}

/// The state of a post as somebody who may see it reads it.
async fn standing(reader: &Person, post: &Value) -> String {
    reader.get(&path(post)).await.expect(200).json()["moderation"].as_str().unwrap().to_owned()
}

/// The titles in a queue.
async fn waiting(moderator: &Person, state: &str) -> Vec<String> {
    moderator.titles(&format!("/v1/moderation/queue?state={state}")).await
}
