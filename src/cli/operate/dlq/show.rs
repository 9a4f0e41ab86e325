//! `broadsheet dlq show`: everything about one dead letter.

use std::process::ExitCode;

use clap::Args;

use super::below;
use crate::cli::{
    operate::{
        output,
        server::{Server, read},
        wire::DeadLetter,
    },
    remote::printable,
};

/// What `broadsheet dlq show` is told.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The dead letter's id
    id: String,
}

impl Show {
    /// Shows it.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self, server: &mut Server, is_json: bool) -> anyhow::Result<ExitCode> {
        let answer = server.get(&below(&self.id), &[]).await?;
        if is_json {
            output::json(&answer)?;
        } else {
            let letter: DeadLetter = read(server, answer)?;
            output::line(&describe(&letter))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(letter: &DeadLetter) -> String {
    let moment = |time: Option<&str>| time.map(|time| format!("{} UTC", output::time(time))).unwrap_or_default();
    let event = format!("{} {}", letter.event.kind, moment(letter.event.at.as_deref()));
    let fields = [
        ("id", letter.id.clone()),
        ("worker", letter.worker.clone()),
        ("cause", letter.cause.clone()),
        ("class", letter.class.clone()),
        ("message", letter.message.clone()),
        ("post", letter.event.post.clone().unwrap_or_default()),
        ("event", event.trim_end().to_owned()),
        ("receives", letter.receives.to_string()),
        ("first failed", moment(letter.first_failed_at.as_deref())),
        ("dead since", moment(Some(&letter.dead_at))),
        ("expires", moment(letter.expires_at.as_deref())),
        ("trace", letter.trace_id.clone().unwrap_or_default()),
    ];
    let known = fields.iter().filter(|(_, value)| !value.is_empty());
    let mut text: String = known.map(|(name, value)| format!("{name:<14}{}\n", printable(value))).collect();
    text += "attempts\n";
    for attempt in &letter.attempts {
        let line =
            format!("  {}  {}  {}  {}", attempt.receive, output::time(&attempt.at), attempt.class, attempt.message);
        text += &format!("{}\n", printable(&line));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_told_with_every_attempt() {
        let letter = r#"{"id": "01J", "worker": "email", "cause": "3fa9", "class": "fault", "message": "no such box",
            "event": {"kind": "post_published", "at": "2026-11-23T10:00:00.000Z"}, "receives": 2,
            "dead_at": "2026-11-23T10:03:00.000Z", "trace_id": "4bf9", "attempts": [
                {"receive": 1, "at": "2026-11-23T10:00:01.000Z", "class": "timeout", "message": "30s"},
                {"receive": 2, "at": "2026-11-23T10:03:00.000Z", "class": "fault", "message": "no such\nbox"}]}"#;
        let text = describe(&serde_json::from_str(letter).unwrap());
        let expected = "id            01J\nworker        email\ncause         3fa9\nclass         fault\n\
            message       no such box\nevent         post_published 2026-11-23 10:00:00 UTC\nreceives      2\n\
            dead since    2026-11-23 10:03:00 UTC\ntrace         4bf9\nattempts\n  1  2026-11-23 10:00:01  timeout  30s\n  \
            2  2026-11-23 10:03:00  fault  no such\u{fffd}box";
        assert_eq!(text, expected);
    }
}
