//! Tests with sockets, files and processes.
#![cfg(test)]

mod protocol_page;
