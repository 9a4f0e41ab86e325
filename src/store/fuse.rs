//! A process that dies between any two of its writes, for the engine's model test: after so many writes nothing is answered any more.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Error, Result};

/// Counts writes down.
#[derive(Debug)]
pub(crate) struct Fuse(AtomicI64);

impl Fuse {
    /// A process that dies with its `writes`-th write: that one is committed, but the process does not live to see it.
    pub(crate) fn new(writes: u32) -> Self {
        Self(AtomicI64::new(i64::from(writes)))
    }

    /// A process that lives until it is killed.
    pub(crate) fn endless() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }

    /// It dies with the `writes`-th write from now on.
    pub(crate) fn set(&self, writes: u32) {
        self.0.store(i64::from(writes), Ordering::SeqCst);
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    pub(crate) fn is_burnt(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.is_burnt() { Err(Error::Unavailable("this process is dead".to_owned())) } else { Ok(()) }
    }

    pub(super) fn burn(&self) -> Result<()> {
        self.0.fetch_sub(1, Ordering::SeqCst);
        self.check()
    }
}
