//! Refreshing documents. A task that updates a post's document holds a [`Refresh`] from before it reads the post until
//! after it writes the document. If several tasks refresh the same post, the newest version that any of them has read
//! wins, in whatever order they write. Pure bookkeeping: a post is forgotten when no task refreshes it any more,
//! because later tasks read a version that is at least as new.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::{Document, Error, Index};
use crate::domain::PostId;

/// The version of a deleted post; ids are never reused.
const GONE: u64 = u64::MAX;

/// The posts being refreshed, each with the newest version written meanwhile.
#[derive(Default)]
pub(super) struct Refreshed(Mutex<HashMap<PostId, Arc<Mutex<u64>>>>);

impl Refreshed {
    fn begin(&self, post: PostId) -> Arc<Mutex<u64>> {
        Arc::clone(self.0.lock().entry(post).or_default())
    }

    /// A refresh of a post ends.
    fn end(&self, post: PostId, newest: &Arc<Mutex<u64>>) {
        // Only this reference and the one in the map exist: others would come from the map, which is locked.
        const LAST: usize = 2;
        let mut posts = self.0.lock();
        if Arc::strong_count(newest) <= LAST {
            posts.remove(&post);
        }
    }
}

/// Writes, unless a newer version has been written. A failed write does not count.
fn write_if_newest<E>(newest: &Mutex<u64>, version: u64, write: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    let mut newest = newest.lock();
    if version >= *newest {
        write()?;
        *newest = version;
    }
    Ok(())
}

/// An update of a post's document; created *before* the post is read.
pub struct Refresh<'a> {
    index: &'a Index,
    post: PostId,
    newest: Arc<Mutex<u64>>,
}

impl Index {
    /// Starts to update a post's document. Read the post after this, not before.
    #[must_use]
    pub fn refresh(&self, post: PostId) -> Refresh<'_> {
        Refresh { index: self, post, newest: self.inner.refreshed.begin(post) }
    }
}

impl Refresh<'_> {
    /// Writes the post's document, made from this version of the post, unless a newer version has been written
    /// meanwhile.
    ///
    /// # Errors
    /// [`Error::Index`], and [`Error::Discarded`] from then on.
    pub fn put(&self, document: &Document, version: u64) -> Result<(), Error> {
        write_if_newest(&self.newest, version, || self.index.put(document))
    }

    /// Removes the post's document, because the public may not see this version of the post, or because the post no
    /// longer exists (`None`).
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

    /// A change of a post and the job it causes: the job starts, reads the post and writes what it has read.
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
