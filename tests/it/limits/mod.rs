//! The limits that `docs/limits.md` promises, tried from outside, just below, at and above: those that no other test tries already.
//! Here: what fields hold. `pages.rs` has collections, `wire.rs` what is no good HTTP, `load.rs` time and queues,
//! `connections.rs` how many there may be.

mod connections;
mod load;
mod pages;
mod wire;

use std::sync::Arc;

use broadsheet::{actors::workers, config::Config};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Person, TestApp,
    api::{findings, path},
    send,
};

fn with_boss(config: &mut Config) {
    config.identity.bootstrap_admin_email = "boss@example.com".into();
}

/// One field: what is fine, and what is not, with the finding.
struct Field {
    name: &'static str,
    fine: Vec<Value>,
    wrong: Vec<(Value, &'static str)>,
}

const FAMILY: &str = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}";

#[actix_web::test]
async fn lengths_count_characters_and_neither_bytes_nor_what_the_eye_sees() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    // A family is 7 characters, an accented letter may be 2; the tool that counts them is `chars`, as everywhere in Rust.
    let fields = [
        Field {
            name: "title",
            fine: vec![
                json!("x"),
                json!("\u{1f600}".repeat(200)),
                json!("e\u{301}".repeat(100)),
                json!(FAMILY.repeat(28)),
            ],
            wrong: vec![
                (json!("\u{1f600}".repeat(201)), "title: too_long"),
                (json!(format!("{}x", "e\u{301}".repeat(100))), "title: too_long"),
                (json!(FAMILY.repeat(29)), "title: too_long"),
                (json!("\u{3000}"), "title: empty"),
                (json!("a\u{7f}b"), "title: control_characters"),
                (json!("a\u{85}b"), "title: control_characters"),
                (json!("a\u{2066}b"), "title: control_characters"),
            ],
        },
        Field {
            name: "body",
            fine: vec![
                json!("x"),
                json!("\u{e9}".repeat(100_000)),
                json!("\u{6587}".repeat(87_000)),
                json!("\u{1f600}".repeat(65_000)),
            ],
            wrong: vec![
                (json!("\u{e9}".repeat(100_001)), "body: too_long"),
                (json!("\u{a0}\u{3000}"), "body: empty"),
                (json!("a\u{1b}[31m"), "body: control_characters"),
            ],
        },
        Field {
            name: "tags",
            fine: vec![json!([]), json!(["\u{e4}".repeat(40)]), json!(["a"])],
            wrong: vec![
                (json!(["\u{e4}".repeat(41)]), "tags.0: too_long"),
                (json!(["\u{1f600}"]), "tags.0: invalid_characters"),
                (json!(["-"]), "tags.0: invalid_characters"),
                (json!([" "]), "tags.0: empty"),
                (json!("x"), "tags: wrong_type"),
                (json!([["x"]]), "tags.0: wrong_type"),
            ],
        },
        Field {
            name: "slug",
            fine: vec![json!("x"), json!("0-9")],
            wrong: vec![
                (json!(""), "slug: empty"),
                (json!("-x"), "slug: invalid_characters"),
                (json!("x/../y"), "slug: invalid_characters"),
                (json!("\u{ff41}"), "slug: invalid_characters"),
            ],
        },
        Field {
            name: "notify",
            fine: vec![json!(false), json!(null)],
            wrong: vec![(json!("no"), "notify: wrong_type")],
        },
    ];
    let with = |name: &str, value: &Value| {
        let mut post = json!({"title": "a", "body": "b"});
        post[name] = value.clone();
        post
    };
    for Field { name, fine, wrong } in fields {
        for value in fine {
            let post = ada.post("/v1/posts", &with(name, &value)).await.expect(201).json();
            if name == "body" || name == "title" {
                assert_eq!(post[name], value, "nothing is cut off");
            }
        }
        for (value, finding) in wrong {
            let problem = ada.post("/v1/posts", &with(name, &value)).await.expect_problem(422, "invalid_input");
            assert_eq!(findings(&problem), [finding]);
        }
    }
    // 100,000 characters of three bytes are more than a body may have: told apart from a text that is too long.
    let long = json!({"title": "a", "body": "\u{6587}".repeat(100_000)});
    ada.post("/v1/posts", &long).await.expect_problem(413, "too_large");
    app.settle().await;
}

#[actix_web::test]
async fn an_applicants_fields_hold_at_their_boundaries() {
    let app = TestApp::spawn().await;
    let longest =
        format!("{}@{}.example.com", "l".repeat(64), ["d".repeat(60), "e".repeat(60), "f".repeat(55)].join("."));
    assert_eq!(longest.len(), 254);
    let cases = [
        ("handle", "ab".to_owned(), None),
        ("handle", format!("h{}", "0".repeat(29)), None),
        ("handle", "a".to_owned(), Some("handle: too_short")),
        ("handle", format!("h{}", "0".repeat(30)), Some("handle: too_long")),
        ("handle", "1ab".to_owned(), Some("handle: invalid_characters")),
        ("handle", "a.b".to_owned(), Some("handle: invalid_characters")),
        ("handle", "\u{430}da".to_owned(), Some("handle: invalid_characters")),
        ("handle", "ad\u{200b}a".to_owned(), Some("handle: invalid_characters")),
        ("handle", "Admin".to_owned(), Some("handle: reserved")),
        ("name", "\u{1f600}".repeat(80), None),
        ("name", "\u{1f600}".repeat(81), Some("name: too_long")),
        ("name", "a\r\nBcc: eve@example.org".to_owned(), Some("name: control_characters")),
        ("email", longest.clone(), None),
        ("email", format!("x{longest}"), Some("email: too_long")),
        ("email", "a@b".to_owned(), Some("email: invalid_email")),
        ("email", "a@example.org\r\nBcc: eve@example.org".to_owned(), Some("email: control_characters")),
        ("email", "Ada <ada@example.org>".to_owned(), Some("email: invalid_email")),
        ("password", "\u{1f511}".repeat(9) + "x", None),
        ("password", "a\u{0}bcdefghijk".to_owned(), Some("password: control_characters")),
    ];
    for (number, (field, value, finding)) in cases.into_iter().enumerate() {
        let mut applicant = json!({"email": format!("p{number}@example.com"), "password": "correct horse battery",
            "handle": format!("person{number}"), "name": "Somebody"});
        applicant[field] = json!(value);
        let answer = app.client.post("/v1/identity/sign-up", &applicant).await;
        match finding {
            None => drop(answer.expect(202)),
            Some(finding) => assert_eq!(findings(&answer.expect_problem(422, "invalid_input")), [finding], "{value:?}"),
        }
    }
}

#[actix_web::test]
async fn a_reason_has_500_characters_and_an_appeal_2_000() {
    let app = TestApp::spawn_with(with_boss, workers::standard()).await;
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    let post = ada.publish("Tea").await;
    app.settle().await;
    let decision = format!("/v1/moderation/posts/{}/decision", post["id"].as_str().unwrap());
    let reject = |characters: usize| json!({"verdict": "rejected", "reason": "\u{1f600}".repeat(characters)});
    boss.post(&decision, &reject(501)).await.expect_problem(422, "invalid_input");
    boss.post(&decision, &reject(500)).await.expect(200);
    let appeal = |characters: usize| json!({"text": "\u{1f600}".repeat(characters)});
    ada.post(&format!("{}/appeal", path(&post)), &appeal(2_001)).await.expect_problem(422, "invalid_input");
    ada.post(&format!("{}/appeal", path(&post)), &appeal(2_000)).await.expect(201);
    app.settle().await;
}

#[actix_web::test]
async fn a_search_has_at_most_500_characters_in_32_words() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let words = |count: usize| vec!["word"; count].join("%20");
    for (query, finding) in [
        (format!("q={}", words(32)), None),
        (format!("q={}", words(33)), Some("q: too_many_terms")),
        (format!("q={}", vec!["-tag:x"; 33].join("%20")), Some("q: too_many_terms")),
        (format!("q={}", "%C3%A9".repeat(500)), None),
        (format!("q={}", "%C3%A9".repeat(501)), Some("q: too_long")),
        (format!("author={}", "a".repeat(30)), None),
        (format!("author={}", "a".repeat(31)), Some("author: too_long")),
        (format!("q={}", "%28%22*".repeat(160)), None),
    ] {
        let answer = ada.get(&format!("/v1/search?{query}")).await;
        match finding {
            None => drop(answer.expect(200)),
            Some(finding) => assert_eq!(findings(&answer.expect_problem(422, "invalid_input")), [finding], "{query}"),
        }
    }
}

#[actix_web::test]
async fn an_order_names_at_most_100_letters_and_500_a_second() {
    let app = TestApp::spawn_with(with_boss, workers::standard()).await;
    let boss = app.person("boss").await;
    let ids =
        |count: usize| (1..=count).map(|seq| format!("feed.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.{seq}")).collect::<Vec<_>>();
    for (body, finding) in [
        (json!({"ids": ids(1)}), None),
        (json!({"ids": ids(100)}), None),
        (json!({"ids": ids(101)}), Some("ids: out_of_range")),
        (json!({"ids": []}), Some("ids: out_of_range")),
        (json!({"all": true, "rate": 1}), None),
        (json!({"all": true, "rate": 500}), None),
        (json!({"all": true, "rate": 501}), Some("rate: out_of_range")),
        (json!({"all": true, "rate": 4_294_967_296_u64}), Some("rate: wrong_type")),
    ] {
        let mut body = body;
        body["dry_run"] = json!(true);
        let answer = boss.post("/v1/admin/dead-letters/redrive", &body).await;
        match finding {
            None => drop(answer.expect(200)),
            Some(finding) => assert_eq!(findings(&answer.expect_problem(422, "invalid_input")), [finding], "{body}"),
        }
    }
}

#[actix_web::test]
async fn odd_preconditions_change_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("Herons").await;
    app.settle().await;
    let at = path(&post);
    let edit = async |tag: &str| {
        let request = ada.request(Method::PATCH, &at).header("if-match", tag);
        send(request.json(&json!({"title": "Egrets"}))).await
    };
    for garbage in ["v1", "\"v1", "\"v1\" x", "", "\"a\"b\"", &"x".repeat(8_000)] {
        edit(garbage).await.expect_problem(400, "invalid_header");
    }
    for other in ["\"v0\"", "\"v1\"", "\"v9\"", "W/\"v2\"", "\"v99999999999999999999\"", "\"v-1\"", "\"\u{1f600}\""] {
        let answer = edit(other).await;
        assert!(matches!(answer.status.as_u16(), 400 | 412), "{other}: {answer:?}");
    }
    assert_eq!(ada.get(&at).await.expect(200).json()["title"], "Herons");
    // Approved, it is version 2. Of several tags the highest counts.
    edit("\"v1\", \"v7\"").await.expect_problem(412, "stale_version");
    edit("\"v1\", \"v2\"").await.expect(200);
    app.settle().await;
}

#[actix_web::test]
async fn every_field_may_come_once() {
    let app = TestApp::spawn().await;
    let ada = Arc::new(app.person("ada").await);
    let post = async |ada: &Person, body: &'static str| {
        let request = ada.request(Method::POST, "/v1/posts").header("content-type", "application/json; charset=latin1");
        send(request.body(body)).await
    };
    let twice = post(&ada, r#"{"title": "a", "title": "b", "body": "c"}"#).await;
    assert_eq!(findings(&twice.expect_problem(422, "invalid_input")), ["title: duplicate_field"]);
    let escaped = post(&ada, r#"{"title": "a", "t\u0069tle": "b", "body": "c"}"#).await;
    assert_eq!(findings(&escaped.expect_problem(422, "invalid_input")), ["title: duplicate_field"]);
    post(&ada, r#"{"title": "\ud800", "body": "c"}"#).await.expect_problem(400, "malformed_json");
    // JSON is UTF-8, whatever charset somebody writes beside it (RFC 8259).
    assert_eq!(post(&ada, r#"{"title": "é", "body": "c"}"#).await.expect(201).json()["title"], "é");
    app.settle().await;
}
