//! The audit trail: everything that operators did, by whom and to what, and no way to change it.

use serde_json::{Value, json};

use super::{Fixture, all, carried_out, deadly, order, roles};
use crate::support::send;

#[actix_web::test]
async fn every_act_leaves_a_row_that_says_who_did_what_to_what() {
    let fixture = Fixture::new(deadly).await;
    fixture.kill(&["feed"], &["One", "Two"]).await;
    let redrive = carried_out(&fixture.root, "redrive", json!({"worker": "feed", "rate": 7})).await;
    fixture.app.clock.advance(std::time::Duration::from_millis(1));
    let discard = carried_out(&fixture.root, "discard", json!({"all": true})).await;
    fixture.app.clock.advance(std::time::Duration::from_millis(1));
    fixture.kill(&["feed"], &["Three", "Four"]).await;
    let slow = order(&fixture.root, "discard", json!({"worker": "feed", "rate": 1})).await;
    fixture.app.clock.advance(std::time::Duration::from_millis(1));
    fixture.root.delete(&format!("/v1/admin/jobs/{}", slow["id"].as_str().unwrap())).await.expect(200);
    fixture.app.clock.advance(std::time::Duration::from_millis(1));
    let put = fixture.root.request(reqwest::Method::PUT, "/v1/admin/accounts/ada/roles").json(&roles(&["operator"]));
    send(put).await.expect(200);

    let trail = all(&fixture.root, "/v1/admin/audit", 2).await;
    let shown: Vec<(&str, &Value)> = trail.iter().map(|row| (row["act"].as_str().unwrap(), &row["target"])).collect();
    let expected = [
        ("roles.set", &json!("ada")),
        ("job.cancel", &slow["id"]),
        ("dead_letters.discard", &slow["id"]),
        ("dead_letters.discard", &discard["id"]),
        ("dead_letters.redrive", &redrive["id"]),
    ];
    assert_eq!(shown, expected);
    assert!(trail.iter().all(|row| row["by"]["handle"] == "rosa"), "{trail:#?}");
    assert_eq!(trail[0]["detail"], json!({"old": ["user"], "new": ["user", "operator"]}));
    let redriven = &trail[4]["detail"];
    assert_eq!(
        (&redriven["filter"]["worker"], &redriven["rate"], &redriven["matched"]),
        (&json!("feed"), &json!(7), &json!(2))
    );
    assert_eq!(trail[3]["detail"]["filter"]["all"], true);
    assert!(!json!(trail).to_string().contains("@example.com"), "no addresses");
}

#[actix_web::test]
async fn nothing_changes_the_trail() {
    let fixture = Fixture::new(deadly).await;
    order(&fixture.root, "discard", json!({"all": true})).await;
    let before = fixture.root.get("/v1/admin/audit").await.expect(200).json();
    let id = before["items"][0]["id"].as_str().unwrap().to_owned();
    for method in ["PUT", "POST", "PATCH", "DELETE"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        send(fixture.root.request(method.clone(), "/v1/admin/audit")).await.expect_problem(405, "method_not_allowed");
        send(fixture.root.request(method, &format!("/v1/admin/audit/{id}"))).await.expect_problem(404, "not_found");
    }
    fixture.app.clock.advance(super::DAY * 3_650);
    fixture.app.app.clean_up().await.unwrap();
    let mut root = fixture.root.clone();
    root.sign_in().await;
    assert_eq!(root.get("/v1/admin/audit").await.expect(200).json(), before, "no retention");
    root.get("/v1/admin/audit?cursor=x").await.expect_problem(422, "invalid_input");
}
