//! Tests with sockets, files and processes.
