//! Readers and writers in every order of their steps, against a database that is a number per key.

use proptest::{collection::vec, prelude::*};
use tokio::sync::oneshot;

use super::*;
use crate::store::Guard;

const KEYS: u8 = 3;

type Numbers = Kept<u8, u64>;

/// With two stripes for three keys, so that some keys share one.
fn numbers() -> Arc<Numbers> {
    Arc::new(Kept::new(16, 16, |_| 1, 2))
}

/// How a write ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It is committed, and its writer knows what it has written.
    Known,
    /// It is committed, and its writer only knows that it was.
    Unseen,
    /// It is committed, and its writer is told that it was not.
    Ambiguous,
    /// It is refused.
    Refused,
}

#[derive(Debug, Clone)]
enum Plan {
    Read(u8),
    Write(Vec<u8>, End),
}

fn plan() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![Just(End::Known), Just(End::Unseen), Just(End::Ambiguous), Just(End::Refused)];
    let write = (vec(0..KEYS, 1..=2), end).prop_map(|(keys, end)| Plan::Write(keys, end));
    prop_oneof![(0..KEYS).prop_map(Plan::Read), write]
}

/// Somebody in the middle of something.
enum Actor {
    Reader { key: u8, ticket: Option<Ticket>, loaded: Option<u64> },
    Writer { keys: Vec<u8>, end: End, bracket: Option<Bracket<u8, u64>>, wrote: Option<Vec<(u8, u64)>> },
}

impl Actor {
    fn of(plan: Plan) -> Self {
        match plan {
            Plan::Read(key) => Self::Reader { key, ticket: None, loaded: None },
            Plan::Write(keys, end) => Self::Writer { keys, end, bracket: None, wrote: None },
        }
    }

    /// One step; whether that was the last one.
    fn step(&mut self, cache: &Arc<Numbers>, database: &mut [u64], next: &mut u64) -> bool {
        match self {
            Self::Reader { key, ticket, loaded } => match (*ticket, *loaded) {
                (None, _) => *ticket = Some(cache.ticket(key)),
                (_, None) => *loaded = Some(database[usize::from(*key)]),
                (Some(ticket), Some(row)) => {
                    cache.fill(ticket, *key, &row);
                    return true;
                }
            },
            Self::Writer { keys, end, bracket, wrote } => match (bracket.is_some(), wrote.take()) {
                (false, _) => *bracket = Some(Kept::bracket(cache, keys.iter().copied())),
                (true, None) => {
                    let mut rows = Vec::new();
                    for key in keys.iter().filter(|_| !matches!(end, End::Refused)) {
                        *next += 1;
                        database[usize::from(*key)] = *next;
                        rows.retain(|(other, _)| other != key);
                        rows.push((*key, *next));
                    }
                    *wrote = Some(rows);
                }
                (true, Some(rows)) => {
                    let mut bracket = bracket.take().unwrap();
                    if matches!(end, End::Known) {
                        bracket.leave(rows);
                    }
                    return true;
                }
            },
        }
        false
    }

    fn writes(&self, key: u8) -> bool {
        matches!(self, Self::Writer { keys, bracket: Some(_), .. } if keys.contains(&key))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_the_database_says_in_every_order_of_steps(
        plans in vec(plan(), 1..=6), order in vec(any::<prop::sample::Index>(), 18),
    ) {
        let (cache, mut database, mut next) = (numbers(), vec![0; usize::from(KEYS)], 0);
        let mut actors: Vec<Actor> = plans.into_iter().map(Actor::of).collect();
        let mut order = order.into_iter();
        while !actors.is_empty() {
            let who = order.next().map_or(0, |index| index.index(actors.len()));
            if actors[who].step(&cache, &mut database, &mut next) {
                actors.swap_remove(who);
            }
            for key in 0..KEYS {
                let kept = cache.rows.get(&key);
                prop_assert!(kept.is_none_or(|row| row == database[usize::from(key)]), "{kept:?} for {database:?}");
                prop_assert!(kept.is_none() || !actors.iter().any(|actor| actor.writes(key)), "kept under a writer");
            }
        }
        for key in 0..KEYS {
            let row = database[usize::from(key)];
            cache.fill(cache.ticket(&key), key, &row);
            prop_assert_eq!(cache.rows.get(&key), Some(row), "nobody is left, and still it keeps nothing");
        }
    }
}

#[test]
fn a_writer_that_was_alone_leaves_what_it_wrote_and_of_two_none_does() {
    let cache = numbers();
    let write = |rows: &[(u8, u64)]| {
        let mut bracket = Kept::bracket(&cache, rows.iter().map(|(key, _)| *key));
        bracket.leave(rows.to_vec());
        bracket
    };
    drop(write(&[(0, 1), (1, 1), (2, 1)]));
    assert_eq!([0, 1, 2].map(|key| cache.rows.get(&key)), [Some(1); 3], "keys of one stripe are one writer");
    let (first, second) = (write(&[(0, 2)]), write(&[(0, 3)]));
    drop(second);
    drop(first);
    assert_eq!(cache.rows.get(&0), None);
    drop(write(&[(0, 4)]));
    assert_eq!(cache.rows.get(&0), Some(4), "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_nobody_waits_for_any_more_still_keeps_readers_out_until_it_has_written() {
    let cache: Cache<u8, u64> = Cache::new(16, 16, |_| 1);
    let (commit, committed) = oneshot::channel::<()>();
    let (begin, begun) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel::<()>();
    let write = async move {
        begin.send(()).unwrap();
        committed.await.unwrap();
        drop(end);
        Ok(Written { answer: (), rows: vec![(7, 2)] })
    };
    let caller = tokio::spawn({
        let cache = cache.clone();
        async move { cache.write(&Handle::current(), [7], write).await }
    });
    begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    let read =
        |row: u64| cache.read(&[7], move |keys| async move { Ok(keys.into_iter().map(|key| (key, row)).collect()) });
    assert_eq!(read(1).await.unwrap()[&7], 1, "what was true before");
    commit.send(()).unwrap();
    assert!(ended.await.is_err());
    while cache.kept.as_ref().unwrap().stripes.iter().any(|stripe| stripe.lock().writers > 0) {
        tokio::task::yield_now().await;
    }
    assert_eq!(read(3).await.unwrap()[&7], 2, "what it has written, and nothing from before it");
}

#[tokio::test]
async fn a_write_that_panics_or_fails_is_over_and_leaves_nothing() {
    let cache: Cache<u8, u64> = Cache::new(16, 16, |_| 1);
    let runtime = Handle::current();
    let read =
        |row: u64| cache.read(&[7], move |keys| async move { Ok(keys.into_iter().map(|key| (key, row)).collect()) });
    assert_eq!(read(1).await.unwrap()[&7], 1);
    let panicked = cache.write(&runtime, [7], async { panic!("planted") });
    assert!(matches!(panicked.await, Err::<(), _>(Error::Unavailable(_))));
    assert_eq!(read(2).await.unwrap()[&7], 2, "it was taken out, and comes back");
    let refused = cache.write(&runtime, [7], async { Err(Error::Refused(Guard::Stale)) });
    assert!(matches!(refused.await, Err::<(), _>(Error::Refused(_))));
    assert_eq!(read(3).await.unwrap()[&7], 3);
    assert_eq!(read(4).await.unwrap()[&7], 3, "and is kept");
}

#[tokio::test]
async fn without_room_every_reader_asks_the_database() {
    let cache: Cache<u8, u64> = Cache::new(0, 0, |_| 1);
    for row in [1, 2] {
        let found = cache.read(&[7, 8], |keys| async move { Ok(vec![(keys[0], row)]) }).await.unwrap();
        assert_eq!(found, HashMap::from([(7, row)]));
    }
    let write = async { Ok(Written { answer: "done", rows: vec![(7, 3)] }) };
    assert_eq!(cache.write(&Handle::current(), [7], write).await.unwrap(), "done");
}
