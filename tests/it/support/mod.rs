//! What tests stand on: a real server, people who use it, and workers that fail on demand.

mod app;
mod client;
mod faulty;

pub(crate) use app::{Settled, TestApp};
pub(crate) use client::{Answer, Client, Person};
pub(crate) use faulty::{Fault, Faults, Faulty};
