//! SIGTERM under load, again and again, while mailings wait for another try: what runs is finished, every lease is given back, and the next
//! life goes on where this one has ended.

use std::{sync::atomic::AtomicBool, time::Duration};

use broadsheet::{
    app::work_runtime,
    store::{Database, Exception, Repositories, Store},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    load::{Load, VARIABLES, on},
    number,
};
use crate::support::{Calls, Machine, Process, Trouble};

#[actix_web::test]
async fn sigterm_under_load_again_and_again_leaves_nothing_leased_and_loses_nothing() {
    let ends: u64 = number("TORTURE_SIGTERMS").unwrap_or(3);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {ends} times SIGTERM, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    machine.only("/mail/");
    let mut process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    let mut rows = 0;
    for end in 0..ends {
        // Half of the time no mail can be written, so that leases are taken and given back.
        machine.disturb(Calls::Create, (end % 2 == 0).then_some(Trouble::Fails));
        let (name, is_over) = (format!("t{end}"), AtomicBool::new(false));
        let duration = Duration::from_millis(random.random_range(200..1_200));
        let terminate = async {
            tokio::time::sleep(duration).await;
            process.terminate().await.0
        };
        let ended = futures_util::future::join(load.publish(&ada, &name, &is_over), terminate).await.1;
        assert!(ended.success(), "{ended}");
        let left = exceptions(&machine).await;
        assert!(left.iter().all(|row| row.state != "leased"), "{left:?}");
        rows += left.len();
        process = Process::start_on(&machine, &VARIABLES).await;
        (ada, bob) = (on(&process, &ada), on(&process, &bob));
        load.insist(&ada).await;
    }
    machine.disturb(Calls::Create, None);
    load.verify(&process, &ada, &bob).await;
    let (drained, late) = ("\"drained\"", "not everything finished in time");
    let log = process.log();
    assert_eq!((log.matches(drained).count() as u64, log.matches(late).count()), (ends, 0));
    println!("{ends} times SIGTERM: {} posts, {rows} rows were waiting, none leased", load.posts.len());
    assert!(rows > 0, "nothing was waiting");
    assert!(process.terminate().await.0.success());
}

/// What is in the retry queue of a server that has ended; looked at in a copy.
async fn exceptions(machine: &Machine) -> Vec<Exception> {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(machine.folder().join("data/db")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let runtime = work_runtime().unwrap();
    let database = Database {
        url: format!("rocksdb://{}", copy.path().display()),
        username: String::new(),
        password: String::new(),
        namespace: "broadsheet".to_owned(),
        name: "broadsheet".to_owned(),
        cache: 10,
        memory: 64 << 20,
        records: true,
    };
    let store = Store::open(&database, runtime.handle().clone()).await.unwrap();
    let rows = Repositories::new(&store).exceptions().list(10_000).await.unwrap();
    drop(store);
    runtime.shutdown_background();
    rows
}
