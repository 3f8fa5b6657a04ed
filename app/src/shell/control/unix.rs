//! The socket, both ends.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::{AskError, CONNECTIONS_MAX, Call, LINE_BYTES_MAX, SOCKET_NAME, Said, TEXT_BYTES_MAX};
use crate::shell::inbox::{Event, Outlet, Places};

/// The first copy's end. It must be dropped before the library's lock is given up.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens in the folder of a library whose lock is held: a socket that is there is a dead one's. `None` when the socket
    /// cannot be made (a path too long for it, a file system without sockets): a second copy then says that the library is in
    /// use.
    pub fn start(folder: &Path, outlet: Outlet) -> Option<Self> {
        let path = folder.join(SOCKET_NAME);
        match Self::listen(path.clone(), outlet) {
            Ok(server) => Some(server),
            Err(error) => {
                tracing::info!(path = %path.display(), %error, "other copies of the program cannot ask this one");
                None
            }
        }
    }

    fn listen(path: PathBuf, outlet: Outlet) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        // Whoever may write to it is told every link, also where the folder is open to others.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        // A place for each connection, which has one request and waits until it is answered, hence taken out.
        let places = outlet.places(CONNECTIONS_MAX);
        let thread =
            thread::Builder::new().name("control".to_owned()).spawn(move || accept(&listener, &stop, &places))?;
        Ok(Self { path, stopping, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let woken = UnixStream::connect(&self.path);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            // It has nothing to tell, and nothing to lose.
            drop(thread.join());
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket was gone already");
        }
    }
}

fn accept(listener: &UnixListener, stopping: &AtomicBool, places: &Places) {
    let connections = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            connections.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (places, mine) = (places.clone(), Arc::clone(&connections));
        let served = thread::Builder::new().name("control".to_owned()).spawn(move || {
            if let Err(error) = serve(&stream, &places) {
                tracing::debug!(%error, "another copy of the program went away");
            }
            mine.fetch_sub(1, Ordering::SeqCst);
        });
        if served.is_err() {
            connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// One request. A connection that ends without a word has not been heard.
fn serve(stream: &UnixStream, places: &Places) -> io::Result<()> {
    let (head, text) = receive(&mut BufReader::new(stream))?;
    let (reply, messages) = sync_channel(2);
    // What is not left is dropped, and ends the connection as one that was not heard.
    places.try_leave(Event::Call(Call { head, text, reply }));
    let Ok(Said::Started) = messages.recv() else { return Ok(()) };
    send(stream, r#"{"started":true}"#, "")?;
    match messages.recv() {
        Ok(Said::Answer(head, text)) => send(stream, &head, &text),
        Ok(Said::Started) | Err(_) => Ok(()),
    }
}

/// Asks the first copy, and waits for its answer: line and text.
///
/// # Errors
/// An [`AskError`] when nobody listens, or there was no answer.
pub fn ask(folder: &Path, head: &str, text: &str) -> Result<(String, String), AskError> {
    let stream = UnixStream::connect(folder.join(SOCKET_NAME)).map_err(AskError::Closed)?;
    send(&stream, head, text).map_err(AskError::Closed)?;
    let mut reader = BufReader::new(&stream);
    receive(&mut reader).map_err(AskError::Closed)?;
    receive(&mut reader).map_err(AskError::Broken)
}

fn send(mut stream: &UnixStream, head: &str, text: &str) -> io::Result<()> {
    writeln!(stream, "{}", json!({ "head": head, "bytes": text.len() }))?;
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// One message.
fn receive(reader: &mut impl BufRead) -> io::Result<(String, String)> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = Vec::new();
    Read::take(&mut *reader, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    let message: Value = serde_json::from_slice(&line).map_err(|_| invalid("no message"))?;
    let head = message.get("head").and_then(Value::as_str).ok_or_else(|| invalid("a message without a head"))?;
    let bytes = message.get("bytes").and_then(Value::as_u64).filter(|bytes| *bytes <= TEXT_BYTES_MAX);
    let bytes = bytes.ok_or_else(|| invalid("a message of no or too great a length"))?;
    let mut text = Vec::new();
    Read::take(reader, bytes).read_to_end(&mut text)?;
    if text.len() as u64 != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((head.to_owned(), String::from_utf8(text).map_err(|_| invalid("a text that is not UTF-8"))?))
}
