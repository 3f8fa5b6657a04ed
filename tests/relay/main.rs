//! Tests with sockets, files and processes.
#![cfg(test)]

mod capture;
mod carry;
mod cli;
mod copied;
mod divergence;
mod full_disk;
mod golden_stores;
mod kill;
mod kill_checkpoint;
mod library;
mod links;
mod paste;
mod processes;
mod protocol_page;
mod recovery;
mod refill;
mod screen;
mod sealed_page;
mod server;
mod tls;
mod windows;
mod writing;
