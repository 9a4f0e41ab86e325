//! What the server has acknowledged: our own record, which it is held against.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use serde_json::Value;

use crate::support::Person;

/// Who did it, by their place among the people.
pub(super) type Who = usize;

/// A word about which the model's server refuses to say anything: the planted dead letters.
pub(super) const POISON: &str = "arsenic";
/// A word for which the model rejects a post.
pub(super) const VILE: &str = "vitriol";

/// What becomes of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fine,
    /// Its moderation must die; its mail waits for a verdict for ever.
    Poison,
    /// It is rejected: nobody but its author and moderators may find it, and no mail goes out.
    Vile,
}

impl Kind {
    /// Of a text written by [`super::life`].
    pub(super) fn of(body: &str) -> Self {
        if body.contains(POISON) {
            Self::Poison
        } else if body.contains(VILE) {
            Self::Vile
        } else {
            Self::Fine
        }
    }
}

/// A post as its author was told that it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Post {
    pub(super) author: Who,
    pub(super) kind: Kind,
    /// A word that stands in this version's body and nowhere else.
    pub(super) word: String,
    pub(super) words: usize,
    pub(super) published_at: String,
    /// The life it was published in.
    pub(super) life: u64,
    pub(super) is_deleted: bool,
    /// Words of older versions: search must not find them any more.
    pub(super) old_words: Vec<String>,
    pub(super) tags: BTreeSet<String>,
}

/// The whole record.
pub(super) struct Record(Mutex<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    pub(super) life: u64,
    pub(super) posts: BTreeMap<String, Post>,
    /// Posts that something happened to in this life.
    pub(super) touched: BTreeSet<String>,
    /// Reader and author.
    pub(super) follows: BTreeSet<(Who, Who)>,
    /// Those whose following has changed, or may have, in the lives since mails were last looked at.
    pub(super) wavering: BTreeSet<(Who, Who)>,
    /// Who followed when this life began.
    pub(super) followed: BTreeSet<(Who, Who)>,
    pub(super) accounts: Vec<String>,
    /// What everybody says of themselves, once they have changed it.
    pub(super) bios: BTreeMap<Who, String>,
    /// Tags that were used at the same moment in this life.
    tags: BTreeSet<String>,
    /// What was asked at the same moment in this life, and what was answered, by what it was about: for findings.
    told: BTreeMap<String, Vec<String>>,
    /// Copies of mails of which nobody knows whether they arrived, by post.
    pub(super) unknown: BTreeMap<String, u64>,
    /// How many requests of each kind were acknowledged.
    pub(super) counts: BTreeMap<&'static str, u64>,
    words: u64,
}

impl Record {
    pub(super) async fn new(people: &[Person]) -> Self {
        let mut inner = Inner::default();
        for person in people {
            let me: Value = person.get("/v1/me").await.expect(200).json();
            inner.accounts.push(me["id"].as_str().unwrap().to_owned());
        }
        Self(Mutex::new(inner))
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock())
    }

    pub(super) fn begin_life(&self, life: u64) {
        self.with(|inner| {
            inner.life = life;
            inner.touched.clear();
            inner.wavering.clear();
            inner.told.clear();
            inner.tags.clear();
            inner.followed = inner.follows.clone();
        });
    }

    /// How many posts of this kind are there and not deleted.
    pub(super) fn live_of_kind(&self, kind: Kind) -> usize {
        self.with(|inner| inner.posts.values().filter(|post| post.kind == kind && !post.is_deleted).count())
    }

    /// How many copies of mails about posts of this life are unknown.
    pub(super) fn unknown_of_life(&self) -> u64 {
        self.with(|inner| {
            let is_of_life = |id: &String| inner.posts[id].life == inner.life;
            inner.unknown.iter().filter(|(id, _)| is_of_life(id)).map(|(_, count)| count).sum()
        })
    }

    /// How many requests that change something were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.with(|inner| inner.counts.values().sum::<u64>() as usize)
    }

    /// A word that was never used before. It has no vowels, so no language's endings are cut off it.
    pub(super) fn new_word(&self) -> String {
        self.with(|inner| {
            inner.words += 1;
            let letters = b"bcdfghjkmn";
            let digits = format!("{:06}", inner.words);
            let letter = |digit: u8| letters[usize::from(digit - b'0')] as char;
            format!("zqx{}x", digits.bytes().map(letter).collect::<String>())
        })
    }
}

impl Inner {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn live_of(&self, author: Who) -> Vec<(&String, &Post)> {
        self.posts.iter().filter(|(_, post)| post.author == author && !post.is_deleted).collect()
    }

    /// Some of the tags that this author uses at the same moment in this life. Each choice of `one_of` decides about one.
    pub(super) fn tags_of_life(&mut self, author: Who, mut one_of: impl FnMut(usize) -> usize) -> Vec<String> {
        let name = |letter: char| format!("{}{}{letter}", super::PEOPLE[author], self.life);
        let tags: Vec<String> = ['a', 'b', 'c', 'd'].map(name).into_iter().filter(|_| one_of(2) == 0).collect();
        self.tags.extend(tags.iter().cloned());
        tags
    }

    /// Tags and the posts that carry them, deleted ones left out: of this life, or all.
    pub(super) fn tagged(&self, is_full: bool) -> BTreeMap<String, BTreeSet<String>> {
        let mut tagged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, post) in self.posts.iter().filter(|(_, post)| !post.is_deleted) {
            for tag in &post.tags {
                tagged.entry(tag.clone()).or_default().insert(id.clone());
            }
        }
        tagged.retain(|tag, _| is_full || self.tags.contains(tag));
        for tag in &self.tags {
            tagged.entry(tag.clone()).or_default();
        }
        tagged
    }

    /// Notes what was answered about something that was changed by several at once.
    pub(super) fn tell(&mut self, about: &str, lines: Vec<String>) {
        self.told.entry(about.to_owned()).or_default().extend(lines);
    }

    /// What was answered about it in this life.
    pub(super) fn told(&self, about: &str) -> String {
        self.told.get(about).map_or_else(String::new, |lines| format!("; told:\n  {}", lines.join("\n  ")))
    }

    pub(super) fn set_follow(&mut self, pair: (Who, Who), follows: bool) {
        if follows {
            self.follows.insert(pair);
        } else {
            self.follows.remove(&pair);
        }
    }

    /// What is known of a post that a reader should not see.
    pub(super) fn describe(&self, id: &str, reader: Who) -> String {
        match self.posts.get(id) {
            Some(post) => format!(
                "{id} by {} (followed: {}), deleted: {}, of life {} of {}",
                super::PEOPLE[post.author],
                self.follows.contains(&(reader, post.author)),
                post.is_deleted,
                post.life,
                self.life
            ),
            None => format!("{id}, which nobody was told of"),
        }
    }

    /// Whether it depends on more than the record whether a reader sees a post: rejected ones are for authors and moderators.
    pub(super) fn is_in_doubt(&self, id: &str, reader: Who) -> bool {
        self.posts
            .get(id)
            .is_some_and(|post| post.kind == Kind::Vile && (post.author == reader || reader == super::ADMIN))
    }

    /// What a reader's feed must show: everything of those they follow and their own, newest first, and those of one millisecond
    /// by their ids. Rejected posts are in nobody's.
    pub(super) fn feed_of(&self, reader: Who) -> Vec<String> {
        let shows = |post: &Post| {
            let is_fit = !post.is_deleted && post.kind != Kind::Vile;
            is_fit && (post.author == reader || self.follows.contains(&(reader, post.author)))
        };
        let mut shown: Vec<(&String, &Post)> = self.posts.iter().filter(|(_, post)| shows(post)).collect();
        let newest_first = |one: &Post, other: &Post| other.published_at.cmp(&one.published_at);
        shown.sort_by(|one, other| newest_first(one.1, other.1).then_with(|| one.0.cmp(other.0)));
        shown.into_iter().map(|(id, _)| id.clone()).collect()
    }
}
