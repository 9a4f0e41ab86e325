//! How it is seen: drawn in place on a terminal, a line per change elsewhere, or the server's JSON.

use std::io::{self, Write};

use super::{super::output, snapshot::Snapshot};
use crate::clock::{Clock, SystemClock};

/// Home, for the first time with everything cleared.
const CLEAR: &str = "\x1b[2J\x1b[H";
const HOME: &str = "\x1b[H";
/// The rest of a line, and of the screen.
const REST_OF_LINE: &str = "\x1b[K\r\n";
const REST_OF_SCREEN: &str = "\x1b[J";
/// Lines that are too long end at the edge while it draws, instead of pushing the others down.
const CUT: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Who looks.
#[derive(Debug)]
pub(super) enum Show {
    /// A program.
    Json,
    /// A log.
    Lines,
    /// A person.
    Screen {
        /// Whether the screen has been cleared already.
        is_drawn: bool,
    },
}

impl Show {
    /// Something has changed: what the server sent, and the same for people.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub(super) fn change(&self, text: &str, lines: &[String]) -> io::Result<()> {
        match self {
            // A line end can only stand between the parts of a JSON text, never in one.
            Self::Json => output::line(&text.replace(['\r', '\n'], " ")),
            Self::Lines => {
                let now = SystemClock.now();
                lines.iter().try_for_each(|line| output::line(&format!("{now} {line}")))
            }
            Self::Screen { .. } => Ok(()),
        }
    }

    /// It is time to draw.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub(super) fn frame(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let Self::Screen { is_drawn } = self else { return Ok(()) };
        let drawn = draw(snapshot, !*is_drawn);
        *is_drawn = true;
        let mut out = io::stdout().lock();
        // In one go: whenever Ctrl-C comes, a whole table is left.
        out.write_all(drawn.as_bytes())?;
        out.flush()
    }

    /// The connection is lost.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub(super) fn lost(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        if let Self::Screen { .. } = self {
            return self.frame(snapshot);
        }
        output::note(snapshot.noted().unwrap_or_default());
        Ok(())
    }
}

fn draw(snapshot: &Snapshot, is_first: bool) -> String {
    let mut text = String::from(if is_first { CLEAR } else { HOME });
    text += CUT;
    for line in snapshot.lines() {
        text += &line;
        text += REST_OF_LINE;
    }
    text + REST_OF_SCREEN + WRAP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_one_before_and_leaves_the_cursor_below() {
        let mut snapshot = Snapshot::new("http://h");
        snapshot.take(r#"{"type": "snapshot", "stream": "s", "seq": 1, "workers": [{"name": "feed"}]}"#).unwrap();
        let (first, second) = (draw(&snapshot, true), draw(&snapshot, false));
        assert!(first.starts_with("\x1b[2J\x1b[H\x1b[?7l") && second.starts_with("\x1b[H\x1b[?7l"), "{first:?}");
        assert!(second.ends_with("0 dead letters\x1b[K\r\n\x1b[J\x1b[?7h"), "{second:?}");
    }
}
