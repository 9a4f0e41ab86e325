//! The publisher's stats: commands by outcome, and how full its queue is.

use std::fmt;

use super::families::Families;
use crate::actors::Publisher;

/// Writes the publisher's families.
pub(super) fn encode(families: &mut Families<'_>, publisher: &Publisher) -> fmt::Result {
    let commands = publisher.commands();
    let samples =
        commands.iter().map(|((command, outcome), count)| (vec![("command", *command), ("outcome", *outcome)], *count));
    let help = "Commands by outcome: done, refused (the caller's fault), busy, stopping or unavailable.";
    families.counter("broadsheet_publish_commands", help, samples)?;
    let (used, capacity) = publisher.queue();
    let help = "Commands that are waiting to be committed or being committed.";
    families.gauge("broadsheet_publish_queue_used", help, [(Vec::new(), used as f64)])?;
    let help = "How many commands may wait; further ones are refused as busy.";
    families.gauge("broadsheet_publish_queue_capacity", help, [(Vec::new(), capacity as f64)])
}
