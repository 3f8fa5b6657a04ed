//! The open library: what the window and the command line both stand on.

/// An open library.
#[derive(Debug)]
pub struct Session {}
