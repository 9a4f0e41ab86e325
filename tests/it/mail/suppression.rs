//! Addresses that refuse all mail.

use serde_json::json;

use super::{finish, followers, mailing, post_office_with};
use crate::support::{Person, Smtpd, TestApp};

/// A server with an administrator, and an author with one reader whose address does not exist.
async fn bounced() -> (TestApp, Smtpd, Person, Person) {
    let admin = |config: &mut broadsheet::config::Config, _: &Smtpd| {
        config.identity.bootstrap_admin_email = "grace@example.com".into();
    };
    let (app, smtpd) = post_office_with(&[], admin).await;
    let (mut ada, mut root) = (app.person("ada").await, app.person("grace").await);
    let readers = ["never1-bob", "never1-carl", "policy1-dora"].map(|name| format!("{name}@example.org"));
    followers(&app, &ada, &readers).await;
    let post = ada.publish("Bounce").await;
    finish(&app, &mut ada, &post).await;
    assert_eq!(mailing(&ada, &post).await["failed"], 3);
    root.sign_in().await;
    (app, smtpd, ada, root)
}

async fn listed(root: &Person) -> Vec<String> {
    let page = root.get("/v1/admin/suppressions").await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["email"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn an_address_that_does_not_exist_is_skipped_until_somebody_takes_it_off_the_list() {
    let (app, smtpd, mut ada, root) = bounced().await;
    let page = root.get("/v1/admin/suppressions?limit=1").await.expect(200).json();
    assert_eq!(page["items"][0]["email"], "never1-bob@example.org");
    assert_eq!(page["items"][0]["reason"], "the mail server knows no such recipient (550 5.1.1)");
    let next = page["next_cursor"].as_str().unwrap();
    let page = root.get(&format!("/v1/admin/suppressions?limit=1&cursor={next}")).await.expect(200).json();
    assert_eq!(page["items"][0]["email"], "never1-carl@example.org", "a policy suppresses nobody");
    assert!(page["next_cursor"].is_null(), "{page}");

    let post = ada.publish("Again").await;
    finish(&app, &mut ada, &post).await;
    let counts = mailing(&ada, &post).await;
    assert_eq!((&counts["failed"], &counts["sent"]), (&json!(2), &json!(1)), "{counts}");
    assert_eq!(smtpd.mailed(), ["policy1-dora@example.org"]);

    let mut root = root;
    root.sign_in().await;
    root.delete("/v1/admin/suppressions/never1-bob@example.org").await.expect(204);
    root.delete("/v1/admin/suppressions/never1-bob@example.org").await.expect_problem(404, "not_found");
    assert_eq!(listed(&root).await, ["never1-carl@example.org"]);
    let post = ada.publish("Third").await;
    finish(&app, &mut ada, &post).await;
    assert!(smtpd.mailed().contains(&"never1-bob@example.org".to_owned()));
    let audit = app.app.repositories.audit().list(None, 10).await.unwrap();
    let entry = audit.iter().find(|entry| entry.audit.act == "suppression.remove").unwrap();
    assert_eq!((entry.audit.by.handle.as_str(), entry.audit.target.len()), ("grace", 16));
}

#[actix_web::test]
async fn codes_go_out_to_suppressed_addresses_and_a_confirmed_one_lifts_it() {
    let (app, smtpd, _ada, root) = bounced().await;
    let sign_up = json!({
        "email": "never1-eve@example.org", "password": "correct horse of eve", "handle": "eve", "name": "Eve",
    });
    app.client.post("/v1/identity/sign-up", &sign_up).await.expect(202);
    crate::support::until("the refusal is kept", async || listed(&root).await.len() == 3).await;
    let resend = json!({"email": "never1-eve@example.org"});
    app.client.post("/v1/identity/resend-code", &resend).await.expect(202);
    let code = crate::support::client::code_for(&app.mail_folder(), "never1-eve@example.org").await;
    let confirm = json!({"email": "never1-eve@example.org", "code": code});
    app.client.post("/v1/identity/confirm", &confirm).await.expect(204);
    assert_eq!(listed(&root).await, ["never1-bob@example.org", "never1-carl@example.org"]);
    drop(smtpd);
}

#[actix_web::test]
async fn nobody_else_sees_or_changes_the_list() {
    let (app, _smtpd, ada, root) = bounced().await;
    for (method, path) in [("GET", "/v1/admin/suppressions"), ("DELETE", "/v1/admin/suppressions/x@example.org")] {
        app.client.call(method, path).await.expect_problem(401, "unauthorized");
    }
    ada.get("/v1/admin/suppressions").await.expect_problem(403, "insufficient_scope");
    ada.delete("/v1/admin/suppressions/never1-bob@example.org").await.expect_problem(403, "insufficient_scope");
    root.get("/v1/admin/suppressions?cursor=x").await.expect_problem(422, "invalid_input");
    root.get("/v1/admin/suppressions?limit=0").await.expect_problem(422, "invalid_input");
    root.delete("/v1/admin/suppressions/nonsense").await.expect_problem(404, "not_found");
}
