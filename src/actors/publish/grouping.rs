//! A group of commands has the effect of its commands one after another: the same rows, events and answers.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use super::{
    actor::attempt,
    command::{Answer, Command, NewPost, PostChanges},
};
use crate::{
    clock::{ManualClock, SharedClock},
    domain::{
        AccountId, Actor, AppealText, Body, ContentChange, Decision, Epoch, EventKind, Post, PostId, Reason, Slug,
        Status, Tag, Timestamp, Title, TraceContext, Usage, Verdict, Viewer,
    },
    store::{
        Publishing, Repositories, Store,
        testing::{add_accounts, dump, on_a_deep_stack, store},
    },
};

/// The two authors come first; whoever comes behind them reads, and the last one moderates.
const PEOPLE: usize = 5;
/// The posts that are there before, by turns of the two authors; the last one is a draft.
const POSTS: usize = 3;

/// A command, with people and posts by their numbers, and texts, tags and slugs out of very few.
#[derive(Debug, Clone)]
enum Wish {
    Create { author: usize, slug: u8 },
    Edit { post: usize, if_version: Option<u64>, body: Option<u8>, tags: Option<u8>, slug: Option<u8> },
    Publish { post: usize },
    Delete { post: usize },
    Follow { reader: usize, author: usize },
    Unfollow { reader: usize, author: usize },
    Judge { post: usize, body: u8, tags: u8, decision: u8 },
    Rule { post: usize, is_approved: bool },
    Appeal { post: usize },
}

fn wish() -> impl Strategy<Value = Wish> {
    let (post, author, few) = (0..POSTS, 0..2_usize, 0..3_u8);
    let follow = (2..PEOPLE, author.clone());
    let edit = (
        post.clone(),
        prop::option::weighted(0.2, 1..4_u64),
        prop::option::of(few.clone()),
        prop::option::of(few.clone()),
        prop::option::of(few.clone()),
    );
    prop_oneof![
        2 => (author, few.clone()).prop_map(|(author, slug)| Wish::Create { author, slug }),
        8 => edit.prop_map(|(post, if_version, body, tags, slug)| Wish::Edit { post, if_version, body, tags, slug }),
        1 => post.clone().prop_map(|post| Wish::Publish { post }),
        1 => post.clone().prop_map(|post| Wish::Delete { post }),
        4 => follow.clone().prop_map(|(reader, author)| Wish::Follow { reader, author }),
        4 => follow.prop_map(|(reader, author)| Wish::Unfollow { reader, author }),
        6 => (post.clone(), few.clone(), few.clone(), few)
            .prop_map(|(post, body, tags, decision)| Wish::Judge { post, body, tags, decision }),
        2 => (post.clone(), any::<bool>()).prop_map(|(post, is_approved)| Wish::Rule { post, is_approved }),
        1 => post.prop_map(|post| Wish::Appeal { post }),
    ]
}

fn slug(n: u8) -> Slug {
    Slug::from_trusted(format!("slug-{n}"))
}

fn title() -> Title {
    Title::from_trusted("A title".to_owned())
}

fn body(n: u8) -> Body {
    Body::from_trusted("word ".repeat(usize::from(n) + 1))
}

fn tags(n: u8) -> Vec<Tag> {
    (0..n).map(|tag| Tag::from_trusted(format!("tag-{tag}"))).collect()
}

/// One database with its people and posts.
struct World {
    store: Store,
    publishing: Publishing,
    clock: SharedClock,
    epoch: Epoch,
    next_seq: u64,
    people: Vec<AccountId>,
    /// Every post that was ever created, in order.
    posts: Vec<PostId>,
    answers: Vec<String>,
}

impl World {
    async fn new(people: &[AccountId], epoch: Epoch, now: Timestamp) -> Self {
        let store = store().await;
        add_accounts(&store, people, now).await;
        let clock = Arc::new(ManualClock::new(now));
        let mut world = Self {
            publishing: Repositories::new(&store).publishing(),
            store,
            clock,
            epoch,
            next_seq: 1,
            people: people.to_vec(),
            posts: Vec::new(),
            answers: Vec::new(),
        };
        for number in 0..POSTS {
            let status = if number + 1 == POSTS { Status::Draft } else { Status::Published };
            let slug = Slug::from_trusted(format!("first-{number}"));
            world.carry_out(vec![world.create(number % 2, slug, status)]).await;
        }
        world
    }

    fn create(&self, author: usize, slug: Slug, status: Status) -> Command {
        let post = NewPost {
            title: title(),
            body: body(0),
            tags: tags(1),
            status,
            slug: Some(slug),
            published_at: None,
            notify: true,
        };
        Command::Create { author: self.people[author], post, idempotency: None }
    }

    fn command(&self, wish: &Wish) -> Command {
        let author_of = |post: usize| Viewer::Account(self.people[post % 2]);
        match *wish {
            Wish::Create { author, slug: n } => self.create(author, slug(n), Status::Published),
            Wish::Edit { post, if_version, body: text, tags: n, slug: name } => Command::Edit {
                post: self.posts[post],
                by: author_of(post),
                if_version,
                changes: PostChanges { title: None, body: text.map(body), tags: n.map(tags), slug: name.map(slug) },
            },
            Wish::Publish { post } => {
                Command::PublishDraft { post: self.posts[post], by: author_of(post), if_version: None }
            }
            Wish::Delete { post } => Command::Delete { post: self.posts[post], by: author_of(post), if_version: None },
            Wish::Follow { reader, author } => {
                Command::Follow { reader: self.people[reader], author: self.people[author] }
            }
            Wish::Unfollow { reader, author } => {
                Command::Unfollow { reader: self.people[reader], author: self.people[author] }
            }
            Wish::Judge { post, body: text, tags: n, decision } => Command::Judge {
                post: self.posts[post],
                content_hash: Post::hash_content(&title(), &tags(n), &body(text)),
                verdict: verdict(decision),
            },
            Wish::Rule { post, is_approved } => Command::RecordDecision {
                post: self.posts[post],
                by: Actor { account: self.people[PEOPLE - 1], handle: "moderator".to_owned() },
                if_version: None,
                is_approved,
                reason: Reason::from_trusted("because".to_owned()),
            },
            Wish::Appeal { post } => Command::Appeal {
                post: self.posts[post],
                by: author_of(post),
                text: AppealText::from_trusted("but".to_owned()),
            },
        }
    }

    /// Commits commands as one group; a group whose commands get into one another's way would be refused as a whole.
    async fn carry_out(&mut self, commands: Vec<Command>) {
        let commands: Vec<_> = commands.into_iter().map(|command| (command, TraceContext::new(1, 1, 1))).collect();
        let done = attempt(&self.publishing, &self.clock, self.epoch, self.next_seq, &commands).await;
        let done = done.unwrap_or_else(|error| panic!("{commands:#?}: {error:?}"));
        self.next_seq += done.events.len() as u64;
        for ((command, _), answer) in commands.iter().zip(&done.answers) {
            if let (Command::Create { .. }, Ok(Answer::Post(post))) = (command, answer) {
                self.posts.push(post.id);
            }
        }
        self.answers.extend(done.answers.iter().map(|answer| match answer {
            Ok(Answer::Post(post)) => format!("{} {} {}", post.id, post.version, post.content_hash),
            other => format!("{other:?}"),
        }));
    }

    /// All answers and all rows, with the posts' ids replaced by their numbers.
    async fn told_and_kept(&self) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
        let anonymous = |text: String| {
            let number =
                |text: String, (n, post): (usize, &PostId)| text.replace(&post.to_string(), &format!("post {n}"));
            self.posts.iter().enumerate().fold(text, number)
        };
        let mut tables = dump(&self.store).await;
        tables.remove("migration");
        tables.remove("audit");
        for rows in tables.values_mut() {
            *rows = std::mem::take(rows).into_iter().map(anonymous).collect();
            rows.sort();
        }
        (self.answers.iter().cloned().map(anonymous).collect(), tables)
    }

    /// What all events add up to, by author, is what there is.
    async fn check_sums(&self) {
        let log = crate::store::EventLog::new(&self.store, "t", "t");
        let mut sums: BTreeMap<AccountId, Sums> = BTreeMap::new();
        for event in log.read(self.epoch, 1, self.next_seq + 1).await.unwrap() {
            match event.kind {
                EventKind::PostPublished { author, change, .. } => sums.entry(author).or_default().add(1, &change),
                EventKind::PostDeleted { author, change, .. } => sums.entry(author).or_default().add(-1, &change),
                EventKind::PostEdited { author, change, .. } => sums.entry(author).or_default().add(0, &change),
                EventKind::AuthorFollowed { author, .. } => sums.entry(author).or_default().followers += 1,
                EventKind::AuthorUnfollowed { author, .. } => sums.entry(author).or_default().followers -= 1,
                EventKind::PostApproved { author, hidden, .. } | EventKind::PostRejected { author, hidden, .. } => {
                    sums.entry(author).or_default().hidden += hidden;
                }
            }
        }
        let repositories = Repositories::new(&self.store);
        let mut truth: BTreeMap<AccountId, Sums> = BTreeMap::new();
        for post in repositories.posts().get_many(&self.posts).await.unwrap() {
            if post.status == Status::Published {
                truth.entry(post.author).or_default().add(1, &ContentChange::between(None, Some(&post)));
            }
        }
        for author in &self.people[..2] {
            let followers = repositories.feed().audience(*author, None, PEOPLE).await.unwrap().len();
            truth.entry(*author).or_default().followers = i64::try_from(followers).unwrap();
        }
        sums.values_mut().for_each(Sums::drop_zeros);
        sums.retain(|_, sums| *sums != Sums::default());
        truth.retain(|_, sums| *sums != Sums::default());
        assert_eq!(sums, truth);
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    posts: i64,
    words: i64,
    hidden: i64,
    followers: i64,
    tags: BTreeMap<String, i64>,
}

impl Sums {
    fn add(&mut self, posts: i64, change: &ContentChange) {
        self.posts += posts;
        self.words += change.words;
        self.hidden += change.hidden;
        for (tags, n) in [(&change.tags_added, 1), (&change.tags_removed, -1)] {
            for tag in tags {
                *self.tags.entry(tag.as_str().to_owned()).or_default() += n;
            }
        }
    }

    fn drop_zeros(&mut self) {
        self.tags.retain(|_, n| *n != 0);
    }
}

fn verdict(decision: u8) -> Verdict {
    Verdict {
        decision: [Decision::Approve, Decision::Reject, Decision::Review][usize::from(decision)],
        categories: Vec::new(),
        reason: String::new(),
        model: "m".to_owned(),
        prompt: None,
        usage: Usage::default(),
    }
}

/// Carries wishes out one by one in one world and in groups in another one, and compares.
async fn compare(wishes: &[Wish], sizes: &[usize]) {
    let (epoch, now) = (Epoch::generate(), Timestamp::from_millis(1_800_000_000_000));
    let people: Vec<_> = (0..PEOPLE).map(|_| AccountId::generate()).collect();
    let (mut alone, mut grouped) = (World::new(&people, epoch, now).await, World::new(&people, epoch, now).await);
    for wish in wishes {
        alone.carry_out(vec![alone.command(wish)]).await;
    }
    let (mut rest, mut sizes) = (wishes, sizes.iter().cycle());
    while !rest.is_empty() {
        let (group, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        grouped.carry_out(group.iter().map(|wish| grouped.command(wish)).collect()).await;
        rest = later;
    }
    let ((told, kept), (told_alone, kept_alone)) = (grouped.told_and_kept().await, alone.told_and_kept().await);
    for (n, (told, alone)) in told.iter().zip(&told_alone).enumerate() {
        assert_eq!(told, alone, "the answer to wish {} of {wishes:#?}", n as i64 - POSTS as i64);
    }
    for (table, rows) in &kept_alone {
        assert_eq!(kept.get(table), Some(rows), "{table} after {wishes:#?}");
    }
    grouped.check_sums().await;
}

#[test]
fn any_commands_grouped_in_any_way_have_the_effect_that_they_have_one_by_one() {
    on_a_deep_stack(|| async {
        let plan = (prop::collection::vec(wish(), 1..24), prop::collection::vec(1..12_usize, 1..5));
        let cases = Config::default().cases / 4;
        let mut runner = TestRunner::default();
        for _ in 0..cases {
            let (wishes, sizes) = plan.new_tree(&mut runner).unwrap().current();
            compare(&wishes, &sizes).await;
        }
    });
}

#[test]
fn a_follow_and_a_tag_that_are_put_back_within_one_group_are_there() {
    on_a_deep_stack(|| async {
        let tags = |n| Wish::Edit { post: 0, if_version: None, body: None, tags: Some(n), slug: None };
        let (reader, author) = (2, 0);
        let wishes = [
            Wish::Follow { reader, author },
            Wish::Unfollow { reader, author },
            Wish::Follow { reader, author },
            tags(0),
            tags(2),
            tags(1),
        ];
        for size in 1..=wishes.len() {
            compare(&wishes, &[size]).await;
        }
    });
}

#[test]
fn a_slug_that_changes_hands_within_one_group_leads_to_its_new_owner() {
    on_a_deep_stack(|| async {
        let named = |post, n| Wish::Edit { post, if_version: None, body: None, tags: None, slug: Some(n) };
        let wishes =
            [named(0, 1), named(0, 2), Wish::Create { author: 0, slug: 1 }, named(2, 1), named(0, 0), named(2, 2)];
        for size in 1..=wishes.len() {
            compare(&wishes, &[size]).await;
        }
    });
}
