//! Tests with sockets, files and processes.
#![cfg(test)]

mod cli;
mod protocol_page;
