//! Power cuts: what the server has acknowledged was synced to disk before, not only handed to the system.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    load::{Load, VARIABLES, on},
    number,
};
use crate::support::{Machine, Process};

#[actix_web::test]
async fn power_cuts_lose_nothing_acknowledged() {
    let cuts: u64 = number("TORTURE_POWER").unwrap_or(3);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {cuts} power cuts, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let mut process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    for cut in 0..cuts {
        let (before, is_over) = (load.posts.len(), AtomicBool::new(false));
        let name = format!("p{cut}");
        let duration = Duration::from_millis(random.random_range(100..900));
        let end = async {
            tokio::time::sleep(duration).await;
            process.kill();
        };
        futures_util::future::join(load.publish(&ada, &name, &is_over), end).await;
        assert!(!is_over.load(Ordering::Relaxed) && load.posts.len() > before, "no load");
        machine.cut_power(&mut random);
        process = Process::start_on(&machine, &VARIABLES).await;
        (ada, bob) = (on(&process, &ada), on(&process, &bob));
        for post in load.posts.values() {
            let kept = ada.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
            assert_eq!(kept["title"], post["title"]);
        }
        load.insist(&ada).await;
        if cut % 20 == 19 || cut + 1 == cuts {
            load.verify(&process, &ada, &bob).await;
        }
    }
    println!("{cuts} power cuts: {} posts, none lost, none twice", load.posts.len());
    assert!(process.terminate().await.0.success());
}

/// The harness sees what is lost: this is what the manual says of a database that is not synced.
#[actix_web::test]
async fn without_sync_a_power_cut_takes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let url = format!("rocksdb://{}?sync=never", folder.path().join("data/db").display());
    let variables = [&VARIABLES[..], &[("DATABASE__URL", url.as_str())]].concat();
    let process = Process::start_on(&machine, &variables).await;
    let ada = process.person("ada").await;
    let post = ada.publish("Accepted").await;
    process.kill();
    machine.cut_power(&mut StdRng::seed_from_u64(3));
    let process = Process::start_on(&machine, &variables).await;
    assert_ne!(on(&process, &ada).get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.status, 200);
}
