//! Models beside people: one that is slow, and one that is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use broadsheet::{
    actors::{
        worker::State,
        workers::{self, Registry},
    },
    domain::{Decision, Usage, Verdict},
    gateways::{self, Moderator, Submission},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{decide, moderator, spawn_with, standing};
use crate::support::{TestApp, until};

/// Longer than the longest pause between two probes.
const PAUSE: Duration = Duration::from_secs(65);

/// A model that rejects everything titled "Unfit" and leaves everything "Doubtful" to a person, answers only as often as it is let,
/// about anything titled "Flood" as often as it is let for that, and is away when it is told so.
pub(super) struct Model {
    asked: Mutex<Vec<String>>,
    pub(super) answers: Semaphore,
    pub(super) floods: Semaphore,
    is_away: AtomicBool,
}

impl Model {
    pub(super) fn new(answers: usize) -> Arc<Self> {
        let (answers, floods) = (Semaphore::new(answers), Semaphore::new(0));
        Arc::new(Self { asked: Mutex::default(), answers, floods, is_away: AtomicBool::new(false) })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().len()
    }

    /// The titles of what it was asked about, in order.
    pub(super) fn titles(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    /// Answers everything until all is settled, then nothing more.
    pub(super) async fn judge_all(&self, app: &TestApp) {
        self.answers.add_permits(1_000);
        app.settle().await;
        self.answers.forget_permits(1_000);
    }
}

impl Moderator for Model {
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, gateways::Error>> {
        Box::pin(async move {
            self.asked.lock().push(submission.title.to_owned());
            if self.is_away.load(Ordering::SeqCst) {
                return Err(gateways::Error::Transient("the model does not answer".to_owned()));
            }
            let answers = if submission.title.starts_with("Flood") { &self.floods } else { &self.answers };
            answers.acquire().await.unwrap().forget();
            let is_unfit = submission.title.starts_with("Unfit");
            let decision = match submission.title {
                title if title.starts_with("Doubtful") => Decision::Review,
                _ if is_unfit => Decision::Reject,
                _ => Decision::Approve,
            };
            Ok(Verdict {
                decision,
                categories: if is_unfit { vec!["hate".to_owned()] } else { Vec::new() },
                reason: "The model says so.".to_owned(),
                model: "fake/1".to_owned(),
                prompt: Some("prompt/7".to_owned()),
                usage: Usage { input_tokens: 100, output_tokens: 10, cost_micros: 5, latency_ms: 7 },
            })
        })
    }
}

/// The standard workers with this model.
pub(super) fn judged_by(model: &Arc<Model>) -> Registry {
    let model = Arc::clone(model);
    workers::standard().with_context(move |context| context.moderator = model)
}

#[actix_web::test]
async fn a_model_s_late_verdict_does_not_change_what_a_person_has_decided_meanwhile() {
    let model = Model::new(0);
    let app = spawn_with(judged_by(&model)).await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let unfit = ada.publish("Unfit for models").await;
    let fit = ada.publish("Fit for models").await;
    until("the model is asked", async || model.asked() == 2).await;
    decide(&mia, &unfit, "approved", "Fine with me.").await.expect(200);
    decide(&mia, &fit, "rejected", "Not with me.").await.expect(200);
    model.answers.add_permits(10);
    app.settle().await;
    assert_eq!(standing(&ada, &unfit).await, "approved");
    assert_eq!(standing(&ada, &fit).await, "rejected");
    let read = mia.get(&crate::support::api::path(&fit)).await.expect(200).json();
    assert_eq!((&read["version"], &read["verdict"]["reason"]), (&2.into(), &"Not with me.".into()));
}

#[actix_web::test]
async fn moderators_read_which_prompt_a_model_was_asked_with_and_authors_do_not() {
    let model = Model::new(10);
    let app = spawn_with(judged_by(&model)).await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let post = ada.publish("Unfit").await;
    app.settle().await;
    let path = crate::support::api::path(&post);
    let seen = mia.get(&path).await.expect(200).json()["verdict"].clone();
    assert_eq!((&seen["model"], &seen["prompt"]), (&"fake/1".into(), &"prompt/7".into()));
    assert_eq!(seen["categories"], serde_json::json!(["hate"]));
    let own = ada.get(&path).await.expect(200).json()["verdict"].clone();
    assert_eq!((&own["model"], own.get("prompt")), (&"fake/1".into(), None));
}

#[actix_web::test]
async fn a_model_that_is_away_for_long_fills_no_dead_letters_and_judges_everything_when_it_is_back() {
    let model = Model::new(100);
    model.is_away.store(true, Ordering::SeqCst);
    let app = spawn_with(judged_by(&model)).await;
    let mut ada = app.person("ada").await;
    let mut posts = Vec::new();
    for number in 0..8 {
        posts.push(ada.publish(&format!("Storm {number}")).await);
    }
    until("the breaker opens", async || state(&app) == State::BreakerOpen).await;
    for _ in 0..60 {
        let asked = model.asked();
        until("the next probe", async || {
            wait_for_probe(&app);
            model.asked() > asked
        })
        .await;
    }
    let exceptions = app.exceptions().await;
    assert!(exceptions.iter().all(|exception| exception.state != "dead"), "{exceptions:#?}");
    let spent: usize = exceptions.iter().map(|exception| exception.failures.len()).sum();
    assert!(spent <= 4, "only the failures that led to the breaker count: {exceptions:#?}");
    ada.sign_in().await;
    assert_eq!(standing(&ada, &posts[0]).await, "pending");
    model.is_away.store(false, Ordering::SeqCst);
    until("everything is judged", async || {
        wait_for_probe(&app);
        app.exceptions().await.is_empty()
    })
    .await;
    ada.sign_in().await;
    for post in &posts {
        assert_eq!(standing(&ada, post).await, "approved");
    }
}

fn state(app: &TestApp) -> State {
    worker(app).state
}

fn worker(app: &TestApp) -> broadsheet::actors::worker::Snapshot {
    app.app.workers.iter().find(|running| running.status.name == "moderation").unwrap().status.snapshot()
}

/// Lets time pass if no probe runs: a probe that runs keeps its lease.
fn wait_for_probe(app: &TestApp) {
    if worker(app).running == 0 {
        app.clock.advance(PAUSE);
    }
}
