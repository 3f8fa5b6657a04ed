//! Tests of the core: no clock, no socket, no file but the golden cases and traces.
#![cfg(test)]

mod cases;
mod vectors;
