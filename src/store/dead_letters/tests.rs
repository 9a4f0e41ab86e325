//! Dead letters and the jobs on them, without actors: what is listed, what is moved, what stays.

use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::{
    domain::{AccountId, Actor, Audit, Epoch, EventKind, Job, JobKind, JobState, TraceContext},
    store::{
        Claimed, Database, Deliveries, Error, EventLog, Guard, Lease, NewDelivery, Repositories, Step, Stepped,
        query::Query, testing::on_a_deep_stack,
    },
};

struct Fixture {
    store: Store,
    repositories: Repositories,
    epoch: Epoch,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

impl Fixture {
    async fn new() -> Self {
        let settings = Database {
            url: "mem://".to_owned(),
            username: String::new(),
            password: String::new(),
            namespace: "t".to_owned(),
            name: "t".to_owned(),
            cache: 0,
            memory: 64 << 20,
            records: true,
        };
        let store = Store::open(&settings, tokio::runtime::Handle::current()).await.unwrap();
        Self { repositories: Repositories::new(&store), store, epoch: Epoch::generate() }
    }

    fn event(&self, seq: u64) -> Event {
        let kind = EventKind::PostEdited {
            post: PostId::generate(),
            author: AccountId::generate(),
            change: Default::default(),
        };
        let id = EventId { epoch: self.epoch, seq };
        Event { id, kind, at: at(0), trace: TraceContext::new(1, 1, 1) }
    }

    /// Puts an event into a subscription's retry queue.
    async fn enqueue(&self, subscription: &str, event: &Event) {
        let delivery = NewDelivery {
            event: event.clone(),
            due: at(0),
            wait_for: None,
            run_isolated: false,
            receives: 0,
            failures: Vec::new(),
            progress: Some(serde_json::json!({"sent": 3})),
        };
        EventLog::new(&self.store, subscription, "node").enqueue(vec![delivery]).await.unwrap();
    }

    async fn claim(&self, subscription: &str) -> Vec<Claimed> {
        let deliveries = Deliveries::new(&self.store, subscription);
        let lease = Lease { limit: 100, now: at(1_000_000), until: at(2_000_000), token: "t".to_owned() };
        let mut found = deliveries.find(Timestamp::default(), lease.now, lease.limit).await.unwrap();
        deliveries.lease(&mut found, &lease).await.unwrap()
    }

    /// Everything that is due in a subscription dies with this message.
    async fn die(&self, subscription: &str, message: &str, dead_at: Timestamp) {
        for mut claimed in self.claim(subscription).await {
            let receive = i64::from(claimed.receive);
            claimed.failures.push(Failure {
                receive,
                at: dead_at.as_millis(),
                class: "error".into(),
                message: message.into(),
            });
            self.repositories.dead_letters().add(subscription, &claimed, dead_at).await.unwrap();
        }
    }

    async fn kill(&self, subscription: &str, seq: u64, message: &str, dead_at: Timestamp) {
        self.enqueue(subscription, &self.event(seq)).await;
        self.die(subscription, message, dead_at).await;
    }

    async fn letters(&self, filter: &DeadLetterFilter) -> Vec<DeadLetter> {
        self.repositories.dead_letter_reads().list(filter, None, 100).await.unwrap().items
    }

    async fn job(&self, kind: JobKind, filter: DeadLetterFilter, began: Timestamp) -> JobId {
        let by = Actor { account: AccountId::generate(), handle: "ada".to_owned() };
        let id = JobId::from_parts(began.as_millis() as u64, rand::random());
        let job = Job {
            id,
            kind,
            filter,
            rate: 10,
            state: JobState::Running,
            matched: 0,
            done: 0,
            skipped: 0,
            by: by.clone(),
            at: began,
            updated_at: began,
            error: None,
        };
        let audit = Audit {
            at: began,
            by,
            act: "test.test".to_owned(),
            target: id.to_string(),
            detail: serde_json::Value::Null,
        };
        let jobs = self.repositories.jobs();
        jobs.create(&job, &audit).await.unwrap();
        jobs.take_over("node", began, Duration::from_secs(15), true).await.unwrap();
        id
    }

    async fn step(&self, job: JobId, limit: usize, now: Timestamp) -> Stepped {
        let is_served = |subscription: &Subscription| subscription.worker() != "gone";
        let step = Step { job, node: "node", now, lease_until: now, limit, is_served: &is_served };
        self.repositories.jobs().step(&step).await.unwrap()
    }

    async fn finish(&self, job: JobId, now: Timestamp) -> Job {
        while let Stepped::Committed { state: JobState::Running, .. } | Stepped::Again = self.step(job, 2, now).await {}
        self.repositories.jobs().get(job).await.unwrap().unwrap()
    }
}

fn seqs(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.id.event.seq).collect()
}

fn of(worker: &str) -> DeadLetterFilter {
    DeadLetterFilter { worker: Some(worker.parse().unwrap()), ..DeadLetterFilter::default() }
}

#[test]
fn a_workers_letters_are_found_whatever_node_they_died_on() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        fixture.kill("search", 1, "no", at(1)).await;
        fixture.kill("search@A", 2, "no", at(2)).await;
        fixture.kill("email", 3, "no", at(3)).await;
        assert_eq!(seqs(&fixture.letters(&of("search")).await), [2, 1]);
        assert_eq!(seqs(&fixture.letters(&of("search@A")).await), [2]);
        let reads = fixture.repositories.dead_letter_reads();
        for (worker, count) in [("search", 2), ("search@A", 1), ("email", 1), ("feed", 0)] {
            assert_eq!(reads.count(&of(worker)).await.unwrap(), count, "{worker}");
        }
        let causes = reads.causes(&DeadLetterFilter::default(), None, 10).await.unwrap().items;
        assert_eq!(
            causes.iter().map(|group| (group.worker.as_str(), group.count)).collect::<Vec<_>>(),
            [("search", 2), ("email", 1)]
        );
        assert_eq!(
            fixture.repositories.backlog().expiring(at(2)).await.unwrap().into_iter().collect::<Vec<_>>(),
            [("search".to_owned(), 1)]
        );
    });
}

#[test]
fn letters_from_before_the_second_migration_are_listed_and_redriven() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        fixture.kill("email", 7, "the server answered 550", at(5)).await;
        let strip = "UPDATE dead_letter UNSET worker, post, cause, class, cause_text, first_failed_at, place, progress, redrives, redriven_by";
        fixture.store.write(Query::new(strip)).await.unwrap();
        let reads = fixture.repositories.dead_letter_reads();
        let id: DeadLetterId = format!("email.{}.7", fixture.epoch).parse().unwrap();
        let bare = reads.get(&id).await.unwrap().unwrap();
        assert_eq!((bare.cause.text.as_str(), bare.cause.class.as_str()), ("the server answered <number>", "error"));
        fixture.store.write(Query::new(include_str!("../schema/0002_operation.surql"))).await.unwrap();
        let letters = fixture.letters(&of("email")).await;
        assert_eq!(seqs(&letters), [7]);
        let cause = DeadLetterFilter { cause: Some(letters[0].cause.id.clone()), ..DeadLetterFilter::default() };
        assert_eq!(letters[0].cause.id.to_string().parse::<CauseId>().unwrap(), letters[0].cause.id);
        assert_eq!(seqs(&fixture.letters(&cause).await), [7]);
        let post = DeadLetterFilter { post: letters[0].event.kind.post(), ..DeadLetterFilter::default() };
        assert_eq!(seqs(&fixture.letters(&post).await), [7]);
        assert_eq!((letters[0].first_failed_at, letters[0].dead_at), (at(5), at(5)));
        let job = fixture.job(JobKind::Redrive, post, at(10)).await;
        assert_eq!(fixture.finish(job, at(10)).await.done, 1);
        assert_eq!(fixture.claim("email").await.len(), 1);
    });
}

#[test]
fn a_redriven_delivery_begins_its_receives_anew_and_keeps_progress_and_history() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        fixture.kill("email", 1, "no", at(1)).await;
        for life in 1..=30_i64 {
            let job = fixture.job(JobKind::Redrive, of("email"), at(10 * life)).await;
            let ended = fixture.finish(job, at(10 * life)).await;
            assert_eq!((ended.state, ended.done, ended.skipped), (JobState::Done, 1, 0));
            fixture.die("email", &format!("life {life}"), at(10 * life)).await;
        }
        let letter = fixture.letters(&of("email")).await.remove(0);
        assert_eq!((letter.receives, letter.redrives, letter.failures.len()), (1, 30, 21));
        assert_eq!((letter.failures[0].message.as_str(), letter.failures[20].message.as_str()), ("no", "life 30"));
        assert_eq!((letter.first_failed_at, letter.dead_at), (at(1), at(300)));
        assert_eq!(letter.progress, Some(serde_json::json!({"sent": 3})));
    });
}

#[test]
fn a_letter_that_dies_again_under_a_job_is_not_redriven_twice_by_it() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        for seq in 1..=3 {
            fixture.kill("email", seq, "no", at(1)).await;
        }
        // Everything happens within one millisecond.
        let job = fixture.job(JobKind::Redrive, DeadLetterFilter::default(), at(1)).await;
        let mut moved = 0;
        while fixture.step(job, 1, at(1)).await != Stepped::Lost {
            fixture.die("email", "again", at(1)).await;
            moved += 1;
            assert!(moved < 20, "the job does not end");
        }
        let ended = fixture.repositories.jobs().get(job).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.done), (JobState::Done, 3));
        assert_eq!(fixture.letters(&DeadLetterFilter::default()).await.len(), 3);
    });
}

#[test]
fn what_cannot_be_redriven_stays_where_it_is() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        let twice = fixture.event(1);
        fixture.enqueue("email", &twice).await;
        fixture.die("email", "no", at(1)).await;
        fixture.enqueue("email", &twice).await;
        fixture.kill("gone", 2, "no", at(2)).await;
        fixture.kill("feed", 3, "no", at(3)).await;
        let job = fixture.job(JobKind::Redrive, DeadLetterFilter::default(), at(9)).await;
        let ended = fixture.finish(job, at(9)).await;
        assert_eq!((ended.state, ended.done, ended.skipped), (JobState::Done, 1, 2));
        assert!(ended.error.unwrap().starts_with("left where it is: "));
        assert_eq!(seqs(&fixture.letters(&DeadLetterFilter::default()).await), [2, 1]);
        let pending = fixture.claim("email").await;
        assert_eq!((pending.len(), pending[0].redrives), (1, 0), "the delivery that was there is as it was");
        assert_eq!(fixture.claim("feed").await[0].redrives, 1);
    });
}

#[test]
fn two_jobs_on_the_same_letters_move_each_of_them_once() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        for seq in 1..=9 {
            fixture.kill("email", seq, "no", at(1)).await;
        }
        let redrive = fixture.job(JobKind::Redrive, of("email"), at(5)).await;
        let discard = fixture.job(JobKind::Discard, of("email"), at(5)).await;
        let (one, other) = futures_util::join!(fixture.finish(redrive, at(6)), fixture.finish(discard, at(6)));
        assert_eq!((one.state, other.state, one.done + other.done), (JobState::Done, JobState::Done, 9));
        assert_eq!(u64::try_from(fixture.claim("email").await.len()).unwrap(), one.done);
        assert!(fixture.letters(&DeadLetterFilter::default()).await.is_empty());
    });
}

#[test]
fn a_job_that_is_cancelled_or_anothers_takes_no_step() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        fixture.kill("email", 1, "no", at(1)).await;
        let job = fixture.job(JobKind::Discard, of("email"), at(5)).await;
        let jobs = fixture.repositories.jobs();
        assert!(
            jobs.take_over("other", at(6), Duration::from_secs(15), false).await.unwrap().is_empty(),
            "its lease holds"
        );
        let late = at(5 + 15_000);
        assert_eq!(jobs.take_over("other", late, Duration::from_secs(15), false).await.unwrap().len(), 1);
        assert_eq!(fixture.step(job, 10, at(20_000)).await, Stepped::Lost);
        assert_eq!(fixture.letters(&of("email")).await.len(), 1);
    });
}

#[test]
fn every_page_of_letters_that_died_at_once_shows_others() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        for seq in 1..=23 {
            fixture.enqueue(if seq % 2 == 0 { "email" } else { "feed" }, &fixture.event(seq)).await;
        }
        fixture.die("email", "no", at(1)).await;
        fixture.die("feed", "no", at(1)).await;
        let reads = fixture.repositories.dead_letter_reads();
        for filter in [DeadLetterFilter::default(), of("feed")] {
            let (mut seen, mut cursor, mut total) = (BTreeSet::new(), None, 0);
            loop {
                let page = reads.list(&filter, cursor.as_ref(), 4).await.unwrap();
                total += page.items.len();
                seen.extend(page.items.into_iter().map(|letter| letter.id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let expected = if filter.is_empty() { 23 } else { 12 };
            assert_eq!((seen.len(), total), (expected, expected));
        }
    });
}

#[test]
fn a_guards_word_is_heard_whatever_follows_it_in_the_transaction() {
    on_a_deep_stack(|| async {
        let fixture = Fixture::new().await;
        for _ in 0..20 {
            let text = "BEGIN; LET $one = 1; THROW 'lease lost'; LET $two = 2; LET $three = 3; COMMIT;";
            let refusal = fixture.store.write(Query::new(text)).await.err().unwrap();
            assert!(matches!(refusal, Error::Refused(Guard::LeaseLost)), "{refusal:?}");
        }
    });
}
