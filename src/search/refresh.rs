//! Refreshing documents: whoever reads a post to bring its document up to date holds a [`Refresh`] from before the reading until after
//! the write. Of those that hold one for the same post, the one that has read the newest version has the last word, in whatever
//! order they come to write. Pure bookkeeping; it forgets a post when nobody refreshes it any more, because whoever comes later reads
//! something that is at least as new.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::{Document, Error, Index};
use crate::domain::PostId;

/// The version of a post that has been deleted: no id is ever used again.
const GONE: u64 = u64::MAX;

/// The posts that somebody refreshes, with the newest version of each that has been written meanwhile.
#[derive(Default)]
pub(super) struct Refreshed(Mutex<HashMap<PostId, Arc<Mutex<u64>>>>);

impl Refreshed {
    fn begin(&self, post: PostId) -> Arc<Mutex<u64>> {
        Arc::clone(self.0.lock().entry(post).or_default())
    }

    /// One of those that refresh a post ends.
    fn end(&self, post: PostId, newest: &Arc<Mutex<u64>>) {
        // This one, the one in the map, and nobody else: others come by the map alone, which is locked.
        const LAST: usize = 2;
        let mut posts = self.0.lock();
        if Arc::strong_count(newest) <= LAST {
            posts.remove(&post);
        }
    }
}

/// Writes, unless a newer version has been written; what fails has not been written.
fn write_if_newest<E>(newest: &Mutex<u64>, version: u64, write: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    let mut newest = newest.lock();
    if version >= *newest {
        write()?;
        *newest = version;
    }
    Ok(())
}

/// A post's document is being brought up to date; taken *before* the post is read.
pub struct Refresh<'a> {
    index: &'a Index,
    post: PostId,
    newest: Arc<Mutex<u64>>,
}

impl Index {
    /// Begins to bring a post's document up to date. Read the post after this, not before.
    #[must_use]
    pub fn refresh(&self, post: PostId) -> Refresh<'_> {
        Refresh { index: self, post, newest: self.inner.refreshed.begin(post) }
    }
}

impl Refresh<'_> {
    /// Puts the post's document, made from this version of it, in the place of the one it may have; an older one than somebody
    /// else has written meanwhile is dropped.
    ///
    /// # Errors
    /// [`Error::Index`], and [`Error::Discarded`] from then on.
    pub fn put(&self, document: &Document, version: u64) -> Result<(), Error> {
        write_if_newest(&self.newest, version, || self.index.put(document))
    }

    /// Removes the post's document, because nobody may see this version of it; `None`: because there is no such post any more.
    ///
    /// # Errors
    /// [`Error::Discarded`] after a failed write.
    pub fn remove(&self, version: Option<u64>) -> Result<(), Error> {
        write_if_newest(&self.newest, version.unwrap_or(GONE), || self.index.delete(self.post))
    }
}

impl Drop for Refresh<'_> {
    fn drop(&mut self) {
        self.index.inner.refreshed.end(self.post, &self.newest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// A change of a post and the job that it causes: the job begins, reads the post and writes what it has read.
    struct Job {
        newest: Option<Arc<Mutex<u64>>>,
        read: Option<u64>,
    }

    proptest! {
        #[test]
        fn the_index_ends_with_what_is_true_whatever_the_order_of_the_jobs(
            changes in 1_usize..6, order in vec(any::<prop::sample::Index>(), 40),
        ) {
            let (refreshed, post) = (Refreshed::default(), PostId::generate());
            let (mut post_is_at, mut index_has) = (0, 0);
            let (mut jobs, mut waiting): (Vec<Job>, BTreeSet<usize>) = (Vec::new(), BTreeSet::new());
            for next in order.iter().map(Some).chain(std::iter::repeat_n(None, 40)) {
                let can_change = jobs.len() < changes;
                let choices = waiting.len() + usize::from(can_change);
                if choices == 0 {
                    break;
                }
                let choice = next.map_or(0, |next| next.index(choices));
                let Some(number) = waiting.iter().copied().nth(choice) else {
                    if can_change {
                        post_is_at += 1;
                        waiting.insert(jobs.len());
                        jobs.push(Job { newest: None, read: None });
                    }
                    continue;
                };
                let job = &mut jobs[number];
                match (&job.newest, job.read) {
                    (None, _) => job.newest = Some(refreshed.begin(post)),
                    (Some(_), None) => job.read = Some(post_is_at),
                    (Some(newest), Some(version)) => {
                        let was = index_has;
                        write_if_newest::<()>(newest, version, || { index_has = version; Ok(()) }).unwrap();
                        prop_assert!(index_has >= was, "an older text came back");
                        refreshed.end(post, newest);
                        job.newest = None;
                        waiting.remove(&number);
                    }
                }
            }
            prop_assert_eq!(index_has, post_is_at);
            prop_assert!(refreshed.0.lock().is_empty(), "nobody is left, and still something is remembered");
        }
    }

    #[test]
    fn what_could_not_be_written_may_be_written_by_an_older_job() {
        let newest = Mutex::default();
        assert_eq!(write_if_newest(&newest, 3, || Err("the disk is full")), Err("the disk is full"));
        let mut wrote = false;
        write_if_newest::<()>(&newest, 2, || {
            wrote = true;
            Ok(())
        })
        .unwrap();
        assert!(wrote);
    }
}
