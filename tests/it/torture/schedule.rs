//! What is drawn for one life of the server: how long it lasts, how it ends, the weather, and what the clock does meanwhile.

use std::{fmt, time::Duration};

use rand::{RngExt, rngs::StdRng};

use super::world::Weather;
use crate::support::{Machine, Process};

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and what was not synced is gone from the disk.
    PowerCut,
    /// SIGTERM under load.
    Terminate,
}

/// One life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) lasts: Duration,
    pub(super) end: End,
    pub(super) weather: Weather,
    /// The clock jumps by so many seconds in the middle of it.
    pub(super) jump_s: i64,
}

impl Schedule {
    pub(super) fn draw(random: &mut StdRng) -> Self {
        let lasts = Duration::from_millis(random.random_range(150..1_500));
        let end = match random.random_range(0..10) {
            0..6 => End::Kill,
            6..9 => End::PowerCut,
            _ => End::Terminate,
        };
        let jump_s = if random.random_range(0..3) == 0 { random.random_range(-1_800..3_600) } else { 0 };
        Self { lasts, end, weather: Weather::new(random, lasts), jump_s }
    }

    /// Ends the server.
    pub(super) async fn end(self, process: Process, machine: &Machine, random: &mut StdRng) {
        match self.end {
            End::Kill => process.kill(),
            End::PowerCut => {
                process.kill();
                machine.cut_power(random);
            }
            End::Terminate => {
                let (ended, _) = process.terminate().await;
                assert!(ended.success(), "SIGTERM ended it with {ended}");
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            End::Kill => "kill",
            End::PowerCut => "power",
            End::Terminate => "term",
        };
        write!(f, "{end:5} | {:8} | {} | {:6}", self.lasts.as_millis(), self.weather, self.jump_s)
    }
}
