//! A script on the standard input, answered line by line on the standard output, by a thread of its own.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use super::inbox::{Event, Outlet, Places};

/// The most bytes that one line of a script may have.
pub const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The lines of a script, and the way back for their answers.
#[derive(Debug)]
pub struct Lines {
    answered: SyncSender<()>,
}

impl Lines {
    /// Starts a thread that reads: each line comes as [`Event::Script`], and the next one after its answer.
    ///
    /// # Errors
    /// What the system says when there can be no thread.
    pub fn on_standard_streams(outlet: Outlet) -> io::Result<Self> {
        let (answered, answers) = sync_channel(1);
        // One place: a line is answered, hence taken out, before there is another.
        let places = outlet.places(1);
        // The thread ends with the input or with the process: it may wait for a line that never comes.
        thread::Builder::new().name("script".to_owned()).spawn(move || read(&places, &answers))?;
        Ok(Self { answered })
    }

    /// Writes the answer to the line that came last, and asks for the next one.
    ///
    /// # Errors
    /// What the system says when nobody reads the answers.
    pub fn answer(&self, answer: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        writeln!(output, "{answer}")?;
        output.flush()?;
        match self.answered.try_send(()) {
            // Full: the reader has not asked yet; closed: the input has ended.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => Ok(()),
        }
    }
}

fn read(places: &Places, answered: &Receiver<()>) {
    let mut input = io::stdin().lock();
    loop {
        let mut line = String::new();
        let read = io::Read::take(&mut input, LINE_BYTES_MAX).read_line(&mut line);
        if !matches!(read, Ok(1..)) {
            // False: nobody is there to hear of the end.
            places.try_leave(Event::Script(None));
            return;
        }
        if !line.trim().is_empty() && (!places.try_leave(Event::Script(Some(line))) || answered.recv().is_err()) {
            return;
        }
    }
}
