//! The battery that every worker goes through, in the real engine, with the others beside it.

use std::time::Duration;

use broadsheet::config::{Span, WorkerSettings};
use futures_util::future::join_all;
use serde_json::Value;

use super::{all_titles, dead, line, other_lines, pair, recover, status, tune};
use crate::support::{Fault, Person, Plan, TestApp, worker_names};

/// One test for each fault; it goes through all workers of the registry, so a new one is tried without being named.
macro_rules! battery {
    ($($(#[$doc:meta])* $test:ident: |$worker:ident| $try:expr;)+) => {
        $($(#[$doc])* #[actix_web::test]
        async fn $test() {
            for $worker in worker_names() {
                eprintln!("{}", $worker);
                $try;
            }
        })+
    };
}

battery! {
    every_worker_panics_once_and_the_post_arrives_all_the_same: |worker| panics_once(worker).await;
    every_worker_that_panics_always_makes_one_dead_letter: |worker| makes_one_dead_letter(worker, Fault::Panic, "panic", 5).await;
    every_worker_that_fails_five_times_makes_one_dead_letter_with_five_errors: |worker| makes_one_dead_letter(worker, Fault::Fail, "error", 0).await;
    every_worker_that_hangs_once_is_tried_again_after_its_timeout: |worker| times_out(worker).await;
    every_worker_does_everything_twice_and_nobody_sees_it: |worker| is_replayed(worker).await;
    every_worker_does_everything_side_by_side_and_nobody_sees_it: |worker| runs_beside_itself(worker).await;
    every_worker_meets_a_full_mailbox_and_loses_nothing: |worker| meets_a_full_mailbox(worker).await;
}

/// The standard workers, one of them to be tried, an author and a follower.
struct Fixture {
    app: TestApp,
    plan: Plan,
    worker: &'static str,
    ada: Person,
    bob: Person,
}

impl Fixture {
    async fn new(worker: &'static str, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        let plan = Plan::default();
        let app = TestApp::spawn_with(|config| tune(config, worker, change), plan.registry()).await;
        let (ada, bob) = pair(&app).await;
        app.settle().await;
        Self { app, plan, worker, ada, bob }
    }

    /// The others are done and were never restarted; without a verdict a mail is held, as it should be.
    async fn others_never_notice(&self, post: &Value) {
        for line in other_lines(&self.ada, post, self.worker).await {
            let is_consequence = self.worker == "moderation" && line == "email: held";
            assert!(line.ends_with(": done") || is_consequence, "{line}");
        }
        for other in worker_names().into_iter().filter(|name| *name != self.worker) {
            assert_eq!(status(&self.app, other).restarts, 0, "{other}");
        }
    }

    /// Every consequence of these posts is there, once.
    async fn everything_has_arrived(&self, posts: &[Value]) {
        let mut titles: Vec<String> = posts.iter().map(|post| post["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        let subjects: Vec<String> = titles.iter().map(|title| format!("ada the Author: {title}")).collect();
        assert_eq!(all_titles(&self.bob, "/v1/feed").await, titles);
        assert_eq!(all_titles(&self.ada, "/v1/feed").await, titles);
        assert_eq!(all_titles(&self.bob, "/v1/search?q=words").await, titles);
        assert_eq!(self.plan.sent(), subjects);
        assert_eq!(all_titles(&self.ada, "/v1/posts?author=ada&moderation=approved").await, titles);
        let stats = self.ada.get("/v1/me/stats").await.expect(200).json();
        assert_eq!((stats["posts"].as_u64(), stats["followers"].as_u64()), (Some(posts.len() as u64), Some(1)));
        for post in posts {
            let receipt = self.ada.receipt(post).await;
            assert!(
                receipt.len() == worker_names().len() && receipt.iter().all(|line| line.ends_with(": done")),
                "{receipt:?}"
            );
        }
    }
}

async fn panics_once(worker: &'static str) {
    let fixture = Fixture::new(worker, |_| {}).await;
    fixture.plan.of(worker).next(&[Fault::Panic]);
    let post = fixture.ada.publish("Resilience").await;
    fixture.app.settle().await;
    fixture.others_never_notice(&post).await;
    recover(&fixture.app).await;
    fixture.everything_has_arrived(&[post]).await;
    assert_eq!(status(&fixture.app, worker).restarts, 1);
    assert_eq!(fixture.plan.of(worker).runs(), 2);
}

async fn makes_one_dead_letter(worker: &'static str, fault: Fault, class: &str, restarts: u32) {
    let fixture = Fixture::new(worker, |_| {}).await;
    fixture.plan.of(worker).always(fault);
    let post = fixture.ada.publish("Doom").await;
    for _ in 0..6 {
        fixture.app.pass(Duration::from_secs(100)).await;
    }
    let letters = dead(fixture.app.exceptions().await);
    assert_eq!(letters.len(), 1, "{letters:#?}");
    let classes: Vec<&str> = letters[0].failures.iter().map(|failure| failure.class.as_str()).collect();
    let receives: Vec<i64> = letters[0].failures.iter().map(|failure| failure.receive).collect();
    assert_eq!((letters[0].worker.as_str(), letters[0].receives), (worker, 5));
    assert_eq!((classes, receives), (vec![class; 5], vec![1, 2, 3, 4, 5]));
    let line = line(&fixture.ada, &post, worker).await;
    assert_eq!((line["state"].as_str(), line["receives"].as_u64()), (Some("dead"), Some(5)), "{line}");
    assert!(line["last_error"].as_str().unwrap().starts_with("planted"), "{line}");
    fixture.others_never_notice(&post).await;
    assert_eq!(status(&fixture.app, worker).restarts, restarts);
    assert_eq!(fixture.plan.of(worker).runs(), 5);
    fixture.app.expect_exceptions();
}

async fn times_out(worker: &'static str) {
    let fixture = Fixture::new(worker, |settings| settings.timeout = Span::from_millis(500)).await;
    fixture.plan.of(worker).next(&[Fault::Hang]);
    let post = fixture.ada.publish("Sloth").await;
    fixture.app.settle().await;
    let line = line(&fixture.ada, &post, worker).await;
    assert_eq!(line["last_error"], "no end after 500 ms", "{line}");
    fixture.others_never_notice(&post).await;
    recover(&fixture.app).await;
    fixture.everything_has_arrived(&[post]).await;
    assert_eq!(status(&fixture.app, worker).restarts, 0);
}

async fn is_replayed(worker: &'static str) {
    let fixture = Fixture::new(worker, |_| {}).await;
    fixture.plan.of(worker).always(Fault::Twice);
    let posts =
        [fixture.ada.publish("Once").await, fixture.ada.publish("Again").await, fixture.ada.publish("Thrice").await];
    fixture.app.settle().await;
    fixture.everything_has_arrived(&posts).await;
}

async fn runs_beside_itself(worker: &'static str) {
    let fixture = Fixture::new(worker, |_| {}).await;
    fixture.plan.of(worker).always(Fault::SideBySide);
    let posts =
        [fixture.ada.publish("Once").await, fixture.ada.publish("Again").await, fixture.ada.publish("Thrice").await];
    fixture.app.settle().await;
    // Whoever finds that the other one has a mail looks again a second later.
    recover(&fixture.app).await;
    fixture.everything_has_arrived(&posts).await;
}

async fn meets_a_full_mailbox(worker: &'static str) {
    let fixture = Fixture::new(worker, |settings| (settings.mailbox, settings.batch) = (1, 1)).await;
    let titles: Vec<String> = (0..200).map(|number| format!("Flood {number:03}")).collect();
    let posts = join_all(titles.iter().map(|title| fixture.ada.publish(title))).await;
    fixture.app.settle().await;
    fixture.everything_has_arrived(&posts).await;
}
