//! The window.

use quire_crdt::DocumentId;

use crate::session::Session;

/// Opens the window on a library and returns when it is closed; `open` is the document to show first, and with `script` the
/// window also obeys the commands of the standard input (as `quire edit` does).
///
/// # Errors
/// When no window can be opened.
pub fn run(session: Session, open: Option<DocumentId>, script: bool) -> anyhow::Result<()> {
    let _ = (session, open, script);
    anyhow::bail!("the window is not built yet")
}
