//! Where there are no Unix sockets, a second copy says that the library is in use.

use std::path::Path;

use super::AskError;
use crate::shell::inbox::Outlet;

/// Serves nobody.
#[derive(Debug)]
pub struct Server {}

impl Server {
    /// There is no socket to listen on.
    pub fn start(_folder: &Path, _outlet: Outlet) -> Option<Self> {
        None
    }
}

/// Nobody can be asked.
///
/// # Errors
/// Always [`AskError::Unsupported`].
pub fn ask(_folder: &Path, _head: &str, _text: &str) -> Result<(String, String), AskError> {
    Err(AskError::Unsupported)
}
