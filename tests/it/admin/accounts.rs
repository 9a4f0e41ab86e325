//! Who may do what: reading and giving roles, and what each role opens.

use serde_json::{Value, json};

use super::{Fixture, acts, lenient, roles};
use crate::support::{Answer, Person, api::findings, send};

async fn give(by: &Person, handle: &str, body: &Value) -> Answer {
    send(by.request(reqwest::Method::PUT, &format!("/v1/admin/accounts/{handle}/roles")).json(body)).await
}

const READS: [&str; 6] = [
    "/v1/admin/dead-letters",
    "/v1/admin/dead-letters/causes",
    "/v1/admin/dead-letters/x",
    "/v1/admin/jobs",
    "/v1/admin/audit",
    "/v1/admin/accounts/ada",
];

#[actix_web::test]
async fn users_and_moderators_have_no_business_here_and_operators_do() {
    let mut fixture = Fixture::new(lenient).await;
    let everything = json!({"all": true, "dry_run": true});
    for role in ["user", "moderator"] {
        give(&fixture.root, "ada", &roles(&[role])).await.expect(200);
        fixture.ada.sign_in().await;
        for path in READS {
            fixture.app.client.get(path).await.expect_problem(401, "unauthorized");
            fixture.ada.get(path).await.expect_problem(403, "insufficient_scope");
        }
        for kind in ["redrive", "discard"] {
            let path = format!("/v1/admin/dead-letters/{kind}");
            fixture.ada.post(&path, &everything).await.expect_problem(403, "insufficient_scope");
        }
        fixture.ada.delete("/v1/admin/jobs/01JD9X8Z6Q4W7E2R5T1Y3V0P8A").await.expect_problem(403, "insufficient_scope");
        give(&fixture.ada, "ada", &roles(&["admin"])).await.expect_problem(403, "insufficient_scope");
    }
    give(&fixture.root, "ada", &roles(&["operator"])).await.expect(200);
    fixture.ada.sign_in().await;
    for path in READS.iter().filter(|path| !path.ends_with("/x")) {
        fixture.ada.get(path).await.expect(200);
    }
    fixture.ada.post("/v1/admin/dead-letters/redrive", &everything).await.expect(200);
    let problem = give(&fixture.ada, "ada", &roles(&["admin"])).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("role admin"), "{problem}");
}

#[actix_web::test]
async fn new_tokens_carry_new_roles_and_whoever_was_an_admin_gives_none() {
    let mut fixture = Fixture::new(lenient).await;
    let account = give(&fixture.root, "ada", &roles(&["admin", "admin", "moderator"])).await.expect(200).json();
    assert_eq!(account["roles"], json!(["user", "moderator", "admin"]));
    assert_eq!(fixture.root.get("/v1/admin/accounts/ada").await.expect(200).json(), account);
    assert!(account["email"].is_null(), "{account}");
    fixture.ada.get("/v1/admin/jobs").await.expect_problem(403, "insufficient_scope");
    let refreshed = json!({"refresh_token": fixture.ada.refresh_token});
    let tokens = fixture.app.client.post("/v1/identity/refresh", &refreshed).await.expect(200).json();
    fixture.ada.token = tokens["access_token"].as_str().unwrap().to_owned();
    fixture.ada.get("/v1/admin/jobs").await.expect(200);
    give(&fixture.ada, "rosa", &roles(&[])).await.expect(200);
    fixture.root.get("/v1/admin/jobs").await.expect(200);
    give(&fixture.root, "rosa", &roles(&["admin"])).await.expect_problem(403, "forbidden");
    give(&fixture.root, "ada", &roles(&[])).await.expect_problem(403, "forbidden");
    fixture.root.sign_in().await;
    fixture.root.get("/v1/admin/jobs").await.expect_problem(403, "insufficient_scope");
    assert_eq!(acts(&fixture.ada).await, ["roles.set", "roles.set"]);
}

#[actix_web::test]
async fn no_admin_removes_themselves_and_wrong_roles_are_named() {
    let fixture = Fixture::new(lenient).await;
    give(&fixture.root, "rosa", &roles(&["operator"])).await.expect_problem(409, "conflict");
    give(&fixture.root, "rosa", &roles(&["admin"])).await.expect(200);
    for (body, expected) in [
        (roles(&["rosa", "user", "Admin"]), vec!["roles.0: unknown_value", "roles.2: unknown_value"]),
        (json!({}), vec!["roles: missing_field"]),
        (json!({"roles": "admin"}), vec!["roles: wrong_type"]),
        (json!({"roles": [], "role": "admin"}), vec!["role: unknown_field"]),
    ] {
        let problem = give(&fixture.root, "ada", &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), expected, "{body}");
    }
    give(&fixture.root, "nobody", &roles(&[])).await.expect_problem(404, "not_found");
    fixture.root.get("/v1/admin/accounts/nobody").await.expect_problem(404, "not_found");
    assert!(acts(&fixture.root).await.is_empty(), "what changes nothing leaves no row");
}
