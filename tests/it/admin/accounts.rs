//! Who may do what: reading and giving roles, and what each role opens.

use serde_json::{Value, json};

use super::{Scene, acts, lenient, roles};
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
    let mut scene = Scene::new(lenient).await;
    let everything = json!({"all": true, "dry_run": true});
    for role in ["user", "moderator"] {
        give(&scene.root, "ada", &roles(&[role])).await.expect(200);
        scene.ada.sign_in().await;
        for path in READS {
            scene.app.client.get(path).await.expect_problem(401, "unauthorized");
            scene.ada.get(path).await.expect_problem(403, "insufficient_scope");
        }
        for kind in ["redrive", "discard"] {
            let path = format!("/v1/admin/dead-letters/{kind}");
            scene.ada.post(&path, &everything).await.expect_problem(403, "insufficient_scope");
        }
        scene.ada.delete("/v1/admin/jobs/01JD9X8Z6Q4W7E2R5T1Y3V0P8A").await.expect_problem(403, "insufficient_scope");
        give(&scene.ada, "ada", &roles(&["admin"])).await.expect_problem(403, "insufficient_scope");
    }
    give(&scene.root, "ada", &roles(&["operator"])).await.expect(200);
    scene.ada.sign_in().await;
    for path in READS.iter().filter(|path| !path.ends_with("/x")) {
        scene.ada.get(path).await.expect(200);
    }
    scene.ada.post("/v1/admin/dead-letters/redrive", &everything).await.expect(200);
    let problem = give(&scene.ada, "ada", &roles(&["admin"])).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("role admin"), "{problem}");
}

#[actix_web::test]
async fn new_tokens_carry_new_roles_and_whoever_was_an_admin_gives_none() {
    let mut scene = Scene::new(lenient).await;
    let account = give(&scene.root, "ada", &roles(&["admin", "admin", "moderator"])).await.expect(200).json();
    assert_eq!(account["roles"], json!(["user", "moderator", "admin"]));
    assert_eq!(scene.root.get("/v1/admin/accounts/ada").await.expect(200).json(), account);
    assert!(account["email"].is_null(), "{account}");
    scene.ada.get("/v1/admin/jobs").await.expect_problem(403, "insufficient_scope");
    let refreshed = json!({"refresh_token": scene.ada.refresh_token});
    let tokens = scene.app.client.post("/v1/identity/refresh", &refreshed).await.expect(200).json();
    scene.ada.token = tokens["access_token"].as_str().unwrap().to_owned();
    scene.ada.get("/v1/admin/jobs").await.expect(200);
    give(&scene.ada, "rosa", &roles(&[])).await.expect(200);
    scene.root.get("/v1/admin/jobs").await.expect(200);
    give(&scene.root, "rosa", &roles(&["admin"])).await.expect_problem(403, "forbidden");
    give(&scene.root, "ada", &roles(&[])).await.expect_problem(403, "forbidden");
    scene.root.sign_in().await;
    scene.root.get("/v1/admin/jobs").await.expect_problem(403, "insufficient_scope");
    assert_eq!(acts(&scene.ada).await, ["roles.set", "roles.set"]);
}

#[actix_web::test]
async fn no_admin_removes_themselves_and_wrong_roles_are_named() {
    let scene = Scene::new(lenient).await;
    give(&scene.root, "rosa", &roles(&["operator"])).await.expect_problem(409, "conflict");
    give(&scene.root, "rosa", &roles(&["admin"])).await.expect(200);
    for (body, expected) in [
        (roles(&["rosa", "user", "Admin"]), vec!["roles.0: unknown_value", "roles.2: unknown_value"]),
        (json!({}), vec!["roles: missing_field"]),
        (json!({"roles": "admin"}), vec!["roles: wrong_type"]),
        (json!({"roles": [], "role": "admin"}), vec!["role: unknown_field"]),
    ] {
        let problem = give(&scene.root, "ada", &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), expected, "{body}");
    }
    give(&scene.root, "nobody", &roles(&[])).await.expect_problem(404, "not_found");
    scene.root.get("/v1/admin/accounts/nobody").await.expect_problem(404, "not_found");
    assert!(acts(&scene.root).await.is_empty(), "what changes nothing leaves no row");
}
