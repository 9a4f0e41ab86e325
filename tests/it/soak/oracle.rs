//! What everybody has been told by the server: people, posts, follows. The load chooses from it, and in the end the server is held
//! against it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use rand::{RngExt, rngs::StdRng};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::prose;
use crate::support::Person;

/// A person by their place among the people, a post by its place among the posts.
pub(super) type Who = usize;
pub(super) type Which = usize;

/// So many of the newest posts get every second look.
const NEWS: usize = 200;

pub(super) struct Oracle {
    people: Vec<Member>,
    pub(super) inner: RefCell<Inner>,
}

struct Member {
    person: RefCell<Person>,
    refreshed: Cell<Instant>,
    is_refreshing: Cell<bool>,
    /// Where this person stands in the feed, and on which page.
    place: RefCell<Option<(String, usize)>>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) posts: Vec<Post>,
    /// Reader and author.
    pub(super) follows: BTreeSet<(Who, Who)>,
    changing: BTreeSet<(Who, Who)>,
    words: usize,
}

/// A post as its author was told that it is.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) id: String,
    pub(super) author: Who,
    pub(super) state: State,
    /// A word that stands in this version and nowhere else.
    pub(super) word: String,
    pub(super) digest: u64,
    pub(super) words: usize,
    pub(super) published_at: String,
    pub(super) is_mailed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Live,
    /// Somebody is editing it.
    Busy,
    /// Somebody is deleting it, or has done so.
    Gone,
}

impl Oracle {
    pub(super) fn new(people: Vec<Person>) -> Self {
        let member = |person| Member {
            person: RefCell::new(person),
            refreshed: Cell::new(Instant::now()),
            is_refreshing: Cell::default(),
            place: RefCell::default(),
        };
        Self { people: people.into_iter().map(member).collect(), inner: RefCell::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// A person as of now; the token may be replaced at any time.
    pub(super) fn person(&self, who: Who) -> Person {
        self.people[who].person.borrow().clone()
    }

    pub(super) fn request(&self, who: Who, method: Method, path: &str) -> RequestBuilder {
        self.people[who].person.borrow().request(method, path)
    }

    pub(super) fn handle(&self, who: Who) -> String {
        self.people[who].person.borrow().handle.clone()
    }

    /// The one whose token is the oldest, and is not being refreshed.
    pub(super) fn oldest_token(&self) -> Option<(Who, Instant)> {
        let idle = self.people.iter().enumerate().filter(|(_, member)| !member.is_refreshing.get());
        idle.map(|(who, member)| (who, member.refreshed.get())).min_by_key(|(_, at)| *at)
    }

    pub(super) fn begin_refresh(&self, who: Who) -> String {
        self.people[who].is_refreshing.set(true);
        self.people[who].person.borrow().refresh_token.clone()
    }

    pub(super) fn end_refresh(&self, who: Who, tokens: Option<&Value>) {
        let member = &self.people[who];
        member.is_refreshing.set(false);
        if let Some(tokens) = tokens {
            member.refreshed.set(Instant::now());
            let mut person = member.person.borrow_mut();
            person.token = tokens["access_token"].as_str().unwrap().to_owned();
            person.refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
        }
    }

    pub(super) fn place(&self, who: Who) -> Option<(String, usize)> {
        self.people[who].place.borrow().clone()
    }

    pub(super) fn set_place(&self, who: Who, place: Option<(String, usize)>) {
        *self.people[who].place.borrow_mut() = place;
    }

    /// A word that was never used before.
    pub(super) fn new_word(&self) -> String {
        let mut inner = self.inner.borrow_mut();
        inner.words += 1;
        prose::unique_word(inner.words)
    }

    pub(super) fn created(&self, author: Who, word: String, is_mailed: bool, answer: &Value) {
        let mut post = Post {
            id: answer["id"].as_str().unwrap().to_owned(),
            author,
            state: State::Live,
            word,
            digest: 0,
            words: 0,
            published_at: answer["published_at"].as_str().unwrap().to_owned(),
            is_mailed,
        };
        post.read(answer);
        self.inner.borrow_mut().posts.push(post);
    }

    pub(super) fn edited(&self, which: Which, word: String, answer: &Value) {
        let post = &mut self.inner.borrow_mut().posts[which];
        post.state = State::Live;
        post.word = word;
        post.read(answer);
    }

    /// A post that is there, more often a new one.
    pub(super) fn some_post(&self, random: &mut StdRng) -> Option<(Which, Post)> {
        let inner = self.inner.borrow();
        let count = inner.posts.len();
        let from = if random.random_bool(0.5) { count.saturating_sub(NEWS) } else { 0 };
        let mut tries = (0..count.min(50)).map(|_| random.random_range(from..count));
        let which = tries.find(|which| inner.posts[*which].state == State::Live)?;
        Some((which, inner.posts[which].clone()))
    }

    /// The same, for somebody who will change it: nobody else gets it meanwhile.
    pub(super) fn take_post(&self, random: &mut StdRng, state: State) -> Option<(Which, Post)> {
        let (which, post) = self.some_post(random)?;
        self.inner.borrow_mut().posts[which].state = state;
        Some((which, post))
    }

    pub(super) fn is_gone(&self, which: Which) -> bool {
        self.inner.borrow().posts[which].state == State::Gone
    }

    /// A reader and an author of whom nobody changes whether they follow, and whether they do.
    pub(super) fn take_pair(&self, random: &mut StdRng) -> ((Who, Who), bool) {
        let mut inner = self.inner.borrow_mut();
        loop {
            let reader = random.random_range(0..self.len());
            let pair = (reader, (reader + random.random_range(1..self.len())) % self.len());
            if inner.changing.insert(pair) {
                return (pair, inner.follows.contains(&pair));
            }
        }
    }

    pub(super) fn set_follow(&self, pair: (Who, Who), follows: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.changing.remove(&pair);
        if follows {
            inner.follows.insert(pair);
        } else {
            inner.follows.remove(&pair);
        }
    }
}

impl Post {
    fn read(&mut self, answer: &Value) {
        self.digest = digest(answer);
        self.words = answer["body"].as_str().unwrap().split_whitespace().count();
    }
}

/// What tells one text of a post from another. Not the version: a verdict counts as one, too.
pub(super) fn digest(post: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in ["title", "body", "tags"] {
        post[part].to_string().hash(&mut hasher);
    }
    hasher.finish()
}
