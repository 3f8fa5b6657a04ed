//! Text files, read and written as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::editor::edit::with_newlines;

/// The most bytes that an imported file may have.
pub const IMPORT_BYTES_MAX: u64 = 128 * 1024 * 1024;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file that could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused to read it.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is longer than [`IMPORT_BYTES_MAX`].
    #[error("{} has {bytes} bytes; the most that can be imported is {IMPORT_BYTES_MAX}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
    },
    /// It is not UTF-8.
    #[error(
        "{} is not UTF-8 text: byte {found:#04x} in line {line} (byte {offset} of the file) is none; import it as lossy to \
         replace what cannot be read by U+FFFD",
        path.display()
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is not, from 1.
        line: usize,
        /// The offset of that byte, from 0.
        offset: usize,
        /// The byte.
        found: u8,
    },
    /// The system refused to write it; what was there before is still there.
    #[error("{} cannot be written: {error}; what was there before is untouched", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A text that was read from a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// The text, without a byte order mark; every line ends with `\n`.
    pub text: String,
    /// Whether bytes were replaced that are no UTF-8.
    pub lossy: bool,
}

/// Reads a text file. With `lossy`, bytes that are no UTF-8 become U+FFFD instead of an error.
///
/// # Errors
/// A [`FileError`] when the file cannot be read, is longer than [`IMPORT_BYTES_MAX`], or is not UTF-8.
pub fn import(path: &Path, lossy: bool) -> Result<Imported, FileError> {
    let unreadable = |error| FileError::Read { path: path.to_owned(), error };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > IMPORT_BYTES_MAX {
        return Err(FileError::TooLong { path: path.to_owned(), bytes: length });
    }
    text_of(path, fs::read(path).map_err(unreadable)?, lossy)
}

/// The text that these bytes are; `path` says in errors where they came from.
///
/// # Errors
/// [`FileError::NotUtf8`] unless they are UTF-8 or `lossy` is set.
pub fn text_of(path: &Path, bytes: Vec<u8>, lossy: bool) -> Result<Imported, FileError> {
    let (text, replaced) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) if lossy => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let (before, rest) = error.as_bytes().split_at(offset);
            let line = before.split(|byte| *byte == b'\n').count();
            let found = rest.first().copied().unwrap_or_default();
            return Err(FileError::NotUtf8 { path: path.to_owned(), line, offset, found });
        }
    };
    let text = text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text);
    let text = if text.contains('\r') { with_newlines(&text) } else { text };
    Ok(Imported { text, lossy: replaced })
}

/// Writes a file so that at every moment, power loss included, it holds either the old or the new bytes.
///
/// # Errors
/// [`FileError::Write`]; the old file is untouched then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, bytes, OpenOptions::new().write(true).create(true).truncate(true))
}

/// As [`write_whole`], and nobody but its owner can read it, from its first byte on.
///
/// # Errors
/// As [`write_whole`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write(path, bytes, &options)
}

fn write(path: &Path, bytes: &[u8], options: &OpenOptions) -> Result<(), FileError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_and_rename(&temporary, path, bytes, options);
    written.map_err(|error| {
        let error = match fs::remove_file(&temporary) {
            Ok(()) => error,
            Err(left) if left.kind() == io::ErrorKind::NotFound => error,
            Err(_) => io::Error::new(error.kind(), format!("{error} (and {} is left over)", temporary.display())),
        };
        FileError::Write { path: path.to_owned(), error }
    })
}

fn write_and_rename(temporary: &Path, path: &Path, bytes: &[u8], options: &OpenOptions) -> io::Result<()> {
    let mut file = options.open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(temporary, path)?;
    sync_folder(path)
}

/// Makes the name of a file as durable as its content is. Only Unix can, and only there it is needed.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let read = text_of(Path::new("a"), b"\xef\xbb\xbfhello".to_vec(), false).unwrap();
        assert_eq!(read, Imported { text: "hello".into(), lossy: false });
    }

    #[test]
    fn lines_of_every_system_end_alike() {
        let read = text_of(Path::new("a"), b"one\r\ntwo\rthree\n".to_vec(), false).unwrap();
        assert_eq!(read.text, "one\ntwo\nthree\n");
    }

    #[test]
    fn a_file_that_is_not_utf8_says_where_or_is_mended() {
        let bytes = b"one\ntwo \xff\n".to_vec();
        let error = text_of(Path::new("notes.txt"), bytes.clone(), false).unwrap_err();
        assert!(matches!(error, FileError::NotUtf8 { line: 2, offset: 8, found: 0xff, .. }), "{error}");
        assert!(error.to_string().starts_with("notes.txt is not UTF-8 text: byte 0xff in line 2 (byte 8 of the file)"));
        let read = text_of(Path::new("a"), bytes, true).unwrap();
        assert_eq!(read, Imported { text: "one\ntwo \u{fffd}\n".into(), lossy: true });
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"2nd").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2nd");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write_whole(&path, b"text").unwrap_err();
        assert!(matches!(error, FileError::Write { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = import(Path::new("/nowhere/a.md"), false).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/a.md cannot be read: "), "{error}");
    }
}
