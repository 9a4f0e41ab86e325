//! A sixth worker, added as CONTRIBUTING says: a struct, `impl Worker`, one line in the chain. All the rest follows from
//! its name.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use broadsheet::{
    actors::{
        worker::{Delivery, Error, Interest, Outcome, Worker},
        workers::{self, Registry},
    },
    config::Config,
    domain::{EventKind, PostId},
    store::SearchAccess,
};
use parking_lot::Mutex;

use super::{dead, degrade, line, pair};
use crate::support::{Fault, Faults, Faulty, TestApp};

/// Says every title aloud. Idempotent: what was said is not said again.
struct Shout {
    posts: SearchAccess,
    said: Arc<Mutex<Vec<String>>>,
}

impl Shout {
    async fn say(&self, post: PostId) -> Result<Outcome, Error> {
        let Some(post) = self.posts.post(post).await? else { return Ok(Outcome::done()) };
        let title = post.title.as_str().to_uppercase();
        let mut said = self.said.lock();
        if !said.contains(&title) {
            said.push(title);
        }
        Ok(Outcome::done())
    }
}

impl Worker for Shout {
    const NAME: &'static str = "shout";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match delivery.event.kind.post() {
            Some(post) => self.say(post).await,
            None => Ok(Outcome::done()),
        }
    }
}

fn six(faults: &Faults, said: &Arc<Mutex<Vec<String>>>) -> Registry {
    let (faults, said) = (faults.clone(), Arc::clone(said));
    workers::standard().with(move |context| Faulty::new(Shout { posts: context.search.clone(), said }, &faults))
}

/// The configuration as an operator would write it.
fn configured(variable: &str, value: &str) -> Config {
    Config::load(None, [(variable.to_owned(), value.to_owned())].into_iter()).unwrap()
}

#[actix_web::test]
async fn a_sixth_worker_works_and_has_its_line_in_the_receipt() {
    let said = Arc::default();
    let app = TestApp::spawn_with(|_| {}, six(&Faults::default(), &said)).await;
    let (ada, bob) = pair(&app).await;
    let post = ada.publish("Hear hear").await;
    app.settle().await;
    assert_eq!(*said.lock(), ["HEAR HEAR"]);
    assert!(ada.receipt(&post).await.contains(&"shout: done".to_owned()));
    assert_eq!(bob.titles("/v1/feed").await, ["Hear hear"]);
}

#[actix_web::test]
async fn a_sixth_worker_has_its_own_settings_and_dead_letters() {
    let (faults, said) = (Faults::default(), Arc::default());
    let settings = configured("BROADSHEET__WORKERS__SHOUT__MAX_RECEIVES", "2").workers;
    let app = TestApp::spawn_with(|config| config.workers = settings, six(&faults, &said)).await;
    let (ada, _) = pair(&app).await;
    faults.always(Fault::Fail);
    let post = ada.publish("Mumble").await;
    app.settle().await;
    assert!(ada.receipt(&post).await.contains(&"shout: retrying".to_owned()));
    app.pass(Duration::from_secs(100)).await;
    let letters = dead(app.exceptions().await);
    assert_eq!(letters.len(), 1, "{letters:#?}");
    assert_eq!((letters[0].worker.as_str(), letters[0].failures.len()), ("shout", 2));
    let line = line(&ada, &post, "shout").await;
    assert_eq!((line["state"].as_str(), line["receives"].as_u64()), (Some("dead"), Some(2)), "{line}");
    app.expect_exceptions();
}

#[test]
fn a_worker_that_is_not_in_the_chain_has_no_settings() {
    let config = configured("BROADSHEET__WORKERS__SHOUT__BATCH", "3");
    let refused = config.check_workers(&workers::standard().names()).unwrap_err().to_string();
    assert!(refused.contains("workers.shout"), "{refused}");
    config.check_workers(&six(&Faults::default(), &Arc::default()).names()).unwrap();
}

#[actix_web::test]
async fn a_sixth_worker_counts_for_readiness() {
    let (faults, said) = (Faults::default(), Arc::default());
    let app = TestApp::spawn_with(|_| {}, six(&faults, &said)).await;
    let (ada, _) = pair(&app).await;
    degrade(&app, "shout", &faults, &ada).await;
    let health = app.client.get("/readyz").await.expect(503).json();
    assert!(health["reasons"][0].as_str().unwrap().contains("worker shout"), "{health}");
    app.expect_exceptions();
}

/// The engine, the registration and the assembly name no worker, so a new one changes none of them but the chain.
#[test]
fn no_file_but_its_own_names_a_worker() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join("app.rs")];
    for folder in ["actors", "app", "http/health.rs"] {
        collect(&source.join(folder), &mut files);
    }
    assert!(files.len() > 30, "{files:?}");
    for name in workers::standard().names() {
        let place = source.join(format!("actors/workers/{name}"));
        let is_own = |file: &&PathBuf| file.starts_with(&place) || **file == place.with_extension("rs");
        assert!(files.iter().any(|file| is_own(&file)), "{name} has a file or a folder of its own");
        for file in files.iter().filter(|file| !is_own(file)) {
            let text = fs::read_to_string(file).unwrap();
            assert!(!text.contains(&format!("\"{name}\"")), "{} names {name}", file.display());
        }
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), files));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}
