//! Turns: a worker that is shared among authors takes their events author by author, not in the log's order. One who has thousands
//! waiting keeps nobody else from being next. Of one post one event runs at a time, so what a later one has superseded is
//! known to be so when it is taken. Pure bookkeeping; no actix, no database.

use std::collections::{HashMap, VecDeque};

use crate::domain::{AccountId, EventKind, PostId};

/// How a worker is shared among authors.
#[derive(Debug, Clone, Copy)]
pub struct Sharing {
    /// Whose turn an event takes; one that takes none is taken at once.
    pub turn: fn(&EventKind) -> Option<Turn>,
    /// Whether one author may have half of the slots at most: what the worker waits for takes so long that a full house would keep
    /// others waiting.
    pub leaves_half: bool,
}

/// Whose turn an event takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The author.
    pub author: AccountId,
    /// The post.
    pub post: PostId,
}

/// What runs, as far as turns are concerned.
#[derive(Debug, Default)]
pub(super) struct Busy {
    authors: HashMap<AccountId, usize>,
    posts: HashMap<PostId, usize>,
}

impl Busy {
    /// One more runs.
    pub(super) fn begin(&mut self, turn: Turn) {
        *self.authors.entry(turn.author).or_default() += 1;
        *self.posts.entry(turn.post).or_default() += 1;
    }

    /// One has ended.
    pub(super) fn end(&mut self, turn: Turn) {
        decrease(&mut self.authors, turn.author);
        decrease(&mut self.posts, turn.post);
    }

    fn of(&self, author: AccountId) -> usize {
        self.authors.get(&author).copied().unwrap_or(0)
    }
}

fn decrease<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// What waits: by author and post, each of them in the order in which they are next.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// What takes no turn, in the log's order.
    plain: VecDeque<T>,
    order: VecDeque<AccountId>,
    authors: HashMap<AccountId, Posts<T>>,
    len: usize,
}

/// What waits of one author.
#[derive(Debug)]
struct Posts<T> {
    order: VecDeque<PostId>,
    posts: HashMap<PostId, VecDeque<T>>,
    len: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { plain: VecDeque::new(), order: VecDeque::new(), authors: HashMap::new(), len: 0 }
    }
}

impl<T> Default for Posts<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), posts: HashMap::new(), len: 0 }
    }
}

impl<T> Waiting<T> {
    pub(super) fn push(&mut self, turn: Option<Turn>, item: T) {
        self.len += 1;
        let Some(Turn { author, post }) = turn else { return self.plain.push_back(item) };
        let order = &mut self.order;
        let posts = self.authors.entry(author).or_insert_with(|| {
            order.push_back(author);
            Posts::default()
        });
        posts.push(post, item);
    }

    /// The next one that may run: what takes no turn, else that of the next author who has less than a share of the slots running.
    pub(super) fn pop(&mut self, busy: &Busy, share: usize) -> Option<T> {
        let item = self.plain.pop_front().or_else(|| self.pop_turn(busy, share))?;
        self.len -= 1;
        Some(item)
    }

    fn pop_turn(&mut self, busy: &Busy, share: usize) -> Option<T> {
        for place in 0..self.order.len() {
            let author = *self.order.get(place)?;
            if busy.of(author) < share
                && let Some(item) = self.authors.get_mut(&author)?.pop(busy)
            {
                self.order.remove(place);
                self.go_to_the_end(author);
                return Some(item);
            }
        }
        None
    }

    /// The oldest of whoever has most waiting, whether or not it may run.
    pub(super) fn give_up(&mut self, count: usize) -> Vec<T> {
        let Some(author) = self.authors.iter().max_by_key(|(_, posts)| posts.len).map(|(author, _)| *author) else {
            return Vec::new();
        };
        let nothing = Busy::default();
        let posts = self.authors.get_mut(&author);
        let given: Vec<T> =
            posts.map_or_else(Vec::new, |posts| std::iter::from_fn(|| posts.pop(&nothing)).take(count).collect());
        self.len -= given.len();
        self.order.retain(|other| *other != author);
        self.go_to_the_end(author);
        given
    }

    /// An author who has had a turn is next after all others, or forgotten when nothing waits any more.
    fn go_to_the_end(&mut self, author: AccountId) {
        if self.authors.get(&author).is_some_and(|posts| posts.len > 0) {
            self.order.push_back(author);
        } else {
            self.authors.remove(&author);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all that waits here waits for a turn.
    pub(super) fn has_only_turns(&self) -> bool {
        self.plain.is_empty()
    }
}

impl<T> Posts<T> {
    fn push(&mut self, post: PostId, item: T) {
        self.len += 1;
        let order = &mut self.order;
        let items = self.posts.entry(post).or_insert_with(|| {
            order.push_back(post);
            VecDeque::new()
        });
        items.push_back(item);
    }

    /// The oldest event of the next post that nothing runs for.
    fn pop(&mut self, busy: &Busy) -> Option<T> {
        let place = self.order.iter().position(|post| !busy.posts.contains_key(post))?;
        let post = self.order.remove(place)?;
        let items = self.posts.get_mut(&post)?;
        let item = items.pop_front()?;
        if items.is_empty() {
            self.posts.remove(&post);
        } else {
            self.order.push_back(post);
        }
        self.len -= 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AccountId = AccountId::from_parts(1, 1);
    const BOB: AccountId = AccountId::from_parts(1, 2);
    const EVE: AccountId = AccountId::from_parts(1, 3);

    fn turn(author: AccountId, post: u64) -> Turn {
        Turn { author, post: PostId::from_parts(post, author.random()) }
    }

    /// Waiting events, by the turns that they take.
    fn waiting(turns: impl IntoIterator<Item = Turn>) -> Waiting<Turn> {
        let mut waiting = Waiting::default();
        turns.into_iter().for_each(|turn| waiting.push(Some(turn), turn));
        waiting
    }

    #[test]
    fn authors_take_turns_whatever_stands_before_them_in_the_log() {
        let mut waiting =
            waiting((0..100).map(|post| turn(ADA, post)).chain([turn(BOB, 1), turn(EVE, 1), turn(BOB, 2)]));
        let order: Vec<AccountId> =
            (0..6).filter_map(|_| waiting.pop(&Busy::default(), 10)).map(|turn| turn.author).collect();
        assert_eq!(order, [ADA, BOB, EVE, ADA, BOB, ADA]);
        let rest = std::iter::from_fn(|| waiting.pop(&Busy::default(), 10)).count();
        assert!(rest == 97 && waiting.is_empty(), "nothing is lost: {rest}");
    }

    #[test]
    fn an_author_has_a_share_of_the_slots_and_the_rest_is_for_others() {
        let (mut waiting, mut busy) = (waiting((0..10).map(|post| turn(ADA, post))), Busy::default());
        for _ in 0..2 {
            busy.begin(waiting.pop(&busy, 2).unwrap());
        }
        assert_eq!(waiting.pop(&busy, 2), None);
        waiting.push(Some(turn(BOB, 1)), turn(BOB, 1));
        assert_eq!(waiting.pop(&busy, 2), Some(turn(BOB, 1)));
        busy.end(turn(ADA, 0));
        assert_eq!(waiting.pop(&busy, 2), Some(turn(ADA, 2)));
    }

    #[test]
    fn of_one_post_one_event_runs_at_a_time_and_they_stay_in_order() {
        let mut waiting = Waiting::default();
        for number in 0..3 {
            waiting.push(Some(turn(ADA, 1)), number);
        }
        waiting.push(Some(turn(ADA, 2)), 99);
        let mut busy = Busy::default();
        assert_eq!(waiting.pop(&busy, 10), Some(0));
        busy.begin(turn(ADA, 1));
        assert_eq!([waiting.pop(&busy, 10), waiting.pop(&busy, 10)], [Some(99), None]);
        busy.end(turn(ADA, 1));
        assert_eq!([waiting.pop(&busy, 10), waiting.pop(&busy, 10), waiting.pop(&busy, 10)], [Some(1), Some(2), None]);
    }

    #[test]
    fn what_takes_no_turn_waits_for_nobody() {
        let (mut waiting, mut busy) = (waiting([turn(ADA, 1)]), Busy::default());
        busy.begin(turn(ADA, 1));
        waiting.push(None, turn(EVE, 7));
        assert!(!waiting.has_only_turns());
        assert_eq!(waiting.pop(&busy, 1), Some(turn(EVE, 7)));
        assert!(waiting.has_only_turns() && !waiting.is_empty());
    }

    #[test]
    fn whoever_has_most_waiting_makes_room() {
        let mut waiting = waiting([turn(BOB, 1)].into_iter().chain((0..10).map(|post| turn(ADA, post))));
        assert_eq!(waiting.give_up(3), [turn(ADA, 0), turn(ADA, 1), turn(ADA, 2)]);
        assert_eq!(waiting.pop(&Busy::default(), 1), Some(turn(BOB, 1)));
        assert_eq!(waiting.give_up(100).len(), 7);
        assert!(waiting.is_empty() && waiting.give_up(1).is_empty());
    }
}
