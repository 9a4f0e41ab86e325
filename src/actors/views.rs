//! Views: collected in memory, folded into the counters every few seconds. A crash loses at most the views of those seconds.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::domain::{AccountId, PostId};

/// Views not folded yet, by post and author.
#[derive(Debug, Clone, Default)]
pub struct ViewCounter(Arc<Mutex<HashMap<(PostId, AccountId), u64>>>);

impl ViewCounter {
    /// Somebody has read a post.
    pub fn count(&self, post: PostId, author: AccountId) {
        *self.0.lock().entry((post, author)).or_default() += 1;
    }

    /// Takes what was collected since the last time.
    pub(super) fn take(&self) -> Vec<(PostId, AccountId, u64)> {
        std::mem::take(&mut *self.0.lock()).into_iter().map(|((post, author), n)| (post, author, n)).collect()
    }

    /// Puts back what could not be folded.
    pub(super) fn put_back(&self, views: Vec<(PostId, AccountId, u64)>) {
        let mut counted = self.0.lock();
        for (post, author, n) in views {
            *counted.entry((post, author)).or_default() += n;
        }
    }
}
