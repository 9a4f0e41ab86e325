//! Idle connections that wait for the next mail. The mailer limits how many are open at once.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::connection::Connection;

/// How long a connection may be idle. Servers close idle ones after 30 s to 5 min (RFC 5321, 4.5.3.2.7 asks for 5 min).
const IDLE: Duration = Duration::from_secs(20);

/// Idle connections, the most recently used one last.
#[derive(Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    connections: Vec<(Connection, Instant)>,
    is_swept: bool,
}

impl Pool {
    /// The most recently used connection, if it has not been idle for too long.
    pub(super) fn take(&self) -> Option<Connection> {
        let (connection, since) = self.0.lock().connections.pop()?;
        (since.elapsed() < IDLE).then_some(connection)
    }

    /// Keeps a connection for the next mail.
    pub(super) fn put(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.0.lock();
        idle.connections.push((connection, Instant::now()));
        if !std::mem::replace(&mut idle.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Drops all idle connections.
    pub(super) fn clear(&self) {
        self.0.lock().connections.clear();
    }

    /// Connections that have been idle for too long; `None` when none are left to watch.
    fn expired(&self) -> Option<Vec<Connection>> {
        let mut idle = self.0.lock();
        if idle.connections.is_empty() {
            idle.is_swept = false;
            return None;
        }
        let all = std::mem::take(&mut idle.connections);
        let (expired, kept) = all.into_iter().partition(|(_, since)| since.elapsed() >= IDLE);
        idle.connections = kept;
        Some(expired.into_iter().map(|(connection, _)| connection).collect())
    }
}

/// Closes idle connections until there are none left, or the mailer is gone.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(expired) = pool.upgrade().and_then(|pool| pool.expired()) else { return };
        for connection in expired {
            connection.close().await;
        }
    }
}
