//! A process that dies between any two of its writes, for the engine's model test: after so many writes nothing is answered any more.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use super::{Error, Result};

/// Counts writes down, and holds their answers back on demand.
#[derive(Debug)]
pub(crate) struct FailPoint {
    writes: AtomicI64,
    is_holding: watch::Sender<bool>,
}

impl FailPoint {
    /// A process that dies with its `writes`-th write: that one is committed, but the process does not live to see it.
    pub(crate) fn new(writes: u32) -> Self {
        Self::of(i64::from(writes))
    }

    /// A process that lives until it is killed.
    pub(crate) fn endless() -> Self {
        Self::of(i64::MAX)
    }

    fn of(writes: i64) -> Self {
        Self { writes: AtomicI64::new(writes), is_holding: watch::Sender::new(false) }
    }

    /// It dies with the `writes`-th write from now on.
    pub(crate) fn set(&self, writes: u32) {
        self.writes.store(i64::from(writes), Ordering::SeqCst);
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.writes.store(0, Ordering::SeqCst);
    }

    pub(crate) fn is_burnt(&self) -> bool {
        self.writes.load(Ordering::SeqCst) <= 0
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.is_burnt() { Err(Error::Unavailable("this process is dead".to_owned())) } else { Ok(()) }
    }

    pub(super) fn burn(&self) -> Result<()> {
        self.writes.fetch_sub(1, Ordering::SeqCst);
        self.check()
    }

    /// From now on writes are committed and their answers do not come, until this is called with `false`.
    pub(crate) fn hold_answers(&self, is_holding: bool) {
        self.is_holding.send_replace(is_holding);
    }

    pub(super) async fn answer(&self) {
        let mut is_holding = self.is_holding.subscribe();
        let _ = is_holding.wait_for(|is_holding| !is_holding).await;
    }
}
