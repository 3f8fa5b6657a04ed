//! Tests of the core: no clock, no socket, no file but the golden cases and traces.
#![cfg(test)]

mod anchors;
mod bad_input;
mod checkpoints;
mod convergence;
mod corpus;
mod crowd;
mod golden;
mod golden_bundles;
mod golden_frames;
mod golden_keys;
mod history;
mod history_at;
mod model;
mod oracle_agrees;
mod payloads;
mod report;
mod simulation;
mod storage;
mod stores;
mod traces;
mod undo;
mod vectors;
