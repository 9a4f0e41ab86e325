//! `/v1/authors/{handle}/follow`, `/v1/me/followers` and `/v1/me/following`.

use serde_json::Value;

use crate::support::{Person, TestApp, api::HOSTILE_CURSORS};

/// The handles in a whole collection of accounts, sorted.
async fn handles(person: &Person, path: &str, limit: usize) -> Vec<String> {
    let mut handles = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        handles.extend(items.iter().map(|account: &Value| account["handle"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    handles.sort();
    handles
}

#[actix_web::test]
async fn following_and_unfollowing_twice_is_as_good_as_once() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let follow = "/v1/authors/ada/follow";
    for _ in 0..2 {
        assert_eq!(bob.put(follow).await.expect(204).text, "");
    }
    app.settle().await;
    let followers = ada.get("/v1/me/stats").await.expect(200).json()["followers"].clone();
    assert_eq!(followers, 1);
    assert_eq!(handles(&ada, "/v1/me/followers", 20).await, ["bob"]);
    assert_eq!(handles(&bob, "/v1/me/following", 20).await, ["ada"]);
    assert_eq!(bob.get("/v1/authors/ada").await.expect(200).json()["is_followed"], true);
    for _ in 0..2 {
        bob.delete(follow).await.expect(204);
    }
    app.settle().await;
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["followers"], 0);
    assert!(handles(&ada, "/v1/me/followers", 20).await.is_empty());
    assert!(handles(&bob, "/v1/me/following", 20).await.is_empty());
    assert_eq!(bob.get("/v1/authors/ada").await.expect(200).json()["is_followed"], false);
}

#[actix_web::test]
async fn nobody_follows_themselves_or_somebody_who_is_not_there() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    ada.put("/v1/authors/ada/follow").await.expect_problem(422, "follow_self");
    for handle in ["nobody", "A%20b", "%ff", "x'", "admin"] {
        ada.put(&format!("/v1/authors/{handle}/follow")).await.expect_problem(404, "not_found");
        ada.delete(&format!("/v1/authors/{handle}/follow")).await.expect_problem(404, "not_found");
    }
    app.settle().await;
}

#[actix_web::test]
async fn followers_and_followed_authors_come_in_pages_exactly_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let mut readers = Vec::new();
    for number in 1..=7 {
        let reader = app.person(&format!("reader{number}")).await;
        reader.follow(&ada).await;
        ada.follow(&reader).await;
        readers.push(reader.handle);
    }
    app.settle().await;
    for list in ["/v1/me/followers", "/v1/me/following"] {
        for limit in [1, 3, 7, 20] {
            assert_eq!(handles(&ada, list, limit).await, readers, "{list} {limit}");
        }
        let page = ada.get(list).await.expect(200).json();
        assert_eq!(page["items"][0].as_object().unwrap().len(), 2, "handle and name, nothing else: {page}");
    }
}

#[actix_web::test]
async fn wrong_pages_of_followers_are_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for list in ["/v1/me/followers", "/v1/me/following"] {
        for query in ["limit=0", "limit=101", "limit=abc", "x=1"] {
            ada.get(&format!("{list}?{query}")).await.expect_problem(422, "invalid_input");
        }
        for cursor in HOSTILE_CURSORS {
            ada.get(&format!("{list}?cursor={cursor}")).await.expect_problem(422, "invalid_input");
        }
    }
}
