//! Torture: the real binary on RocksDB, used through HTTP by six people at once, with a mail server and a model that come and go and
//! a clock that jumps, ended at random moments: by SIGKILL, by a power cut, by SIGTERM. After each restart it is held against what it
//! had acknowledged. They change different things at once, and the same thing: one post, one follow, one profile, one slug.
//!
//! `make torture` does that 200 times; `make test` ten times. `TORTURE_SEED` repeats the choices of a run.

mod clock;
mod contend;
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
mod schedule;
mod table;
mod verify;
mod world;

use std::time::Instant;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::{record::Record, schedule::Schedule, table::Table, world::World};
use crate::support::{Machine, Person, Process};

/// Everybody writes, reads and follows.
const PEOPLE: [&str; 6] = ["ada", "grace", "hedy", "joan", "karen", "radia"];
/// Who may see everything: the first one.
const ADMIN: usize = 0;
/// How many copies of mails may be under way at once, and so in doubt after a death.
const CONNECTIONS: u64 = 4;
/// Longer than a mail is put off when its recipient's server hangs up, and the clock is set back meanwhile.
const PUT_OFF_S: i64 = 45 * 60;
/// With so many lives between two of them, everything is looked at; otherwise what the last life touched.
const FULL_LOOK: u64 = 20;

#[actix_web::test]
async fn kills_lose_nothing_acknowledged_and_repeat_nothing() {
    let kills = number("TORTURE_KILLS").unwrap_or(10);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {kills} kills, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(&folder.path().join("server"));
    let world = World::new(folder.path()).await;
    let of_world = world.variables();
    // The port changes with every life; what was said to one is to hold in the next.
    let mut variables = vec![
        ("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "ada@example.com"),
        ("IDENTITY__ISSUER", "http://issuer.test"),
        ("IDENTITY__ACCESS_TOKEN_TTL", "1d"),
        ("LOG__LEVEL", "warn"),
    ];
    variables.extend(of_world.iter().map(|(key, value)| (*key, value.as_str())));
    let mut process = Process::start_on(&machine, &variables).await;
    let mut people = Vec::new();
    for handle in PEOPLE {
        people.push(Person::sign_up(&process.client, &world.mail_folder(), handle).await);
    }
    let record = Record::new(&people).await;
    let mut table = Table::new();
    let mut clock_s = 0;
    for life in 1..=kills {
        let schedule = Schedule::draw(&mut random);
        let until = Instant::now() + schedule.lasts;
        let plans = (0..people.len()).map(|_| plan::Plan::new(random.random())).collect();
        record.begin_life(life);
        let living = life::live(&people, plans, &record, until);
        let end = async {
            tokio::time::sleep(schedule.lasts / 2).await;
            clock_s += schedule.jump_s;
            machine.set_clock(clock_s);
            tokio::time::sleep_until(until.into()).await;
            schedule.end(process, &machine, &mut random).await;
        };
        let outside = tokio::time::timeout_at(until.into(), world.weather(schedule.weather));
        let (unanswered, (), _) = futures_util::future::join3(living, end, outside).await;
        world.clear_up();
        // What was put off by minutes is due in the next life.
        clock_s += PUT_OFF_S;
        machine.set_clock(clock_s);
        let began = Instant::now();
        process = Process::start_on(&machine, &variables).await;
        let restarted = began.elapsed();
        people = futures_util::future::join_all(people.iter().map(|person| process.again(person))).await;
        life::resolve(&people, &record, unanswered).await;
        let is_full = life % FULL_LOOK == 0 || life == kills;
        verify::everything(&people, &record, &process, &world, is_full).await;
        let unknown = record.unknown_of_life();
        assert!(
            schedule.weather.is_hard_on_mail() || unknown <= CONNECTIONS,
            "{unknown} copies unknown in fair weather"
        );
        table.add(life, &schedule, restarted, began.elapsed(), &record);
    }
    println!("{}", table.finish(&record, world.mails().len()));
    assert!(record.acknowledged() > kills as usize * PEOPLE.len(), "no load: {}", record.acknowledged());
    assert!(process.terminate().await.0.success());
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
