//! What is known of the server while it is watched. Pure: changes go in, lines come out.

use serde_json::{Map, Value};

use super::super::{
    failure::Failure,
    output,
    wire::{Cause, Change, Worker},
    workers,
};
use crate::cli::remote::printable;

/// No more causes are drawn; `dlq causes` has them all.
const MAX_CAUSES: usize = 8;

/// The server as far as it has been heard of.
#[derive(Debug)]
pub(super) struct Snapshot {
    address: String,
    /// The stream, and the number of the last change that is in here.
    position: Option<(String, u64)>,
    node: Map<String, Value>,
    workers: Vec<Worker>,
    causes: Vec<Cause>,
    note: Option<String>,
}

impl Snapshot {
    /// Nothing yet, of the server at `address`.
    pub(super) fn new(address: &str) -> Self {
        let (node, workers, causes) = (Map::new(), Vec::new(), Vec::new());
        Self { address: address.to_owned(), position: None, node, workers, causes, note: None }
    }

    /// Where to go on from: `<stream>.<seq>`.
    pub(super) fn since(&self) -> Option<String> {
        self.position.as_ref().map(|(stream, seq)| format!("{stream}.{seq}"))
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
        let change = serde_json::from_str(text).map_err(|error| Failure::UnexpectedResponse {
            address: self.address.clone(),
            what: format!("a change that is not understood ({error})"),
        })?;
        self.note = None;
        let lines = match change {
            Change::Snapshot { stream, seq, node, workers, dead_letters } => {
                self.position = Some((stream, seq));
                let mut lines = vec![node_line(&node)];
                lines.extend(workers.iter().map(worker_line));
                lines.push(causes_line(&dead_letters));
                (self.node, self.workers, self.causes) = (node, workers, dead_letters);
                lines
            }
            Change::Worker { seq, worker } => {
                self.advance(seq);
                let line = worker_line(&worker);
                match self.workers.iter_mut().find(|known| known.name == worker.name) {
                    Some(known) => *known = *worker,
                    None => self.workers.push(*worker),
                }
                vec![line]
            }
            Change::Node { seq, node } => {
                self.advance(seq);
                let line = node_line(&node);
                self.node = node;
                vec![line]
            }
            Change::DeadLetters { seq, dead_letters } => {
                self.advance(seq);
                let line = causes_line(&dead_letters);
                self.causes = dead_letters;
                vec![line]
            }
            Change::Unknown => Vec::new(),
        };
        Ok(lines)
    }

    /// All of it, for a screen.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}  {}", self.address, fields(&self.node)), String::new()];
        lines.extend(workers::table(&self.workers).lines().map(str::to_owned));
        lines.push(String::new());
        lines.push(causes_line(&self.causes));
        let mut causes: Vec<&Cause> = self.causes.iter().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        let line = |cause: &&Cause| {
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

    fn advance(&mut self, to: u64) {
        if let Some((_, seq)) = &mut self.position {
            *seq = to;
        }
    }
}

fn worker_line(worker: &Worker) -> String {
    let Worker { name, state, running, batch, mailbox, lag, waiting, restarts, dead_letters, .. } = worker;
    let rate = worker.per_second.map(|rate| format!(" per_second={rate:.1}")).unwrap_or_default();
    let error = worker.last_error.as_ref().map(|error| format!(" last_error={:?}", error.message)).unwrap_or_default();
    printable(&format!(
        "worker={name} state={state} running={running}/{batch} mailbox={}/{} lag={lag} ready={} leased={} held={}{rate} \
         restarts={restarts} dead_letters={dead_letters}{error}",
        mailbox.used, mailbox.capacity, waiting.ready, waiting.leased, waiting.held
    ))
}

fn node_line(node: &Map<String, Value>) -> String {
    format!("node {}", fields(node)).trim_end().to_owned()
}

fn causes_line(causes: &[Cause]) -> String {
    let count = causes.iter().map(|cause| cause.count).fold(0, u64::saturating_add);
    let of = match causes.len() {
        0 => String::new(),
        1 => " of one cause".to_owned(),
        many => format!(" of {many} causes"),
    };
    output::dead_letters(count) + &of
}

/// The plain values of an object; what is nested is left to `--json`.
fn fields(object: &Map<String, Value>) -> String {
    let field = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some(format!("{name}={text}")),
        Value::Bool(_) | Value::Number(_) => Some(format!("{name}={value}")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    printable(&object.iter().filter_map(field).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"type": "snapshot", "stream": "01J", "seq": 4, "node": {"draining": false, "publisher": {}},
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
        let states: Vec<_> = snapshot.workers.iter().map(|worker| (&*worker.name, &*worker.state)).collect();
        assert_eq!(states, [("feed", "running"), ("email", "paused")]);
        let change = r#"{"type": "dead_letters", "seq": 6, "dead_letters": []}"#;
        assert_eq!(snapshot.take(change).unwrap(), ["0 dead letters"]);
        assert_eq!(
            snapshot.take(r#"{"type": "node", "seq": 7, "node": {"draining": true}}"#).unwrap(),
            ["node draining=true"]
        );
        assert_eq!(snapshot.since().unwrap(), "01J.7");
    }

    #[test]
    fn the_screen_has_all_of_it_and_no_control_characters() {
        let mut snapshot = Snapshot::new("http://h");
        snapshot.take(SNAPSHOT).unwrap();
        snapshot.note("the connection is lost");
        let screen = snapshot.lines().join("\n");
        for part in
            ["http://h  draining=false", "feed", "email", "2 dead letters of one cause", "no\u{fffd}box", "is lost"]
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
