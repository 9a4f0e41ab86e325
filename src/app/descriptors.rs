//! File descriptors: how many this process may have, and how they are divided. Clients only get what the rest does not
//! need; otherwise connections would keep the database from opening its files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Count;

/// RocksDB keeps up to 1,026 files open (SurrealDB's default on a machine with 4 GiB or more), plus its logs.
const DATABASE: u64 = 1_090;
/// Runtimes, listeners, the search index, mail, the model, and metrics.
const OTHERS: u64 = 384;
/// The maximum for connections that are accepted only to be closed; otherwise an eighth of what is left.
const DOOR: u64 = 64;
/// The value of "auto" if there is room: an idle connection costs 10 KiB of memory.
const MOST_CONNECTIONS: usize = 25_000;
/// Never raise the limit beyond this; some systems allow a thousand million.
const ENOUGH: u64 = 1 << 20;

/// How many files this process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// The soft limit at the start of the process.
    before: u64,
    /// The soft limit now.
    limit: u64,
}

/// How they are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    connections: usize,
    reserved: u64,
}

impl Descriptors {
    /// Raises the soft limit to the hard one. Must happen before the database is opened, because RocksDB uses the soft
    /// limit.
    pub(super) fn raise() -> Self {
        let rlimit = getrlimit(Resource::Nofile);
        // SurrealDB asks this library how much memory there is, and it keeps a file open for every process and thread of the machine,
        // up to half of all that there may be.
        sysinfo::set_open_files_limit(0);
        let before = rlimit.current.unwrap_or(ENOUGH);
        let wanted = rlimit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
        if wanted > before {
            let raised = Rlimit { current: Some(wanted), maximum: rlimit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!(%error, "cannot raise the limit on open files");
            }
        }
        Self { before, limit: getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH) }
    }

    /// The maximum number of connections; logs the result in one line.
    pub(super) fn connections(self, wanted: Count) -> usize {
        let Self { before, limit } = self;
        let Shares { connections, reserved } = share(limit, wanted);
        tracing::info!(
            "up to {connections} connections at a time: {limit} files may be open (the soft limit was {before}), and {reserved} of \
             them are kept for the database and everything else"
        );
        if reserved < DATABASE + OTHERS {
            let needed = 2 * (DATABASE + OTHERS);
            tracing::warn!(
                "only {limit} files may be open, which is little for a large database: raise the hard limit to {needed} or more \
                 (LimitNOFILE= of the service, --ulimit nofile= of the container, ulimit -Hn)"
            );
        }
        if let Some(wanted) = wanted.get().filter(|wanted| *wanted > connections) {
            tracing::warn!(
                "http.max_connections is {wanted}, and the limit on open files leaves room for {connections}"
            );
        }
        connections
    }
}

/// At most half of all descriptors is reserved, so that both sides get some even with a small limit.
fn share(limit: u64, wanted: Count) -> Shares {
    let reserved = (DATABASE + OTHERS).min(limit / 2);
    let left = limit - reserved;
    let left = usize::try_from(left - (left / 8).min(DOOR)).unwrap_or(usize::MAX);
    Shares { connections: wanted.get().unwrap_or(MOST_CONNECTIONS).min(left).max(1), reserved }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_needs_is_set_aside_before_connections_get_anything() {
        let shares = |limit, wanted| {
            let Shares { connections, reserved } = share(limit, wanted);
            (connections, reserved)
        };
        assert_eq!(shares(1_024, Count::Auto), (448, 512));
        assert_eq!(shares(4_096, Count::Auto), (2_558, 1_474));
        assert_eq!(shares(1 << 20, Count::Auto), (25_000, 1_474));
        assert_eq!(shares(1 << 20, Count::Exactly(100_000)), (100_000, 1_474));
        assert_eq!(shares(4_096, Count::Exactly(100_000)), (2_558, 1_474));
        assert_eq!(shares(0, Count::Auto), (1, 0));
    }

    #[test]
    fn the_soft_limit_is_raised_and_never_lowered() {
        let descriptors = Descriptors::raise();
        assert!(descriptors.limit >= descriptors.before);
        assert_eq!(Descriptors::raise(), Descriptors { before: descriptors.limit, ..descriptors });
    }
}
