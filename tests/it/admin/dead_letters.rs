//! Dead letters: from a first failure to the list, its cause, and back.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{Fixture, acts, all, carried_out, deadly, lenient, letters};
use crate::support::{Fault, api::findings, until};

/// The line of one worker in a post's receipt.
async fn line(fixture: &Fixture, post: &Value, worker: &str) -> String {
    let lines = fixture.ada.receipt(post).await;
    lines.into_iter().find_map(|line| line.strip_prefix(&format!("{worker}: ")).map(str::to_owned)).unwrap()
}

#[actix_web::test]
async fn a_poison_delivery_is_walked_from_its_first_failure_to_done() {
    let fixture = Fixture::new(lenient).await;
    fixture.plan.of("feed").always(Fault::Fail);
    let post = fixture.ada.publish("Poison").await;
    fixture.app.settle().await;
    assert_eq!(line(&fixture, &post, "feed").await, "retrying");
    assert!(letters(&fixture.root).await.is_empty());
    for _ in 0..6 {
        fixture.app.pass(Duration::from_secs(100)).await;
    }
    assert_eq!(line(&fixture, &post, "feed").await, "dead");

    let listed = letters(&fixture.root).await;
    let letter = &listed[0];
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&letter["worker"], &letter["class"], &letter["receives"]),
        (&json!("feed"), &json!("error"), &json!(5))
    );
    assert_eq!((&letter["event"]["kind"], &letter["event"]["post"]), (&json!("post_published"), &post["id"]));
    assert_eq!((&letter["message"], &letter["redrives"]), (&json!("planted failure"), &json!(0)));

    let causes = all(&fixture.root, "/v1/admin/dead-letters/causes", 20).await;
    assert_eq!((causes.len(), &causes[0]["count"], &causes[0]["message"]), (1, &json!(1), &json!("planted failure")));
    assert_eq!((&causes[0]["cause"], &causes[0]["example"]), (&letter["cause"], &letter["id"]));

    let path = format!("/v1/admin/dead-letters/{}", letter["id"].as_str().unwrap());
    let detail = fixture.root.get(&path).await.expect(200).json();
    let receives: Vec<i64> =
        detail["attempts"].as_array().unwrap().iter().map(|attempt| attempt["receive"].as_i64().unwrap()).collect();
    assert_eq!(receives, [1, 2, 3, 4, 5]);
    assert_eq!((&detail["trace_id"], &detail["cause_message"]), (&letter["trace_id"], &json!("planted failure")));

    let cause = json!({"cause": letter["cause"], "dry_run": true});
    let dry = fixture.root.post("/v1/admin/dead-letters/redrive", &cause).await.expect(200).json();
    assert_eq!((&dry["matched"], &dry["kind"], &dry["rate"]), (&json!(1), &json!("redrive"), &json!(10)));
    assert_eq!(letters(&fixture.root).await.len(), 1, "a dry run changes nothing");
    assert!(acts(&fixture.root).await.is_empty());

    let done = carried_out(&fixture.root, "redrive", json!({"cause": letter["cause"]})).await;
    assert_eq!((&done["matched"], &done["done"], &done["skipped"]), (&json!(1), &json!(1), &json!(0)));
    until("it has failed again", async || fixture.plan.of("feed").runs() == 6).await;
    fixture.app.settle().await;
    assert_eq!(line(&fixture, &post, "feed").await, "retrying", "it has receives to spare");
    fixture.plan.of("feed").always(None);
    fixture.app.pass(Duration::from_secs(100)).await;
    until("it is done", async || line(&fixture, &post, "feed").await == "done").await;
    assert_eq!(fixture.ada.titles("/v1/feed").await, ["Poison"]);
    fixture.root.get(&path).await.expect_problem(404, "not_found");
    assert!(letters(&fixture.root).await.is_empty());
}

#[actix_web::test]
async fn one_outage_of_many_posts_is_one_cause_per_worker() {
    let fixture = Fixture::new(deadly).await;
    let posts = fixture.kill(&["feed", "analytics"], &["One", "Two", "Three"]).await;
    fixture.kill(&["feed"], &["Four"]).await;
    let causes = all(&fixture.root, "/v1/admin/dead-letters/causes", 1).await;
    let shown: Vec<(&Value, &Value)> = causes.iter().map(|cause| (&cause["worker"], &cause["count"])).collect();
    assert_eq!(shown, [(&json!("feed"), &json!(4)), (&json!("analytics"), &json!(3))]);
    let of_worker = all(&fixture.root, "/v1/admin/dead-letters/causes?worker=analytics", 20).await;
    assert_eq!((of_worker.len(), &of_worker[0]["count"]), (1, &json!(3)));
    let of_post = format!("/v1/admin/dead-letters/causes?post={}", posts[0]["id"].as_str().unwrap());
    assert_eq!(all(&fixture.root, &of_post, 20).await.len(), 2);
}

#[actix_web::test]
async fn pages_show_everything_once_newest_first_and_filters_narrow_them() {
    let fixture = Fixture::new(deadly).await;
    let first = fixture.kill(&["feed", "analytics"], &["A1", "A2", "A3", "A4", "A5"]).await;
    fixture.app.clock.advance(Duration::from_secs(5));
    fixture.kill(&["feed"], &["B1", "B2", "B3", "B4"]).await;
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let whole = ids(&letters(&fixture.root).await);
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), 14);
    for limit in [1, 3, 14] {
        assert_eq!(ids(&all(&fixture.root, "/v1/admin/dead-letters", limit).await), whole, "{limit}");
    }
    let died: Vec<String> =
        letters(&fixture.root).await.iter().map(|item| item["dead_at"].as_str().unwrap().to_owned()).collect();
    assert!(died.is_sorted_by(|a, b| a >= b), "{died:?}");
    assert_eq!(all(&fixture.root, "/v1/admin/dead-letters?worker=feed", 4).await.len(), 9);
    let of_post = format!("/v1/admin/dead-letters?post={}", first[2]["id"].as_str().unwrap());
    assert_eq!(all(&fixture.root, &of_post, 1).await.len(), 2);
    assert_eq!(all(&fixture.root, &format!("{of_post}&worker=analytics"), 1).await.len(), 1);
    assert_eq!(all(&fixture.root, "/v1/admin/dead-letters?worker=nobody", 4).await.len(), 0);
}

#[actix_web::test]
async fn a_wrong_query_or_id_is_named() {
    let fixture = Fixture::new(lenient).await;
    for (query, finding) in [
        ("worker=a%20b", "worker: invalid_name"),
        ("cause=xyz", "cause: invalid_id"),
        ("post=1", "post: invalid_id"),
        ("limit=0", "limit: out_of_range"),
        ("cursor=x", "cursor: invalid_cursor"),
        ("state=dead", "state: unknown_field"),
    ] {
        for path in ["/v1/admin/dead-letters", "/v1/admin/dead-letters/causes"] {
            let problem = fixture.root.get(&format!("{path}?{query}")).await.expect_problem(422, "invalid_input");
            assert_eq!(findings(&problem), [finding], "{path}?{query}");
        }
    }
    for id in
        ["x", "feed.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.1", "search%4001JD9X8Z6Q4W7E2R5T1Y3V0P8A.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.1"]
    {
        fixture.root.get(&format!("/v1/admin/dead-letters/{id}")).await.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_discarded_letter_is_gone_and_its_receipt_never_reads_done() {
    let fixture = Fixture::new(deadly).await;
    let posts = fixture.kill(&["feed"], &["Lost", "Kept"]).await;
    let lost = json!({"post": posts[0]["id"]});
    assert_eq!(carried_out(&fixture.root, "discard", lost).await["done"], 1);
    fixture.app.settle().await;
    assert_eq!(letters(&fixture.root).await.len(), 1);
    assert_eq!(line(&fixture, &posts[0], "feed").await, "dead");
    assert_eq!(carried_out(&fixture.root, "redrive", json!({"all": true})).await["done"], 1);
    until("the other is done", async || line(&fixture, &posts[1], "feed").await == "done").await;
    assert_eq!(line(&fixture, &posts[0], "feed").await, "dead");
    assert_eq!(fixture.ada.titles("/v1/feed").await, ["Kept"]);
}
