//! Load: a number of clients send a number of requests, each the next one as soon as the last one was answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::client::Connection;

/// Latencies are recorded with three significant digits.
const DIGITS: u8 = 3;

/// Replaces the content of the buffer with the request of this number.
pub(super) type Make = Arc<dyn Fn(usize, &mut Vec<u8>) + Send + Sync>;

/// How much is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// How many clients send at the same time.
    pub(super) clients: usize,
    /// How many requests they send in total.
    pub(super) requests: usize,
    /// The status each of them must get.
    pub(super) status: u16,
}

/// The result.
pub(super) struct Measured {
    /// When the first request was sent.
    pub(super) began: Instant,
    /// How many were answered.
    pub(super) requests: usize,
    /// How long it took until the last one was answered.
    pub(super) elapsed: Duration,
    latencies: Latencies,
}

/// Durations, in microseconds.
#[derive(Clone)]
pub(super) struct Latencies(Histogram<u64>);

struct Shared {
    load: Load,
    make: Make,
    next: AtomicUsize,
    latencies: Mutex<Latencies>,
}

impl Latencies {
    /// An empty recording.
    pub(super) fn new() -> anyhow::Result<Self> {
        const AN_HOUR_IN_MICROS: u64 = 60 * 60 * 1_000_000;
        Ok(Self(Histogram::new_with_bounds(1, AN_HOUR_IN_MICROS, DIGITS)?))
    }

    /// Adds a duration.
    pub(super) fn add(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// The duration at this quantile.
    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }
}

impl Measured {
    /// Answered requests per second.
    pub(super) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// How long responses took.
    pub(super) fn latencies(&self) -> &Latencies {
        &self.latencies
    }
}

/// Sends a load. Connecting is not measured.
pub(super) async fn run(address: SocketAddr, load: Load, make: Make) -> anyhow::Result<Measured> {
    let latencies = Mutex::new(Latencies::new()?);
    let shared = Arc::new(Shared { load, make, next: AtomicUsize::new(0), latencies });
    let mut connections = Vec::with_capacity(load.clients);
    for _ in 0..load.clients {
        connections.push(Connection::open(address).await?);
    }
    let mut clients = JoinSet::new();
    let began = Instant::now();
    for connection in connections {
        clients.spawn(client(connection, Arc::clone(&shared)));
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    let elapsed = began.elapsed();
    let latencies = shared.latencies.lock().clone();
    Ok(Measured { began, requests: load.requests, elapsed, latencies })
}

async fn client(mut connection: Connection, shared: Arc<Shared>) -> anyhow::Result<()> {
    let mut request = Vec::new();
    loop {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if number >= shared.load.requests {
            return Ok(());
        }
        (shared.make)(number, &mut request);
        let sent = Instant::now();
        let status = connection.send(&request).await?;
        let latency = sent.elapsed();
        let body = || String::from_utf8_lossy(connection.body());
        ensure!(status == shared.load.status, "request {number} was answered {status}: {}", body());
        shared.latencies.lock().add(latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_the_units_that_went_in() {
        let mut latencies = Latencies::new().unwrap();
        for millis in 1..=100 {
            latencies.add(Duration::from_millis(millis));
        }
        let close = |quantile, millis: u64| latencies.quantile(quantile).as_millis().abs_diff(u128::from(millis)) <= 1;
        assert!(close(0.5, 50) && close(0.99, 99));
    }
}
