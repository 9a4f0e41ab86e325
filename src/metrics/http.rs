//! Requests: how many are in progress, and their durations by method, route and status.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The upper bounds of the buckets, in seconds: those recommended by OpenTelemetry, and two smaller ones, because most
/// reads take less than 5 ms.
const BOUNDS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The label for all URLs that match no route.
const UNMATCHED: &str = "unmatched";

/// The instruments of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    duration: Family<Answered, Histogram>,
    active: Gauge,
}

/// A request in progress, until it is dropped.
#[derive(Debug)]
pub struct ActiveRequest(Gauge);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self { duration: Family::new_with_constructor(|| Histogram::new(BOUNDS)), active: Gauge::default() }
    }
}

impl HttpMetrics {
    /// Starts a request.
    #[must_use]
    pub fn begin(&self) -> ActiveRequest {
        self.active.inc();
        ActiveRequest(self.active.clone())
    }

    /// Records an answered request. `route` is the template that matched, such as `/v1/posts/{id}`.
    pub fn answered(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let labels = Answered {
            http_request_method: known(method),
            http_route: route.unwrap_or(UNMATCHED).to_owned(),
            http_response_status_code: status,
        };
        self.duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "How long requests took, from their head to the head of the response, by route template";
        registry.register("http_server_request_duration_seconds", help, self.duration.clone());
        registry.register("http_server_active_requests", "Requests in progress", self.active.clone());
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The method, if it is a standard one: clients can invent any number of others.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn invented_methods_and_addresses_make_one_series() {
        let metrics = HttpMetrics::default();
        for number in 0..100 {
            metrics.answered(&format!("M{number}"), None, 404, Duration::from_millis(1));
        }
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let counts: Vec<&str> = text.lines().filter(|line| line.contains("_duration_seconds_count{")).collect();
        let labels = "http_request_method=\"_OTHER\",http_route=\"unmatched\",http_response_status_code=\"404\"";
        assert_eq!(counts, [format!("http_server_request_duration_seconds_count{{{labels}}} 100")]);
    }

    #[test]
    fn a_request_that_is_given_up_is_no_longer_active() {
        let metrics = HttpMetrics::default();
        let (one, _two) = (metrics.begin(), metrics.begin());
        drop(one);
        assert_eq!(metrics.active.get(), 1);
    }
}
