//! Tests of the core: no clock, no socket, no file but the golden cases and traces.
#![cfg(test)]

mod cases;
mod history;
mod oracle_agrees;
mod traces;
mod vectors;
