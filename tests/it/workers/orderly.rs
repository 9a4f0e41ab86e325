//! Orderly ends of real nodes: no lease stays, no receive is spent, so nothing dies that may be received once.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use broadsheet::config::Config;
use serde_json::json;

use super::{folder, on_disk, pair, tune};
use crate::support::{Fault, Plan, TestApp, until, worker_names};

fn once(config: &mut Config) {
    on_disk(config);
    for worker in worker_names() {
        tune(config, worker, |settings| settings.max_receives = 1);
    }
    config.shutdown.grace = Duration::from_secs(3).into();
}

#[actix_web::test]
async fn ends_under_load_leave_nothing_leased_and_nothing_dead() {
    let mut app = TestApp::spawn_in(folder(), once, Plan::default().registry()).await;
    let (mut ada, mut bob) = pair(&app).await;
    let mut accepted = Vec::new();
    for end in 0..4 {
        let (author, titles) = (ada.clone(), Rc::new(RefCell::new(Vec::new())));
        let said = Rc::clone(&titles);
        let load = actix_web::rt::spawn(async move {
            for number in 0..200 {
                let title = format!("Post {end}.{number:03}");
                let body = json!({"title": title, "body": "Some words."});
                let request = author.request(reqwest::Method::POST, "/v1/posts").json(&body);
                match request.send().await {
                    Ok(answer) if answer.status() == 201 => said.borrow_mut().push(title),
                    _ => break,
                }
            }
        });
        until("there is load", async || titles.borrow().len() > 10 + 7 * end).await;
        let folder = app.stop().await;
        load.await.unwrap();
        accepted.append(&mut titles.borrow_mut());
        app = TestApp::spawn_in(folder, pause_all, Plan::default().registry()).await;
        let left = app.exceptions().await;
        assert!(left.iter().all(|row| row.receives == 0 && row.state != "leased" && row.state != "dead"), "{left:#?}");
        app = TestApp::spawn_in(app.stop().await, once, Plan::default().registry()).await;
        (ada.client, bob.client) = (app.client.clone(), app.client.clone());
    }
    assert_eq!(app.settle().await, [], "everything was done at its first receive");
    let mut titles = super::all_titles(&bob, "/v1/feed").await;
    titles.retain(|title| accepted.contains(title));
    assert_eq!(titles.len(), accepted.len());
}

/// Everything as it was left, so that it can be looked at.
fn pause_all(config: &mut Config) {
    once(config);
    for worker in worker_names() {
        tune(config, worker, |settings| settings.paused = true);
    }
}

#[actix_web::test]
async fn a_job_that_is_cut_short_by_the_end_spends_no_receive() {
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), once, plan.registry()).await;
    let (ada, mut bob) = pair(&app).await;
    app.settle().await;
    plan.of("feed").next(&[Fault::Hang]);
    ada.publish("Slow").await;
    until("it hangs", async || plan.of("feed").runs() == 1).await;
    let folder: Arc<tempfile::TempDir> = app.stop().await;
    let app = TestApp::spawn_in(folder, once, Plan::default().registry()).await;
    bob.client = app.client.clone();
    assert_eq!(app.settle().await, []);
    assert_eq!(bob.titles("/v1/feed").await, ["Slow"]);
}
