//! Redrives and discards as jobs: what is asked for, how they go on, how they are stopped.

use std::time::Duration;

use broadsheet::{
    actors::{
        worker::{Delivery, Error, Interest, Outcome, Worker},
        workers,
    },
    config::WorkerSettings,
    domain::EventKind,
};
use serde_json::{Value, json};

use super::{Fixture, acts, all, carried_out, deadly, ended, job, lenient, letters, order};
use crate::support::{
    TestApp,
    api::{findings, sorted},
    until,
};

#[actix_web::test]
async fn an_empty_filter_is_not_all_and_everything_wrong_is_named() {
    let fixture = Fixture::new(deadly).await;
    fixture.kill(&["feed"], &["Safe"]).await;
    for kind in ["redrive", "discard"] {
        for (body, expected) in [
            (json!({}), vec![": empty"]),
            (json!({"dry_run": true}), vec![": empty"]),
            (json!({"all": false, "rate": 3}), vec![": empty"]),
            (json!({"all": true, "worker": "feed"}), vec!["all: not_allowed"]),
            (json!({"all": true, "ids": []}), vec!["all: not_allowed", "ids: out_of_range"]),
            (json!({"ids": ["x"], "rate": 501}), vec!["ids.0: invalid_id", "rate: out_of_range"]),
            (json!({"all": true, "rate": 0}), vec!["rate: out_of_range"]),
            (json!({"all": true, "rate": -1}), vec!["rate: wrong_type"]),
            (json!({"workers": "feed"}), vec!["workers: unknown_field"]),
            (
                json!({"worker": "", "cause": "c", "post": "p"}),
                vec!["cause: invalid_id", "post: invalid_id", "worker: invalid_name"],
            ),
        ] {
            let answer = fixture.root.post(&format!("/v1/admin/dead-letters/{kind}"), &body).await;
            assert_eq!(findings(&answer.expect_problem(422, "invalid_input")), expected, "{kind} {body}");
        }
    }
    assert_eq!(letters(&fixture.root).await.len(), 1);
    assert!(all(&fixture.root, "/v1/admin/jobs", 20).await.is_empty() && acts(&fixture.root).await.is_empty());
}

#[actix_web::test]
async fn letters_are_chosen_by_id_and_unknown_ones_match_nothing() {
    let fixture = Fixture::new(deadly).await;
    fixture.kill(&["feed"], &["One", "Two", "Three"]).await;
    let ids: Vec<Value> = letters(&fixture.root).await.iter().map(|letter| letter["id"].clone()).collect();
    let unknown = "feed.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.1";
    let done = carried_out(&fixture.root, "redrive", json!({"ids": [ids[0], ids[2], ids[0], unknown]})).await;
    assert_eq!((&done["matched"], &done["done"]), (&json!(2), &json!(2)));
    assert_eq!(letters(&fixture.root).await[0]["id"], ids[1]);
    until("both are in the feed", async || sorted(fixture.ada.titles("/v1/feed").await) == ["One", "Three"]).await;
    let nothing = carried_out(&fixture.root, "discard", json!({"worker": "email"})).await;
    assert_eq!((&nothing["matched"], &nothing["done"]), (&json!(0), &json!(0)));
}

#[actix_web::test]
async fn a_cancelled_job_leaves_the_rest_where_it_is() {
    let fixture = Fixture::new(deadly).await;
    let titles: Vec<String> = (0..12).map(|number| format!("Post {number}")).collect();
    fixture.kill(&["feed"], &titles.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let id = order(&fixture.root, "redrive", json!({"worker": "feed", "rate": 1})).await["id"].clone();
    until("it has begun", async || job(&fixture.root, &id).await["done"].as_u64().unwrap() > 0).await;
    let path = format!("/v1/admin/jobs/{}", id.as_str().unwrap());
    fixture.app.clock.advance(Duration::from_millis(1));
    let cancelled = fixture.root.delete(&path).await.expect(200).json();
    assert_eq!((&cancelled["state"], &cancelled["matched"]), (&json!("cancelled"), &json!(12)));
    let done = usize::try_from(cancelled["done"].as_u64().unwrap()).unwrap();
    assert!((1..12).contains(&done), "{cancelled}");
    assert_eq!(letters(&fixture.root).await.len(), 12 - done);
    fixture.root.delete(&path).await.expect_problem(409, "conflict");
    assert_eq!(acts(&fixture.root).await, ["job.cancel", "dead_letters.redrive"]);
    // What is left can be ordered again, and goes faster.
    let rest = carried_out(&fixture.root, "redrive", json!({"worker": "feed", "rate": 500})).await;
    assert_eq!(rest["done"], 12 - done);
    assert_eq!(job(&fixture.root, &id).await, cancelled, "a cancelled job does not go on");
    until("all are in the feed", async || fixture.ada.titles("/v1/feed").await.len() == 12).await;
    fixture
        .root
        .delete(&format!("/v1/admin/jobs/{}", rest["id"].as_str().unwrap()))
        .await
        .expect_problem(409, "conflict");
}

#[actix_web::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let fixture = Fixture::new(lenient).await;
    let mut ordered = Vec::new();
    for _ in 0..5 {
        ordered.insert(0, order(&fixture.root, "discard", json!({"all": true})).await["id"].clone());
        fixture.app.clock.advance(Duration::from_millis(1));
    }
    for id in &ordered {
        assert_eq!(ended(&fixture.root, id).await["state"], "done");
    }
    let listed = all(&fixture.root, "/v1/admin/jobs", 2).await;
    assert_eq!(listed.iter().map(|job| job["id"].clone()).collect::<Vec<_>>(), ordered);
    assert_eq!((&listed[0]["filter"]["all"], &listed[0]["by"]["handle"]), (&json!(true), &json!("rosa")));
    fixture.root.get("/v1/admin/jobs?cursor=x").await.expect_problem(422, "invalid_input");
    fixture.root.get("/v1/admin/jobs/x").await.expect_problem(404, "not_found");
    fixture.root.get("/v1/admin/jobs/01JD9X8Z6Q4W7E2R5T1Y3V0P8A").await.expect_problem(404, "not_found");
    fixture.root.delete("/v1/admin/jobs/01JD9X8Z6Q4W7E2R5T1Y3V0P8A").await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_letter_that_dies_again_stays_dead_until_the_next_order() {
    let fixture = Fixture::new(deadly).await;
    fixture.kill(&["feed"], &["Stubborn", "Obstinate"]).await;
    fixture.plan.of("feed").always(crate::support::Fault::Fail);
    for life in 1..=2 {
        let done = carried_out(&fixture.root, "redrive", json!({"all": true, "rate": 500})).await;
        assert_eq!((&done["matched"], &done["done"]), (&json!(2), &json!(2)));
        until("both have died again", async || {
            let left = letters(&fixture.root).await;
            left.len() == 2 && left.iter().all(|letter| letter["redrives"] == life)
        })
        .await;
        fixture.app.clock.advance(Duration::from_secs(1));
    }
}

/// A worker that a later version of the program does not have.
struct Retired;

impl Worker for Retired {
    const NAME: &'static str = "retired";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. }))
    }

    async fn perform(&self, _: &Delivery) -> Result<Outcome, Error> {
        Ok(Outcome::Reject(Error::Fault("it is too old for this".to_owned())))
    }
}

#[actix_web::test]
async fn letters_of_a_worker_that_is_no_more_stay_and_can_be_discarded() {
    let on_disk = |config: &mut broadsheet::config::Config| {
        lenient(config);
        config.database.url = String::new();
        let settings = WorkerSettings { wait_for_approval: Some(false), ..Default::default() };
        config.workers.named.insert("email".to_owned(), settings);
    };
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let app = TestApp::spawn_in(folder, on_disk, workers::standard().with(|_| Retired)).await;
    let (mut root, ada) = (app.person("rosa").await, app.person("ada").await);
    ada.publish("Old").await;
    app.settle().await;
    let app = TestApp::spawn_in(app.stop().await, on_disk, workers::standard()).await;
    app.expect_exceptions();
    root.client = app.client.clone();
    let redrive = carried_out(&root, "redrive", json!({"all": true})).await;
    assert_eq!((&redrive["done"], &redrive["skipped"]), (&json!(0), &json!(1)), "{redrive}");
    assert!(redrive["error"].as_str().unwrap().contains("nobody serves"), "{redrive}");
    assert_eq!(letters(&root).await[0]["class"], "rejected");
    carried_out(&root, "discard", json!({"worker": "retired"})).await;
    assert!(letters(&root).await.is_empty());
}
