//! What is known of the server while it is watched. Pure: changes go in, lines come out.

use serde_json::Value;

use super::super::{failure::Failure, output, workers};
use crate::{
    actors::monitor::{CauseStats, Frame, NodeStats, Overview, WorkerStats},
    cli::remote::printable,
};

/// No more causes are drawn; `dlq causes` has them all.
const MAX_CAUSES: usize = 8;

/// The server as far as it has been heard of.
#[derive(Debug)]
pub(super) struct Snapshot {
    address: String,
    /// As the last snapshot had it, with all changes since; without a stream before the first one.
    overview: Overview,
    note: Option<String>,
}

impl Snapshot {
    /// Nothing yet, of the server at `address`.
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), overview: Overview::default(), note: None }
    }

    /// Where to go on from: `<stream>.<seq>`.
    pub(super) fn since(&self) -> Option<String> {
        (!self.overview.stream.is_empty()).then(|| format!("{}.{}", self.overview.stream, self.overview.seq))
    }

    /// Something to be said below the table until the next change.
    pub(super) fn note(&mut self, note: &str) {
        self.note = Some(printable(note));
    }

    /// What is to be said there.
    pub(super) fn noted(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Takes what the server has sent; answers a line for everything that is new.
    ///
    /// # Errors
    /// `UnexpectedResponse` if it is no change at all.
    pub(super) fn take(&mut self, text: &str) -> Result<Vec<String>, Failure> {
        let frame = serde_json::from_str(text).map_err(|error| Failure::UnexpectedResponse {
            address: self.address.clone(),
            what: format!("a change that is not understood ({error})"),
        })?;
        self.note = None;
        let lines = match &frame {
            Frame::Snapshot(overview) => {
                let mut lines = vec![node_line(&overview.node)];
                lines.extend(overview.workers.iter().map(worker_line));
                lines.push(causes_line(&overview.dead_letters));
                lines
            }
            Frame::Worker { worker, .. } => vec![worker_line(worker)],
            Frame::Node { node, .. } => vec![node_line(node)],
            Frame::DeadLetters { dead_letters, .. } => vec![causes_line(dead_letters)],
            Frame::Unknown => Vec::new(),
        };
        self.apply(frame);
        Ok(lines)
    }

    fn apply(&mut self, frame: Frame) {
        let known = &mut self.overview;
        match frame {
            Frame::Snapshot(overview) => *known = overview,
            Frame::Worker { seq, worker } => {
                known.seq = seq;
                match known.workers.iter_mut().find(|known| known.name == worker.name) {
                    Some(known) => *known = *worker,
                    None => known.workers.push(*worker),
                }
            }
            Frame::Node { seq, node } => {
                known.seq = seq;
                known.node = node;
            }
            Frame::DeadLetters { seq, dead_letters } => {
                known.seq = seq;
                known.dead_letters = dead_letters;
            }
            Frame::Unknown => {}
        }
    }

    /// All of it, for a screen.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}  {}", self.address, fields(&self.overview.node)), String::new()];
        lines.extend(workers::table(&self.overview.workers).lines().map(str::to_owned));
        lines.push(String::new());
        lines.push(causes_line(&self.overview.dead_letters));
        let mut causes: Vec<&CauseStats> = self.overview.dead_letters.iter().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        let line = |cause: &&CauseStats| {
            printable(&format!("{:>6}  {}  {}  {}", cause.count, cause.worker, cause.class, cause.message))
        };
        lines.extend(causes.iter().take(MAX_CAUSES).map(line));
        if let Some(more) = causes.len().checked_sub(MAX_CAUSES).filter(|more| *more > 0) {
            lines.push(format!("        and {more} more causes"));
        }
        if let Some(note) = &self.note {
            lines.extend([String::new(), note.clone()]);
        }
        lines
    }
}

fn worker_line(worker: &WorkerStats) -> String {
    let WorkerStats { name, state, running, batch, mailbox, lag, waiting, per_second, restarts, dead_letters, .. } =
        worker;
    let error = worker.last_error.as_ref().map(|error| format!(" last_error={:?}", error.message)).unwrap_or_default();
    printable(&format!(
        "worker={name} state={state} running={running}/{batch} mailbox={}/{} lag={lag} ready={} leased={} held={} \
         per_second={per_second:.1} restarts={restarts} dead_letters={dead_letters}{error}",
        mailbox.used, mailbox.capacity, waiting.ready, waiting.leased, waiting.held
    ))
}

fn node_line(node: &NodeStats) -> String {
    format!("node {}", fields(node)).trim_end().to_owned()
}

fn causes_line(causes: &[CauseStats]) -> String {
    let count = causes.iter().map(|cause| cause.count).fold(0, u64::saturating_add);
    let of = match causes.len() {
        0 => String::new(),
        1 => " of one cause".to_owned(),
        many => format!(" of {many} causes"),
    };
    output::dead_letters(count) + &of
}

/// The plain values of a node; what is nested is left to `--json`.
fn fields(node: &NodeStats) -> String {
    let node = serde_json::to_value(node).unwrap_or_default();
    let field = |(name, value): (&String, &Value)| match value {
        Value::String(text) if !text.is_empty() => Some(format!("{name}={text}")),
        Value::Bool(_) | Value::Number(_) => Some(format!("{name}={value}")),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let fields: Vec<String> = node.as_object().into_iter().flatten().filter_map(field).collect();
    printable(&fields.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"type": "snapshot", "stream": "01J", "seq": 4, "node": {"watchers": 2, "publisher": {}},
        "workers": [{"name": "feed", "state": "running", "batch": 10}, {"name": "email", "state": "running"}],
        "dead_letters": [{"cause": "a", "worker": "email", "class": "fault", "message": "no\nbox", "count": 2}]}"#;

    #[test]
    fn changes_change_what_they_are_about_and_nothing_else() {
        let mut snapshot = Snapshot::new("http://h");
        assert_eq!(snapshot.since(), None);
        assert_eq!(snapshot.take(SNAPSHOT).unwrap().len(), 4);
        let change = r#"{"type": "worker", "seq": 5, "worker": {"name": "email", "state": "paused", "lag": 7}}"#;
        let line = snapshot.take(change).unwrap().concat();
        assert!(line.starts_with("worker=email state=paused") && line.contains("lag=7"), "{line}");
        assert_eq!(snapshot.since().unwrap(), "01J.5");
        let states: Vec<_> = snapshot.overview.workers.iter().map(|worker| (&*worker.name, &*worker.state)).collect();
        assert_eq!(states, [("feed", "running"), ("email", "paused")]);
        let change = r#"{"type": "dead_letters", "seq": 6, "dead_letters": []}"#;
        assert_eq!(snapshot.take(change).unwrap(), ["0 dead letters"]);
        assert_eq!(
            snapshot.take(r#"{"type": "node", "seq": 7, "node": {"watchers": 3}}"#).unwrap(),
            ["node watchers=3"]
        );
        assert_eq!(snapshot.since().unwrap(), "01J.7");
    }

    #[test]
    fn the_screen_has_all_of_it_and_no_control_characters() {
        let mut snapshot = Snapshot::new("http://h");
        snapshot.take(SNAPSHOT).unwrap();
        snapshot.note("the connection is lost");
        let screen = snapshot.lines().join("\n");
        for part in ["http://h  watchers=2", "feed", "email", "2 dead letters of one cause", "no\u{fffd}box", "is lost"]
        {
            assert!(screen.contains(part), "no {part} in:\n{screen}");
        }
    }

    #[test]
    fn what_is_no_change_is_an_error_and_what_is_new_is_passed_over() {
        let mut snapshot = Snapshot::new("http://h");
        assert!(matches!(snapshot.take("<html>"), Err(Failure::UnexpectedResponse { .. })));
        assert!(snapshot.take(r#"{"type": "weather", "seq": 1}"#).unwrap().is_empty());
    }
}
