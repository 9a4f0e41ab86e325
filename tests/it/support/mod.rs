//! What tests stand on: a real server, people who use it, and workers that fail on demand.

pub(crate) mod api;
mod app;
pub(crate) mod client;
mod faulty;
mod gate;
mod machine;
pub(crate) mod model;
mod planted;
mod process;
mod smtpd;
mod until;

pub(crate) use app::TestApp;
pub(crate) use client::{Answer, Client, Person, send};
pub(crate) use faulty::{Fault, Faults, Faulty, FaultyOne, worker_names};
pub(crate) use gate::{Gate, Passage};
pub(crate) use machine::{Calls, Machine, Trouble};
pub(crate) use planted::Plan;
pub(crate) use process::{Process, broadsheet, expect_line, finished, mails_in, under_limits};
pub(crate) use smtpd::{Smtpd, certificate, openssl, verify_dkim};
pub(crate) use until::until;
