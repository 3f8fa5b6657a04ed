//! The second copy of the program on one library asks the first: a socket in the library's folder, one request for each
//! connection.
//!
//! Both ways a message is one line of JSON, whose `bytes` says how long the text is that follows it.

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod none;

#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::io;
use std::sync::mpsc::SyncSender;

use thiserror::Error;

#[cfg(not(unix))]
pub use self::none::{Server, ask};
#[cfg(unix)]
pub use self::unix::{Server, ask};

/// The name of the socket in the library's folder.
pub const SOCKET_NAME: &str = "control.sock";

/// The most connections that are served at once.
pub const CONNECTIONS_MAX: usize = 8;

/// The most bytes that the line of a message may have; a list of ten thousand documents is shorter.
pub const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The most bytes that the text of a message may have.
pub const TEXT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Why the first copy gave no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// There is no first copy that listens, or it is just closing: it has not begun with the request.
    #[error("the other copy of Quire does not listen: {0}")]
    Closed(io::Error),
    /// It began and ended before it answered: it may have done what was asked.
    #[error(
        "the other copy of Quire ended before it answered ({0}); look whether it did what was asked before you ask again"
    )]
    Broken(io::Error),
    /// There are no such sockets on this system.
    #[error("a second copy cannot ask the first on this system")]
    Unsupported,
}

/// A request of another copy.
#[derive(Debug)]
pub struct Call {
    head: String,
    text: String,
    reply: SyncSender<Said>,
}

/// Where the answer to a request goes.
#[derive(Debug)]
pub struct Reply(SyncSender<Said>);

/// What the thread of a connection is told.
#[derive(Debug)]
enum Said {
    /// From here on the request may have been fulfilled.
    Started,
    /// The answer: line and text.
    Answer(String, String),
}

impl Call {
    /// Begins with the request: its line, its text, and where the answer goes.
    pub fn start(self) -> (String, String, Reply) {
        // Whoever asked may be gone; the request counts all the same.
        drop(self.reply.send(Said::Started));
        (self.head, self.text, Reply(self.reply))
    }
}

impl Reply {
    /// Answers with a line of JSON and a text.
    pub fn send(self, (head, text): (String, String)) {
        // Whoever asked may be gone.
        drop(self.0.send(Said::Answer(head, text)));
    }
}
