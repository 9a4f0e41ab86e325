//! Torture: the real binary on RocksDB, used through HTTP by six people at once and killed with SIGKILL at random moments. After
//! each restart it is held against what it had acknowledged.
//!
//! `make torture` kills it 200 times; `make test` ten times. `TORTURE_SEED` repeats the choices of a run.

mod clock;
mod disk;
mod drain;
mod life;
mod load;
mod machine;
mod plan;
mod poison;
mod poisons;
mod power;
mod record;
mod table;
mod verify;

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::{record::Record, table::Table};
use crate::support::{Person, Process};

/// Everybody writes, reads and follows.
const PEOPLE: [&str; 6] = ["ada", "grace", "hedy", "joan", "karen", "radia"];
/// With so many kills between two of them, everything is looked at; otherwise what the last life touched.
const FULL_LOOK: u64 = 20;

#[actix_web::test]
async fn kills_lose_nothing_acknowledged_and_repeat_nothing() {
    let kills = number("TORTURE_KILLS").unwrap_or(10);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {kills} kills, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    // The port changes with every life; tokens are to outlive them all.
    let variables = [
        ("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "ada@example.com"),
        ("IDENTITY__ACCESS_TOKEN_TTL", "1d"),
        ("IDENTITY__ISSUER", "http://issuer.test"),
        ("LOG__LEVEL", "warn"),
    ];
    let mut process = Process::start(folder.path(), &variables).await;
    let mut people = Vec::new();
    for handle in PEOPLE {
        people.push(process.person(handle).await);
    }
    let record = Record::new(&people).await;
    let mut table = Table::new();
    for life in 1..=kills {
        let duration = Duration::from_millis(random.random_range(150..1_500));
        let until = Instant::now() + duration;
        let plans = (0..people.len()).map(|_| plan::Plan::new(random.random())).collect();
        record.begin_life(life);
        let living = life::live(&people, plans, &record, until);
        let kill = async {
            tokio::time::sleep_until(until.into()).await;
            process.kill();
        };
        let (unanswered, ()) = futures_util::future::join(living, kill).await;
        let began = Instant::now();
        process = Process::start(folder.path(), &variables).await;
        let restarted = began.elapsed();
        people = again(&process, &people);
        life::resolve(&people, &record, unanswered).await;
        let is_full = life % FULL_LOOK == 0 || life == kills;
        verify::everything(&people, &record, &process, is_full).await;
        verify::put_mails_away(&record, &process);
        table.add(life, duration, restarted, began.elapsed(), &record);
    }
    println!("{}", table.finish(&record));
    assert!(record.acknowledged() > kills as usize * PEOPLE.len(), "no load: {}", record.acknowledged());
    assert!(process.terminate().await.0.success());
}

/// The same people with the same tokens on a server that listens elsewhere now.
fn again(process: &Process, people: &[Person]) -> Vec<Person> {
    people.iter().map(|person| Person { client: process.client.clone(), ..person.clone() }).collect()
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
